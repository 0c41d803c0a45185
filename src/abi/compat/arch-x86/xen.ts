// public/arch-x86/xen.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, setLow32 } from '../../accessors.ts';
import { CompatCpuUserRegs } from '../../arch-x86/xen-x86_32.ts';
import type { Mfn } from '../../xen.ts';

/** struct trap_info, as 32-bit code lays it out. */
export class CompatTrapInfo {
  static readonly C_NAME = 'struct trap_info';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8 */
  get vector(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set vector(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: bits 0-1 the privilege that may raise it by software, bit 2 mask events on entry */
  get flags(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set flags(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16 */
  get cs(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set cs(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: 0 ends the list */
  get address(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x4, true)); }
  set address(value: bigint) { setLow32(this.#memory, this.#base + 0x4, value); }
}

/** struct vcpu_guest_context, as 32-bit code lays it out. */
export class CompatVcpuGuestContext {
  static readonly C_NAME = 'struct vcpu_guest_context';
  static readonly SIZE = 0xaf0;
  static readonly LENGTH_trap_ctxt = 256;
  static readonly LENGTH_gdt_frames = 16;
  static readonly LENGTH_ctrlreg = 8;
  static readonly LENGTH_debugreg = 8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 512 bytes: FXSAVE image */
  get fpu_ctxt(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 512); }
  /** 0x200 uint32: VGCF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x200, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x200, value, true); }
  /** 0x204 struct */
  get user_regs(): CompatCpuUserRegs { return new CompatCpuUserRegs(this.#memory, this.#base + 0x204); }
  /** 0x248 256 of 0x8 bytes */
  trap_ctxt(i: number): CompatTrapInfo { return new CompatTrapInfo(this.#memory, this.#base + 0x248 + i * 0x8); }
  /** 0xa48 uint32 */
  get ldt_base(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xa48, true)); }
  set ldt_base(value: bigint) { setLow32(this.#memory, this.#base + 0xa48, value); }
  /** 0xa4c uint32 */
  get ldt_ents(): number { return this.#memory.getUint32(this.#base + 0xa4c, true); }
  set ldt_ents(value: number) { this.#memory.setUint32(this.#base + 0xa4c, value, true); }
  /** 0xa50 uint32, 16 of them */
  gdt_frames(i: number): Mfn { return this.#memory.getUint32(this.#base + 0xa50 + i * 4, true) as Mfn; }
  set_gdt_frames(i: number, value: Mfn) { this.#memory.setUint32(this.#base + 0xa50 + i * 4, value, true); }
  /** 0xa90 uint32 */
  get gdt_ents(): number { return this.#memory.getUint32(this.#base + 0xa90, true); }
  set gdt_ents(value: number) { this.#memory.setUint32(this.#base + 0xa90, value, true); }
  /** 0xa94 uint32 */
  get kernel_ss(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xa94, true)); }
  set kernel_ss(value: bigint) { setLow32(this.#memory, this.#base + 0xa94, value); }
  /** 0xa98 uint32 */
  get kernel_sp(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xa98, true)); }
  set kernel_sp(value: bigint) { setLow32(this.#memory, this.#base + 0xa98, value); }
  /** 0xa9c uint32, 8 of them: CR0 to CR7; 1 is the user page table of a 64-bit guest */
  ctrlreg(i: number): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xa9c + i * 4, true)); }
  set_ctrlreg(i: number, value: bigint) { setLow32(this.#memory, this.#base + 0xa9c + i * 4, value); }
  /** 0xabc uint32, 8 of them */
  debugreg(i: number): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xabc + i * 4, true)); }
  set_debugreg(i: number, value: bigint) { setLow32(this.#memory, this.#base + 0xabc + i * 4, value); }
  /** 0xadc uint32 */
  get event_callback_cs(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xadc, true)); }
  set event_callback_cs(value: bigint) { setLow32(this.#memory, this.#base + 0xadc, value); }
  /** 0xae0 uint32 */
  get event_callback_eip(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xae0, true)); }
  set event_callback_eip(value: bigint) { setLow32(this.#memory, this.#base + 0xae0, value); }
  /** 0xae4 uint32 */
  get failsafe_callback_cs(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xae4, true)); }
  set failsafe_callback_cs(value: bigint) { setLow32(this.#memory, this.#base + 0xae4, value); }
  /** 0xae8 uint32 */
  get failsafe_callback_eip(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xae8, true)); }
  set failsafe_callback_eip(value: bigint) { setLow32(this.#memory, this.#base + 0xae8, value); }
  /** 0xaec uint32: a bit for each VMASST_TYPE_* */
  get vm_assist(): number { return this.#memory.getUint32(this.#base + 0xaec, true); }
  set vm_assist(value: number) { this.#memory.setUint32(this.#base + 0xaec, value, true); }
}

/** struct arch_shared_info, as 32-bit code lays it out. */
export class CompatArchSharedInfo {
  static readonly C_NAME = 'struct arch_shared_info';
  static readonly SIZE = 0x1c;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: entries of the P2M */
  get max_pfn(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set max_pfn(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: root of the three-level list */
  get pfn_to_mfn_frame_list_list(): Mfn { return this.#memory.getUint32(this.#base + 0x4, true) as Mfn; }
  set pfn_to_mfn_frame_list_list(value: Mfn) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get nmi_reason(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nmi_reason(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: address space of p2m_vaddr; 0 while the three-level list is used */
  get p2m_cr3(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xc, true)); }
  set p2m_cr3(value: bigint) { setLow32(this.#memory, this.#base + 0xc, value); }
  /** 0x10 uint32: the linear P2M */
  get p2m_vaddr(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x10, true)); }
  set p2m_vaddr(value: bigint) { setLow32(this.#memory, this.#base + 0x10, value); }
  /** 0x14 uint32: odd while the guest changes it */
  get p2m_generation(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set p2m_generation(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32: high half of shared_info.wc_sec */
  get wc_sec_hi(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set wc_sec_hi(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
}
