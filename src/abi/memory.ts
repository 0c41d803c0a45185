// public/memory.h — HYPERVISOR_memory_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import type { Domid, Gfn } from './xen.ts';

export const XENMEM_increase_reservation = 0;
export const XENMEM_decrease_reservation = 1;
export const XENMEM_populate_physmap = 6;
// mem_flags; bits 0-7 are the address width a frame must fit in, bits 8-15 a NUMA node + 1.
export const XENMEMF_populate_on_demand = 1 << 16;
export const XENMEMF_exact_node_request = 1 << 17;
export const XENMEMF_vnode = 1 << 18;

/** struct xen_memory_reservation: frames to add or take away */
export class XenMemoryReservation {
  static readonly C_NAME = 'struct xen_memory_reservation';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: array of frame numbers, nr_extents long */
  get extent_start(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set extent_start(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get extent_startLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get extent_startHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  /** 0x8 uint64 */
  get nr_extents(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set nr_extents(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint32: an extent is 2^this pages */
  get extent_order(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set extent_order(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32: XENMEMF_* */
  get mem_flags(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set mem_flags(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x18, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x18, value, true); }
}

export const XENMEM_exchange = 11;

/** struct xen_memory_exchange: PV only: frames for other frames */
export class XenMemoryExchange {
  static readonly C_NAME = 'struct xen_memory_exchange';
  static readonly SIZE = 0x48;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get in(): XenMemoryReservation { return new XenMemoryReservation(this.#memory, this.#base + 0x0); }
  /** 0x20 struct */
  get out(): XenMemoryReservation { return new XenMemoryReservation(this.#memory, this.#base + 0x20); }
  /** 0x40 uint64: out; 0 on entry */
  get nr_exchanged(): number { return getUint53(this.#memory, this.#base + 0x40); }
  set nr_exchanged(value: number) { setUint53(this.#memory, this.#base + 0x40, value); }
}

export const XENMEM_maximum_ram_page = 2; // returns the highest frame of RAM
export const XENMEM_current_reservation = 3; // xen_memory_domain; returns pages
export const XENMEM_maximum_reservation = 4; // xen_memory_domain; returns pages
export const XENMEM_maximum_gpfn = 14; // xen_memory_domain; returns a frame number

/** struct xen_memory_domain: whose memory is asked about */
export class XenMemoryDomain {
  static readonly C_NAME = 'struct xen_memory_domain';
  static readonly SIZE = 0x2;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
}

export const XENMEM_machphys_mfn_list = 5;
export const XENMEM_machphys_compat_mfn_list = 25;
export const XENMEM_machphys_mapping = 12;

/** struct xen_machphys_mfn_list: the frames of the M2P, a frame each 2 MiB */
export class XenMachphysMfnList {
  static readonly C_NAME = 'struct xen_machphys_mfn_list';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room at extent_start */
  get max_extents(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set max_extents(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: array of frame numbers */
  get extent_start(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set extent_start(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get extent_startLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get extent_startHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint32: out */
  get nr_extents(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set nr_extents(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

/** struct xen_machphys_mapping: where PV guests see the M2P */
export class XenMachphysMapping {
  static readonly C_NAME = 'struct xen_machphys_mapping';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get v_start(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set v_start(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get v_end(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set v_end(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: the highest with an entry */
  get max_mfn(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set max_mfn(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
}

export const XENMAPSPACE_shared_info = 0; // the domain's shared_info
export const XENMAPSPACE_grant_table = 1; // grant entries, or status words with XENMAPIDX_grant_table_status
export const XENMAPSPACE_gmfn = 2; // a page the domain has elsewhere
export const XENMAPSPACE_gmfn_range = 3; // size such pages; not in a batch
export const XENMAPSPACE_gmfn_foreign = 4; // another domain's page; batch only
export const XENMAPSPACE_dev_mmio = 5; // Arm only
export const XENMEM_add_to_physmap = 7;
export const XENMAPIDX_grant_table_status = 0x80000000;

/** struct xen_add_to_physmap: puts a page at a place of the guest's choice */
export class XenAddToPhysmap {
  static readonly C_NAME = 'struct xen_add_to_physmap';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: pages, for XENMAPSPACE_gmfn_range */
  get size(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set size(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: XENMAPSPACE_* */
  get space(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set space(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: which page of the space */
  get idx(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set idx(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64: where to */
  get gpfn(): Gfn { return getUint53(this.#memory, this.#base + 0x10) as Gfn; }
  set gpfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x10, value); }
}

export const XENMEM_add_to_physmap_batch = 23;

/** struct xen_add_to_physmap_batch: the same for many pages */
export class XenAddToPhysmapBatch {
  static readonly C_NAME = 'struct xen_add_to_physmap_batch';
  static readonly SIZE = 0x20;
  static readonly C_PATHS = { foreign_domid: 'u.foreign_domid' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: XENMAPSPACE_* */
  get space(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set space(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint16: entries of each array */
  get size(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set size(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: for XENMAPSPACE_gmfn_foreign, else 0 */
  get foreign_domid(): Domid { return this.#memory.getUint16(this.#base + 0x6, true) as Domid; }
  set foreign_domid(value: Domid) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint64: array of xen_ulong_t */
  get idxs(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set idxs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get idxsLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get idxsHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint64: array of frame numbers */
  get gpfns(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set gpfns(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get gpfnsLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get gpfnsHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x18 uint64: array of int, out */
  get errs(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set errs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get errsLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get errsHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
}

export const XENMEM_remove_from_physmap = 15;

/** struct xen_remove_from_physmap: leaves a hole where a page was */
export class XenRemoveFromPhysmap {
  static readonly C_NAME = 'struct xen_remove_from_physmap';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get gpfn(): Gfn { return getUint53(this.#memory, this.#base + 0x8) as Gfn; }
  set gpfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x8, value); }
}

export const XENMEM_memory_map = 9; // the domain's own
export const XENMEM_machine_memory_map = 10; // the host's, for dom0
export const XENMEM_set_memory_map = 13;

/** struct xen_memory_map: an E820 table */
export class XenMemoryMap {
  static readonly C_NAME = 'struct xen_memory_map';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room; out: how many there are */
  get nr_entries(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr_entries(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: array of 20-byte E820 entries: uint64 address, uint64 size, uint32 type */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

/** struct xen_foreign_memory_map: a domain's E820 table, set by its builder */
export class XenForeignMemoryMap {
  static readonly C_NAME = 'struct xen_foreign_memory_map';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x8 struct */
  get map(): XenMemoryMap { return new XenMemoryMap(this.#memory, this.#base + 0x8); }
}

export const XENMEM_set_pod_target = 16;
export const XENMEM_get_pod_target = 17;

/** struct xen_pod_target: memory that comes when it is touched */
export class XenPodTarget {
  static readonly C_NAME = 'struct xen_pod_target';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in */
  get target_pages(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set target_pages(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: out */
  get tot_pages(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set tot_pages(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64: out */
  get pod_cache_pages(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set pod_cache_pages(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64: out */
  get pod_entries(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set pod_entries(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
  /** 0x20 uint16: in */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x20, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x20, value, true); }
}
