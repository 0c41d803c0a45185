/** What may differ between two outcomes of a case, by name, and the first thing that does beyond that. */
import { allowances, type Allowances, f80Close, floatClose, NOTHING_ALLOWED } from './allowances.ts';
import { FX_FCW, FX_FSW, FX_FTW, FX_MXCSR, FX_ST, FX_XMM, FX_XMM_END } from './generate-fx.ts';
import { addressOf, type Case, NO_VECTOR, type Outcome } from './protocol.ts';
import type { Variant } from './variants.ts';

const FLAG_BITS: Readonly<Record<string, number>> = { CF: 1, PF: 4, AF: 0x10, ZF: 0x40, SF: 0x80, OF: 0x800 };
const ALL_STATUS = 0x8d5;
/** CF PF AF ZF SF DF OF ID; the others are the kernel's (IF, IOPL, RF) or not touched here. */
const COMPARED_FLAGS = ALL_STATUS | 0x400 | (1 << 21);
const EXCEPTION_PF = 14;

const NAMES = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];

/** A sentence on the first difference, or undefined. */
export function difference(variant: Variant, one: Case, host: Outcome, guest: Outcome): string | undefined {
  return compare(allowances(variant, one), undefinedFlags(variant, one, host), one, host, guest);
}

/** The same for a sequence of instructions, with the flags that are undefined at its end. */
export function differenceOfSequence(
  unknown: ReadonlySet<string>,
  one: Case,
  host: Outcome,
  guest: Outcome,
): string | undefined {
  let mask = 0;
  for (const name of unknown) mask |= FLAG_BITS[name] ?? 0;
  // A fault may come before what defined them.
  return compare(NOTHING_ALLOWED, host.vector === NO_VECTOR ? mask : ALL_STATUS, one, host, guest);
}

/** The same for a program, with the flags that are undefined wherever it stopped. */
export function differenceOfProgram(
  unknownAt: ReadonlyMap<number, ReadonlySet<string>>,
  one: Case,
  host: Outcome,
  guest: Outcome,
): string | undefined {
  const unknown = unknownAt.get(Number(host.rip - BigInt(addressOf(one))));
  let mask = unknown === undefined ? ALL_STATUS : 0;
  for (const name of unknown ?? []) mask |= FLAG_BITS[name] ?? 0;
  return compare(NOTHING_ALLOWED, mask, one, host, guest);
}

function compare(
  allowed: Allowances,
  unknownFlags: number,
  one: Case,
  host: Outcome,
  guest: Outcome,
): string | undefined {
  const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
  const differ = (what: string, a: number | bigint, b: number | bigint): string =>
    `${what}: host ${hex(a)}, guest ${hex(b)}`;
  if (allowed.everything) return undefined;
  if (host.vector !== guest.vector) return differ('vector', host.vector, guest.vector);
  // What is present above 4 GiB is the affair of the host kernel and the C library.
  const errorMask = host.cr2 >= 1n << 32n ? ~1 : ~0;
  if (host.vector !== NO_VECTOR && ((host.error ^ guest.error) & errorMask) !== 0) {
    return differ(`error code at ${hex(host.cr2)}`, host.error, guest.error);
  }
  if (host.vector === EXCEPTION_PF && ((host.cr2 ^ guest.cr2) & ~allowed.faultAddress) !== 0n)
    return differ('CR2', host.cr2, guest.cr2);
  if (host.rip !== guest.rip) return differ('rip', host.rip, guest.rip);
  const registers = one.width === 64 ? 16 : 8;
  const mask = one.width === 64 ? 0xffffffffffffffffn : 0xffffffffn;
  for (let i = 0; i < registers; i++) {
    const [a, b] = [(host.gpr[i] as bigint) & mask, (guest.gpr[i] as bigint) & mask];
    if (a !== b && i !== allowed.register) return differ(NAMES[i] as string, a, b);
  }
  const flags = COMPARED_FLAGS & ~unknownFlags;
  if ((host.rflags & flags) !== (guest.rflags & flags)) {
    return differ('rflags', host.rflags & flags, guest.rflags & flags);
  }
  for (let i = 0; i < host.window.length && !allowed.memory; i++) {
    if (host.window[i] !== guest.window[i]) {
      return differ(`window[${i}]`, host.window[i] as number, guest.window[i] as number);
    }
  }
  if (host.dataHash !== guest.dataHash && !allowed.memory) {
    return differ('hash of memory outside the window', host.dataHash, guest.dataHash);
  }
  if (host.fx === undefined || guest.fx === undefined) return undefined;
  return differenceOfFx(host.fx, guest.fx, allowed, differ);
}

