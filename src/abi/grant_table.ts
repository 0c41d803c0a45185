// public/grant_table.h
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import type { Domid, Gfn, GrantRef, Mfn } from './xen.ts';

/** struct grant_entry_v1: one row of the table a domain shares with Xen */
export class GrantEntryV1 {
  static readonly C_NAME = 'struct grant_entry_v1';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: GTF_*. The granter writes it last: it is what makes the row live */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: who may use it */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x2, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: of the granting domain */
  get frame(): Gfn { return this.#memory.getUint32(this.#base + 0x4, true) as Gfn; }
  set frame(value: Gfn) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

// Rows the toolstack fills for the domain.
export const GNTTAB_NR_RESERVED_ENTRIES = 8;
export const GNTTAB_RESERVED_CONSOLE = 0;
export const GNTTAB_RESERVED_XENSTORE = 1;

// flags: bits 0-1 are a type, the rest is by type.
export const GTF_invalid = 0;
export const GTF_permit_access = 1 << 0;
export const GTF_accept_transfer = 1 << 1;
export const GTF_transitive = 3;
export const GTF_type_mask = 3;
// With GTF_permit_access.
export const _GTF_readonly = 2;
export const GTF_readonly = 1 << 2;
export const _GTF_reading = 3;
export const GTF_reading = 1 << 3; // set by Xen while it is mapped
export const _GTF_writing = 4;
export const GTF_writing = 1 << 4; // set by Xen while it is mapped writable
export const _GTF_PWT = 5;
export const GTF_PWT = 1 << 5;
export const _GTF_PCD = 6;
export const GTF_PCD = 1 << 6;
export const _GTF_PAT = 7;
export const GTF_PAT = 1 << 7;
export const _GTF_sub_page = 8;
export const GTF_sub_page = 1 << 8;
// With GTF_accept_transfer.
export const _GTF_transfer_committed = 2;
export const GTF_transfer_committed = 1 << 2;
export const _GTF_transfer_completed = 3;
export const GTF_transfer_completed = 1 << 3;

// Every op takes an array of structs; each has its own status.
export const GNTTABOP_map_grant_ref = 0;
export const GNTTABOP_unmap_grant_ref = 1;
export const GNTTABOP_setup_table = 2;
export const GNTTABOP_dump_table = 3;
export const GNTTABOP_transfer = 4;
export const GNTTABOP_copy = 5;
export const GNTTABOP_query_size = 6;
export const GNTTABOP_unmap_and_replace = 7;
export const GNTTABOP_set_version = 8;
export const GNTTABOP_get_status_frames = 9;
export const GNTTABOP_get_version = 10;
export const GNTTABOP_swap_grant_ref = 11;
export const GNTTABOP_cache_flush = 12;

/** struct gnttab_map_grant_ref: maps a grant */
export class GnttabMapGrantRef {
  static readonly C_NAME = 'struct gnttab_map_grant_ref';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in: virtual address (PV), PTE address, or guest-physical address */
  get host_addr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set host_addr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get host_addrLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set host_addrLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get host_addrHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set host_addrHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: in: GNTMAP_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: in */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0xc, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint16: in: who granted */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x10, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x10, value, true); }
  /** 0x12 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x12, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x12, value, true); }
  /** 0x14 uint32: out: for the unmapping */
  get handle(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set handle(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint64: out: for GNTMAP_device_map */
  get dev_bus_addr(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set dev_bus_addr(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
}

/** struct gnttab_unmap_grant_ref: undoes a mapping */
export class GnttabUnmapGrantRef {
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

/** struct gnttab_setup_table: sizes a table and says where it is */
export class GnttabSetupTable {
  static readonly C_NAME = 'struct gnttab_setup_table';
  static readonly SIZE = 0x18;
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
  /** 0x10 uint64: array of frame numbers, out */
  get frame_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set frame_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get frame_listLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get frame_listHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
}

/** struct gnttab_dump_table: prints a table to Xen's log */
export class GnttabDumpTable {
  static readonly C_NAME = 'struct gnttab_dump_table';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x2, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x2, value, true); }
}

/** struct gnttab_transfer: gives a frame away */
export class GnttabTransfer {
  static readonly C_NAME = 'struct gnttab_transfer';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in */
  get mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x0) as Mfn; }
  set mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint16: in */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x8, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xc uint32: in */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0xc, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x10, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x10, value, true); }
}

