const SMALLEST = 4096;

/** The last bytes of a stream, at most `limit` of them. A position counts from the stream's very beginning. */
export class Backlog {
  #limit: number;
  #bytes = new Uint8Array(SMALLEST);
  #start = 0;
  #end = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A smaller limit lets go of the oldest bytes. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#start = Math.max(this.#start, this.#end - limit);
  }

  /** Position of the oldest byte that is still there. */
  get start(): number {
    return this.#start;
  }

  /** Position after the youngest. */
  get end(): number {
    return this.#end;
  }

  append(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#limit));
    this.#end += bytes.length - kept.length;
    this.#reserve(Math.min(this.#end - this.#start + kept.length, this.#limit));
    const at = this.#end % this.#bytes.length;
    const first = Math.min(kept.length, this.#bytes.length - at);
    this.#bytes.set(kept.subarray(0, first), at);
    this.#bytes.set(kept.subarray(first));
    this.#end += kept.length;
    this.#start = Math.max(this.#start, this.#end - this.#limit);
  }

  /** Bytes from `position` on, as many as lie in one piece: a view, good until the next change. Empty at the end. */
  piece(position: number): Uint8Array {
    const at = position % this.#bytes.length;
    return this.#bytes.subarray(at, Math.min(this.#bytes.length, at + this.#end - position));
  }

  /** Makes room for so many bytes, keeping each at its position modulo the new size. */
  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(size, Math.min(this.#bytes.length * 2, this.#limit)));
    for (let position = this.#start; position < this.#end; ) {
      const piece = this.piece(position).subarray(0, larger.length - (position % larger.length));
      larger.set(piece, position % larger.length);
      position += piece.length;
    }
    this.#bytes = larger;
  }
}
