// public/grant_table.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';
import type { Domid } from '../xen.ts';

/** struct gnttab_get_status_frames, as 32-bit code lays it out. */
export class CompatGnttabGetStatusFrames {
  static readonly C_NAME = 'struct gnttab_get_status_frames';
  static readonly SIZE = 0xc;
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
  /** 0x8 uint32: array of uint64 frame numbers, out */
  get frame_list(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x8, true)); }
  set frame_list(value: bigint) { setLow32(this.#memory, this.#base + 0x8, value); }
  get frame_listLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get frame_listHi(): number { return 0; }
}
