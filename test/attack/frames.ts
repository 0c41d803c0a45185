/** Machine frames: those that domains have, and those that are nobody's and show whether somebody was there. */
import { type Engine, ENGINE_RESERVED_BYTES, PAGE_SIZE } from '../../src/cpu/engine.ts';

/** What is nobody's, or another's, is full of. */
export const CANARY = 0xa5;
const CANARY_WORD = 0xa5a5a5a5;
const FIRST = ENGINE_RESERVED_BYTES / PAGE_SIZE;

export class Frames {
  readonly #engine: Engine;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  /** In an order in which neighbours are not. */
  readonly #free: number[];
  readonly #references = new Map<number, number>();
  #asked = 0;

  constructor(memory: WebAssembly.Memory, engine: Engine) {
    this.#engine = engine;
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    const count = memory.buffer.byteLength / PAGE_SIZE - FIRST;
    this.#free = Array.from({ length: count }, (_, index) => FIRST + ((index * STRIDE) % count));
    this.#u8.fill(CANARY, ENGINE_RESERVED_BYTES);
    engine.memoryWritten(ENGINE_RESERVED_BYTES, memory.buffer.byteLength - ENGINE_RESERVED_BYTES);
  }

  take(): number {
    const mfn = this.#free.shift();
    if (mfn === undefined) throw new Error('there are more frames than domains can take');
    return mfn;
  }

  takeZeroed(): number {
    const mfn = this.take();
    this.#fill(mfn, 0);
    return mfn;
  }

  /** It is nobody's from now on, and next in turn. */
  give(mfn: number): void {
    this.#fill(mfn, CANARY);
    this.#free.unshift(mfn);
  }

  reference(mfn: number): void {
    this.#references.set(mfn, (this.#references.get(mfn) ?? 0) + 1);
  }
  release(mfn: number): void {
    this.#references.set(mfn, (this.#references.get(mfn) ?? 0) - 1);
  }
  isReferenced(mfn: number): boolean {
    return (this.#references.get(mfn) ?? 0) > 0;
  }

  /** Every second time somebody asks. */
  get isShort(): boolean {
    return (this.#asked++ & 1) === 0;
  }

  isZero(mfn: number): boolean {
    return this.#words(mfn).every((word) => word === 0);
  }

  /** The first word of a frame that is not as it was left, as a sentence. */
  disturbed(): string | undefined {
    for (const mfn of this.#free) {
      const at = this.#words(mfn).findIndex((word) => word !== CANARY_WORD);
      if (at < 0) continue;
      const found = this.#words(mfn)[at] as number;
      return `machine address ${(mfn * PAGE_SIZE + at * 4).toString(16)} is nobody's and was written: ${found.toString(16)}`;
    }
    return undefined;
  }

  /** Where a frame has what is only in others. */
  leaked(mfn: number): string | undefined {
    const at = this.#words(mfn).indexOf(CANARY_WORD);
    return at < 0 ? undefined : `machine address ${(mfn * PAGE_SIZE + at * 4).toString(16)} has what nobody may read`;
  }

  #words(mfn: number): Uint32Array {
    return this.#u32.subarray(mfn * (PAGE_SIZE / 4), (mfn + 1) * (PAGE_SIZE / 4));
  }

  #fill(mfn: number, value: number): void {
    this.#u8.fill(value, mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
    this.#engine.memoryWritten(mfn * PAGE_SIZE, PAGE_SIZE);
  }
}

/** Odd, so that each frame comes once where their number is a power of two. */
const STRIDE = 389;
