// public/argo.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';

/** struct xen_argo_iov, as 32-bit code lays it out. */
export class CompatXenArgoIov {
  static readonly C_NAME = 'struct xen_argo_iov';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: array of bytes */
  get iov_hnd(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set iov_hnd(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
  get iov_hndLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get iov_hndHi(): number { return 0; }
  /** 0x4 uint32 */
  get iov_len(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set iov_len(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: 0 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}
