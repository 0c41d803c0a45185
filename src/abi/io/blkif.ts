// public/io/blkif.h — the block device protocol
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from '../accessors.ts';
import type { GrantRef } from '../xen.ts';

// blkif_request.operation.
export const BLKIF_OP_READ = 0;
export const BLKIF_OP_WRITE = 1;
export const BLKIF_OP_WRITE_BARRIER = 2; // after all before it, before all after it
export const BLKIF_OP_FLUSH_DISKCACHE = 3;
export const BLKIF_OP_RESERVED_1 = 4;
export const BLKIF_OP_DISCARD = 5;
export const BLKIF_OP_INDIRECT = 6; // a read or write whose segments are in granted pages
export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;
export const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST = 8;

/** struct blkif_request_segment: part of one granted page */
export class BlkifRequestSegment {
  static readonly C_NAME = 'struct blkif_request_segment';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get gref(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set gref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint8: in 512-byte sectors of the page */
  get first_sect(): number { return this.#memory.getUint8(this.#base + 0x4); }
  set first_sect(value: number) { this.#memory.setUint8(this.#base + 0x4, value); }
  /** 0x5 uint8: inclusive */
  get last_sect(): number { return this.#memory.getUint8(this.#base + 0x5); }
  set last_sect(value: number) { this.#memory.setUint8(this.#base + 0x5, value); }
}

/** struct blkif_request: read, write, barrier or flush */
export class BlkifRequest {
  static readonly C_NAME = 'struct blkif_request';
  static readonly SIZE = 0x70;
  static readonly LENGTH_seg = 11;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: BLKIF_OP_* */
  get operation(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set operation(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8 */
  get nr_segments(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set nr_segments(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16: virtual device */
  get handle(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set handle(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x8 uint64: the response repeats it */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: first sector, of 512 bytes */
  get sector_number(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set sector_number(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 11 of 0x8 bytes */
  seg(i: number): BlkifRequestSegment { return new BlkifRequestSegment(this.#memory, this.#base + 0x18 + i * 0x8); }
}

export const BLKIF_DISCARD_SECURE = 1 << 0;

/** struct blkif_request_discard: BLKIF_OP_DISCARD */
export class BlkifRequestDiscard {
  static readonly C_NAME = 'struct blkif_request_discard';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8 */
  get operation(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set operation(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: BLKIF_DISCARD_* */
  get flag(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set flag(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16: virtual device */
  get handle(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set handle(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x8 uint64: the response repeats it */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: first sector, of 512 bytes */
  get sector_number(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set sector_number(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64 */
  get nr_sectors(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set nr_sectors(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
}

/** struct blkif_request_indirect: BLKIF_OP_INDIRECT */
export class BlkifRequestIndirect {
  static readonly C_NAME = 'struct blkif_request_indirect';
  static readonly SIZE = 0x40;
  static readonly LENGTH_indirect_grefs = 8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8 */
  get operation(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set operation(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: BLKIF_OP_READ or BLKIF_OP_WRITE */
  get indirect_op(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set indirect_op(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16 */
  get nr_segments(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set nr_segments(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x8 uint64: the response repeats it */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: first sector, of 512 bytes */
  get sector_number(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set sector_number(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint16: virtual device */
  get handle(): number { return this.#memory.getUint16(this.#base + 0x18, true); }
  set handle(value: number) { this.#memory.setUint16(this.#base + 0x18, value, true); }
  /** 0x1c uint32, 8 of them: pages of blkif_request_segment */
  indirect_grefs(i: number): GrantRef { return this.#memory.getUint32(this.#base + 0x1c + i * 4, true) as GrantRef; }
  set_indirect_grefs(i: number, value: GrantRef) { this.#memory.setUint32(this.#base + 0x1c + i * 4, value, true); }
}

/** struct blkif_response: the answer */
export class BlkifResponse {
  static readonly C_NAME = 'struct blkif_response';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: of the request */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint8: of the request */
  get operation(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set operation(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
  /** 0xa int16: BLKIF_RSP_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0xa, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0xa, value, true); }
}

export const BLKIF_RSP_EOPNOTSUPP = -2;
export const BLKIF_RSP_ERROR = -1;
export const BLKIF_RSP_OKAY = 0;

// The "info" node of a backend.
export const VDISK_CDROM = 0x1;
export const VDISK_REMOVABLE = 0x2;
export const VDISK_READONLY = 0x4;
