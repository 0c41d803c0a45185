// public/sysctl.h, as 32-bit code sees it
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct xen_sysctl_page_offline_op: frames go out of use, or come back */
export class CompatXenSysctlPageOfflineOp {
  static readonly C_NAME = 'struct xen_sysctl_page_offline_op';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: sysctl_page_offline and its like */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: the first frame */
  get start(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set start(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: the last */
  get end(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set end(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: array of uint32, one a frame: PG_OFFLINE_* */
  get status(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0xc, true)); }
  set status(value: bigint) { this.#memory.setUint32(this.#base + 0xc, Number(value & 0xffffffffn), true); }
}
