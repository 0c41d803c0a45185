// public/version.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';

/** struct xen_platform_parameters, as 32-bit code lays it out. */
export class CompatXenPlatformParameters {
  static readonly C_NAME = 'struct xen_platform_parameters';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get virt_start(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set virt_start(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
}
