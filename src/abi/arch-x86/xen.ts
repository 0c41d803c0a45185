// public/arch-x86/xen.h
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from '../accessors.ts';
import type { Mfn } from '../xen.ts';
import { CpuUserRegs } from './xen-x86_64.ts';

export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_BYTE = 57344;
export const FIRST_RESERVED_GDT_ENTRY = 7168;
export const XEN_LEGACY_MAX_VCPUS = 32;

/** struct trap_info: one row of a PV guest's virtual IDT */
export class TrapInfo {
  static readonly C_NAME = 'struct trap_info';
  static readonly SIZE = 0x10;
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
  /** 0x8 uint64: 0 ends the list */
  get address(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set address(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

export const VGCF_I387_VALID = 1 << 0;
export const VGCF_IN_KERNEL = 1 << 2;
export const _VGCF_i387_valid = 0;
export const VGCF_i387_valid = 1 << 0;
export const _VGCF_in_kernel = 2;
export const VGCF_in_kernel = 1 << 2;
export const _VGCF_failsafe_disables_events = 3;
export const VGCF_failsafe_disables_events = 1 << 3;
export const _VGCF_syscall_disables_events = 4;
export const VGCF_syscall_disables_events = 1 << 4;
export const _VGCF_online = 5;
export const VGCF_online = 1 << 5;

/** struct vcpu_guest_context: all of a PV vCPU's registers */
export class VcpuGuestContext {
  static readonly C_NAME = 'struct vcpu_guest_context';
  static readonly SIZE = 0x1430;
  static readonly LENGTH_trap_ctxt = 256;
  static readonly LENGTH_gdt_frames = 16;
  static readonly LENGTH_ctrlreg = 8;
  static readonly LENGTH_debugreg = 8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 512 bytes: FXSAVE image */
  get fpu_ctxt(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 512); }
  /** 0x200 uint64: VGCF_* */
  get flags(): number { return getUint53(this.#memory, this.#base + 0x200); }
  set flags(value: number) { setUint53(this.#memory, this.#base + 0x200, value); }
  /** 0x208 struct */
  get user_regs(): CpuUserRegs { return new CpuUserRegs(this.#memory, this.#base + 0x208); }
  /** 0x2d0 256 of 0x10 bytes */
  trap_ctxt(i: number): TrapInfo { return new TrapInfo(this.#memory, this.#base + 0x2d0 + i * 0x10); }
  /** 0x12d0 uint64 */
  get ldt_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x12d0, true); }
  set ldt_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x12d0, value, true); }
  /** 0x12d8 uint64 */
  get ldt_ents(): number { return getUint53(this.#memory, this.#base + 0x12d8); }
  set ldt_ents(value: number) { setUint53(this.#memory, this.#base + 0x12d8, value); }
  /** 0x12e0 uint64, 16 of them */
  gdt_frames(i: number): Mfn { return getUint53(this.#memory, this.#base + 0x12e0 + i * 8) as Mfn; }
  set_gdt_frames(i: number, value: Mfn) { setUint53(this.#memory, this.#base + 0x12e0 + i * 8, value); }
  /** 0x1360 uint64 */
  get gdt_ents(): number { return getUint53(this.#memory, this.#base + 0x1360); }
  set gdt_ents(value: number) { setUint53(this.#memory, this.#base + 0x1360, value); }
  /** 0x1368 uint64 */
  get kernel_ss(): bigint { return this.#memory.getBigUint64(this.#base + 0x1368, true); }
  set kernel_ss(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1368, value, true); }
  /** 0x1370 uint64 */
  get kernel_sp(): bigint { return this.#memory.getBigUint64(this.#base + 0x1370, true); }
  set kernel_sp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1370, value, true); }
  /** 0x1378 uint64, 8 of them: CR0 to CR7; 1 is the user page table of a 64-bit guest */
  ctrlreg(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x1378 + i * 8, true); }
  set_ctrlreg(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x1378 + i * 8, value, true); }
  /** 0x13b8 uint64, 8 of them */
  debugreg(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x13b8 + i * 8, true); }
  set_debugreg(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x13b8 + i * 8, value, true); }
  /** 0x13f8 uint64 */
  get event_callback_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0x13f8, true); }
  set event_callback_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x13f8, value, true); }
  /** 0x1400 uint64 */
  get failsafe_callback_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0x1400, true); }
  set failsafe_callback_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1400, value, true); }
  /** 0x1408 uint64 */
  get syscall_callback_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0x1408, true); }
  set syscall_callback_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1408, value, true); }
  /** 0x1410 uint64: a bit for each VMASST_TYPE_* */
  get vm_assist(): number { return getUint53(this.#memory, this.#base + 0x1410); }
  set vm_assist(value: number) { setUint53(this.#memory, this.#base + 0x1410, value); }
  /** 0x1418 uint64 */
  get fs_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x1418, true); }
  set fs_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1418, value, true); }
  /** 0x1420 uint64 */
  get gs_base_kernel(): bigint { return this.#memory.getBigUint64(this.#base + 0x1420, true); }
  set gs_base_kernel(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1420, value, true); }
  /** 0x1428 uint64 */
  get gs_base_user(): bigint { return this.#memory.getBigUint64(this.#base + 0x1428, true); }
  set gs_base_user(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1428, value, true); }
}

/** struct arch_shared_info: where a PV guest keeps its P2M */
export class ArchSharedInfo {
  static readonly C_NAME = 'struct arch_shared_info';
  static readonly SIZE = 0x30;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: entries of the P2M */
  get max_pfn(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set max_pfn(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: root of the three-level list */
  get pfn_to_mfn_frame_list_list(): Mfn { return getUint53(this.#memory, this.#base + 0x8) as Mfn; }
  set pfn_to_mfn_frame_list_list(value: Mfn) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64 */
  get nmi_reason(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set nmi_reason(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64: address space of p2m_vaddr; 0 while the three-level list is used */
  get p2m_cr3(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set p2m_cr3(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  /** 0x20 uint64: the linear P2M */
  get p2m_vaddr(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set p2m_vaddr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  /** 0x28 uint64: odd while the guest changes it */
  get p2m_generation(): number { return getUint53(this.#memory, this.#base + 0x28); }
  set p2m_generation(value: number) { setUint53(this.#memory, this.#base + 0x28, value); }
}

// xen_arch_domainconfig: which devices Xen itself emulates.
export const _XEN_X86_EMU_LAPIC = 0;
export const XEN_X86_EMU_LAPIC = 1 << 0;
export const _XEN_X86_EMU_HPET = 1;
export const XEN_X86_EMU_HPET = 1 << 1;
export const _XEN_X86_EMU_PM = 2;
export const XEN_X86_EMU_PM = 1 << 2;
export const _XEN_X86_EMU_RTC = 3;
export const XEN_X86_EMU_RTC = 1 << 3;
export const _XEN_X86_EMU_IOAPIC = 4;
export const XEN_X86_EMU_IOAPIC = 1 << 4;
export const _XEN_X86_EMU_PIC = 5;
export const XEN_X86_EMU_PIC = 1 << 5;
export const _XEN_X86_EMU_VGA = 6;
export const XEN_X86_EMU_VGA = 1 << 6;
export const _XEN_X86_EMU_IOMMU = 7;
export const XEN_X86_EMU_IOMMU = 1 << 7;
export const _XEN_X86_EMU_PIT = 8;
export const XEN_X86_EMU_PIT = 1 << 8;
export const _XEN_X86_EMU_USE_PIRQ = 9;
export const XEN_X86_EMU_USE_PIRQ = 1 << 9;
export const _XEN_X86_EMU_VPCI = 10;
export const XEN_X86_EMU_VPCI = 1 << 10;
export const XEN_X86_EMU_ALL = 0x7ff;
export const XEN_X86_MSR_RELAXED = 1 << 0; // unknown MSRs read as 0 and swallow writes
export const XEN_X86_MISC_FLAGS_MAX = 1;

/** struct xen_arch_domainconfig: x86's part of XEN_DOMCTL_createdomain */
export class XenArchDomainconfig {
  static readonly C_NAME = 'struct xen_arch_domainconfig';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_X86_EMU_* */
  get emulation_flags(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set emulation_flags(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_X86_MSR_RELAXED */
  get misc_flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set misc_flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

export const XEN_CPUID_NO_SUBLEAF = 0xffffffff;

/** struct xen_cpuid_leaf: one row of a domain's CPUID policy */
export class XenCpuidLeaf {
  static readonly C_NAME = 'struct xen_cpuid_leaf';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get leaf(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set leaf(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: or XEN_CPUID_NO_SUBLEAF */
  get subleaf(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set subleaf(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get a(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set a(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get b(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set b(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32 */
  get c(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set c(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get d(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set d(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}

/** struct xen_msr_entry: one row of a domain's MSR policy */
export class XenMsrEntry {
  static readonly C_NAME = 'struct xen_msr_entry';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get idx(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set idx(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: 0 */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get val(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set val(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get valLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set valLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get valHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set valHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

// The "port E9 hack": bytes written here reach Xen's log.
export const XEN_HVM_DEBUGCONS_IOPORT = 0xe9;
