// public/grant_table.h
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import type { Domid, Gfn, GrantRef } from './xen.ts';

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

/** struct grant_entry_header: the start of every version 2 row */
export class GrantEntryHeader {
  static readonly C_NAME = 'struct grant_entry_header';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: GTF_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x2, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x2, value, true); }
}

/** union grant_entry_v2: one row of a version 2 table */
export class GrantEntryV2 {
  static readonly C_NAME = 'union grant_entry_v2';
  static readonly SIZE = 0x10;
  static readonly C_PATHS = {
    frame: 'full_page.frame', pad0: 'full_page.pad0', page_off: 'sub_page.page_off', length: 'sub_page.length',
    trans_domid: 'transitive.trans_domid', transitive_pad0: 'transitive.pad0', gref: 'transitive.gref',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get hdr(): GrantEntryHeader { return new GrantEntryHeader(this.#memory, this.#base + 0x0); }
  /** 0x8 uint64: full page, sub-page */
  get frame(): Gfn { return getUint53(this.#memory, this.#base + 0x8) as Gfn; }
  set frame(value: Gfn) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x4 uint32: full page */
  get pad0(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pad0(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x4 uint16: sub-page: first byte */
  get page_off(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set page_off(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: sub-page: bytes */
  get length(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set length(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x4 uint16: transitive: whose grant */
  get trans_domid(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set trans_domid(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get transitive_pad0(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set transitive_pad0(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint32: transitive: which */
  get gref(): GrantRef { return this.#memory.getUint32(this.#base + 0x8, true) as GrantRef; }
  set gref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x8, value, true); }
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
