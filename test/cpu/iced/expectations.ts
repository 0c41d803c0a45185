/** What we owe for an instruction that iced-x86 knows, and where its operands are told in other words than ours. */
import type { IcedInstruction } from './iced-reader.ts';

/** Extensions this processor has; an instruction of any other is #UD. */
const OURS = new Set([
  ...['INTEL8086', 'INTEL8086_ONLY', 'INTEL186', 'INTEL286', 'INTEL386', 'INTEL486', 'X64', 'CMOV', 'CPUID', 'CX8'],
  ...['CMPXCHG16B', 'CLFSH', 'FPU', 'FPU287', 'FPU387', 'FSGSBASE', 'FXSR', 'INVPCID', 'MMX', 'MSR', 'MULTIBYTENOP'],
  ...['PAUSE', 'POPCNT', 'PREFETCHW', 'RDPMC', 'RDTSCP', 'SEP', 'SMAP', 'SSE', 'SSE2', 'SSE3', 'SSSE3', 'SSE4_1'],
  ...['SSE4_2', 'SYSCALL', 'TSC', 'XSAVE', 'XSAVEOPT'],
]);

/** Of extensions that are not ours, but an instruction all the same, by iced's names. */
const NEVERTHELESS = [
  [/^VM(M)?call$/i, 'the hypercalls of Intel and AMD'],
  [/^(Vmrun|Vmload|Vmsave|Invlpga|Stgi|Clgi|Skinit|Rsm)/, 'SVM, and what its hypervisors intercept'],
  [/^(Endbr|Rdssp|Cldemote|Prefetch)/, 'in the space of hints, which are NOPs'],
  [/^Reservednop/, 'hints'],
] as const;

/** iced knows them as instructions; no processor of our kind has them. */
const UNKNOWN = [[/^(Femms|Getsec|Vmread|Vmwrite|Montmul|Ibts|Xbts|Umov|Loadall)/, 'no such extension here']] as const;

/** Instructions to us whose register number is only looked at when they execute, by opcode: #UD then. */
export const CHECKED_LATER = new Set([0x8c, 0x20, 0x21, 0x22, 0x23]);

export function expectation(theirs: IcedInstruction): 'valid' | 'invalid' {
  if (!theirs.isValid) return 'invalid';
  if (NEVERTHELESS.some(([code]) => code.test(theirs.code))) return 'valid';
  if (UNKNOWN.some(([code]) => code.test(theirs.code))) return 'invalid';
  return theirs.features.every((feature) => OURS.has(feature)) ? 'valid' : 'invalid';
}

/** Forms whose operands the two tables list differently, by iced's names. */
const OTHER_OPERANDS = [
  [/^(Cbw|Cwde|Cdqe|Cwd|Cdq|Cqo)$/, 'our accumulator is implied'],
  [/^Pause/, 'with REX.B processors exchange R8 and rAX, F3 or not (tried on one of AMD)'],
  [/^Maskmov/, 'the implied operand first'],
  [/^(Blendvp|Pblendvb)/, 'XMM0 is implied'],
  [/^(Vmrun|Vmload|Vmsave|Invlpga|Skinit)/, 'rAX and ECX are implied'],
  [/^(Pextrw|Movmsk|Pmovmskb)\w*_r64_/, 'a 32-bit result, zero-extended either way'],
  [/^Movsxd_r16/, 'the source of a 16-bit MOVSXD, of which only 16 bits are used'],
  [/^([LMS]fence|Reservednop|Ud0|Ud1|Prefetch|Endbr|Rdssp)/, 'operands that mean nothing'],
  [/_r(32|64)m16(_|$)|^(Arpl|Lmsw|Verr|Verw|Lar|Lsl)_/, '16 bits of a register, whose name has the operand size'],
] as const;

export function operandsComparable(theirs: IcedInstruction): boolean {
  return !OTHER_OPERANDS.some(([code]) => code.test(theirs.code));
}
