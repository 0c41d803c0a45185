/** 256 bits, one an interrupt vector: the IRR, ISR and TMR of a local APIC. */
export class VectorBitmap {
  readonly #words = new Uint32Array(8);

  /** Bits of vectors 32 * index and up, as the register shows them. */
  word(index: number): number {
    return this.#words[index] as number;
  }

  setWord(index: number, bits: number): void {
    this.#words[index] = bits;
  }

  has(vector: number): boolean {
    return ((this.#words[vector >> 5] as number) & (1 << (vector & 31))) !== 0;
  }

  set(vector: number): void {
    this.#words[vector >> 5] = (this.#words[vector >> 5] as number) | (1 << (vector & 31));
  }

  clear(vector: number): void {
    this.#words[vector >> 5] = (this.#words[vector >> 5] as number) & ~(1 << (vector & 31));
  }

  clearAll(): void {
    this.#words.fill(0);
  }

  /** The highest vector set, or -1. */
  highest(): number {
    for (let word = 7; word >= 0; word--) {
      const bits = this.#words[word] as number;
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
    }
    return -1;
  }
}
