// public/sysctl.h — a toolstack's control of the host
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from './accessors.ts';
import { type Domid, type Mfn, XenctlBitmap } from './xen.ts';

export const XEN_SYSCTL_INTERFACE_VERSION = 0x00000015;

// xen_sysctl.cmd.
export const XEN_SYSCTL_readconsole = 1;
export const XEN_SYSCTL_tbuf_op = 2;
export const XEN_SYSCTL_physinfo = 3;
export const XEN_SYSCTL_sched_id = 4;
export const XEN_SYSCTL_perfc_op = 5;
export const XEN_SYSCTL_getdomaininfolist = 6;
export const XEN_SYSCTL_debug_keys = 7;
export const XEN_SYSCTL_getcpuinfo = 8;
export const XEN_SYSCTL_availheap = 9;
export const XEN_SYSCTL_get_pmstat = 10;
export const XEN_SYSCTL_cpu_hotplug = 11;
export const XEN_SYSCTL_pm_op = 12;
export const XEN_SYSCTL_page_offline_op = 14;
export const XEN_SYSCTL_lockprof_op = 15;
export const XEN_SYSCTL_cputopoinfo = 16;
export const XEN_SYSCTL_numainfo = 17;
export const XEN_SYSCTL_cpupool_op = 18;
export const XEN_SYSCTL_scheduler_op = 19;
export const XEN_SYSCTL_coverage_op = 20;
export const XEN_SYSCTL_psr_cmt_op = 21;
export const XEN_SYSCTL_pcitopoinfo = 22;
export const XEN_SYSCTL_psr_alloc = 23;
export const XEN_SYSCTL_get_cpu_levelling_caps = 25;
export const XEN_SYSCTL_get_cpu_featureset = 26;
export const XEN_SYSCTL_livepatch_op = 27;
export const XEN_SYSCTL_get_cpu_policy = 29;

/** struct xen_sysctl: the argument of every sysctl */
export class XenSysctl {
  static readonly C_NAME = 'struct xen_sysctl';
  static readonly SIZE = 0x88;
  static readonly C_PATHS = { pad: 'u.pad' };
  /** where the command's own struct lies */
  static readonly AT_u = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SYSCTL_* */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_SYSCTL_INTERFACE_VERSION, else -EACCES */
  get interface_version(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set interface_version(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 128 bytes: room for any command's struct */
  get pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x8, 128); }
}

