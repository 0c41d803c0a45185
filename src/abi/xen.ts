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
  get bitmapHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  /** 0x8 uint32 */
  get nr_bits(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_bits(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}
