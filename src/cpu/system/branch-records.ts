/**
 * The last branch (AMD APM vol. 2, 13.1.1.6, "Control-Transfer Recording"): from where and to where, and what they were
 * when the last exception or interrupt came. While DebugCtl.LBR is set code runs one instruction at a time.
 */
import * as state from '../state.ts';
import { codeBytes } from './code-bytes.ts';
import type { SystemCpu } from './system-cpu.ts';

/** DebugCtl: record, and four pins of the processor's that guests have no say in. BTF is not there. */
export const DEBUGCTL_LBR = 1;
export const DEBUGCTL_WRITABLE = 0x3dn;

/** LastBranchFromIP, LastBranchToIP, LastIntFromIP, LastIntToIP */
export const LAST_BRANCH_FROM_IP = 0x1db;
export const LAST_INT_TO_IP = 0x1de;
const FROM = 0;
const TO = 1;

const LONGEST_INSTRUCTION = 15;

/** Whether the instruction transfers control: where it goes on if it does not. */
type Transfer = 'never' | 'always' | { readonly otherwise: bigint };

export class BranchRecords {
  /** The four registers, from LAST_BRANCH_FROM_IP on. */
  readonly registers = new BigUint64Array(4);
  #rip = 0n;
  #transfer: Transfer = 'never';

  /** Recording starts, or what ran meanwhile was not looked at. */
  start(): void {
    this.#transfer = 'never';
  }

  /** RIP is that of the next instruction: whether the one before it was a branch can be told now. */
  beforeInstruction(cpu: SystemCpu): void {
    const { rip } = cpu.state;
    const transfer = this.#transfer;
    if (transfer === 'always' || (typeof transfer === 'object' && rip !== transfer.otherwise)) {
      this.registers[FROM] = this.#rip;
      this.registers[TO] = rip;
    }
    this.#rip = rip;
    this.#transfer = transferOf(cpu);
  }

  /** An exception or interrupt is delivered. */
  interrupted(): void {
    this.registers.copyWithin(2, 0, 2);
    this.#transfer = 'never';
  }
}

export function recordsBranches(registers: state.VcpuState): boolean {
  return (registers.u32(state.OFFSET_DEBUGCTL) & DEBUGCTL_LBR) !== 0;
}

const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** Near and far jumps, calls and returns, IRET, by their first byte; by the second after 0F. */
const ALWAYS: ReadonlySet<number> = new Set([0x9a, 0xc2, 0xc3, 0xca, 0xcb, 0xcf, 0xe8, 0xe9, 0xea, 0xeb]);
/** SYSCALL, SYSRET, SYSENTER, SYSEXIT */
const ALWAYS_0F: ReadonlySet<number> = new Set([0x05, 0x07, 0x34, 0x35]);

function transferOf(cpu: SystemCpu): Transfer {
  const bytes = codeBytes(cpu, LONGEST_INSTRUCTION);
  const { is64Bit } = cpu.state;
  let at = 0;
  let sized = false;
  for (; PREFIXES.has(bytes[at] ?? 0) || (is64Bit && ((bytes[at] ?? 0) & 0xf0) === 0x40); at++) {
    if (bytes[at] === 0x66) sized = true;
  }
  const opcode = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  const otherwise = (length: number): Transfer => ({ otherwise: cpu.nextRip(at + length) });
  if (ALWAYS.has(opcode)) return 'always';
  // Jcc, LOOPcc and JCXZ with a byte; FF /2 to /5: calls and jumps through a register or memory.
  if ((opcode & 0xf0) === 0x70 || (opcode & 0xfc) === 0xe0) return otherwise(2);
  if (opcode === 0xff) return ((second >> 3) & 7) >= 2 && ((second >> 3) & 7) <= 5 ? 'always' : 'never';
  if (opcode !== 0x0f) return 'never';
  if (ALWAYS_0F.has(second)) return 'always';
  return (second & 0xf0) === 0x80 ? otherwise(hasWordOffset(cpu, sized) ? 4 : 6) : 'never';
}

function hasWordOffset(cpu: SystemCpu, sized: boolean): boolean {
  if (cpu.state.is64Bit) return false;
  const is32 = (cpu.state.segmentAttributes(state.CS) & state.ATTRIBUTE_DB) !== 0;
  return is32 === sized;
}
