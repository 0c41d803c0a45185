// public/io/ring.h — the shared page of a split driver
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../accessors.ts';

// A ring of n slots of one size: n is the largest power of two that fits behind the header.
// Indexes run freely, modulo 2^32.

/** struct xen_sring: the header; the slots follow */
export class Sring {
  static readonly C_NAME = 'struct xen_sring';
  static readonly SIZE = 0x40;
  static readonly C_PATHS = { pvt_pad: 'pvt.pvt_pad' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: requests up to here are there */
  get req_prod(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set req_prod(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: the frontend notifies when req_prod passes this */
  get req_event(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set req_event(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: responses up to here are there */
  get rsp_prod(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set rsp_prod(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: the backend notifies when rsp_prod passes this */
  get rsp_event(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set rsp_event(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 4 bytes */
  get pvt_pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x10, 4); }
  /** 0x14 44 bytes */
  get __pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x14, 44); }
}