/** struct xen_sysctl_readconsole: Xen's log */
export class XenSysctlReadconsole {
  static readonly C_NAME = 'struct xen_sysctl_readconsole';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: empty it afterwards */
  get clear(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set clear(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: from index on */
  get incremental(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set incremental(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint8 */
  get pad0(): number { return this.#memory.getUint8(this.#base + 0x2); }
  set pad0(value: number) { this.#memory.setUint8(this.#base + 0x2, value); }
  /** 0x3 uint8 */
  get pad1(): number { return this.#memory.getUint8(this.#base + 0x3); }
  set pad1(value: number) { this.#memory.setUint8(this.#base + 0x3, value); }
  /** 0x4 uint32: in and out */
  get index(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint32: in: room; out: bytes */
  get count(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set count(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

export const XEN_SYSCTL_TBUFOP_get_info = 0;
export const XEN_SYSCTL_TBUFOP_set_cpu_mask = 1;
export const XEN_SYSCTL_TBUFOP_set_evt_mask = 2;
export const XEN_SYSCTL_TBUFOP_set_size = 3;
export const XEN_SYSCTL_TBUFOP_enable = 4;
export const XEN_SYSCTL_TBUFOP_disable = 5;

/** struct xen_sysctl_tbuf_op: the trace buffers */
export class XenSysctlTbufOp {
  static readonly C_NAME = 'struct xen_sysctl_tbuf_op';
  static readonly SIZE = 0x30;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SYSCTL_TBUFOP_* */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 struct */
  get cpu_mask(): XenctlBitmap { return new XenctlBitmap(this.#memory, this.#base + 0x8); }
  /** 0x18 uint32: TRC_* */
  get evt_mask(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set evt_mask(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x20 uint64: out */
  get buffer_mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x20) as Mfn; }
  set buffer_mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x20, value); }
  /** 0x28 uint32: pages a CPU, or bytes of all */
  get size(): number { return this.#memory.getUint32(this.#base + 0x28, true); }
  set size(value: number) { this.#memory.setUint32(this.#base + 0x28, value, true); }
}

export const _XEN_SYSCTL_PHYSCAP_hvm = 0;
export const XEN_SYSCTL_PHYSCAP_hvm = 1 << 0;
export const _XEN_SYSCTL_PHYSCAP_pv = 1;
export const XEN_SYSCTL_PHYSCAP_pv = 1 << 1;
export const _XEN_SYSCTL_PHYSCAP_directio = 2;
export const XEN_SYSCTL_PHYSCAP_directio = 1 << 2; // has an IOMMU
export const _XEN_SYSCTL_PHYSCAP_hap = 3;
export const XEN_SYSCTL_PHYSCAP_hap = 1 << 3; // paging by hardware
export const _XEN_SYSCTL_PHYSCAP_shadow = 4;
export const XEN_SYSCTL_PHYSCAP_shadow = 1 << 4;
export const _XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share = 5;
export const XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share = 1 << 5;
export const XEN_SYSCTL_PHYSCAP_vmtrace = 1 << 6;
export const XEN_SYSCTL_PHYSCAP_vpmu = 1 << 7;
export const XEN_SYSCTL_PHYSCAP_gnttab_v1 = 1 << 8;
export const XEN_SYSCTL_PHYSCAP_gnttab_v2 = 1 << 9;
export const XEN_SYSCTL_PHYSCAP_MAX = 512;

/** struct xen_sysctl_physinfo: the host */
export class XenSysctlPhysinfo {
  static readonly C_NAME = 'struct xen_sysctl_physinfo';
  static readonly SIZE = 0x70;
  static readonly LENGTH_hw_cap = 8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get threads_per_core(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set threads_per_core(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get cores_per_socket(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set cores_per_socket(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: online */
  get nr_cpus(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_cpus(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get max_cpu_id(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set max_cpu_id(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32 */
  get nr_nodes(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set nr_nodes(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get max_node_id(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set max_node_id(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32 */
  get cpu_khz(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set cpu_khz(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32: XEN_SYSCTL_PHYSCAP_* */
  get capabilities(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set capabilities(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint32 */
  get arch_capabilities(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set arch_capabilities(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  /** 0x24 uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
  /** 0x28 uint64 */
  get total_pages(): number { return getUint53(this.#memory, this.#base + 0x28); }
  set total_pages(value: number) { setUint53(this.#memory, this.#base + 0x28, value); }
  /** 0x30 uint64 */
  get free_pages(): number { return getUint53(this.#memory, this.#base + 0x30); }
  set free_pages(value: number) { setUint53(this.#memory, this.#base + 0x30, value); }
  /** 0x38 uint64: freed, not yet cleared */
  get scrub_pages(): number { return getUint53(this.#memory, this.#base + 0x38); }
  set scrub_pages(value: number) { setUint53(this.#memory, this.#base + 0x38, value); }
  /** 0x40 uint64: claimed, not yet allocated */
  get outstanding_pages(): number { return getUint53(this.#memory, this.#base + 0x40); }
  set outstanding_pages(value: number) { setUint53(this.#memory, this.#base + 0x40, value); }
  /** 0x48 uint64 */
  get max_mfn(): number { return getUint53(this.#memory, this.#base + 0x48); }
  set max_mfn(value: number) { setUint53(this.#memory, this.#base + 0x48, value); }
  /** 0x50 uint32, 8 of them: CPUID words */
  hw_cap(i: number): number { return this.#memory.getUint32(this.#base + 0x50 + i * 4, true); }
  set_hw_cap(i: number, value: number) { this.#memory.setUint32(this.#base + 0x50 + i * 4, value, true); }
}

/** struct xen_sysctl_sched_id: the default scheduler */
export class XenSysctlSchedId {
  static readonly C_NAME = 'struct xen_sysctl_sched_id';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SCHEDULER_* */
  get sched_id(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set sched_id(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_sysctl_getdomaininfolist: many domains' state */
export class XenSysctlGetdomaininfolist {
  static readonly C_NAME = 'struct xen_sysctl_getdomaininfolist';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get first_domain(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set first_domain(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32: room */
  get max_domains(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set max_domains(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: array of xen_domctl_getdomaininfo */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint32: out */
  get num_domains(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set num_domains(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

/** struct xen_sysctl_debug_keys: keys as if typed at Xen's console */
export class XenSysctlDebugKeys {
  static readonly C_NAME = 'struct xen_sysctl_debug_keys';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get keys(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set keys(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get keysLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get keysHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  /** 0x8 uint32 */
  get nr_keys(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_keys(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

export const XEN_SYSCTL_cpu_featureset_raw = 0;
export const XEN_SYSCTL_cpu_featureset_host = 1;
export const XEN_SYSCTL_cpu_featureset_pv = 2;
export const XEN_SYSCTL_cpu_featureset_hvm = 3;
export const XEN_SYSCTL_cpu_featureset_pv_max = 4;
export const XEN_SYSCTL_cpu_featureset_hvm_max = 5;
export const XEN_SYSCTL_CPU_LEVELCAP_faulting = 1 << 0;
export const XEN_SYSCTL_CPU_LEVELCAP_ecx = 1 << 1;
export const XEN_SYSCTL_CPU_LEVELCAP_edx = 1 << 2;
export const XEN_SYSCTL_CPU_LEVELCAP_extd_ecx = 1 << 3;
export const XEN_SYSCTL_CPU_LEVELCAP_extd_edx = 1 << 4;
export const XEN_SYSCTL_CPU_LEVELCAP_xsave_eax = 1 << 5;
export const XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx = 1 << 6;
export const XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax = 1 << 7;
export const XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx = 1 << 8;

/** struct xen_sysctl_cpu_levelling_caps: what of CPUID can be changed for PV guests */
export class XenSysctlCpuLevellingCaps {
  static readonly C_NAME = 'struct xen_sysctl_cpu_levelling_caps';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SYSCTL_CPU_LEVELCAP_* */
  get caps(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set caps(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_sysctl_cpu_featureset: CPUID feature words */
export class XenSysctlCpuFeatureset {
  static readonly C_NAME = 'struct xen_sysctl_cpu_featureset';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SYSCTL_cpu_featureset_* */
  get index(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get nr_features(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_features(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: array of uint32 */
  get features(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set features(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get featuresLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get featuresHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

export const XEN_SYSCTL_cpu_policy_raw = 0;
export const XEN_SYSCTL_cpu_policy_host = 1;
export const XEN_SYSCTL_cpu_policy_pv_max = 2;
export const XEN_SYSCTL_cpu_policy_hvm_max = 3;
export const XEN_SYSCTL_cpu_policy_pv_default = 4;
export const XEN_SYSCTL_cpu_policy_hvm_default = 5;

/** struct xen_sysctl_cpu_policy: the host's CPUID and MSR values */
export class XenSysctlCpuPolicy {
  static readonly C_NAME = 'struct xen_sysctl_cpu_policy';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SYSCTL_cpu_policy_* */
  get index(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get nr_leaves(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_leaves(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: in: room; out: how many there are */
  get nr_msrs(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_msrs(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get _rsvd(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set _rsvd(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: array of xen_cpuid_leaf */
  get leaves(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set leaves(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get leavesLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get leavesHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x18 uint64: array of xen_msr_entry */
  get msrs(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set msrs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get msrsLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get msrsHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
}
