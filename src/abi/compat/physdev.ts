// public/physdev.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';
import type { Domid } from '../xen.ts';

/** struct physdev_set_iobitmap, as 32-bit code lays it out. */
export class CompatPhysdevSetIobitmap {
  static readonly C_NAME = 'struct physdev_set_iobitmap';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get bitmap(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set bitmap(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
  get bitmapLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get bitmapHi(): number { return 0; }
  /** 0x4 uint32 */
  get nr_ports(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_ports(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct physdev_map_pirq, as 32-bit code lays it out. */
export class CompatPhysdevMapPirq {
  static readonly C_NAME = 'struct physdev_map_pirq';
  static readonly SIZE = 0x24;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 int32: MAP_PIRQ_TYPE_* */
  get type(): number { return this.#memory.getInt32(this.#base + 0x4, true); }
  set type(value: number) { this.#memory.setInt32(this.#base + 0x4, value, true); }
  /** 0x8 int32: GSI */
  get index(): number { return this.#memory.getInt32(this.#base + 0x8, true); }
  set index(value: number) { this.#memory.setInt32(this.#base + 0x8, value, true); }
  /** 0xc int32: in and out */
  get pirq(): number { return this.#memory.getInt32(this.#base + 0xc, true); }
  set pirq(value: number) { this.#memory.setInt32(this.#base + 0xc, value, true); }
  /** 0x10 int32 */
  get bus(): number { return this.#memory.getInt32(this.#base + 0x10, true); }
  set bus(value: number) { this.#memory.setInt32(this.#base + 0x10, value, true); }
  /** 0x14 int32 */
  get devfn(): number { return this.#memory.getInt32(this.#base + 0x14, true); }
  set devfn(value: number) { this.#memory.setInt32(this.#base + 0x14, value, true); }
  /** 0x18 int32 */
  get entry_nr(): number { return this.#memory.getInt32(this.#base + 0x18, true); }
  set entry_nr(value: number) { this.#memory.setInt32(this.#base + 0x18, value, true); }
  /** 0x1c uint64 */
  get table_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x1c, true); }
  set table_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x1c, value, true); }
  get table_baseLo(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set table_baseLo(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  get table_baseHi(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set table_baseHi(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
}
