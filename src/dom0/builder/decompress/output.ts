/** A damaged header may claim any size: past this, room is made only as bytes really come. */
const MOST_AT_ONCE = 256 << 20;

/**
 * Bytes being unpacked. The decoders that copy from what they have already written work on `bytes` itself, so it is
 * one array that grows; a good guess of the size saves the copies.
 */
export class Output {
  bytes: Uint8Array;
  /** how much of `bytes` is valid */
  length = 0;

  /** @param guess the expected size in bytes; wrong is only slower */
  constructor(guess: number) {
    this.bytes = new Uint8Array(Math.min(Math.max(guess, 4096), MOST_AT_ONCE));
  }

  /** Makes room for so many more bytes; `bytes` may be another array afterwards. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** What was written, without a copy. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
