// public/io/console.h — the PV console's ring
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../accessors.ts';

/** struct xencons_interface: the ring page; indexes run freely, modulo 2^32 */
export class XenconsInterface {
  static readonly C_NAME = 'struct xencons_interface';
  static readonly SIZE = 0xc10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 1024 bytes: to the guest */
  get in(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 1024); }
  /** 0x400 2048 bytes: from the guest */
  get out(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x400, 2048); }
  /** 0xc00 uint32 */
  get in_cons(): number { return this.#memory.getUint32(this.#base + 0xc00, true); }
  set in_cons(value: number) { this.#memory.setUint32(this.#base + 0xc00, value, true); }
  /** 0xc04 uint32 */
  get in_prod(): number { return this.#memory.getUint32(this.#base + 0xc04, true); }
  set in_prod(value: number) { this.#memory.setUint32(this.#base + 0xc04, value, true); }
  /** 0xc08 uint32 */
  get out_cons(): number { return this.#memory.getUint32(this.#base + 0xc08, true); }
  set out_cons(value: number) { this.#memory.setUint32(this.#base + 0xc08, value, true); }
  /** 0xc0c uint32 */
  get out_prod(): number { return this.#memory.getUint32(this.#base + 0xc0c, true); }
  set out_prod(value: number) { this.#memory.setUint32(this.#base + 0xc0c, value, true); }
}
