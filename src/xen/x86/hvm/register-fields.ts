import {
  CS,
  DS,
  ES,
  FS,
  GS,
  OFFSET_CR0,
  OFFSET_CR2,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_DR,
  OFFSET_EFER,
  OFFSET_LSTAR,
  OFFSET_STAR,
  OFFSET_SYSENTER_CS,
  OFFSET_SYSENTER_EIP,
  OFFSET_SYSENTER_ESP,
  R8,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  SS,
} from '../../../cpu/state.ts';

// Registers by the names that Xen's structures give them, and where a vCPU's state has them.

/** Name, and index for `VcpuState.gpr`. */
export const GENERAL_REGISTERS = [
  ['rax', RAX],
  ['rcx', RCX],
  ['rdx', RDX],
  ['rbx', RBX],
  ['rsp', RSP],
  ['rbp', RBP],
  ['rsi', RSI],
  ['rdi', RDI],
  ['r8', R8],
  ['r9', R8 + 1],
  ['r10', R8 + 2],
  ['r11', R8 + 3],
  ['r12', R8 + 4],
  ['r13', R8 + 5],
  ['r14', R8 + 6],
  ['r15', R8 + 7],
] as const;

/** Name, and offset of 64 bits, of what every structure has that tells how a vCPU runs. */
export const SYSTEM_REGISTERS = [
  ['cr0', OFFSET_CR0],
  ['cr2', OFFSET_CR2],
  ['cr3', OFFSET_CR3],
  ['cr4', OFFSET_CR4],
  ['dr6', OFFSET_DR + 6 * 8],
  ['dr7', OFFSET_DR + 7 * 8],
  ['msr_efer', OFFSET_EFER],
  ['msr_star', OFFSET_STAR],
  ['msr_lstar', OFFSET_LSTAR],
  ['sysenter_cs', OFFSET_SYSENTER_CS],
  ['sysenter_esp', OFFSET_SYSENTER_ESP],
  ['sysenter_eip', OFFSET_SYSENTER_EIP],
] as const;

/** Name, and number of the segment register. */
export const SEGMENT_REGISTERS = [
  ['cs', CS],
  ['ds', DS],
  ['es', ES],
  ['fs', FS],
  ['gs', GS],
  ['ss', SS],
] as const;
