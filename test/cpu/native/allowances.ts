/** Where processors may differ from one another, and do: by the manual's words or by the host's maker, each by name. */
import { readFileSync } from 'node:fs';
import type { Case } from './protocol.ts';
import type { Variant } from './variants.ts';

export interface Allowances {
  /** The outcome as a whole is the maker's choice. */
  readonly everything: boolean;
  /** A general register whose value is undefined, or -1; undefined memory. */
  readonly register: number;
  readonly memory: boolean;
  /** Relative difference that approximations in single precision may have. */
  readonly singleRelative: number;
  /** Units in the last place that an x87 result may differ by. */
  readonly extendedUlp: number;
  /** Bits of the x87 status word that then say nothing. */
  readonly statusWord: number;
  /** Bits of CR2 that may differ: which part of a long operand is accessed first is the processor's affair. */
  readonly faultAddress: bigint;
}

export const NOTHING_ALLOWED: Allowances = {
  everything: false,
  register: -1,
  memory: false,
  singleRelative: 0,
  extendedUlp: 0,
  statusWord: 0,
  faultAddress: 0n,
};

/** SDM vol. 2B, RCPPS: relative error at most 1.5 * 2^-12, each way. */
const APPROXIMATION: Allowances = { ...NOTHING_ALLOWED, singleRelative: 3 / 4096 };
/** SDM vol. 1, 8.3.10: within 1 ulp; rounding direction (C1) and inexactness (PE) are then open too. */
const TRANSCENDENTAL: Allowances = { ...NOTHING_ALLOWED, extendedUlp: 2, statusWord: 0x82a0 };

export function allowances({ entry, operandSize, shape }: Variant, one: Case): Allowances {
  switch (entry.instruction.mnemonic) {
    case 'RCPPS':
    case 'RCPSS':
    case 'RSQRTPS':
    case 'RSQRTSS':
      return APPROXIMATION;
    case 'FNSTENV':
    case 'FLDENV':
    case 'FNSAVE':
    case 'FRSTOR':
      return { ...NOTHING_ALLOWED, faultAddress: 0xfffn };
    case 'CMPS':
      // Two operands; which one is read first is nobody's promise.
      return { ...NOTHING_ALLOWED, faultAddress: -1n };
    case 'FYL2XP1':
      // Undefined for operands outside of 1 - sqrt(1/2) to sqrt(2) - 1; x87-transcendental.test.ts compares those inside.
      return { ...NOTHING_ALLOWED, everything: true };
    case 'CMPXCHG':
      // Where the comparison fails Intel writes a 32-bit register to itself, clearing the upper half; AMD does not.
      if (hostVendor !== 'AuthenticAMD' || operandSize !== 32 || shape !== 'register') return NOTHING_ALLOWED;
      return { ...NOTHING_ALLOWED, register: rmRegister(one) };
    case 'F2XM1':
    case 'FYL2X':
    case 'FPTAN':
    case 'FPATAN':
    case 'FSIN':
    case 'FCOS':
    case 'FSINCOS':
      return TRANSCENDENTAL;
    case 'SHLD':
    case 'SHRD': {
      // SDM vol. 2B: the result is undefined if the count exceeds the width. Intel goes on with the first operand, AMD
      // with the second.
      const count =
        (entry.encoding.immediates.length > 0 ? (one.code.at(-1) as number) : Number((one.gpr[1] as bigint) & 31n)) &
        31;
      if (operandSize !== 16 || count <= 16) return NOTHING_ALLOWED;
      return { ...NOTHING_ALLOWED, register: rmRegister(one), memory: true };
    }
    case 'FSTPNCE':
      // In no manual. With an empty ST(0) AMD only pops, Intel moves the bits.
      return { ...NOTHING_ALLOWED, everything: true };
    case 'SYSRET':
      // In 32-bit code AMD has it, and it faults for want of privilege; Intel does not know it there.
      return { ...NOTHING_ALLOWED, everything: one.width === 32 && hostVendor === 'AuthenticAMD' };
    case 'NOP':
      // PREFETCHW of a register: a NOP for Intel, #UD for AMD.
      return hostVendor === 'AuthenticAMD' && entry.encoding.opcode === 0x0d && shape === 'register'
        ? { ...NOTHING_ALLOWED, everything: true }
        : NOTHING_ALLOWED;
    default:
      return NOTHING_ALLOWED;
  }
}

/** CPUID's vendor string, as Linux shows it. */
export const hostVendor = readVendor();

function readVendor(): string {
  try {
    return /vendor_id\s*:\s*(\S+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** ModRM.rm of a two-byte opcode with ModRM: what SHLD and CMPXCHG write. */
function rmRegister({ code, width }: Case): number {
  const opcode = code.indexOf(0x0f);
  const before = code[opcode - 1] ?? 0;
  const rex = width === 64 && (before & 0xf0) === 0x40 ? before : 0;
  return ((code[opcode + 2] as number) & 7) | ((rex & 1) << 3);
}

export function floatClose(a: DataView, b: DataView, at: number, relative: number): boolean {
  const [x, y] = [a.getFloat32(at, true), b.getFloat32(at, true)];
  if (x === y) return true;
  return Math.abs(x - y) <= Math.abs(x) * relative;
}

/** Whether two extended-precision values of the same sign are within so many units in the last place. */
export function f80Close(a: DataView, b: DataView, at: number, ulp: number): boolean {
  const place = (view: DataView): bigint =>
    (BigInt(view.getUint16(at + 8, true) & 0x7fff) << 63n) + (view.getBigUint64(at, true) & ((1n << 63n) - 1n));
  if (((a.getUint16(at + 8, true) ^ b.getUint16(at + 8, true)) & 0x8000) !== 0) return false;
  const distance = place(a) - place(b);
  return distance <= BigInt(ulp) && distance >= -BigInt(ulp);
}
