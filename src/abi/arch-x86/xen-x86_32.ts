// public/arch-x86/xen-x86_32.h — as 32-bit guests see it
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';

/** struct cpu_user_regs: the registers of a 32-bit vcpu_guest_context */
export class CompatCpuUserRegs {
  static readonly C_NAME = 'struct cpu_user_regs';
  static readonly SIZE = 0x44;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get ebx(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set ebx(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get ecx(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set ecx(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get edx(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set edx(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get esi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set esi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32 */
  get edi(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set edi(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get ebp(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set ebp(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32 */
  get eax(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set eax(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint16: Xen's own */
  get error_code(): number { return this.#memory.getUint16(this.#base + 0x1c, true); }
  set error_code(value: number) { this.#memory.setUint16(this.#base + 0x1c, value, true); }
  /** 0x1e uint16: Xen's own */
  get entry_vector(): number { return this.#memory.getUint16(this.#base + 0x1e, true); }
  set entry_vector(value: number) { this.#memory.setUint16(this.#base + 0x1e, value, true); }
  /** 0x20 uint32 */
  get eip(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set eip(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  /** 0x24 uint16 */
  get cs(): number { return this.#memory.getUint16(this.#base + 0x24, true); }
  set cs(value: number) { this.#memory.setUint16(this.#base + 0x24, value, true); }
  /** 0x26 uint8 */
  get saved_upcall_mask(): number { return this.#memory.getUint8(this.#base + 0x26); }
  set saved_upcall_mask(value: number) { this.#memory.setUint8(this.#base + 0x26, value); }
  /** 0x27 uint8 */
  get _pad0(): number { return this.#memory.getUint8(this.#base + 0x27); }
  set _pad0(value: number) { this.#memory.setUint8(this.#base + 0x27, value); }
  /** 0x28 uint32: IF is the inverse of saved_upcall_mask */
  get eflags(): number { return this.#memory.getUint32(this.#base + 0x28, true); }
  set eflags(value: number) { this.#memory.setUint32(this.#base + 0x28, value, true); }
  /** 0x2c uint32 */
  get esp(): number { return this.#memory.getUint32(this.#base + 0x2c, true); }
  set esp(value: number) { this.#memory.setUint32(this.#base + 0x2c, value, true); }
  /** 0x30 uint16 */
  get ss(): number { return this.#memory.getUint16(this.#base + 0x30, true); }
  set ss(value: number) { this.#memory.setUint16(this.#base + 0x30, value, true); }
  /** 0x32 uint16 */
  get _pad1(): number { return this.#memory.getUint16(this.#base + 0x32, true); }
  set _pad1(value: number) { this.#memory.setUint16(this.#base + 0x32, value, true); }
  /** 0x34 uint16 */
  get es(): number { return this.#memory.getUint16(this.#base + 0x34, true); }
  set es(value: number) { this.#memory.setUint16(this.#base + 0x34, value, true); }
  /** 0x36 uint16 */
  get _pad2(): number { return this.#memory.getUint16(this.#base + 0x36, true); }
  set _pad2(value: number) { this.#memory.setUint16(this.#base + 0x36, value, true); }
  /** 0x38 uint16 */
  get ds(): number { return this.#memory.getUint16(this.#base + 0x38, true); }
  set ds(value: number) { this.#memory.setUint16(this.#base + 0x38, value, true); }
  /** 0x3a uint16 */
  get _pad3(): number { return this.#memory.getUint16(this.#base + 0x3a, true); }
  set _pad3(value: number) { this.#memory.setUint16(this.#base + 0x3a, value, true); }
  /** 0x3c uint16 */
  get fs(): number { return this.#memory.getUint16(this.#base + 0x3c, true); }
  set fs(value: number) { this.#memory.setUint16(this.#base + 0x3c, value, true); }
  /** 0x3e uint16 */
  get _pad4(): number { return this.#memory.getUint16(this.#base + 0x3e, true); }
  set _pad4(value: number) { this.#memory.setUint16(this.#base + 0x3e, value, true); }
  /** 0x40 uint16 */
  get gs(): number { return this.#memory.getUint16(this.#base + 0x40, true); }
  set gs(value: number) { this.#memory.setUint16(this.#base + 0x40, value, true); }
  /** 0x42 uint16 */
  get _pad5(): number { return this.#memory.getUint16(this.#base + 0x42, true); }
  set _pad5(value: number) { this.#memory.setUint16(this.#base + 0x42, value, true); }
}

/** struct arch_vcpu_info: x86's part of a 32-bit vcpu_info */
export class CompatArchVcpuInfo {
  static readonly C_NAME = 'struct arch_vcpu_info';
  static readonly SIZE = 0x18;
  static readonly LENGTH_pad = 5;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: faulting address; PV only */
  get cr2(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set cr2(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
  /** 0x4 uint32, 5 of them */
  pad(i: number): number { return this.#memory.getUint32(this.#base + 0x4 + i * 4, true); }
  set_pad(i: number, value: number) { this.#memory.setUint32(this.#base + 0x4 + i * 4, value, true); }
}

/** struct xen_callback: an entry point with its code segment */
export class CompatXenCallback {
  static readonly C_NAME = 'struct xen_callback';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get cs(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cs(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get eip(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set eip(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}
