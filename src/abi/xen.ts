// public/xen.h — what every domain shares with the hypervisor
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from './accessors.ts';
import { ArchVcpuInfo } from './arch-x86/xen-x86_64.ts';
import { ArchSharedInfo } from './arch-x86/xen.ts';

declare const brand: unique symbol;
/** A guest's own frame number. */
export type Gfn = number & { readonly [brand]: 'Gfn' };
/** A machine frame number. */
export type Mfn = number & { readonly [brand]: 'Mfn' };
/** A domain's number, or one of DOMID_*. */
export type Domid = number & { readonly [brand]: 'Domid' };
/** An event channel port of one domain. */
export type Port = number & { readonly [brand]: 'Port' };
/** An index into one domain's grant table. */
export type GrantRef = number & { readonly [brand]: 'GrantRef' };

export const gfn = (n: number): Gfn => n as Gfn;
export const mfn = (n: number): Mfn => n as Mfn;
export const domid = (n: number): Domid => n as Domid;
export const port = (n: number): Port => n as Port;
export const grantRef = (n: number): GrantRef => n as GrantRef;

// Hypercall numbers.
export const __HYPERVISOR_set_trap_table = 0;
export const __HYPERVISOR_mmu_update = 1;
export const __HYPERVISOR_set_gdt = 2;
export const __HYPERVISOR_stack_switch = 3;
export const __HYPERVISOR_set_callbacks = 4;
export const __HYPERVISOR_fpu_taskswitch = 5;
export const __HYPERVISOR_sched_op_compat = 6; // until 3.1
export const __HYPERVISOR_platform_op = 7;
export const __HYPERVISOR_set_debugreg = 8;
export const __HYPERVISOR_get_debugreg = 9;
export const __HYPERVISOR_update_descriptor = 10;
export const __HYPERVISOR_memory_op = 12;
export const __HYPERVISOR_multicall = 13;
export const __HYPERVISOR_update_va_mapping = 14;
export const __HYPERVISOR_set_timer_op = 15;
export const __HYPERVISOR_event_channel_op_compat = 16; // until 3.2
export const __HYPERVISOR_xen_version = 17;
export const __HYPERVISOR_console_io = 18;
export const __HYPERVISOR_physdev_op_compat = 19; // until 3.2
export const __HYPERVISOR_grant_table_op = 20;
export const __HYPERVISOR_vm_assist = 21;
export const __HYPERVISOR_update_va_mapping_otherdomain = 22;
export const __HYPERVISOR_iret = 23;
export const __HYPERVISOR_vcpu_op = 24;
export const __HYPERVISOR_set_segment_base = 25;
export const __HYPERVISOR_mmuext_op = 26;
export const __HYPERVISOR_xsm_op = 27;
export const __HYPERVISOR_nmi_op = 28;
export const __HYPERVISOR_sched_op = 29;
export const __HYPERVISOR_callback_op = 30;
export const __HYPERVISOR_xenoprof_op = 31;
export const __HYPERVISOR_event_channel_op = 32;
export const __HYPERVISOR_physdev_op = 33;
export const __HYPERVISOR_hvm_op = 34;
export const __HYPERVISOR_sysctl = 35;
export const __HYPERVISOR_domctl = 36;
export const __HYPERVISOR_kexec_op = 37;
export const __HYPERVISOR_tmem_op = 38;
export const __HYPERVISOR_argo_op = 39;
export const __HYPERVISOR_xenpmu_op = 40;
export const __HYPERVISOR_dm_op = 41;
export const __HYPERVISOR_hypfs_op = 42;
export const __HYPERVISOR_arch_0 = 48; // mca on x86
export const __HYPERVISOR_arch_1 = 49; // paging_domctl_cont on x86
export const __HYPERVISOR_arch_2 = 50;
export const __HYPERVISOR_arch_3 = 51;
export const __HYPERVISOR_arch_4 = 52;
export const __HYPERVISOR_arch_5 = 53;
export const __HYPERVISOR_arch_6 = 54;
export const __HYPERVISOR_arch_7 = 55;

