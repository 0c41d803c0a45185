// public/vm_event.h — the registers in a request
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct vm_event_regs_x86: the registers of the vCPU */
export class VmEventRegsX86 {
  static readonly C_NAME = 'struct vm_event_regs_x86';
  static readonly SIZE = 0x158;
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
  get r8(): bigint { return this.#memory.getBigUint64(this.#base + 0x40, true); }
  set r8(value: bigint) { this.#memory.setBigUint64(this.#base + 0x40, value, true); }
  /** 0x48 uint64 */
  get r9(): bigint { return this.#memory.getBigUint64(this.#base + 0x48, true); }
  set r9(value: bigint) { this.#memory.setBigUint64(this.#base + 0x48, value, true); }
  /** 0x50 uint64 */
  get r10(): bigint { return this.#memory.getBigUint64(this.#base + 0x50, true); }
  set r10(value: bigint) { this.#memory.setBigUint64(this.#base + 0x50, value, true); }
  /** 0x58 uint64 */
  get r11(): bigint { return this.#memory.getBigUint64(this.#base + 0x58, true); }
  set r11(value: bigint) { this.#memory.setBigUint64(this.#base + 0x58, value, true); }
  /** 0x60 uint64 */
  get r12(): bigint { return this.#memory.getBigUint64(this.#base + 0x60, true); }
  set r12(value: bigint) { this.#memory.setBigUint64(this.#base + 0x60, value, true); }
  /** 0x68 uint64 */
  get r13(): bigint { return this.#memory.getBigUint64(this.#base + 0x68, true); }
  set r13(value: bigint) { this.#memory.setBigUint64(this.#base + 0x68, value, true); }
  /** 0x70 uint64 */
  get r14(): bigint { return this.#memory.getBigUint64(this.#base + 0x70, true); }
  set r14(value: bigint) { this.#memory.setBigUint64(this.#base + 0x70, value, true); }
  /** 0x78 uint64 */
  get r15(): bigint { return this.#memory.getBigUint64(this.#base + 0x78, true); }
  set r15(value: bigint) { this.#memory.setBigUint64(this.#base + 0x78, value, true); }
  /** 0x80 uint64 */
  get rflags(): bigint { return this.#memory.getBigUint64(this.#base + 0x80, true); }
  set rflags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x80, value, true); }
  /** 0x88 uint64 */
  get dr6(): bigint { return this.#memory.getBigUint64(this.#base + 0x88, true); }
  set dr6(value: bigint) { this.#memory.setBigUint64(this.#base + 0x88, value, true); }
  /** 0x90 uint64 */
  get dr7(): bigint { return this.#memory.getBigUint64(this.#base + 0x90, true); }
  set dr7(value: bigint) { this.#memory.setBigUint64(this.#base + 0x90, value, true); }
  /** 0x98 uint64 */
  get rip(): bigint { return this.#memory.getBigUint64(this.#base + 0x98, true); }
  set rip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x98, value, true); }
  /** 0xa0 uint64 */
  get cr0(): bigint { return this.#memory.getBigUint64(this.#base + 0xa0, true); }
  set cr0(value: bigint) { this.#memory.setBigUint64(this.#base + 0xa0, value, true); }
  /** 0xa8 uint64 */
  get cr2(): bigint { return this.#memory.getBigUint64(this.#base + 0xa8, true); }
  set cr2(value: bigint) { this.#memory.setBigUint64(this.#base + 0xa8, value, true); }
  /** 0xb0 uint64 */
  get cr3(): bigint { return this.#memory.getBigUint64(this.#base + 0xb0, true); }
  set cr3(value: bigint) { this.#memory.setBigUint64(this.#base + 0xb0, value, true); }
  /** 0xb8 uint64 */
  get cr4(): bigint { return this.#memory.getBigUint64(this.#base + 0xb8, true); }
  set cr4(value: bigint) { this.#memory.setBigUint64(this.#base + 0xb8, value, true); }
  /** 0xc0 uint64 */
  get sysenter_cs(): bigint { return this.#memory.getBigUint64(this.#base + 0xc0, true); }
  set sysenter_cs(value: bigint) { this.#memory.setBigUint64(this.#base + 0xc0, value, true); }
  /** 0xc8 uint64 */
  get sysenter_esp(): bigint { return this.#memory.getBigUint64(this.#base + 0xc8, true); }
  set sysenter_esp(value: bigint) { this.#memory.setBigUint64(this.#base + 0xc8, value, true); }
  /** 0xd0 uint64 */
  get sysenter_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0xd0, true); }
  set sysenter_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0xd0, value, true); }
  /** 0xd8 uint64 */
  get msr_efer(): bigint { return this.#memory.getBigUint64(this.#base + 0xd8, true); }
  set msr_efer(value: bigint) { this.#memory.setBigUint64(this.#base + 0xd8, value, true); }
  /** 0xe0 uint64 */
  get msr_star(): bigint { return this.#memory.getBigUint64(this.#base + 0xe0, true); }
  set msr_star(value: bigint) { this.#memory.setBigUint64(this.#base + 0xe0, value, true); }
  /** 0xe8 uint64 */
  get msr_lstar(): bigint { return this.#memory.getBigUint64(this.#base + 0xe8, true); }
  set msr_lstar(value: bigint) { this.#memory.setBigUint64(this.#base + 0xe8, value, true); }
  /** 0xf0 uint64 */
  get gdtr_base(): bigint { return this.#memory.getBigUint64(this.#base + 0xf0, true); }
  set gdtr_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0xf0, value, true); }
  /** 0xf8 uint64 */
  get npt_base(): bigint { return this.#memory.getBigUint64(this.#base + 0xf8, true); }
  set npt_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0xf8, value, true); }
  /** 0x100 uint64: all ones without processor trace */
  get vmtrace_pos(): bigint { return this.#memory.getBigUint64(this.#base + 0x100, true); }
  set vmtrace_pos(value: bigint) { this.#memory.setBigUint64(this.#base + 0x100, value, true); }
  /** 0x108 uint32 */
  get cs_base(): number { return this.#memory.getUint32(this.#base + 0x108, true); }
  set cs_base(value: number) { this.#memory.setUint32(this.#base + 0x108, value, true); }
  /** 0x10c uint32 */
  get ss_base(): number { return this.#memory.getUint32(this.#base + 0x10c, true); }
  set ss_base(value: number) { this.#memory.setUint32(this.#base + 0x10c, value, true); }
  /** 0x110 uint32 */
  get ds_base(): number { return this.#memory.getUint32(this.#base + 0x110, true); }
  set ds_base(value: number) { this.#memory.setUint32(this.#base + 0x110, value, true); }
  /** 0x114 uint32 */
  get es_base(): number { return this.#memory.getUint32(this.#base + 0x114, true); }
  set es_base(value: number) { this.#memory.setUint32(this.#base + 0x114, value, true); }
  /** 0x118 uint64 */
  get fs_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x118, true); }
  set fs_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x118, value, true); }
  /** 0x120 uint64 */
  get gs_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x120, true); }
  set gs_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x120, value, true); }
  /** 0x128 uint32: limit in bits 0-19, in pages where G is set; attributes above */
  get cs(): number { return this.#memory.getUint32(this.#base + 0x128, true); }
  set cs(value: number) { this.#memory.setUint32(this.#base + 0x128, value, true); }
  /** 0x12c uint32: limit in bits 0-19, in pages where G is set; attributes above */
  get ss(): number { return this.#memory.getUint32(this.#base + 0x12c, true); }
  set ss(value: number) { this.#memory.setUint32(this.#base + 0x12c, value, true); }
  /** 0x130 uint32: limit in bits 0-19, in pages where G is set; attributes above */
  get ds(): number { return this.#memory.getUint32(this.#base + 0x130, true); }
  set ds(value: number) { this.#memory.setUint32(this.#base + 0x130, value, true); }
  /** 0x134 uint32: limit in bits 0-19, in pages where G is set; attributes above */
  get es(): number { return this.#memory.getUint32(this.#base + 0x134, true); }
  set es(value: number) { this.#memory.setUint32(this.#base + 0x134, value, true); }
  /** 0x138 uint32: limit in bits 0-19, in pages where G is set; attributes above */
  get fs(): number { return this.#memory.getUint32(this.#base + 0x138, true); }
  set fs(value: number) { this.#memory.setUint32(this.#base + 0x138, value, true); }
  /** 0x13c uint32: limit in bits 0-19, in pages where G is set; attributes above */
  get gs(): number { return this.#memory.getUint32(this.#base + 0x13c, true); }
  set gs(value: number) { this.#memory.setUint32(this.#base + 0x13c, value, true); }
  /** 0x140 uint64 */
  get shadow_gs(): bigint { return this.#memory.getBigUint64(this.#base + 0x140, true); }
  set shadow_gs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x140, value, true); }
  /** 0x148 uint16 */
  get gdtr_limit(): number { return this.#memory.getUint16(this.#base + 0x148, true); }
  set gdtr_limit(value: number) { this.#memory.setUint16(this.#base + 0x148, value, true); }
  /** 0x14a uint16 */
  get cs_sel(): number { return this.#memory.getUint16(this.#base + 0x14a, true); }
  set cs_sel(value: number) { this.#memory.setUint16(this.#base + 0x14a, value, true); }
  /** 0x14c uint16 */
  get ss_sel(): number { return this.#memory.getUint16(this.#base + 0x14c, true); }
  set ss_sel(value: number) { this.#memory.setUint16(this.#base + 0x14c, value, true); }
  /** 0x14e uint16 */
  get ds_sel(): number { return this.#memory.getUint16(this.#base + 0x14e, true); }
  set ds_sel(value: number) { this.#memory.setUint16(this.#base + 0x14e, value, true); }
  /** 0x150 uint16 */
  get es_sel(): number { return this.#memory.getUint16(this.#base + 0x150, true); }
  set es_sel(value: number) { this.#memory.setUint16(this.#base + 0x150, value, true); }
  /** 0x152 uint16 */
  get fs_sel(): number { return this.#memory.getUint16(this.#base + 0x152, true); }
  set fs_sel(value: number) { this.#memory.setUint16(this.#base + 0x152, value, true); }
  /** 0x154 uint16 */
  get gs_sel(): number { return this.#memory.getUint16(this.#base + 0x154, true); }
  set gs_sel(value: number) { this.#memory.setUint16(this.#base + 0x154, value, true); }
  /** 0x156 uint16 */
  get _pad(): number { return this.#memory.getUint16(this.#base + 0x156, true); }
  set _pad(value: number) { this.#memory.setUint16(this.#base + 0x156, value, true); }
}
