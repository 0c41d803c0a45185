// public/domctl.h — a toolstack's control of one domain; the version Xen 4.17 takes
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from './accessors.ts';
import { XenArchDomainconfig } from './arch-x86/xen.ts';
import type { Domid, Mfn } from './xen.ts';

export const XEN_DOMCTL_INTERFACE_VERSION = 0x00000015;

// xen_domctl.cmd.
export const XEN_DOMCTL_createdomain = 1;
export const XEN_DOMCTL_destroydomain = 2;
export const XEN_DOMCTL_pausedomain = 3;
export const XEN_DOMCTL_unpausedomain = 4;
export const XEN_DOMCTL_getdomaininfo = 5;
export const XEN_DOMCTL_setvcpuaffinity = 9;
export const XEN_DOMCTL_shadow_op = 10;
export const XEN_DOMCTL_max_mem = 11;
export const XEN_DOMCTL_setvcpucontext = 12;
export const XEN_DOMCTL_getvcpucontext = 13;
export const XEN_DOMCTL_getvcpuinfo = 14;
export const XEN_DOMCTL_max_vcpus = 15;
export const XEN_DOMCTL_scheduler_op = 16;
export const XEN_DOMCTL_setdomainhandle = 17;
export const XEN_DOMCTL_setdebugging = 18;
export const XEN_DOMCTL_irq_permission = 19;
export const XEN_DOMCTL_iomem_permission = 20;
export const XEN_DOMCTL_ioport_permission = 21;
export const XEN_DOMCTL_hypercall_init = 22;
export const XEN_DOMCTL_settimeoffset = 24;
export const XEN_DOMCTL_getvcpuaffinity = 25;
export const XEN_DOMCTL_real_mode_area = 26;
export const XEN_DOMCTL_resumedomain = 27;
export const XEN_DOMCTL_sendtrigger = 28;
export const XEN_DOMCTL_subscribe = 29;
export const XEN_DOMCTL_gethvmcontext = 33;
export const XEN_DOMCTL_sethvmcontext = 34;
export const XEN_DOMCTL_set_address_size = 35;
export const XEN_DOMCTL_get_address_size = 36;
export const XEN_DOMCTL_assign_device = 37;
export const XEN_DOMCTL_bind_pt_irq = 38;
export const XEN_DOMCTL_memory_mapping = 39;
export const XEN_DOMCTL_ioport_mapping = 40;
export const XEN_DOMCTL_set_ext_vcpucontext = 42;
export const XEN_DOMCTL_get_ext_vcpucontext = 43;
export const XEN_DOMCTL_set_opt_feature = 44;
export const XEN_DOMCTL_test_assign_device = 45;
export const XEN_DOMCTL_set_target = 46;
export const XEN_DOMCTL_deassign_device = 47;
export const XEN_DOMCTL_unbind_pt_irq = 48;
export const XEN_DOMCTL_get_device_group = 50;
export const XEN_DOMCTL_debug_op = 54;
export const XEN_DOMCTL_gethvmcontext_partial = 55;
export const XEN_DOMCTL_vm_event_op = 56;
export const XEN_DOMCTL_mem_sharing_op = 57;
export const XEN_DOMCTL_gettscinfo = 59;
export const XEN_DOMCTL_settscinfo = 60;
export const XEN_DOMCTL_getpageframeinfo3 = 61;
export const XEN_DOMCTL_setvcpuextstate = 62;
export const XEN_DOMCTL_getvcpuextstate = 63;
export const XEN_DOMCTL_set_access_required = 64;
export const XEN_DOMCTL_audit_p2m = 65;
export const XEN_DOMCTL_set_virq_handler = 66;
export const XEN_DOMCTL_set_broken_page_p2m = 67;
export const XEN_DOMCTL_setnodeaffinity = 68;
export const XEN_DOMCTL_getnodeaffinity = 69;
export const XEN_DOMCTL_cacheflush = 71;
export const XEN_DOMCTL_get_vcpu_msrs = 72;
export const XEN_DOMCTL_set_vcpu_msrs = 73;
export const XEN_DOMCTL_setvnumainfo = 74;
export const XEN_DOMCTL_psr_cmt_op = 75;
export const XEN_DOMCTL_monitor_op = 77;
export const XEN_DOMCTL_psr_alloc = 78;
export const XEN_DOMCTL_soft_reset = 79;
export const XEN_DOMCTL_vuart_op = 81;
export const XEN_DOMCTL_get_cpu_policy = 82;
export const XEN_DOMCTL_set_cpu_policy = 83;
export const XEN_DOMCTL_vmtrace_op = 84;
export const XEN_DOMCTL_get_paging_mempool_size = 85;
export const XEN_DOMCTL_set_paging_mempool_size = 86;
export const XEN_DOMCTL_gdbsx_guestmemio = 1000;
export const XEN_DOMCTL_gdbsx_pausevcpu = 1001;
export const XEN_DOMCTL_gdbsx_unpausevcpu = 1002;
export const XEN_DOMCTL_gdbsx_domstatus = 1003;

