/** What of the processor's state decides how bytes decode: part of the key of cached code, kept in OFFSET_MODE. */
import * as state from './state.ts';

/** Default operand and address size of code: none of the two bits means 16. */
export const MODE_CODE_32 = 1;
export const MODE_CODE_64 = 2;
/** SS.B: the stack pointer is ESP. In 64-bit code it is always RSP. */
export const MODE_STACK_32 = 4;
/** CS, DS, ES and SS have base 0 and limit 4 GiB: addresses need no check (legacy modes). */
export const MODE_FLAT = 8;
/** RFLAGS.TF, a breakpoint enabled in DR7, branches recorded: one instruction at a time. */
export const MODE_STEP = 16;
/** CR0.TS, CR0.EM, and CR4.OSFXSR clear: what x87, MMX and SSE instructions fault by. */
export const MODE_TS = 32;
export const MODE_EM = 64;
export const MODE_NO_SSE = 128;
/** CR0.MP with TS: WAIT faults too. */
export const MODE_MP = 256;
/** Virtual-8086 or real mode: no protection, 16-bit segments. */
export const MODE_REAL = 512;
/** A guest of the guest's runs: what it executes may be intercepted. */
export const MODE_GUEST = 1024;

export function modeOf(cpu: state.VcpuState): number {
  const cr0 = cpu.u32(state.OFFSET_CR0);
  const rflags = cpu.u32(state.OFFSET_RFLAGS_REST);
  let mode = codeMode(cpu);
  if ((rflags & state.FLAG_TF) !== 0 || (cpu.u32(state.OFFSET_DR + 7 * 8) & 0xff) !== 0) mode |= MODE_STEP;
  if ((cpu.u32(state.OFFSET_DEBUGCTL) & 1) !== 0) mode |= MODE_STEP;
  if ((cr0 & state.CR0_TS) !== 0) mode |= MODE_TS;
  if ((cr0 & state.CR0_EM) !== 0) mode |= MODE_EM;
  if ((cr0 & state.CR0_MP) !== 0) mode |= MODE_MP;
  if ((cpu.u32(state.OFFSET_CR4) & state.CR4_OSFXSR) === 0) mode |= MODE_NO_SSE;
  if ((cr0 & state.CR0_PE) === 0 || (rflags & state.FLAG_VM) !== 0) mode |= MODE_REAL;
  if ((cpu.u32(state.OFFSET_SVM) & state.SVM_GUEST_MODE) !== 0) mode |= MODE_GUEST;
  return mode;
}

function codeMode(cpu: state.VcpuState): number {
  if (cpu.is64Bit) return MODE_CODE_64;
  const code = (cpu.segmentAttributes(state.CS) & state.ATTRIBUTE_DB) !== 0 ? MODE_CODE_32 : 0;
  const stack = (cpu.segmentAttributes(state.SS) & state.ATTRIBUTE_DB) !== 0 ? MODE_STACK_32 : 0;
  const flat = [state.CS, state.SS, state.DS, state.ES].every((segment) => isFlat(cpu, segment));
  return code | stack | (flat ? MODE_FLAT : 0);
}

// Usable for any access: present, and a writable expand-up data segment or a readable code segment.
function isFlat(cpu: state.VcpuState, segment: number): boolean {
  const attributes = cpu.segmentAttributes(segment);
  if ((attributes & state.ATTRIBUTE_P) === 0 || cpu.segmentLimit(segment) !== 0xffffffff) return false;
  if (cpu.u32(segmentBaseOffset(segment)) !== 0) return false;
  if (segment === state.CS) return true;
  return (attributes & 0xe) === 2;
}

function segmentBaseOffset(segment: number): number {
  return state.OFFSET_SEGMENTS + segment * state.SEGMENT_SIZE + state.SEGMENT_BASE;
}
