// public/sysctl.h — CPUs, memory and devices of the host
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';

/** struct xen_sysctl_cpuinfo: one CPU */
export class XenSysctlCpuinfo {
  static readonly C_NAME = 'struct xen_sysctl_cpuinfo';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: ns */
  get idletime(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set idletime(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get idletimeLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set idletimeLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get idletimeHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set idletimeHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_sysctl_getcpuinfo: all CPUs */
export class XenSysctlGetcpuinfo {
  static readonly C_NAME = 'struct xen_sysctl_getcpuinfo';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: room */
  get max_cpus(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set max_cpus(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: array of xen_sysctl_cpuinfo */
  get info(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set info(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get infoLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get infoHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint32: out */
  get nr_cpus(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set nr_cpus(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

/** struct xen_sysctl_availheap: free memory in a zone */
export class XenSysctlAvailheap {
  static readonly C_NAME = 'struct xen_sysctl_availheap';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get min_bitwidth(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set min_bitwidth(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get max_bitwidth(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set max_bitwidth(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 int32: -1 for all */
  get node(): number { return this.#memory.getInt32(this.#base + 0x8, true); }
  set node(value: number) { this.#memory.setInt32(this.#base + 0x8, value, true); }
  /** 0x10 uint64: out */
  get avail_bytes(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set avail_bytes(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
}

export const XEN_INVALID_CORE_ID = 0xffffffff;
export const XEN_INVALID_SOCKET_ID = 0xffffffff;
export const XEN_INVALID_NODE_ID = 0xffffffff;
export const XEN_INVALID_MEM_SZ = 0xffffffff;
export const XEN_INVALID_NODE_DIST = 0xffffffff;
export const XEN_INVALID_DEV = 0xfffffffe;

/** struct xen_sysctl_cputopo: one CPU's place */
export class XenSysctlCputopo {
  static readonly C_NAME = 'struct xen_sysctl_cputopo';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get core(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set core(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get socket(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set socket(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get node(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set node(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_sysctl_cputopoinfo: every CPU's place */
export class XenSysctlCputopoinfo {
  static readonly C_NAME = 'struct xen_sysctl_cputopoinfo';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room; out: how many there are */
  get num_cpus(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set num_cpus(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: array of xen_sysctl_cputopo; 0 asks for the number */
  get cputopo(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set cputopo(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get cputopoLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get cputopoHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

/** struct xen_sysctl_meminfo: one NUMA node */
export class XenSysctlMeminfo {
  static readonly C_NAME = 'struct xen_sysctl_meminfo';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: bytes */
  get memsize(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set memsize(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: bytes */
  get memfree(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set memfree(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
}

/** struct xen_sysctl_numainfo: every NUMA node */
export class XenSysctlNumainfo {
  static readonly C_NAME = 'struct xen_sysctl_numainfo';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room; out: how many there are */
  get num_nodes(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set num_nodes(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: array of xen_sysctl_meminfo */
  get meminfo(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set meminfo(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get meminfoLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get meminfoHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint64: array of uint32, num_nodes squared */
  get distance(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set distance(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get distanceLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get distanceHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
}

export const XEN_SYSCTL_CPU_HOTPLUG_ONLINE = 0;
export const XEN_SYSCTL_CPU_HOTPLUG_OFFLINE = 1;
export const XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE = 2;
export const XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE = 3;

/** struct xen_sysctl_cpu_hotplug: takes a pCPU away, or gives it back */
export class XenSysctlCpuHotplug {
  static readonly C_NAME = 'struct xen_sysctl_cpu_hotplug';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get cpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_SYSCTL_CPU_HOTPLUG_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_sysctl_pcitopoinfo: PCI devices' NUMA nodes */
export class XenSysctlPcitopoinfo {
  static readonly C_NAME = 'struct xen_sysctl_pcitopoinfo';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get num_devs(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set num_devs(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: array of physdev_pci_device */
  get devs(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set devs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get devsLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get devsHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint64: array of uint32 */
  get nodes(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set nodes(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get nodesLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get nodesHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
}

export const sysctl_page_offline = 1;
export const sysctl_page_online = 2;
export const sysctl_query_page_offline = 3;

export const PG_OFFLINE_INVALID = 1 << 0;
export const PG_OFFLINE_OFFLINED = 1 << 1;
export const PG_OFFLINE_PENDING = 1 << 2;
export const PG_OFFLINE_FAILED = 1 << 3;
export const PG_ONLINE_ONLINED = PG_OFFLINE_OFFLINED;
export const PG_OFFLINE_STATUS_OFFLINED = 1 << 1;
export const PG_OFFLINE_STATUS_OFFLINE_PENDING = 1 << 3;
export const PG_OFFLINE_XENPAGE = 1 << 8;
export const PG_OFFLINE_OWNED = 1 << 12;
export const PG_OFFLINE_OWNER_SHIFT = 16;

/** struct xen_sysctl_page_offline_op: frames go out of use, or come back */
export class XenSysctlPageOfflineOp {
  static readonly C_NAME = 'struct xen_sysctl_page_offline_op';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: sysctl_page_offline and its like */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: the first frame */
  get start(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set start(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: the last */
  get end(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set end(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0x10 uint64: array of uint32, one a frame: PG_OFFLINE_* */
  get status(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set status(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
}