// Virtual interrupts. [vcpu] is bound once on each vCPU, [domain] once in a domain, [dom0] goes to the control domain.
export const VIRQ_TIMER = 0; // [vcpu] the time that was asked for has come
export const VIRQ_DEBUG = 1; // [vcpu] dump your state
export const VIRQ_CONSOLE = 2; // [dom0] input on the emergency console
export const VIRQ_DOM_EXC = 3; // [dom0] a domain died, or is about to
export const VIRQ_TBUF = 4; // [dom0] trace records wait
export const VIRQ_DEBUGGER = 6; // [dom0] a domain stopped for its debugger
export const VIRQ_XENOPROF = 7; // [vcpu] a profile sample
export const VIRQ_CON_RING = 8; // [dom0] the console ring has new text
export const VIRQ_PCPU_STATE = 9; // [dom0] a physical CPU came or went
export const VIRQ_MEM_EVENT = 10; // [dom0] a memory event
export const VIRQ_ARGO = 11; // [domain] an Argo message
export const VIRQ_ENOMEM = 12; // [dom0] the heap runs low
export const VIRQ_XENPMU = 13; // [vcpu] a performance counter overflowed
export const VIRQ_ARCH_0 = 16;
export const VIRQ_ARCH_1 = 17;
export const VIRQ_ARCH_2 = 18;
export const VIRQ_ARCH_3 = 19;
export const VIRQ_ARCH_4 = 20;
export const VIRQ_ARCH_5 = 21;
export const VIRQ_ARCH_6 = 22;
export const VIRQ_ARCH_7 = 23;
export const NR_VIRQS = 24;

// mmu_update: the low two bits of mmu_update.ptr.
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 1;
export const MMU_PT_UPDATE_PRESERVE_AD = 2;
export const MMU_PT_UPDATE_NO_TRANSLATE = 3;

// mmuext_op: mmuext_op.cmd.
export const MMUEXT_PIN_L1_TABLE = 0;
export const MMUEXT_PIN_L2_TABLE = 1;
export const MMUEXT_PIN_L3_TABLE = 2;
export const MMUEXT_PIN_L4_TABLE = 3;
export const MMUEXT_UNPIN_TABLE = 4;
export const MMUEXT_NEW_BASEPTR = 5;
export const MMUEXT_TLB_FLUSH_LOCAL = 6;
export const MMUEXT_INVLPG_LOCAL = 7;
export const MMUEXT_TLB_FLUSH_MULTI = 8;
export const MMUEXT_INVLPG_MULTI = 9;
export const MMUEXT_TLB_FLUSH_ALL = 10;
export const MMUEXT_INVLPG_ALL = 11;
export const MMUEXT_FLUSH_CACHE = 12;
export const MMUEXT_SET_LDT = 13;
export const MMUEXT_NEW_USER_BASEPTR = 15;
export const MMUEXT_CLEAR_PAGE = 16;
export const MMUEXT_COPY_PAGE = 17;
export const MMUEXT_FLUSH_CACHE_GLOBAL = 18;
export const MMUEXT_MARK_SUPER = 19;
export const MMUEXT_UNMARK_SUPER = 20;

// update_va_mapping: flags.
export const UVMF_NONE = 0;
export const UVMF_TLB_FLUSH = 1 << 0;
export const UVMF_INVLPG = 1 << 1;
export const UVMF_FLUSHTYPE_MASK = 3;
export const UVMF_MULTI = 0;
export const UVMF_LOCAL = 0;
export const UVMF_ALL = 1 << 2;

// console_io: cmd.
export const CONSOLEIO_write = 0;
export const CONSOLEIO_read = 1;

// vm_assist: cmd and type.
export const VMASST_CMD_enable = 0;
export const VMASST_CMD_disable = 1;
export const VMASST_TYPE_4gb_segments = 0;
export const VMASST_TYPE_4gb_segments_notify = 1;
export const VMASST_TYPE_writable_pagetables = 2;
export const VMASST_TYPE_pae_extended_cr3 = 3;
export const VMASST_TYPE_architectural_iopl = 4;
export const VMASST_TYPE_runstate_update_flag = 5; // mark an update of the runstate area with XEN_RUNSTATE_UPDATE
export const VMASST_TYPE_m2p_strict = 32; // keep the M2P out of user-mode page tables

