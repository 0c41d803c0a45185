// public/hvm/hvm_vcpu.h — VCPUOP_initialise of an HVM vCPU
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct vcpu_hvm_x86_32: registers of a vCPU that starts in 32-bit mode */
export class VcpuHvmX8632 {
  static readonly C_NAME = 'struct vcpu_hvm_x86_32';
  static readonly SIZE = 0x78;
  static readonly LENGTH_pad2 = 3;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get eax(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set eax(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get ecx(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set ecx(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get edx(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set edx(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get ebx(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set ebx(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32 */
  get esp(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set esp(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get ebp(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set ebp(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32 */
  get esi(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set esi(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32 */
  get edi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set edi(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint32 */
  get eip(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set eip(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  /** 0x24 uint32 */
  get eflags(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set eflags(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
  /** 0x28 uint32 */
  get cr0(): number { return this.#memory.getUint32(this.#base + 0x28, true); }
  set cr0(value: number) { this.#memory.setUint32(this.#base + 0x28, value, true); }
  /** 0x2c uint32 */
  get cr3(): number { return this.#memory.getUint32(this.#base + 0x2c, true); }
  set cr3(value: number) { this.#memory.setUint32(this.#base + 0x2c, value, true); }
  /** 0x30 uint32 */
  get cr4(): number { return this.#memory.getUint32(this.#base + 0x30, true); }
  set cr4(value: number) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x34 uint32 */
  get pad1(): number { return this.#memory.getUint32(this.#base + 0x34, true); }
  set pad1(value: number) { this.#memory.setUint32(this.#base + 0x34, value, true); }
  /** 0x38 uint64: only NXE, or LME with LMA to start in compatibility mode */
  get efer(): bigint { return this.#memory.getBigUint64(this.#base + 0x38, true); }
  set efer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x38, value, true); }
  /** 0x40 uint32 */
  get cs_base(): number { return this.#memory.getUint32(this.#base + 0x40, true); }
  set cs_base(value: number) { this.#memory.setUint32(this.#base + 0x40, value, true); }
  /** 0x44 uint32 */
  get ds_base(): number { return this.#memory.getUint32(this.#base + 0x44, true); }
  set ds_base(value: number) { this.#memory.setUint32(this.#base + 0x44, value, true); }
  /** 0x48 uint32 */
  get ss_base(): number { return this.#memory.getUint32(this.#base + 0x48, true); }
  set ss_base(value: number) { this.#memory.setUint32(this.#base + 0x48, value, true); }
  /** 0x4c uint32 */
  get es_base(): number { return this.#memory.getUint32(this.#base + 0x4c, true); }
  set es_base(value: number) { this.#memory.setUint32(this.#base + 0x4c, value, true); }
  /** 0x50 uint32 */
  get tr_base(): number { return this.#memory.getUint32(this.#base + 0x50, true); }
  set tr_base(value: number) { this.#memory.setUint32(this.#base + 0x50, value, true); }
  /** 0x54 uint32 */
  get cs_limit(): number { return this.#memory.getUint32(this.#base + 0x54, true); }
  set cs_limit(value: number) { this.#memory.setUint32(this.#base + 0x54, value, true); }
  /** 0x58 uint32 */
  get ds_limit(): number { return this.#memory.getUint32(this.#base + 0x58, true); }
  set ds_limit(value: number) { this.#memory.setUint32(this.#base + 0x58, value, true); }
  /** 0x5c uint32 */
  get ss_limit(): number { return this.#memory.getUint32(this.#base + 0x5c, true); }
  set ss_limit(value: number) { this.#memory.setUint32(this.#base + 0x5c, value, true); }
  /** 0x60 uint32 */
  get es_limit(): number { return this.#memory.getUint32(this.#base + 0x60, true); }
  set es_limit(value: number) { this.#memory.setUint32(this.#base + 0x60, value, true); }
  /** 0x64 uint32 */
  get tr_limit(): number { return this.#memory.getUint32(this.#base + 0x64, true); }
  set tr_limit(value: number) { this.#memory.setUint32(this.#base + 0x64, value, true); }
  /** 0x68 uint16: attributes: type, S, DPL, P, AVL, L, D/B, G from bit 0 up */
  get cs_ar(): number { return this.#memory.getUint16(this.#base + 0x68, true); }
  set cs_ar(value: number) { this.#memory.setUint16(this.#base + 0x68, value, true); }
  /** 0x6a uint16 */
  get ds_ar(): number { return this.#memory.getUint16(this.#base + 0x6a, true); }
  set ds_ar(value: number) { this.#memory.setUint16(this.#base + 0x6a, value, true); }
  /** 0x6c uint16 */
  get ss_ar(): number { return this.#memory.getUint16(this.#base + 0x6c, true); }
  set ss_ar(value: number) { this.#memory.setUint16(this.#base + 0x6c, value, true); }
  /** 0x6e uint16 */
  get es_ar(): number { return this.#memory.getUint16(this.#base + 0x6e, true); }
  set es_ar(value: number) { this.#memory.setUint16(this.#base + 0x6e, value, true); }
  /** 0x70 uint16 */
  get tr_ar(): number { return this.#memory.getUint16(this.#base + 0x70, true); }
  set tr_ar(value: number) { this.#memory.setUint16(this.#base + 0x70, value, true); }
  /** 0x72 uint16, 3 of them */
  pad2(i: number): number { return this.#memory.getUint16(this.#base + 0x72 + i * 2, true); }
  set_pad2(i: number, value: number) { this.#memory.setUint16(this.#base + 0x72 + i * 2, value, true); }
}

/** struct vcpu_hvm_x86_64: registers of a vCPU that starts in 64-bit mode, segments flat */
export class VcpuHvmX8664 {
  static readonly C_NAME = 'struct vcpu_hvm_x86_64';
  static readonly SIZE = 0x70;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get rax(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set rax(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get rcx(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set rcx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get rdx(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set rdx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64 */
  get rbx(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set rbx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  /** 0x20 uint64 */
  get rsp(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set rsp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  /** 0x28 uint64 */
  get rbp(): bigint { return this.#memory.getBigUint64(this.#base + 0x28, true); }
  set rbp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x28, value, true); }
  /** 0x30 uint64 */
  get rsi(): bigint { return this.#memory.getBigUint64(this.#base + 0x30, true); }
  set rsi(value: bigint) { this.#memory.setBigUint64(this.#base + 0x30, value, true); }
  /** 0x38 uint64 */
  get rdi(): bigint { return this.#memory.getBigUint64(this.#base + 0x38, true); }
  set rdi(value: bigint) { this.#memory.setBigUint64(this.#base + 0x38, value, true); }
  /** 0x40 uint64 */
  get rip(): bigint { return this.#memory.getBigUint64(this.#base + 0x40, true); }
  set rip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x40, value, true); }
  /** 0x48 uint64 */
  get rflags(): bigint { return this.#memory.getBigUint64(this.#base + 0x48, true); }
  set rflags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x48, value, true); }
  /** 0x50 uint64 */
  get cr0(): bigint { return this.#memory.getBigUint64(this.#base + 0x50, true); }
  set cr0(value: bigint) { this.#memory.setBigUint64(this.#base + 0x50, value, true); }
  /** 0x58 uint64 */
  get cr3(): bigint { return this.#memory.getBigUint64(this.#base + 0x58, true); }
  set cr3(value: bigint) { this.#memory.setBigUint64(this.#base + 0x58, value, true); }
  /** 0x60 uint64 */
  get cr4(): bigint { return this.#memory.getBigUint64(this.#base + 0x60, true); }
  set cr4(value: bigint) { this.#memory.setBigUint64(this.#base + 0x60, value, true); }
  /** 0x68 uint64 */
  get efer(): bigint { return this.#memory.getBigUint64(this.#base + 0x68, true); }
  set efer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x68, value, true); }
}

export const VCPU_HVM_MODE_32B = 0;
export const VCPU_HVM_MODE_64B = 1;

/** struct vcpu_hvm_context: the argument of VCPUOP_initialise */
export class VcpuHvmContext {
  static readonly C_NAME = 'struct vcpu_hvm_context';
  static readonly SIZE = 0x80;
  static readonly C_PATHS = { x86_32: 'cpu_regs.x86_32', x86_64: 'cpu_regs.x86_64' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: VCPU_HVM_MODE_* */
  get mode(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set mode(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 VCPU_HVM_MODE_32B */
  get x86_32(): VcpuHvmX8632 { return new VcpuHvmX8632(this.#memory, this.#base + 0x8); }
  /** 0x8 VCPU_HVM_MODE_64B */
  get x86_64(): VcpuHvmX8664 { return new VcpuHvmX8664(this.#memory, this.#base + 0x8); }
}