function differenceOfFx(
  host: Uint8Array,
  guest: Uint8Array,
  allowed: Allowances,
  differ: (what: string, a: number, b: number) => string,
): string | undefined {
  const a = new DataView(host.buffer, host.byteOffset);
  const b = new DataView(guest.buffer, guest.byteOffset);
  for (const [name, at] of [
    ['FCW', FX_FCW],
    ['FSW', FX_FSW],
  ] as const) {
    const mask = at === FX_FSW ? ~allowed.statusWord : ~0;
    const [word, other] = [a.getUint16(at, true) & mask, b.getUint16(at, true) & mask];
    if (word !== other) return differ(name, word, other);
  }
  if (host[FX_FTW] !== guest[FX_FTW]) return differ('FTW', host[FX_FTW] as number, guest[FX_FTW] as number);
  if (a.getUint32(FX_MXCSR, true) !== b.getUint32(FX_MXCSR, true)) {
    return differ('MXCSR', a.getUint32(FX_MXCSR, true), b.getUint32(FX_MXCSR, true));
  }
  for (let i = 0; i < 8; i++) {
    if (allowed.extendedUlp > 0 && f80Close(a, b, FX_ST + i * 16, allowed.extendedUlp)) continue;
    for (let byte = 9; byte >= 0; byte--) {
      const at = FX_ST + i * 16 + byte;
      if (host[at] !== guest[at]) return differ(`ST(${i}) byte ${byte}`, host[at] as number, guest[at] as number);
    }
  }
  for (let at = FX_XMM; at < FX_XMM_END; at++) {
    if (host[at] === guest[at]) continue;
    if (allowed.singleRelative > 0 && floatClose(a, b, at & ~3, allowed.singleRelative)) continue;
    const place = `xmm${Math.floor((at - FX_XMM) / 16)} byte ${at % 16}`;
    return differ(place, host[at] as number, guest[at] as number);
  }
  return undefined;
}

/** Status flags that the manual leaves undefined for this case. */
function undefinedFlags({ entry, operandSize }: Variant, one: Case, host: Outcome): number {
  const { instruction, form } = entry;
  let mask = 0;
  const byte = form.operands[0]?.kind.width === 8;
  const width = byte ? 8 : operandSize;
  for (const rule of instruction.undefinedFlags ?? []) {
    const [name, ...condition] = rule.split(' ');
    if (condition.length === 0 || applies(condition.join(' '), shiftCount(entry, one, operandSize), width)) {
      mask |= name === 'all' ? ALL_STATUS : (FLAG_BITS[name as string] ?? 0);
    }
  }
  // CMPS and SCAS that fault in the middle: the manual promises the flags from before, processors have others.
  if (form.repeat && host.vector !== NO_VECTOR) mask |= ALL_STATUS;
  return mask;
}

function applies(condition: string, count: number, width: number): boolean {
  switch (condition) {
    case 'unless count is 1':
      return count !== 1;
    case 'if count exceeds width':
      return count > width;
    case 'if count is width or more':
      return count >= width;
    default:
      throw new Error(`undefinedFlags: unknown condition '${condition}'`);
  }
}

/** The masked count of a shift or rotate: an immediate, CL, or 1. */
function shiftCount({ form, encoding }: Variant['entry'], one: Case, operandSize: number): number {
  const last = form.operands.at(-1)?.kind;
  if (last?.name === '1') return 1;
  const count = encoding.immediates.length > 0 ? (one.code.at(-1) as number) : Number((one.gpr[1] as bigint) & 0xffn);
  return count & (operandSize === 64 && form.operands[0]?.kind.width !== 8 ? 63 : 31);
}

function fx({ fx: image }: Case): string {
  if (image === undefined) return '';
  const hex = (from: number, to: number): string => Buffer.from(image.subarray(from, to)).toString('hex');
  const registers = Array.from({ length: 8 }, (_, i) => hex(FX_ST + i * 16, FX_ST + i * 16 + 10));
  const lanes = Array.from({ length: 16 }, (_, i) => hex(FX_XMM + i * 16, FX_XMM + i * 16 + 16));
  const control = `fcw=${hex(0, 2)} fsw=${hex(2, 4)} ftw=${hex(4, 5)} mxcsr=${hex(24, 28)}`;
  return ` ${control} st=${registers.join(',')} xmm=${lanes.join(',')}`;
}

/** A case in words, with what it takes to see it again. */
export function describe(one: Case): string {
  const bytes = Array.from(one.code, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const registers = Array.from(one.gpr, (value, i) => `${NAMES[i]}=${value.toString(16)}`).join(' ');
  return `[${one.width}] ${bytes}${fx(one)} at 0x${addressOf(one).toString(16)}, rflags=${one.rflags.toString(16)} ${registers}`;
}
