/** Numbers of 32 bits, one after the other: how what an engine keeps is written. */
export class WordWriter {
  #words = new Uint32Array(1 << 10);
  #length = 0;

  add(...words: readonly number[]): void {
    for (const word of words) {
      if (this.#length === this.#words.length) this.#grow(1);
      this.#words[this.#length++] = word;
    }
  }

  /** Adds how many there are, and them. */
  addList(words: ArrayLike<number>): void {
    this.add(words.length);
    if (this.#length + words.length > this.#words.length) this.#grow(words.length);
    this.#words.set(words, this.#length);
    this.#length += words.length;
  }

  words(): Uint32Array<ArrayBuffer> {
    return this.#words.subarray(0, this.#length);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#words.buffer, 0, this.#length * 4);
  }

  #grow(room: number): void {
    const words = new Uint32Array(2 * this.#words.length + room);
    words.set(this.#words);
    this.#words = words;
  }
}

/** Reads what a WordWriter wrote. Past the end there are zeros. */
export class WordReader {
  readonly #words: Uint32Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#words = new Uint32Array(new Uint8Array(bytes).buffer);
  }

  next(): number {
    return this.#words[this.#at++] ?? 0;
  }

  list(): Uint32Array {
    const length = this.next();
    this.#at += length;
    return this.#words.subarray(this.#at - length, this.#at);
  }
}
