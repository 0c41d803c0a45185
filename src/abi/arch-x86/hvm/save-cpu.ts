// public/arch-x86/hvm/save.h — the record of a vCPU's registers
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../../accessors.ts';

export const _XEN_X86_FPU_INITIALISED = 0;
export const XEN_X86_FPU_INITIALISED = 1 << 0;

/** struct hvm_hw_cpu: a vCPU's registers */
export class HvmHwCpu {
  static readonly C_NAME = 'struct hvm_hw_cpu';
  static readonly SIZE = 0x408;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 512 bytes: FXSAVE image */
  get fpu_regs(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 512); }
  /** 0x200 uint64 */
  get rax(): bigint { return this.#memory.getBigUint64(this.#base + 0x200, true); }
  set rax(value: bigint) { this.#memory.setBigUint64(this.#base + 0x200, value, true); }
  /** 0x208 uint64 */
  get rbx(): bigint { return this.#memory.getBigUint64(this.#base + 0x208, true); }
  set rbx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x208, value, true); }
  /** 0x210 uint64 */
  get rcx(): bigint { return this.#memory.getBigUint64(this.#base + 0x210, true); }
  set rcx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x210, value, true); }
  /** 0x218 uint64 */
  get rdx(): bigint { return this.#memory.getBigUint64(this.#base + 0x218, true); }
  set rdx(value: bigint) { this.#memory.setBigUint64(this.#base + 0x218, value, true); }
  /** 0x220 uint64 */
  get rbp(): bigint { return this.#memory.getBigUint64(this.#base + 0x220, true); }
  set rbp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x220, value, true); }
  /** 0x228 uint64 */
  get rsi(): bigint { return this.#memory.getBigUint64(this.#base + 0x228, true); }
  set rsi(value: bigint) { this.#memory.setBigUint64(this.#base + 0x228, value, true); }
  /** 0x230 uint64 */
  get rdi(): bigint { return this.#memory.getBigUint64(this.#base + 0x230, true); }
  set rdi(value: bigint) { this.#memory.setBigUint64(this.#base + 0x230, value, true); }
  /** 0x238 uint64 */
  get rsp(): bigint { return this.#memory.getBigUint64(this.#base + 0x238, true); }
  set rsp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x238, value, true); }
  /** 0x240 uint64 */
  get r8(): bigint { return this.#memory.getBigUint64(this.#base + 0x240, true); }
  set r8(value: bigint) { this.#memory.setBigUint64(this.#base + 0x240, value, true); }
  /** 0x248 uint64 */
  get r9(): bigint { return this.#memory.getBigUint64(this.#base + 0x248, true); }
  set r9(value: bigint) { this.#memory.setBigUint64(this.#base + 0x248, value, true); }
  /** 0x250 uint64 */
  get r10(): bigint { return this.#memory.getBigUint64(this.#base + 0x250, true); }
  set r10(value: bigint) { this.#memory.setBigUint64(this.#base + 0x250, value, true); }
  /** 0x258 uint64 */
  get r11(): bigint { return this.#memory.getBigUint64(this.#base + 0x258, true); }
  set r11(value: bigint) { this.#memory.setBigUint64(this.#base + 0x258, value, true); }
  /** 0x260 uint64 */
  get r12(): bigint { return this.#memory.getBigUint64(this.#base + 0x260, true); }
  set r12(value: bigint) { this.#memory.setBigUint64(this.#base + 0x260, value, true); }
  /** 0x268 uint64 */
  get r13(): bigint { return this.#memory.getBigUint64(this.#base + 0x268, true); }
  set r13(value: bigint) { this.#memory.setBigUint64(this.#base + 0x268, value, true); }
  /** 0x270 uint64 */
  get r14(): bigint { return this.#memory.getBigUint64(this.#base + 0x270, true); }
  set r14(value: bigint) { this.#memory.setBigUint64(this.#base + 0x270, value, true); }
  /** 0x278 uint64 */
  get r15(): bigint { return this.#memory.getBigUint64(this.#base + 0x278, true); }
  set r15(value: bigint) { this.#memory.setBigUint64(this.#base + 0x278, value, true); }
  /** 0x280 uint64 */
  get rip(): bigint { return this.#memory.getBigUint64(this.#base + 0x280, true); }
  set rip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x280, value, true); }
  /** 0x288 uint64 */
  get rflags(): bigint { return this.#memory.getBigUint64(this.#base + 0x288, true); }
  set rflags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x288, value, true); }
  /** 0x290 uint64 */
  get cr0(): bigint { return this.#memory.getBigUint64(this.#base + 0x290, true); }
  set cr0(value: bigint) { this.#memory.setBigUint64(this.#base + 0x290, value, true); }
  /** 0x298 uint64 */
  get cr2(): bigint { return this.#memory.getBigUint64(this.#base + 0x298, true); }
  set cr2(value: bigint) { this.#memory.setBigUint64(this.#base + 0x298, value, true); }
  /** 0x2a0 uint64 */
  get cr3(): bigint { return this.#memory.getBigUint64(this.#base + 0x2a0, true); }
  set cr3(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2a0, value, true); }
  /** 0x2a8 uint64 */
  get cr4(): bigint { return this.#memory.getBigUint64(this.#base + 0x2a8, true); }
  set cr4(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2a8, value, true); }
  /** 0x2b0 uint64 */
  get dr0(): bigint { return this.#memory.getBigUint64(this.#base + 0x2b0, true); }
  set dr0(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2b0, value, true); }
  /** 0x2b8 uint64 */
  get dr1(): bigint { return this.#memory.getBigUint64(this.#base + 0x2b8, true); }
  set dr1(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2b8, value, true); }
  /** 0x2c0 uint64 */
  get dr2(): bigint { return this.#memory.getBigUint64(this.#base + 0x2c0, true); }
  set dr2(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2c0, value, true); }
  /** 0x2c8 uint64 */
  get dr3(): bigint { return this.#memory.getBigUint64(this.#base + 0x2c8, true); }
  set dr3(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2c8, value, true); }
  /** 0x2d0 uint64 */
  get dr6(): bigint { return this.#memory.getBigUint64(this.#base + 0x2d0, true); }
  set dr6(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2d0, value, true); }
  /** 0x2d8 uint64 */
  get dr7(): bigint { return this.#memory.getBigUint64(this.#base + 0x2d8, true); }
  set dr7(value: bigint) { this.#memory.setBigUint64(this.#base + 0x2d8, value, true); }
  /** 0x2e0 uint32 */
  get cs_sel(): number { return this.#memory.getUint32(this.#base + 0x2e0, true); }
  set cs_sel(value: number) { this.#memory.setUint32(this.#base + 0x2e0, value, true); }
  /** 0x2e4 uint32 */
  get ds_sel(): number { return this.#memory.getUint32(this.#base + 0x2e4, true); }
  set ds_sel(value: number) { this.#memory.setUint32(this.#base + 0x2e4, value, true); }
  /** 0x2e8 uint32 */
  get es_sel(): number { return this.#memory.getUint32(this.#base + 0x2e8, true); }
  set es_sel(value: number) { this.#memory.setUint32(this.#base + 0x2e8, value, true); }
  /** 0x2ec uint32 */
  get fs_sel(): number { return this.#memory.getUint32(this.#base + 0x2ec, true); }
  set fs_sel(value: number) { this.#memory.setUint32(this.#base + 0x2ec, value, true); }
  /** 0x2f0 uint32 */
  get gs_sel(): number { return this.#memory.getUint32(this.#base + 0x2f0, true); }
  set gs_sel(value: number) { this.#memory.setUint32(this.#base + 0x2f0, value, true); }
  /** 0x2f4 uint32 */
  get ss_sel(): number { return this.#memory.getUint32(this.#base + 0x2f4, true); }
  set ss_sel(value: number) { this.#memory.setUint32(this.#base + 0x2f4, value, true); }
  /** 0x2f8 uint32 */
  get tr_sel(): number { return this.#memory.getUint32(this.#base + 0x2f8, true); }
  set tr_sel(value: number) { this.#memory.setUint32(this.#base + 0x2f8, value, true); }
  /** 0x2fc uint32 */
  get ldtr_sel(): number { return this.#memory.getUint32(this.#base + 0x2fc, true); }
  set ldtr_sel(value: number) { this.#memory.setUint32(this.#base + 0x2fc, value, true); }
  /** 0x300 uint32 */
  get cs_limit(): number { return this.#memory.getUint32(this.#base + 0x300, true); }
  set cs_limit(value: number) { this.#memory.setUint32(this.#base + 0x300, value, true); }
  /** 0x304 uint32 */
  get ds_limit(): number { return this.#memory.getUint32(this.#base + 0x304, true); }
  set ds_limit(value: number) { this.#memory.setUint32(this.#base + 0x304, value, true); }
  /** 0x308 uint32 */
  get es_limit(): number { return this.#memory.getUint32(this.#base + 0x308, true); }
  set es_limit(value: number) { this.#memory.setUint32(this.#base + 0x308, value, true); }
  /** 0x30c uint32 */
  get fs_limit(): number { return this.#memory.getUint32(this.#base + 0x30c, true); }
  set fs_limit(value: number) { this.#memory.setUint32(this.#base + 0x30c, value, true); }
  /** 0x310 uint32 */
  get gs_limit(): number { return this.#memory.getUint32(this.#base + 0x310, true); }
  set gs_limit(value: number) { this.#memory.setUint32(this.#base + 0x310, value, true); }
  /** 0x314 uint32 */
  get ss_limit(): number { return this.#memory.getUint32(this.#base + 0x314, true); }
  set ss_limit(value: number) { this.#memory.setUint32(this.#base + 0x314, value, true); }
  /** 0x318 uint32 */
  get tr_limit(): number { return this.#memory.getUint32(this.#base + 0x318, true); }
  set tr_limit(value: number) { this.#memory.setUint32(this.#base + 0x318, value, true); }
  /** 0x31c uint32 */
  get ldtr_limit(): number { return this.#memory.getUint32(this.#base + 0x31c, true); }
  set ldtr_limit(value: number) { this.#memory.setUint32(this.#base + 0x31c, value, true); }
  /** 0x320 uint32 */
  get idtr_limit(): number { return this.#memory.getUint32(this.#base + 0x320, true); }
  set idtr_limit(value: number) { this.#memory.setUint32(this.#base + 0x320, value, true); }
  /** 0x324 uint32 */
  get gdtr_limit(): number { return this.#memory.getUint32(this.#base + 0x324, true); }
  set gdtr_limit(value: number) { this.#memory.setUint32(this.#base + 0x324, value, true); }
  /** 0x328 uint64 */
  get cs_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x328, true); }
  set cs_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x328, value, true); }
  /** 0x330 uint64 */
  get ds_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x330, true); }
  set ds_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x330, value, true); }
  /** 0x338 uint64 */
  get es_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x338, true); }
  set es_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x338, value, true); }
  /** 0x340 uint64 */
  get fs_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x340, true); }
  set fs_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x340, value, true); }
  /** 0x348 uint64 */
  get gs_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x348, true); }
  set gs_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x348, value, true); }
  /** 0x350 uint64 */
  get ss_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x350, true); }
  set ss_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x350, value, true); }
  /** 0x358 uint64 */
  get tr_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x358, true); }
  set tr_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x358, value, true); }
  /** 0x360 uint64 */
  get ldtr_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x360, true); }
  set ldtr_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x360, value, true); }
  /** 0x368 uint64 */
  get idtr_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x368, true); }
  set idtr_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x368, value, true); }
  /** 0x370 uint64 */
  get gdtr_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x370, true); }
  set gdtr_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x370, value, true); }
  /** 0x378 uint32: attributes: type, S, DPL, P, AVL, L, D/B, G from bit 0 up */
  get cs_arbytes(): number { return this.#memory.getUint32(this.#base + 0x378, true); }
  set cs_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x378, value, true); }
  /** 0x37c uint32 */
  get ds_arbytes(): number { return this.#memory.getUint32(this.#base + 0x37c, true); }
  set ds_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x37c, value, true); }
  /** 0x380 uint32 */
  get es_arbytes(): number { return this.#memory.getUint32(this.#base + 0x380, true); }
  set es_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x380, value, true); }
  /** 0x384 uint32 */
  get fs_arbytes(): number { return this.#memory.getUint32(this.#base + 0x384, true); }
  set fs_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x384, value, true); }
  /** 0x388 uint32 */
  get gs_arbytes(): number { return this.#memory.getUint32(this.#base + 0x388, true); }
  set gs_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x388, value, true); }
  /** 0x38c uint32 */
  get ss_arbytes(): number { return this.#memory.getUint32(this.#base + 0x38c, true); }
  set ss_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x38c, value, true); }
  /** 0x390 uint32 */
  get tr_arbytes(): number { return this.#memory.getUint32(this.#base + 0x390, true); }
  set tr_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x390, value, true); }
  /** 0x394 uint32 */
  get ldtr_arbytes(): number { return this.#memory.getUint32(this.#base + 0x394, true); }
  set ldtr_arbytes(value: number) { this.#memory.setUint32(this.#base + 0x394, value, true); }
  /** 0x398 uint64 */
  get sysenter_cs(): bigint { return this.#memory.getBigUint64(this.#base + 0x398, true); }
  set sysenter_cs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x398, value, true); }
  /** 0x3a0 uint64 */
  get sysenter_esp(): bigint { return this.#memory.getBigUint64(this.#base + 0x3a0, true); }
  set sysenter_esp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3a0, value, true); }
  /** 0x3a8 uint64 */
  get sysenter_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0x3a8, true); }
  set sysenter_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3a8, value, true); }
  /** 0x3b0 uint64: MSR KERNEL_GS_BASE */
  get shadow_gs(): bigint { return this.#memory.getBigUint64(this.#base + 0x3b0, true); }
  set shadow_gs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3b0, value, true); }
  /** 0x3b8 uint64: not used */
  get msr_flags(): bigint { return this.#memory.getBigUint64(this.#base + 0x3b8, true); }
  set msr_flags(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3b8, value, true); }
  /** 0x3c0 uint64 */
  get msr_lstar(): bigint { return this.#memory.getBigUint64(this.#base + 0x3c0, true); }
  set msr_lstar(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3c0, value, true); }
  /** 0x3c8 uint64 */
  get msr_star(): bigint { return this.#memory.getBigUint64(this.#base + 0x3c8, true); }
  set msr_star(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3c8, value, true); }
  /** 0x3d0 uint64 */
  get msr_cstar(): bigint { return this.#memory.getBigUint64(this.#base + 0x3d0, true); }
  set msr_cstar(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3d0, value, true); }
  /** 0x3d8 uint64 */
  get msr_syscall_mask(): bigint { return this.#memory.getBigUint64(this.#base + 0x3d8, true); }
  set msr_syscall_mask(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3d8, value, true); }
  /** 0x3e0 uint64 */
  get msr_efer(): bigint { return this.#memory.getBigUint64(this.#base + 0x3e0, true); }
  set msr_efer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3e0, value, true); }
  /** 0x3e8 uint64 */
  get msr_tsc_aux(): bigint { return this.#memory.getBigUint64(this.#base + 0x3e8, true); }
  set msr_tsc_aux(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3e8, value, true); }
  /** 0x3f0 uint64 */
  get tsc(): bigint { return this.#memory.getBigUint64(this.#base + 0x3f0, true); }
  set tsc(value: bigint) { this.#memory.setBigUint64(this.#base + 0x3f0, value, true); }
  get tscLo(): number { return this.#memory.getUint32(this.#base + 0x3f0, true); }
  set tscLo(value: number) { this.#memory.setUint32(this.#base + 0x3f0, value, true); }
  get tscHi(): number { return this.#memory.getUint32(this.#base + 0x3f4, true); }
  set tscHi(value: number) { this.#memory.setUint32(this.#base + 0x3f4, value, true); }
  /** 0x3f8 uint32: bits 0-7 vector, 8-10 type, 11 error code is valid, 31 an event is pending */
  get pending_event(): number { return this.#memory.getUint32(this.#base + 0x3f8, true); }
  set pending_event(value: number) { this.#memory.setUint32(this.#base + 0x3f8, value, true); }
  /** 0x3fc uint32: of the pending event */
  get error_code(): number { return this.#memory.getUint32(this.#base + 0x3fc, true); }
  set error_code(value: number) { this.#memory.setUint32(this.#base + 0x3fc, value, true); }
  /** 0x400 uint32: XEN_X86_FPU_INITIALISED */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x400, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x400, value, true); }
  /** 0x404 uint32 */
  get pad0(): number { return this.#memory.getUint32(this.#base + 0x404, true); }
  set pad0(value: number) { this.#memory.setUint32(this.#base + 0x404, value, true); }
}
