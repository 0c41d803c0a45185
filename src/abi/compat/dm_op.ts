// public/hvm/dm_op.h, as 32-bit code sees it
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct xen_dm_op_buf: a buffer of a call; the first holds the operation */
export class CompatXenDmOpBuf {
  static readonly C_NAME = 'struct xen_dm_op_buf';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: guest pointer */
  get h(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set h(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get size(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set size(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}
