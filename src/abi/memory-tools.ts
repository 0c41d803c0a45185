// public/memory.h — HYPERVISOR_memory_op for toolstacks, and NUMA
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import type { Domid } from './xen.ts';

export const XENMEM_get_sharing_freed_pages = 18;
export const XENMEM_get_sharing_shared_pages = 19;
export const XENMEM_paging_op = 20;
export const XENMEM_paging_op_nominate = 0;
export const XENMEM_paging_op_evict = 1;
export const XENMEM_paging_op_prep = 2;
export const XENMEM_access_op = 21;
export const XENMEM_access_op_set_access = 0;
export const XENMEM_access_op_get_access = 1;
export const XENMEM_access_op_set_access_multi = 4;

export const XENMEM_access_n = 0;
export const XENMEM_access_r = 1;
export const XENMEM_access_w = 2;
export const XENMEM_access_rw = 3;
export const XENMEM_access_x = 4;
export const XENMEM_access_rx = 5;
export const XENMEM_access_wx = 6;
export const XENMEM_access_rwx = 7;
export const XENMEM_access_rx2rw = 8; // rx until the first write, then rw
export const XENMEM_access_n2rwx = 9; // n until the first access, then rwx, with an event
export const XENMEM_access_default = 10;

/** struct xen_mem_access_op: what a guest may do with its frames */
export class XenMemAccessOp {
  static readonly C_NAME = 'struct xen_mem_access_op';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: XENMEM_access_op_* */
  get op(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set op(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: XENMEM_access_* */
  get access(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set access(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x2, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: frames, or entries of the lists */
  get nr(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: the first; all ones for what new frames get */
  get pfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set pfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: array of uint64, for set_access_multi */
  get pfn_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set pfn_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get pfn_listLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get pfn_listHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x18 uint64: array of uint8, for set_access_multi */
  get access_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set access_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get access_listLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get access_listHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
}

export const XENMEM_sharing_op = 22;
export const XENMEM_sharing_op_nominate_gfn = 0;
export const XENMEM_sharing_op_nominate_gref = 1;
export const XENMEM_sharing_op_share = 2;
export const XENMEM_sharing_op_debug_gfn = 3;
export const XENMEM_sharing_op_debug_mfn = 4;
export const XENMEM_sharing_op_debug_gref = 5;
export const XENMEM_sharing_op_add_physmap = 6;
export const XENMEM_sharing_op_audit = 7;
export const XENMEM_sharing_op_range_share = 8;
export const XENMEM_sharing_op_fork = 9;
export const XENMEM_sharing_op_fork_reset = 10;
export const XENMEM_claim_pages = 24;
export const XENMEM_reserved_device_memory_map = 27;

/** struct xen_reserved_device_memory: a range that devices insist on */
export class XenReservedDeviceMemory {
  static readonly C_NAME = 'struct xen_reserved_device_memory';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get start_pfn(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set start_pfn(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64 */
  get nr_pages(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set nr_pages(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
}

export const XENMEM_RDM_ALL = 1;

/** struct xen_reserved_device_memory_map: all those ranges */
export class XenReservedDeviceMemoryMap {
  static readonly C_NAME = 'struct xen_reserved_device_memory_map';
  static readonly SIZE = 0x18;
  static readonly C_PATHS = { seg: 'dev.pci.seg', bus: 'dev.pci.bus', devfn: 'dev.pci.devfn' };
  /** where physdev_pci_device lies, unless XENMEM_RDM_ALL */
  static readonly AT_dev = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XENMEM_RDM_ALL */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get nr_entries(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_entries(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: array of xen_reserved_device_memory */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint16 */
  get seg(): number { return this.#memory.getUint16(this.#base + 0x10, true); }
  set seg(value: number) { this.#memory.setUint16(this.#base + 0x10, value, true); }
  /** 0x12 uint8 */
  get bus(): number { return this.#memory.getUint8(this.#base + 0x12); }
  set bus(value: number) { this.#memory.setUint8(this.#base + 0x12, value); }
  /** 0x13 uint8 */
  get devfn(): number { return this.#memory.getUint8(this.#base + 0x13); }
  set devfn(value: number) { this.#memory.setUint8(this.#base + 0x13, value); }
}

export const XENMEM_acquire_resource = 28;
export const XENMEM_resource_ioreq_server = 0;
export const XENMEM_resource_grant_table = 1;
export const XENMEM_resource_vmtrace_buf = 2;
export const XENMEM_resource_grant_table_id_shared = 0;
export const XENMEM_resource_grant_table_id_status = 1;
export const XENMEM_resource_ioreq_server_frame_bufioreq = 0;

/** struct xen_mem_acquire_resource: pages that belong to Xen, mapped by a toolstack */
export class XenMemAcquireResource {
  static readonly C_NAME = 'struct xen_mem_acquire_resource';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: XENMEM_resource_* */
  get type(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set type(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: ioreq server, or XENMEM_resource_grant_table_id_* */
  get id(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set id(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: 0 with no frame_list asks for the size */
  get nr_frames(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_frames(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: the first */
  get frame(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set frame(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64: array of frame numbers: out for PV callers, in for HVM ones */
  get frame_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set frame_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get frame_listLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get frame_listHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
}

export const XENMEM_get_vnumainfo = 26;

/** struct xen_vmemrange: memory of one virtual NUMA node */
export class XenVmemrange {
  static readonly C_NAME = 'struct xen_vmemrange';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get start(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set start(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64 */
  get end(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set end(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint32 */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get nid(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set nid(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}

/** struct xen_vnuma_topology_info: a domain's virtual NUMA */
export class XenVnumaTopologyInfo {
  static readonly C_NAME = 'struct xen_vnuma_topology_info';
  static readonly SIZE = 0x28;
  static readonly C_PATHS = {
    vdistance: 'vdistance.pad', vcpu_to_vnode: 'vcpu_to_vnode.pad', vmemrange: 'vmemrange.pad',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get nr_vnodes(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_vnodes(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: in: room; out: how many there are */
  get nr_vcpus(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_vcpus(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: in: room; out: how many there are */
  get nr_vmemranges(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set nr_vmemranges(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: array of uint, nr_vnodes squared */
  get vdistance(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set vdistance(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get vdistanceLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set vdistanceLo(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  get vdistanceHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set vdistanceHi(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint64: array of uint */
  get vcpu_to_vnode(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set vcpu_to_vnode(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get vcpu_to_vnodeLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set vcpu_to_vnodeLo(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  get vcpu_to_vnodeHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set vcpu_to_vnodeHi(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint64: array of xen_vmemrange */
  get vmemrange(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set vmemrange(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  get vmemrangeLo(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set vmemrangeLo(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  get vmemrangeHi(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set vmemrangeHi(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
}
