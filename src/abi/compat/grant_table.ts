// public/grant_table.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setLow32, setUint53 } from '../accessors.ts';
import type { Domid, Gfn, GrantRef, Mfn } from '../xen.ts';

/** struct gnttab_unmap_grant_ref, as 32-bit code lays it out. */
export class CompatGnttabUnmapGrantRef {
  static readonly C_NAME = 'struct gnttab_unmap_grant_ref';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in; 0 if there is none */
  get host_addr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set host_addr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get host_addrLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set host_addrLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get host_addrHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set host_addrHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: in; 0 if there is none */
  get dev_bus_addr(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set dev_bus_addr(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint32: in */
  get handle(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set handle(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x14, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x14, value, true); }
}

/** struct gnttab_setup_table, as 32-bit code lays it out. */
export class CompatGnttabSetupTable {
  static readonly C_NAME = 'struct gnttab_setup_table';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in */
  get nr_frames(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_frames(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x8, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x8, value, true); }
  /** 0xc uint32: array of frame numbers, out */
  get frame_list(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xc, true)); }
  set frame_list(value: bigint) { setLow32(this.#memory, this.#base + 0xc, value); }
  get frame_listLo(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  get frame_listHi(): number { return 0; }
}

/** struct gnttab_transfer, as 32-bit code lays it out. */
export class CompatGnttabTransfer {
  static readonly C_NAME = 'struct gnttab_transfer';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get mfn(): Mfn { return this.#memory.getUint32(this.#base + 0x0, true) as Mfn; }
  set mfn(value: Mfn) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16: in */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x8 uint32: in */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0x8, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0xc, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0xc, value, true); }
}

/** struct gnttab_copy_ptr, as 32-bit code lays it out. */
export class CompatGnttabCopyPtr {
  static readonly C_NAME = 'struct gnttab_copy_ptr';
  static readonly SIZE = 0x8;
  static readonly C_PATHS = { ref: 'u.ref', gmfn: 'u.gmfn' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: with GNTCOPY_*_gref */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x0 uint32: without */
  get gmfn(): Gfn { return this.#memory.getUint32(this.#base + 0x0, true) as Gfn; }
  set gmfn(value: Gfn) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: in the page */
  get offset(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set offset(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
}

/** struct gnttab_copy, as 32-bit code lays it out. */
export class CompatGnttabCopy {
  static readonly C_NAME = 'struct gnttab_copy';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get source(): CompatGnttabCopyPtr { return new CompatGnttabCopyPtr(this.#memory, this.#base + 0x0); }
  /** 0x8 struct */
  get dest(): CompatGnttabCopyPtr { return new CompatGnttabCopyPtr(this.#memory, this.#base + 0x8); }
  /** 0x10 uint16: bytes */
  get len(): number { return this.#memory.getUint16(this.#base + 0x10, true); }
  set len(value: number) { this.#memory.setUint16(this.#base + 0x10, value, true); }
  /** 0x12 uint16: GNTCOPY_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x12, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x12, value, true); }
  /** 0x14 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x14, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x14, value, true); }
}

/** struct gnttab_unmap_and_replace, as 32-bit code lays it out. */
export class CompatGnttabUnmapAndReplace {
  static readonly C_NAME = 'struct gnttab_unmap_and_replace';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in */
  get host_addr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set host_addr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get host_addrLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set host_addrLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get host_addrHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set host_addrHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: in */
  get new_addr(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set new_addr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get new_addrLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set new_addrLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get new_addrHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set new_addrHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32: in */
  get handle(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set handle(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x14, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x14, value, true); }
}

/** struct gnttab_cache_flush, as 32-bit code lays it out. */
export class CompatGnttabCacheFlush {
  static readonly C_NAME = 'struct gnttab_cache_flush';
  static readonly SIZE = 0x10;
  static readonly C_PATHS = { dev_bus_addr: 'a.dev_bus_addr', ref: 'a.ref' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get dev_bus_addr(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set dev_bus_addr(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x0 uint32: with GNTTAB_CACHE_SOURCE_GREF */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint16: in the page */
  get offset(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set offset(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16: bytes */
  get length(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set length(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
  /** 0xc uint32: GNTTAB_CACHE_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}