export const _GNTCOPY_source_gref = 0;
export const GNTCOPY_source_gref = 1 << 0;
export const _GNTCOPY_dest_gref = 1;
export const GNTCOPY_dest_gref = 1 << 1;

/** struct gnttab_copy_ptr: one end of a copy */
export class GnttabCopyPtr {
  static readonly C_NAME = 'struct gnttab_copy_ptr';
  static readonly SIZE = 0x10;
  static readonly C_PATHS = { ref: 'u.ref', gmfn: 'u.gmfn' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: with GNTCOPY_*_gref */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x0 uint64: without */
  get gmfn(): Gfn { return getUint53(this.#memory, this.#base + 0x0) as Gfn; }
  set gmfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x8, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16: in the page */
  get offset(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set offset(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
}

/** struct gnttab_copy: copies inside one page each */
export class GnttabCopy {
  static readonly C_NAME = 'struct gnttab_copy';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get source(): GnttabCopyPtr { return new GnttabCopyPtr(this.#memory, this.#base + 0x0); }
  /** 0x10 struct */
  get dest(): GnttabCopyPtr { return new GnttabCopyPtr(this.#memory, this.#base + 0x10); }
  /** 0x20 uint16: bytes */
  get len(): number { return this.#memory.getUint16(this.#base + 0x20, true); }
  set len(value: number) { this.#memory.setUint16(this.#base + 0x20, value, true); }
  /** 0x22 uint16: GNTCOPY_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x22, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x22, value, true); }
  /** 0x24 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x24, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x24, value, true); }
}

/** struct gnttab_query_size: how large a table is and may become */
export class GnttabQuerySize {
  static readonly C_NAME = 'struct gnttab_query_size';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32: out */
  get nr_frames(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_frames(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: out */
  get max_nr_frames(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set max_nr_frames(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0xc, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0xc, value, true); }
}

/** struct gnttab_unmap_and_replace: undoes a mapping, moves another page there */
export class GnttabUnmapAndReplace {
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

/** struct gnttab_set_version: of the caller's table */
export class GnttabSetVersion {
  static readonly C_NAME = 'struct gnttab_set_version';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in and out: 1 or 2 */
  get version(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct gnttab_get_version: of a domain's table */
export class GnttabGetVersion {
  static readonly C_NAME = 'struct gnttab_get_version';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: out */
  get version(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct gnttab_swap_grant_ref: exchanges two rows */
export class GnttabSwapGrantRef {
  static readonly C_NAME = 'struct gnttab_swap_grant_ref';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get ref_a(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set ref_a(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in */
  get ref_b(): GrantRef { return this.#memory.getUint32(this.#base + 0x4, true) as GrantRef; }
  set ref_b(value: GrantRef) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x8, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x8, value, true); }
}

export const GNTTAB_CACHE_CLEAN = 1 << 0;
export const GNTTAB_CACHE_INVAL = 1 << 1;
export const GNTTAB_CACHE_SOURCE_GREF = 0x80000000;

/** struct gnttab_cache_flush: Arm only */
export class GnttabCacheFlush {
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

// gnttab_map_grant_ref.flags.
export const _GNTMAP_device_map = 0;
export const GNTMAP_device_map = 1 << 0; // give a bus address
export const _GNTMAP_host_map = 1;
export const GNTMAP_host_map = 1 << 1; // map at host_addr
export const _GNTMAP_readonly = 2;
export const GNTMAP_readonly = 1 << 2;
export const _GNTMAP_application_map = 3;
export const GNTMAP_application_map = 1 << 3; // user mode may use it; PV only
export const _GNTMAP_contains_pte = 4;
export const GNTMAP_contains_pte = 1 << 4; // host_addr is the machine address of the PTE; PV only
export const _GNTMAP_guest_avail0 = 16;
export const GNTMAP_guest_avail_mask = 0xffff0000;

// status of every op.
export const GNTST_okay = 0;
export const GNTST_general_error = -1;
export const GNTST_bad_domain = -2;
export const GNTST_bad_gntref = -3;
export const GNTST_bad_handle = -4;
export const GNTST_bad_virt_addr = -5;
export const GNTST_bad_dev_addr = -6;
export const GNTST_no_device_space = -7; // the IOMMU is full
export const GNTST_permission_denied = -8;
export const GNTST_bad_page = -9;
export const GNTST_bad_copy_arg = -10; // it crosses a page
export const GNTST_address_too_big = -11;
export const GNTST_eagain = -12; // the page is paged out
export const GNTST_no_space = -13;
