// public/arch-x86/xen-x86_64.h
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from '../accessors.ts';

// Xen's own flat segments at the end of every PV guest's GDT.
export const FLAT_RING3_CS32 = 0xe023;
export const FLAT_RING3_CS64 = 0xe033;
export const FLAT_RING3_DS32 = 0xe02b;
export const FLAT_RING3_DS64 = 0x0000;
export const FLAT_RING3_SS32 = 0xe02b;
export const FLAT_RING3_SS64 = 0xe02b;
export const FLAT_KERNEL_DS64 = 0;
export const FLAT_KERNEL_DS32 = 57387;
export const FLAT_KERNEL_DS = 0;
export const FLAT_KERNEL_CS64 = 57395;
export const FLAT_KERNEL_CS32 = 57379;
export const FLAT_KERNEL_CS = 57395;
export const FLAT_KERNEL_SS64 = 57387;
export const FLAT_KERNEL_SS32 = 57387;
export const FLAT_KERNEL_SS = 57387;
export const FLAT_USER_DS64 = 0;
export const FLAT_USER_DS32 = 57387;
export const FLAT_USER_DS = 0;
export const FLAT_USER_CS64 = 57395;
export const FLAT_USER_CS32 = 57379;
export const FLAT_USER_CS = 57395;
export const FLAT_USER_SS64 = 57387;
export const FLAT_USER_SS32 = 57387;
export const FLAT_USER_SS = 57387;

export const __HYPERVISOR_VIRT_START = 0xffff800000000000n;
export const __HYPERVISOR_VIRT_END = 0xffff880000000000n;
export const __MACH2PHYS_VIRT_START = 0xffff800000000000n;
export const __MACH2PHYS_VIRT_END = 0xffff804000000000n;
export const HYPERVISOR_VIRT_START = 0xffff800000000000n;
export const HYPERVISOR_VIRT_END = 0xffff880000000000n;
export const MACH2PHYS_VIRT_START = 0xffff800000000000n;
export const MACH2PHYS_VIRT_END = 0xffff804000000000n;
// set_segment_base: which.
export const SEGBASE_FS = 0;
export const SEGBASE_GS_USER = 1;
export const SEGBASE_GS_KERNEL = 2;
export const SEGBASE_GS_USER_SEL = 3; // load user GS from the selector in base[15:0]
export const _VGCF_in_syscall = 8;
export const VGCF_in_syscall = 1 << 8;
export const VGCF_IN_SYSCALL = 256;

