// public/grant_table.h — rows and status words of a version 2 table
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import type { Domid, Gfn, GrantRef } from './xen.ts';

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

/** struct gnttab_get_status_frames: where version 2's status words are */
export class GnttabGetStatusFrames {
  static readonly C_NAME = 'struct gnttab_get_status_frames';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get nr_frames(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr_frames(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 int16: out: GNTST_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x6, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x6, value, true); }
  /** 0x8 uint64: array of uint64 frame numbers, out */
  get frame_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set frame_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get frame_listLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get frame_listHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}
