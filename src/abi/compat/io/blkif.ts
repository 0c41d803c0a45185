// public/io/blkif.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from '../../accessors.ts';
import { BlkifRequestSegment } from '../../io/blkif.ts';
import type { GrantRef } from '../../xen.ts';

/** struct blkif_request, as 32-bit code lays it out. */
export class CompatBlkifRequest {
  static readonly C_NAME = 'struct blkif_request';
  static readonly SIZE = 0x6c;
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
  /** 0x4 uint64: the response repeats it */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x4, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x4, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint64: first sector, of 512 bytes */
  get sector_number(): number { return getUint53(this.#memory, this.#base + 0xc); }
  set sector_number(value: number) { setUint53(this.#memory, this.#base + 0xc, value); }
  /** 0x14 11 of 0x8 bytes */
  seg(i: number): BlkifRequestSegment { return new BlkifRequestSegment(this.#memory, this.#base + 0x14 + i * 0x8); }
}

/** struct blkif_request_discard, as 32-bit code lays it out. */
export class CompatBlkifRequestDiscard {
  static readonly C_NAME = 'struct blkif_request_discard';
  static readonly SIZE = 0x1c;
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
  /** 0x4 uint64: the response repeats it */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x4, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x4, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint64: first sector, of 512 bytes */
  get sector_number(): number { return getUint53(this.#memory, this.#base + 0xc); }
  set sector_number(value: number) { setUint53(this.#memory, this.#base + 0xc, value); }
  /** 0x14 uint64 */
  get nr_sectors(): number { return getUint53(this.#memory, this.#base + 0x14); }
  set nr_sectors(value: number) { setUint53(this.#memory, this.#base + 0x14, value); }
}

/** struct blkif_request_indirect, as 32-bit code lays it out. */
export class CompatBlkifRequestIndirect {
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
  /** 0x4 uint64: the response repeats it */
  get id(): bigint { return this.#memory.getBigUint64(this.#base + 0x4, true); }
  set id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x4, value, true); }
  get idLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set idLo(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  get idHi(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set idHi(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint64: first sector, of 512 bytes */
  get sector_number(): number { return getUint53(this.#memory, this.#base + 0xc); }
  set sector_number(value: number) { setUint53(this.#memory, this.#base + 0xc, value); }
  /** 0x14 uint16: virtual device */
  get handle(): number { return this.#memory.getUint16(this.#base + 0x14, true); }
  set handle(value: number) { this.#memory.setUint16(this.#base + 0x14, value, true); }
  /** 0x18 uint32, 8 of them: pages of blkif_request_segment */
  indirect_grefs(i: number): GrantRef { return this.#memory.getUint32(this.#base + 0x18 + i * 4, true) as GrantRef; }
  set_indirect_grefs(i: number, value: GrantRef) { this.#memory.setUint32(this.#base + 0x18 + i * 4, value, true); }
  /** 0x38 uint64 */
  get pad(): bigint { return this.#memory.getBigUint64(this.#base + 0x38, true); }
  set pad(value: bigint) { this.#memory.setBigUint64(this.#base + 0x38, value, true); }
  get padLo(): number { return this.#memory.getUint32(this.#base + 0x38, true); }
  set padLo(value: number) { this.#memory.setUint32(this.#base + 0x38, value, true); }
  get padHi(): number { return this.#memory.getUint32(this.#base + 0x3c, true); }
  set padHi(value: number) { this.#memory.setUint32(this.#base + 0x3c, value, true); }
}

/** struct blkif_response, as 32-bit code lays it out. */
export class CompatBlkifResponse {
  static readonly C_NAME = 'struct blkif_response';
  static readonly SIZE = 0xc;
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