/** struct iret_context: the stack frame of HYPERVISOR_iret, from RSP up */
export class IretContext {
  static readonly C_NAME = 'struct iret_context';
  static readonly SIZE = 0x48;
  static readonly ONLY_64 = true;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get rax(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set rax(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get r11(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set r11(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get rcx(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set rcx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64: VGCF_in_syscall */
  get flags(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set flags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  /** 0x20 uint64 */
  get rip(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set rip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  /** 0x28 uint64 */
  get cs(): bigint { return this.#memory.getBigUint64(this.#base + 0x28, true); }
  set cs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x28, value, true); }
  /** 0x30 uint64 */
  get rflags(): bigint { return this.#memory.getBigUint64(this.#base + 0x30, true); }
  set rflags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x30, value, true); }
  /** 0x38 uint64 */
  get rsp(): bigint { return this.#memory.getBigUint64(this.#base + 0x38, true); }
  set rsp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x38, value, true); }
  /** 0x40 uint64 */
  get ss(): bigint { return this.#memory.getBigUint64(this.#base + 0x40, true); }
  set ss(value: bigint) { this.#memory.setBigUint64(this.#base + 0x40, value, true); }
}

/** struct cpu_user_regs: the registers of a vcpu_guest_context */
export class CpuUserRegs {
  static readonly C_NAME = 'struct cpu_user_regs';
  static readonly SIZE = 0xc8;
  static readonly LENGTH__pad0 = 1;
  static readonly LENGTH__pad2 = 3;
  static readonly LENGTH__pad3 = 3;
  static readonly LENGTH__pad4 = 3;
  static readonly LENGTH__pad5 = 3;
  static readonly LENGTH__pad6 = 3;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get r15(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set r15(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get r14(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set r14(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get r13(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set r13(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64 */
  get r12(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set r12(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  /** 0x20 uint64 */
  get rbp(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set rbp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  /** 0x28 uint64 */
  get rbx(): bigint { return this.#memory.getBigUint64(this.#base + 0x28, true); }
  set rbx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x28, value, true); }
  /** 0x30 uint64 */
  get r11(): bigint { return this.#memory.getBigUint64(this.#base + 0x30, true); }
  set r11(value: bigint) { this.#memory.setBigUint64(this.#base + 0x30, value, true); }
  /** 0x38 uint64 */
  get r10(): bigint { return this.#memory.getBigUint64(this.#base + 0x38, true); }
  set r10(value: bigint) { this.#memory.setBigUint64(this.#base + 0x38, value, true); }
  /** 0x40 uint64 */
  get r9(): bigint { return this.#memory.getBigUint64(this.#base + 0x40, true); }
  set r9(value: bigint) { this.#memory.setBigUint64(this.#base + 0x40, value, true); }
  /** 0x48 uint64 */
  get r8(): bigint { return this.#memory.getBigUint64(this.#base + 0x48, true); }
  set r8(value: bigint) { this.#memory.setBigUint64(this.#base + 0x48, value, true); }
  /** 0x50 uint64 */
  get rax(): bigint { return this.#memory.getBigUint64(this.#base + 0x50, true); }
  set rax(value: bigint) { this.#memory.setBigUint64(this.#base + 0x50, value, true); }
  /** 0x58 uint64 */
  get rcx(): bigint { return this.#memory.getBigUint64(this.#base + 0x58, true); }
  set rcx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x58, value, true); }
  /** 0x60 uint64 */
  get rdx(): bigint { return this.#memory.getBigUint64(this.#base + 0x60, true); }
  set rdx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x60, value, true); }
  /** 0x68 uint64 */
  get rsi(): bigint { return this.#memory.getBigUint64(this.#base + 0x68, true); }
  set rsi(value: bigint) { this.#memory.setBigUint64(this.#base + 0x68, value, true); }
  /** 0x70 uint64 */
  get rdi(): bigint { return this.#memory.getBigUint64(this.#base + 0x70, true); }
  set rdi(value: bigint) { this.#memory.setBigUint64(this.#base + 0x70, value, true); }
  /** 0x78 uint32: Xen's own */
  get error_code(): number { return this.#memory.getUint32(this.#base + 0x78, true); }
  set error_code(value: number) { this.#memory.setUint32(this.#base + 0x78, value, true); }
  /** 0x7c uint32: Xen's own */
  get entry_vector(): number { return this.#memory.getUint32(this.#base + 0x7c, true); }
  set entry_vector(value: number) { this.#memory.setUint32(this.#base + 0x7c, value, true); }
  /** 0x80 uint64 */
  get rip(): bigint { return this.#memory.getBigUint64(this.#base + 0x80, true); }
  set rip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x80, value, true); }
  /** 0x88 uint16 */
  get cs(): number { return this.#memory.getUint16(this.#base + 0x88, true); }
  set cs(value: number) { this.#memory.setUint16(this.#base + 0x88, value, true); }
  /** 0x8a uint16, 1 of them */
  _pad0(i: number): number { return this.#memory.getUint16(this.#base + 0x8a + i * 2, true); }
  set__pad0(i: number, value: number) { this.#memory.setUint16(this.#base + 0x8a + i * 2, value, true); }
  /** 0x8c uint8 */
  get saved_upcall_mask(): number { return this.#memory.getUint8(this.#base + 0x8c); }
  set saved_upcall_mask(value: number) { this.#memory.setUint8(this.#base + 0x8c, value); }
  /** 0x8d 3 bytes */
  get _pad1(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x8d, 3); }
  /** 0x90 uint64: IF is the inverse of saved_upcall_mask */
  get rflags(): bigint { return this.#memory.getBigUint64(this.#base + 0x90, true); }
  set rflags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x90, value, true); }
  /** 0x98 uint64 */
  get rsp(): bigint { return this.#memory.getBigUint64(this.#base + 0x98, true); }
  set rsp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x98, value, true); }
  /** 0xa0 uint16 */
  get ss(): number { return this.#memory.getUint16(this.#base + 0xa0, true); }
  set ss(value: number) { this.#memory.setUint16(this.#base + 0xa0, value, true); }
  /** 0xa2 uint16, 3 of them */
  _pad2(i: number): number { return this.#memory.getUint16(this.#base + 0xa2 + i * 2, true); }
  set__pad2(i: number, value: number) { this.#memory.setUint16(this.#base + 0xa2 + i * 2, value, true); }
  /** 0xa8 uint16 */
  get es(): number { return this.#memory.getUint16(this.#base + 0xa8, true); }
  set es(value: number) { this.#memory.setUint16(this.#base + 0xa8, value, true); }
  /** 0xaa uint16, 3 of them */
  _pad3(i: number): number { return this.#memory.getUint16(this.#base + 0xaa + i * 2, true); }
  set__pad3(i: number, value: number) { this.#memory.setUint16(this.#base + 0xaa + i * 2, value, true); }
  /** 0xb0 uint16 */
  get ds(): number { return this.#memory.getUint16(this.#base + 0xb0, true); }
  set ds(value: number) { this.#memory.setUint16(this.#base + 0xb0, value, true); }
  /** 0xb2 uint16, 3 of them */
  _pad4(i: number): number { return this.#memory.getUint16(this.#base + 0xb2 + i * 2, true); }
  set__pad4(i: number, value: number) { this.#memory.setUint16(this.#base + 0xb2 + i * 2, value, true); }
  /** 0xb8 uint16 */
  get fs(): number { return this.#memory.getUint16(this.#base + 0xb8, true); }
  set fs(value: number) { this.#memory.setUint16(this.#base + 0xb8, value, true); }
  /** 0xba uint16, 3 of them */
  _pad5(i: number): number { return this.#memory.getUint16(this.#base + 0xba + i * 2, true); }
  set__pad5(i: number, value: number) { this.#memory.setUint16(this.#base + 0xba + i * 2, value, true); }
  /** 0xc0 uint16 */
  get gs(): number { return this.#memory.getUint16(this.#base + 0xc0, true); }
  set gs(value: number) { this.#memory.setUint16(this.#base + 0xc0, value, true); }
  /** 0xc2 uint16, 3 of them */
  _pad6(i: number): number { return this.#memory.getUint16(this.#base + 0xc2 + i * 2, true); }
  set__pad6(i: number, value: number) { this.#memory.setUint16(this.#base + 0xc2 + i * 2, value, true); }
}

/** struct arch_vcpu_info: x86's part of vcpu_info */
export class ArchVcpuInfo {
  static readonly C_NAME = 'struct arch_vcpu_info';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: faulting address; PV only */
  get cr2(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set cr2(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get pad(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set pad(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
}
