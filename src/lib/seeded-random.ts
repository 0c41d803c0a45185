import type { Random } from './ports.ts';

/**
 * Randomness that repeats: the same seed, the same bytes, whatever pieces they are drawn in. Nothing for keys.
 * The generator is Marsaglia's xorshift128 (Journal of Statistical Software 8/14), its state filled from the seed.
 */
export class SeededRandom implements Random {
  readonly #words = new Uint32Array(4);
  #rest = 0;
  #restBytes = 0;

  /** @param seed any whole number; its low 32 bits count */
  constructor(seed: number) {
    for (let i = 0; i < 4; i++) this.#words[i] = scramble(seed + Math.imul(i + 1, 0x9e3779b9));
    // All zeros would stay zeros.
    if (this.#words.every((word) => word === 0)) this.#words[0] = 1;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      if (this.#restBytes === 0) {
        this.#rest = this.next();
        this.#restBytes = 4;
      }
      bytes[i] = this.#rest & 0xff;
      this.#rest >>>= 8;
      this.#restBytes--;
    }
  }

  /** 32 random bits. */
  next(): number {
    const words = this.#words;
    let x = words[0] as number;
    x ^= x << 11;
    x ^= x >>> 8;
    words.copyWithin(0, 1);
    const w = words[2] as number;
    const result = (w ^ (w >>> 19) ^ x) >>> 0;
    words[3] = result;
    return result;
  }

  /** A whole number from 0 up to, but without, `limit`, which is at most 2^32. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }
}

function scramble(seed: number): number {
  let x = seed >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