// Domain ids from here up name no ordinary domain.
export const DOMID_FIRST_RESERVED = 0x7ff0;
export const DOMID_SELF = 0x7ff0 as Domid; // the caller
export const DOMID_IO = 0x7ff1 as Domid; // owner of device memory
export const DOMID_XEN = 0x7ff2 as Domid; // owner of the hypervisor's own pages
export const DOMID_COW = 0x7ff3 as Domid; // owner of shared pages
export const DOMID_INVALID = 0x7ff4 as Domid; // nobody
export const DOMID_IDLE = 0x7fff as Domid;
export const DOMID_MASK = 0x7fff;

/** struct mmu_update: one page-table write of HYPERVISOR_mmu_update */
export class MmuUpdate {
  static readonly C_NAME = 'struct mmu_update';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: machine address of the entry; the low two bits are MMU_* */
  get ptr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set ptr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get ptrLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set ptrLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get ptrHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set ptrHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: what to write */
  get val(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set val(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get valLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set valLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get valHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set valHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

/** struct multicall_entry: one call of HYPERVISOR_multicall */
export class MulticallEntry {
  static readonly C_NAME = 'struct multicall_entry';
  static readonly SIZE = 0x40;
  static readonly LENGTH_args = 6;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: a __HYPERVISOR_* number */
  get op(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set op(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: what the call returned */
  get result(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set result(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64, 6 of them */
  args(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x10 + i * 8, true); }
  set_args(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x10 + i * 8, value, true); }
}

/** struct vcpu_time_info: pvclock: how to make system time from the TSC */
export class VcpuTimeInfo {
  static readonly C_NAME = 'struct vcpu_time_info';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: odd while the rest is being written */
  get version(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get pad0(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pad0(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: the TSC when system_time was taken */
  get tsc_timestamp(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set tsc_timestamp(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get tsc_timestampLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set tsc_timestampLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get tsc_timestampHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set tsc_timestampHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: ns since the domain's boot, at tsc_timestamp */
  get system_time(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set system_time(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get system_timeLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set system_timeLo(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  get system_timeHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set system_timeHi(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32: 0.32 fixed-point ns a shifted tick */
  get tsc_to_system_mul(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set tsc_to_system_mul(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c int8: ticks are shifted left by this (right if negative) before the multiplication */
  get tsc_shift(): number { return this.#memory.getInt8(this.#base + 0x1c); }
  set tsc_shift(value: number) { this.#memory.setInt8(this.#base + 0x1c, value); }
  /** 0x1d uint8: XEN_PVCLOCK_* */
  get flags(): number { return this.#memory.getUint8(this.#base + 0x1d); }
  set flags(value: number) { this.#memory.setUint8(this.#base + 0x1d, value); }
  /** 0x1e 2 bytes */
  get pad1(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x1e, 2); }
}

export const XEN_PVCLOCK_TSC_STABLE_BIT = 1 << 0; // all vCPUs' clocks agree
export const XEN_PVCLOCK_GUEST_STOPPED = 1 << 1; // the domain was paused by its host

/** struct vcpu_info: what Xen tells one vCPU */
export class VcpuInfo {
  static readonly C_NAME = 'struct vcpu_info';
  static readonly SIZE = 0x40;
  /** where the selector lies */
  static readonly AT_evtchn_pending_sel = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: non-zero when an event waits; the guest clears it before it looks */
  get evtchn_upcall_pending(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set evtchn_upcall_pending(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: non-zero forbids upcalls; PV only */
  get evtchn_upcall_mask(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set evtchn_upcall_mask(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x8 uint64: bit n: word n of evtchn_pending has news */
  get evtchn_pending_sel(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set evtchn_pending_sel(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get evtchn_pending_selLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set evtchn_pending_selLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get evtchn_pending_selHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set evtchn_pending_selHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 struct */
  get arch(): ArchVcpuInfo { return new ArchVcpuInfo(this.#memory, this.#base + 0x10); }
  /** 0x20 struct */
  get time(): VcpuTimeInfo { return new VcpuTimeInfo(this.#memory, this.#base + 0x20); }
}

/** struct shared_info: the page a domain and Xen both write */
export class SharedInfo {
  static readonly C_NAME = 'struct shared_info';
  static readonly SIZE = 0xc40;
  static readonly LENGTH_vcpu_info = 32;
  /** where the pending bitmap starts: port p is bit p % 32 of the 32-bit word p / 32, whatever the size of C's long */
  static readonly AT_evtchn_pending = 0x800;
  static readonly LENGTH_evtchn_pending = 128;
  /** where the mask bitmap starts, laid out as the pending one */
  static readonly AT_evtchn_mask = 0xa00;
  static readonly LENGTH_evtchn_mask = 128;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 32 of 0x40 bytes: of the first XEN_LEGACY_MAX_VCPUS vCPUs */
  vcpu_info(i: number): VcpuInfo { return new VcpuInfo(this.#memory, this.#base + 0x0 + i * 0x40); }
  /** 0x800 uint32, 128 of them: a bit a port, set by Xen, cleared by the guest */
  evtchn_pending(i: number): number { return this.#memory.getUint32(this.#base + 0x800 + i * 4, true); }
  set_evtchn_pending(i: number, value: number) { this.#memory.setUint32(this.#base + 0x800 + i * 4, value, true); }
  /** 0xa00 uint32, 128 of them: a bit a port, written by the guest alone */
  evtchn_mask(i: number): number { return this.#memory.getUint32(this.#base + 0xa00 + i * 4, true); }
  set_evtchn_mask(i: number, value: number) { this.#memory.setUint32(this.#base + 0xa00 + i * 4, value, true); }
  /** 0xc00 uint32: odd while the wall clock is being written */
  get wc_version(): number { return this.#memory.getUint32(this.#base + 0xc00, true); }
  set wc_version(value: number) { this.#memory.setUint32(this.#base + 0xc00, value, true); }
  /** 0xc04 uint32: Unix time at system time 0, low half */
  get wc_sec(): number { return this.#memory.getUint32(this.#base + 0xc04, true); }
  set wc_sec(value: number) { this.#memory.setUint32(this.#base + 0xc04, value, true); }
  /** 0xc08 uint32 */
  get wc_nsec(): number { return this.#memory.getUint32(this.#base + 0xc08, true); }
  set wc_nsec(value: number) { this.#memory.setUint32(this.#base + 0xc08, value, true); }
  /** 0xc0c uint32: high half of wc_sec */
  get wc_sec_hi(): number { return this.#memory.getUint32(this.#base + 0xc0c, true); }
  set wc_sec_hi(value: number) { this.#memory.setUint32(this.#base + 0xc0c, value, true); }
  /** 0xc10 struct */
  get arch(): ArchSharedInfo { return new ArchSharedInfo(this.#memory, this.#base + 0xc10); }
}

/** struct start_info: what a PV kernel finds at RSI */
export class StartInfo {
  static readonly C_NAME = 'struct start_info';
  static readonly SIZE = 0x490;
  static readonly C_PATHS = {
    mfn: 'console.domU.mfn', evtchn: 'console.domU.evtchn', info_off: 'console.dom0.info_off',
    info_size: 'console.dom0.info_size',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 32 bytes: "xen-<major>.<minor>-<platform>" */
  get magic(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 32); }
  /** 0x20 uint64: the domain's pages */
  get nr_pages(): number { return getUint53(this.#memory, this.#base + 0x20); }
  set nr_pages(value: number) { setUint53(this.#memory, this.#base + 0x20, value); }
  /** 0x28 uint64: machine address of shared_info */
  get shared_info(): number { return getUint53(this.#memory, this.#base + 0x28); }
  set shared_info(value: number) { setUint53(this.#memory, this.#base + 0x28, value); }
  /** 0x30 uint32: SIF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x30, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x38 uint64: XenStore's ring */
  get store_mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x38) as Mfn; }
  set store_mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x38, value); }
  /** 0x40 uint32: XenStore's event channel */
  get store_evtchn(): Port { return this.#memory.getUint32(this.#base + 0x40, true) as Port; }
  set store_evtchn(value: Port) { this.#memory.setUint32(this.#base + 0x40, value, true); }
  /** 0x48 uint64: console ring (domU) */
  get mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x48) as Mfn; }
  set mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x48, value); }
  /** 0x50 uint32: console's event channel (domU) */
  get evtchn(): Port { return this.#memory.getUint32(this.#base + 0x50, true) as Port; }
  set evtchn(value: Port) { this.#memory.setUint32(this.#base + 0x50, value, true); }
  /** 0x48 uint32: where dom0_vga_console_info lies in this struct (dom0) */
  get info_off(): number { return this.#memory.getUint32(this.#base + 0x48, true); }
  set info_off(value: number) { this.#memory.setUint32(this.#base + 0x48, value, true); }
  /** 0x4c uint32: its size (dom0) */
  get info_size(): number { return this.#memory.getUint32(this.#base + 0x4c, true); }
  set info_size(value: number) { this.#memory.setUint32(this.#base + 0x4c, value, true); }
  /** 0x58 uint64: virtual address of the top page table */
  get pt_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x58, true); }
  set pt_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x58, value, true); }
  /** 0x60 uint64 */
  get nr_pt_frames(): number { return getUint53(this.#memory, this.#base + 0x60); }
  set nr_pt_frames(value: number) { setUint53(this.#memory, this.#base + 0x60, value); }
  /** 0x68 uint64: virtual address of the initial P2M */
  get mfn_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x68, true); }
  set mfn_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x68, value, true); }
  /** 0x70 uint64: virtual address of the module, or its frame with SIF_MOD_START_PFN */
  get mod_start(): bigint { return this.#memory.getBigUint64(this.#base + 0x70, true); }
  set mod_start(value: bigint) { this.#memory.setBigUint64(this.#base + 0x70, value, true); }
  /** 0x78 uint64: bytes */
  get mod_len(): number { return getUint53(this.#memory, this.#base + 0x78); }
  set mod_len(value: number) { setUint53(this.#memory, this.#base + 0x78, value); }
  /** 0x80 1024 bytes: NUL-terminated */
  get cmd_line(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x80, 1024); }
  /** 0x480 uint64 */
  get first_p2m_pfn(): number { return getUint53(this.#memory, this.#base + 0x480); }
  set first_p2m_pfn(value: number) { setUint53(this.#memory, this.#base + 0x480, value); }
  /** 0x488 uint64 */
  get nr_p2m_frames(): number { return getUint53(this.#memory, this.#base + 0x488); }
  set nr_p2m_frames(value: number) { setUint53(this.#memory, this.#base + 0x488, value); }
}

export const MAX_GUEST_CMDLINE = 1024;
// start_info.flags, hvm_start_info.flags.
export const SIF_PRIVILEGED = 1 << 0; // may use privileged hypercalls
export const SIF_INITDOMAIN = 1 << 1; // this is dom0
export const SIF_MULTIBOOT_MOD = 1 << 2; // the module is a list of modules
export const SIF_MOD_START_PFN = 1 << 3; // mod_start is a frame number
export const SIF_VIRT_P2M_4TOOLS = 1 << 4; // the toolstack reads a linear P2M
export const SIF_PM_MASK = 0xff00; // power management options of dom0

/** struct xen_multiboot_mod_list: one module of a SIF_MULTIBOOT_MOD list */
export class XenMultibootModList {
  static readonly C_NAME = 'struct xen_multiboot_mod_list';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: offset of its first byte; 0 ends the list */
  get mod_start(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set mod_start(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: offset of its last byte */
  get mod_end(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set mod_end(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: offset of its command line */
  get cmdline(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set cmdline(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

export const XEN_VGATYPE_TEXT_MODE_3 = 0x03;
export const XEN_VGATYPE_VESA_LFB = 0x23;
export const XEN_VGATYPE_EFI_LFB = 0x70;

/** struct dom0_vga_console_info: the screen the firmware left to dom0 */
export class Dom0VgaConsoleInfo {
  static readonly C_NAME = 'struct dom0_vga_console_info';
  static readonly SIZE = 0x28;
  static readonly C_PATHS = {
    font_height: 'u.text_mode_3.font_height', cursor_x: 'u.text_mode_3.cursor_x', cursor_y: 'u.text_mode_3.cursor_y',
    rows: 'u.text_mode_3.rows', columns: 'u.text_mode_3.columns', width: 'u.vesa_lfb.width',
    height: 'u.vesa_lfb.height', bytes_per_line: 'u.vesa_lfb.bytes_per_line',
    bits_per_pixel: 'u.vesa_lfb.bits_per_pixel', lfb_base: 'u.vesa_lfb.lfb_base', lfb_size: 'u.vesa_lfb.lfb_size',
    red_pos: 'u.vesa_lfb.red_pos', red_size: 'u.vesa_lfb.red_size', green_pos: 'u.vesa_lfb.green_pos',
    green_size: 'u.vesa_lfb.green_size', blue_pos: 'u.vesa_lfb.blue_pos', blue_size: 'u.vesa_lfb.blue_size',
    rsvd_pos: 'u.vesa_lfb.rsvd_pos', rsvd_size: 'u.vesa_lfb.rsvd_size', gbl_caps: 'u.vesa_lfb.gbl_caps',
    mode_attrs: 'u.vesa_lfb.mode_attrs', pad: 'u.vesa_lfb.pad', ext_lfb_base: 'u.vesa_lfb.ext_lfb_base',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: XEN_VGATYPE_* */
  get video_type(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set video_type(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x4 uint16: pixels */
  get font_height(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set font_height(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get cursor_x(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set cursor_x(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint16 */
  get cursor_y(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set cursor_y(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16 */
  get rows(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set rows(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
  /** 0xc uint16 */
  get columns(): number { return this.#memory.getUint16(this.#base + 0xc, true); }
  set columns(value: number) { this.#memory.setUint16(this.#base + 0xc, value, true); }
  /** 0x4 uint16 */
  get width(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set width(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get height(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set height(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint16 */
  get bytes_per_line(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set bytes_per_line(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16 */
  get bits_per_pixel(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set bits_per_pixel(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
  /** 0xc uint32: physical address, low half */
  get lfb_base(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set lfb_base(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32: in 64 KiB */
  get lfb_size(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set lfb_size(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint8 */
  get red_pos(): number { return this.#memory.getUint8(this.#base + 0x14); }
  set red_pos(value: number) { this.#memory.setUint8(this.#base + 0x14, value); }
  /** 0x15 uint8 */
  get red_size(): number { return this.#memory.getUint8(this.#base + 0x15); }
  set red_size(value: number) { this.#memory.setUint8(this.#base + 0x15, value); }
  /** 0x16 uint8 */
  get green_pos(): number { return this.#memory.getUint8(this.#base + 0x16); }
  set green_pos(value: number) { this.#memory.setUint8(this.#base + 0x16, value); }
  /** 0x17 uint8 */
  get green_size(): number { return this.#memory.getUint8(this.#base + 0x17); }
  set green_size(value: number) { this.#memory.setUint8(this.#base + 0x17, value); }
  /** 0x18 uint8 */
  get blue_pos(): number { return this.#memory.getUint8(this.#base + 0x18); }
  set blue_pos(value: number) { this.#memory.setUint8(this.#base + 0x18, value); }
  /** 0x19 uint8 */
  get blue_size(): number { return this.#memory.getUint8(this.#base + 0x19); }
  set blue_size(value: number) { this.#memory.setUint8(this.#base + 0x19, value); }
  /** 0x1a uint8 */
  get rsvd_pos(): number { return this.#memory.getUint8(this.#base + 0x1a); }
  set rsvd_pos(value: number) { this.#memory.setUint8(this.#base + 0x1a, value); }
  /** 0x1b uint8 */
  get rsvd_size(): number { return this.#memory.getUint8(this.#base + 0x1b); }
  set rsvd_size(value: number) { this.#memory.setUint8(this.#base + 0x1b, value); }
  /** 0x1c uint32: VESA capabilities */
  get gbl_caps(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set gbl_caps(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint16: VESA mode attributes */
  get mode_attrs(): number { return this.#memory.getUint16(this.#base + 0x20, true); }
  set mode_attrs(value: number) { this.#memory.setUint16(this.#base + 0x20, value, true); }
  /** 0x22 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x22, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x22, value, true); }
  /** 0x24 uint32: physical address, high half */
  get ext_lfb_base(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set ext_lfb_base(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
}

/** struct xenctl_bitmap: a bitmap in the caller's memory */
export class XenctlBitmap {
  static readonly C_NAME = 'struct xenctl_bitmap';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: bytes, lowest bit first */
  get bitmap(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set bitmap(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get bitmapLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set bitmapLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get bitmapHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set bitmapHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get nr_bits(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_bits(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}
