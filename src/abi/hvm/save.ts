// public/hvm/save.h — HVM state is a list of records
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct hvm_save_descriptor: before each record */
export class HvmSaveDescriptor {
  static readonly C_NAME = 'struct hvm_save_descriptor';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: HVM_SAVE_CODE_* */
  get typecode(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set typecode(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: vCPU, or 0 */
  get instance(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set instance(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: bytes that follow */
  get length(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set length(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

// The record that ends the list; C's HVM_SAVE_CODE(END).
export const HVM_SAVE_CODE_END = 0;
