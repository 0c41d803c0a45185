// public/memory.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setLow32, setUint53 } from '../accessors.ts';
import type { Domid, Gfn } from '../xen.ts';

/** struct xen_memory_reservation, as 32-bit code lays it out. */
export class CompatXenMemoryReservation {
  static readonly C_NAME = 'struct xen_memory_reservation';
  static readonly SIZE = 0x14;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: array of frame numbers, nr_extents long */
  get extent_start(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set extent_start(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
  get extent_startLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get extent_startHi(): number { return 0; }
  /** 0x4 uint32 */
  get nr_extents(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_extents(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: an extent is 2^this pages */
  get extent_order(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set extent_order(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: XENMEMF_* */
  get mem_flags(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set mem_flags(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x10, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x10, value, true); }
}

/** struct xen_memory_exchange, as 32-bit code lays it out. */
export class CompatXenMemoryExchange {
  static readonly C_NAME = 'struct xen_memory_exchange';
  static readonly SIZE = 0x2c;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get in(): CompatXenMemoryReservation { return new CompatXenMemoryReservation(this.#memory, this.#base + 0x0); }
  /** 0x14 struct */
  get out(): CompatXenMemoryReservation { return new CompatXenMemoryReservation(this.#memory, this.#base + 0x14); }
  /** 0x28 uint32: out; 0 on entry */
  get nr_exchanged(): number { return this.#memory.getUint32(this.#base + 0x28, true); }
  set nr_exchanged(value: number) { this.#memory.setUint32(this.#base + 0x28, value, true); }
}

/** struct xen_machphys_mfn_list, as 32-bit code lays it out. */
export class CompatXenMachphysMfnList {
  static readonly C_NAME = 'struct xen_machphys_mfn_list';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room at extent_start */
  get max_extents(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set max_extents(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: array of frame numbers */
  get extent_start(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x4, true)); }
  set extent_start(value: bigint) { setLow32(this.#memory, this.#base + 0x4, value); }
  get extent_startLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  get extent_startHi(): number { return 0; }
  /** 0x8 uint32: out */
  get nr_extents(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_extents(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_machphys_mapping, as 32-bit code lays it out. */
export class CompatXenMachphysMapping {
  static readonly C_NAME = 'struct xen_machphys_mapping';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get v_start(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set v_start(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
  /** 0x4 uint32 */
  get v_end(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x4, true)); }
  set v_end(value: bigint) { setLow32(this.#memory, this.#base + 0x4, value); }
  /** 0x8 uint32: the highest with an entry */
  get max_mfn(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set max_mfn(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_add_to_physmap, as 32-bit code lays it out. */
export class CompatXenAddToPhysmap {
  static readonly C_NAME = 'struct xen_add_to_physmap';
  static readonly SIZE = 0x10;
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
  /** 0x8 uint32: which page of the space */
  get idx(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idx(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: where to */
  get gpfn(): Gfn { return this.#memory.getUint32(this.#base + 0xc, true) as Gfn; }
  set gpfn(value: Gfn) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

/** struct xen_add_to_physmap_batch, as 32-bit code lays it out. */
export class CompatXenAddToPhysmapBatch {
  static readonly C_NAME = 'struct xen_add_to_physmap_batch';
  static readonly SIZE = 0x14;
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
  /** 0x8 uint32: array of xen_ulong_t */
  get idxs(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x8, true)); }
  set idxs(value: bigint) { setLow32(this.#memory, this.#base + 0x8, value); }
  get idxsLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get idxsHi(): number { return 0; }
  /** 0xc uint32: array of frame numbers */
  get gpfns(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xc, true)); }
  set gpfns(value: bigint) { setLow32(this.#memory, this.#base + 0xc, value); }
  get gpfnsLo(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  get gpfnsHi(): number { return 0; }
  /** 0x10 uint32: array of int, out */
  get errs(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x10, true)); }
  set errs(value: bigint) { setLow32(this.#memory, this.#base + 0x10, value); }
  get errsLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get errsHi(): number { return 0; }
}

/** struct xen_remove_from_physmap, as 32-bit code lays it out. */
export class CompatXenRemoveFromPhysmap {
  static readonly C_NAME = 'struct xen_remove_from_physmap';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get gpfn(): Gfn { return this.#memory.getUint32(this.#base + 0x4, true) as Gfn; }
  set gpfn(value: Gfn) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_memory_map, as 32-bit code lays it out. */
export class CompatXenMemoryMap {
  static readonly C_NAME = 'struct xen_memory_map';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room; out: how many there are */
  get nr_entries(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr_entries(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: array of 20-byte E820 entries: uint64 address, uint64 size, uint32 type */
  get buffer(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x4, true)); }
  set buffer(value: bigint) { setLow32(this.#memory, this.#base + 0x4, value); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  get bufferHi(): number { return 0; }
}

/** struct xen_foreign_memory_map, as 32-bit code lays it out. */
export class CompatXenForeignMemoryMap {
  static readonly C_NAME = 'struct xen_foreign_memory_map';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 struct */
  get map(): CompatXenMemoryMap { return new CompatXenMemoryMap(this.#memory, this.#base + 0x4); }
}

/** struct xen_pod_target, as 32-bit code lays it out. */
export class CompatXenPodTarget {
  static readonly C_NAME = 'struct xen_pod_target';
  static readonly SIZE = 0x24;
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