/** struct xen_domctl: the argument of every domctl */
export class XenDomctl {
  static readonly C_NAME = 'struct xen_domctl';
  static readonly SIZE = 0x90;
  static readonly C_PATHS = { pad: 'u.pad' };
  static readonly LENGTH__pad = 3;
  /** where the command's own struct lies */
  static readonly AT_u = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_DOMCTL_* */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_DOMCTL_INTERFACE_VERSION, else -EACCES */
  get interface_version(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set interface_version(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint16 */
  get domain(): Domid { return this.#memory.getUint16(this.#base + 0x8, true) as Domid; }
  set domain(value: Domid) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16, 3 of them */
  _pad(i: number): number { return this.#memory.getUint16(this.#base + 0xa + i * 2, true); }
  set__pad(i: number, value: number) { this.#memory.setUint16(this.#base + 0xa + i * 2, value, true); }
  /** 0x10 128 bytes: room for any command's struct */
  get pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x10, 128); }
}

// createdomain: flags.
export const _XEN_DOMCTL_CDF_hvm = 0;
export const XEN_DOMCTL_CDF_hvm = 1 << 0; // HVM or PVH, not PV
export const _XEN_DOMCTL_CDF_hap = 1;
export const XEN_DOMCTL_CDF_hap = 1 << 1; // paging by hardware
export const _XEN_DOMCTL_CDF_s3_integrity = 2;
export const XEN_DOMCTL_CDF_s3_integrity = 1 << 2; // trusted boot checks its memory
export const _XEN_DOMCTL_CDF_oos_off = 3;
export const XEN_DOMCTL_CDF_oos_off = 1 << 3; // no out-of-sync shadow pages
export const _XEN_DOMCTL_CDF_xs_domain = 4;
export const XEN_DOMCTL_CDF_xs_domain = 1 << 4; // it runs xenstored
export const _XEN_DOMCTL_CDF_iommu = 5;
export const XEN_DOMCTL_CDF_iommu = 1 << 5; // may get devices
export const _XEN_DOMCTL_CDF_nested_virt = 6;
export const XEN_DOMCTL_CDF_nested_virt = 1 << 6; // may run hypervisors
export const XEN_DOMCTL_CDF_vpmu = 1 << 7; // has performance counters
export const XEN_DOMCTL_CDF_MAX = 128;
export const _XEN_DOMCTL_IOMMU_no_sharept = 0;
export const XEN_DOMCTL_IOMMU_no_sharept = 1 << 0;
export const XEN_DOMCTL_IOMMU_MAX = 1;
export const XEN_DOMCTL_GRANT_version_mask = 0xf;

/** struct xen_domctl_createdomain: a new, empty, paused domain */
export class XenDomctlCreatedomain {
  static readonly C_NAME = 'struct xen_domctl_createdomain';
  static readonly SIZE = 0x40;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: security label */
  get ssidref(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set ssidref(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 16 bytes: UUID */
  get handle(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x4, 16); }
  /** 0x14 uint32: XEN_DOMCTL_CDF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32: XEN_DOMCTL_IOMMU_* */
  get iommu_opts(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set iommu_opts(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32 */
  get max_vcpus(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set max_vcpus(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint32 */
  get max_evtchn_port(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set max_evtchn_port(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  /** 0x24 int32: negative for the default */
  get max_grant_frames(): number { return this.#memory.getInt32(this.#base + 0x24, true); }
  set max_grant_frames(value: number) { this.#memory.setInt32(this.#base + 0x24, value, true); }
  /** 0x28 int32: negative for the default */
  get max_maptrack_frames(): number { return this.#memory.getInt32(this.#base + 0x28, true); }
  set max_maptrack_frames(value: number) { this.#memory.setInt32(this.#base + 0x28, value, true); }
  /** 0x2c uint32: highest grant table version, in XEN_DOMCTL_GRANT_version_mask */
  get grant_opts(): number { return this.#memory.getUint32(this.#base + 0x2c, true); }
  set grant_opts(value: number) { this.#memory.setUint32(this.#base + 0x2c, value, true); }
  /** 0x30 uint32: bytes a vCPU */
  get vmtrace_size(): number { return this.#memory.getUint32(this.#base + 0x30, true); }
  set vmtrace_size(value: number) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x34 uint32 */
  get cpupool_id(): number { return this.#memory.getUint32(this.#base + 0x34, true); }
  set cpupool_id(value: number) { this.#memory.setUint32(this.#base + 0x34, value, true); }
  /** 0x38 struct */
  get arch(): XenArchDomainconfig { return new XenArchDomainconfig(this.#memory, this.#base + 0x38); }
}

// getdomaininfo: flags; the reason of a shutdown (SHUTDOWN_*) is in the bits above shutdownshift.
export const _XEN_DOMINF_dying = 0;
export const XEN_DOMINF_dying = 1 << 0; // it is being destroyed
export const _XEN_DOMINF_hvm_guest = 1;
export const XEN_DOMINF_hvm_guest = 1 << 1; // HVM or PVH
export const _XEN_DOMINF_shutdown = 2;
export const XEN_DOMINF_shutdown = 1 << 2; // it ended, for the reason above
export const _XEN_DOMINF_paused = 3;
export const XEN_DOMINF_paused = 1 << 3; // by the toolstack
export const _XEN_DOMINF_blocked = 4;
export const XEN_DOMINF_blocked = 1 << 4; // all its vCPUs wait
export const _XEN_DOMINF_running = 5;
export const XEN_DOMINF_running = 1 << 5; // a vCPU is on a physical CPU
export const _XEN_DOMINF_debugged = 6;
export const XEN_DOMINF_debugged = 1 << 6; // paused for its debugger
export const _XEN_DOMINF_xs_domain = 7;
export const XEN_DOMINF_xs_domain = 1 << 7;
export const _XEN_DOMINF_hap = 8;
export const XEN_DOMINF_hap = 1 << 8;
export const XEN_DOMINF_shutdownmask = 255;
export const XEN_DOMINF_shutdownshift = 16;
export const XEN_INVALID_MAX_VCPU_ID = 0xffffffff;

/** struct xen_domctl_getdomaininfo: one domain's state */
export class XenDomctlGetdomaininfo {
  static readonly C_NAME = 'struct xen_domctl_getdomaininfo';
  static readonly SIZE = 0x70;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domain(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domain(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get pad1(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set pad1(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: XEN_DOMINF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get tot_pages(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set tot_pages(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64: all ones for no limit */
  get max_pages(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set max_pages(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64: claimed, not yet allocated */
  get outstanding_pages(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set outstanding_pages(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
  /** 0x20 uint64 */
  get shr_pages(): number { return getUint53(this.#memory, this.#base + 0x20); }
  set shr_pages(value: number) { setUint53(this.#memory, this.#base + 0x20, value); }
  /** 0x28 uint64 */
  get paged_pages(): number { return getUint53(this.#memory, this.#base + 0x28); }
  set paged_pages(value: number) { setUint53(this.#memory, this.#base + 0x28, value); }
  /** 0x30 uint64: GFN in translated domains */
  get shared_info_frame(): Mfn { return getUint53(this.#memory, this.#base + 0x30) as Mfn; }
  set shared_info_frame(value: Mfn) { setUint53(this.#memory, this.#base + 0x30, value); }
  /** 0x38 uint64: ns, of all vCPUs */
  get cpu_time(): bigint { return this.#memory.getBigUint64(this.#base + 0x38, true); }
  set cpu_time(value: bigint) { this.#memory.setBigUint64(this.#base + 0x38, value, true); }
  get cpu_timeLo(): number { return this.#memory.getUint32(this.#base + 0x38, true); }
  set cpu_timeLo(value: number) { this.#memory.setUint32(this.#base + 0x38, value, true); }
  get cpu_timeHi(): number { return this.#memory.getUint32(this.#base + 0x3c, true); }
  set cpu_timeHi(value: number) { this.#memory.setUint32(this.#base + 0x3c, value, true); }
  /** 0x40 uint32 */
  get nr_online_vcpus(): number { return this.#memory.getUint32(this.#base + 0x40, true); }
  set nr_online_vcpus(value: number) { this.#memory.setUint32(this.#base + 0x40, value, true); }
  /** 0x44 uint32: or XEN_INVALID_MAX_VCPU_ID */
  get max_vcpu_id(): number { return this.#memory.getUint32(this.#base + 0x44, true); }
  set max_vcpu_id(value: number) { this.#memory.setUint32(this.#base + 0x44, value, true); }
  /** 0x48 uint32 */
  get ssidref(): number { return this.#memory.getUint32(this.#base + 0x48, true); }
  set ssidref(value: number) { this.#memory.setUint32(this.#base + 0x48, value, true); }
  /** 0x4c 16 bytes: UUID */
  get handle(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x4c, 16); }
  /** 0x5c uint32 */
  get cpupool(): number { return this.#memory.getUint32(this.#base + 0x5c, true); }
  set cpupool(value: number) { this.#memory.setUint32(this.#base + 0x5c, value, true); }
  /** 0x60 uint8: width of a guest-physical address */
  get gpaddr_bits(): number { return this.#memory.getUint8(this.#base + 0x60); }
  set gpaddr_bits(value: number) { this.#memory.setUint8(this.#base + 0x60, value); }
  /** 0x61 7 bytes */
  get pad2(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x61, 7); }
  /** 0x68 struct */
  get arch_config(): XenArchDomainconfig { return new XenArchDomainconfig(this.#memory, this.#base + 0x68); }
}

/** struct xen_domctl_max_mem: how much memory a domain may have */
export class XenDomctlMaxMem {
  static readonly C_NAME = 'struct xen_domctl_max_mem';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get max_memkb(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set max_memkb(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
}

/** struct xen_domctl_max_vcpus: allocates a domain's vCPUs */
export class XenDomctlMaxVcpus {
  static readonly C_NAME = 'struct xen_domctl_max_vcpus';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get max(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set max(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_domctl_getvcpuinfo: one vCPU's state */
export class XenDomctlGetvcpuinfo {
  static readonly C_NAME = 'struct xen_domctl_getvcpuinfo';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint8 */
  get online(): number { return this.#memory.getUint8(this.#base + 0x4); }
  set online(value: number) { this.#memory.setUint8(this.#base + 0x4, value); }
  /** 0x5 uint8 */
  get blocked(): number { return this.#memory.getUint8(this.#base + 0x5); }
  set blocked(value: number) { this.#memory.setUint8(this.#base + 0x5, value); }
  /** 0x6 uint8 */
  get running(): number { return this.#memory.getUint8(this.#base + 0x6); }
  set running(value: number) { this.#memory.setUint8(this.#base + 0x6, value); }
  /** 0x8 uint64: ns */
  get cpu_time(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set cpu_time(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get cpu_timeLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set cpu_timeLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get cpu_timeHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set cpu_timeHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32: where it runs */
  get cpu(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set cpu(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

/** struct xen_domctl_paging_mempool: memory for a domain's p2m */
export class XenDomctlPagingMempool {
  static readonly C_NAME = 'struct xen_domctl_paging_mempool';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: bytes */
  get size(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set size(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
}
