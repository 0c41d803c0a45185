/**
 * Xen's console: a ring that `xl dmesg` reads, and whoever listens to the machine. The ring keeps the last bytes;
 * indexes count bytes since boot, modulo 2^32, as XEN_SYSCTL_readconsole has them.
 */
export class Console {
  readonly #ring: Uint8Array;
  readonly #log: (line: string) => void;
  /** Bytes ever written. */
  #produced = 0;
  #start = 0;
  /** What the operator typed at Xen's console, for CONSOLEIO_read. */
  #input: number[] = [];
  /** Text without its newline yet. */
  #partial = '';
  /** Told when the ring has new text (VIRQ_CON_RING). */
  onText: () => void = () => {};

  constructor(ringBytes: number, log: (line: string) => void) {
    this.#ring = new Uint8Array(ringBytes);
    this.#log = log;
  }

  /** Prints one line. */
  print(line: string): void {
    this.write(`${line}\n`);
  }

  /** Prints text as it comes; lines reach the listener when they are whole. */
  write(text: string): void {
    for (let index = 0; index < text.length; index++) {
      this.#ring[this.#produced % this.#ring.length] = text.charCodeAt(index);
      this.#produced += 1;
    }
    this.#start = Math.max(this.#start, this.#produced - this.#ring.length);
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() as string;
    for (const line of lines) this.#log(line);
    this.onText();
  }

  /**
   * Copies from byte `index` on, or from the oldest byte where that is gone or no index is given.
   *
   * @returns the bytes, and the index after them
   */
  read(index: number | undefined, max: number): { bytes: Uint8Array; next: number } {
    const behind = index === undefined ? this.#produced - this.#start : (this.#produced - index) >>> 0;
    const from = behind > this.#produced - this.#start ? this.#start : this.#produced - behind;
    const end = Math.min(this.#produced, from + max);
    const bytes = new Uint8Array(end - from);
    for (let at = from; at < end; at++) bytes[at - from] = this.#ring[at % this.#ring.length] as number;
    return { bytes, next: end >>> 0 };
  }

  /** Forgets the text so far (`xl dmesg -c`). */
  clear(): void {
    this.#start = this.#produced;
  }

  /** Adds to what CONSOLEIO_read will return; beyond 128 bytes it is dropped, as by Xen's receive ring. */
  type(bytes: Uint8Array): void {
    for (const byte of bytes) if (this.#input.length < 128) this.#input.push(byte);
  }

  /** Takes up to `max` typed bytes. */
  takeInput(max: number): Uint8Array {
    return Uint8Array.from(this.#input.splice(0, max));
  }
}
