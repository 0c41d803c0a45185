import {
  CS,
  DS,
  ES,
  FS,
  GS,
  LDTR,
  OFFSET_CR0,
  OFFSET_CR2,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_CSTAR,
  OFFSET_DR,
  OFFSET_EFER,
  OFFSET_KERNEL_GS_BASE,
  OFFSET_LSTAR,
  OFFSET_SFMASK,
  OFFSET_STAR,
  OFFSET_SYSENTER_CS,
  OFFSET_SYSENTER_EIP,
  OFFSET_SYSENTER_ESP,
  OFFSET_TSC_AUX,
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
  TR,
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

/** The same of what only a saved vCPU has besides (struct hvm_hw_cpu). */
export const SAVED_REGISTERS = [
  ...SYSTEM_REGISTERS,
  ['dr0', OFFSET_DR],
  ['dr1', OFFSET_DR + 8],
  ['dr2', OFFSET_DR + 2 * 8],
  ['dr3', OFFSET_DR + 3 * 8],
  ['shadow_gs', OFFSET_KERNEL_GS_BASE],
  ['msr_cstar', OFFSET_CSTAR],
  ['msr_syscall_mask', OFFSET_SFMASK],
  ['msr_tsc_aux', OFFSET_TSC_AUX],
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

/** Those of a saved vCPU. */
export const SAVED_SEGMENTS = [...SEGMENT_REGISTERS, ['tr', TR], ['ldtr', LDTR]] as const;
