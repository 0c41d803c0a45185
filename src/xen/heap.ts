import { assert } from '../lib/assert.ts';

const GRAIN = 8;
/** Offset 0 is the null pointer, and nothing near it is given out either. */
const FIRST = 4096;

interface Piece {
  at: number;
  size: number;
}

/** Pieces of a buffer, by first fit; for few and short-lived ones. */
export class Heap {
  readonly #free: Piece[];
  readonly #used = new Map<number, number>();

  constructor(size: number) {
    this.#free = [{ at: FIRST, size: size - FIRST }];
  }

  /** Pieces that are out. */
  get used(): number {
    return this.#used.size;
  }

  /** Takes `size` bytes at a multiple of `alignment`, a power of two. Running out is a leak of the caller's. */
  allocate(size: number, alignment: number): number {
    const wanted = Math.max(GRAIN, Math.ceil(size / GRAIN) * GRAIN);
    for (const [index, piece] of this.#free.entries()) {
      const at = Math.ceil(piece.at / alignment) * alignment;
      const before = at - piece.at;
      const after = piece.size - before - wanted;
      if (after < 0) continue;
      const rest: Piece[] = [];
      if (before > 0) rest.push({ at: piece.at, size: before });
      if (after > 0) rest.push({ at: at + wanted, size: after });
      this.#free.splice(index, 1, ...rest);
      this.#used.set(at, wanted);
      return at;
    }
    assert(false, `dom0's call buffer has room for ${size} bytes`);
  }

  /** Gives back what `allocate` returned. */
  free(at: number): void {
    const size = this.#used.get(at);
    assert(size !== undefined, 'a piece is given back once');
    this.#used.delete(at);
    let index = this.#free.findIndex((piece) => piece.at > at);
    if (index < 0) index = this.#free.length;
    this.#free.splice(index, 0, { at, size });
    this.#join(index);
    this.#join(index - 1);
  }

  #join(index: number): void {
    const piece = this.#free[index];
    const next = this.#free[index + 1];
    if (piece === undefined || next === undefined || piece.at + piece.size !== next.at) return;
    piece.size += next.size;
    this.#free.splice(index + 1, 1);
  }
}
