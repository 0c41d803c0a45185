import { assert } from '../../lib/assert.ts';

/** The largest block is 2^MAX_ORDER frames: 4 GiB, all that a WebAssembly memory can be. */
const MAX_ORDER = 20;
/** `take` found no block. Frame 0 belongs to the engine, so that 0 is never a frame to hand out. */
export const NO_FRAME = 0;

const END = -1;
const NOT_A_FREE_HEAD = -1;

/**
 * Free frames, as a binary buddy system (Knuth, TAOCP 1, 2.5): blocks of 2^order frames, aligned to their size, one
 * doubly linked list an order. Taking and giving back cost O(MAX_ORDER) and allocate nothing.
 */
export class Buddy {
  /** Frames free now. */
  freeFrames = 0;
  readonly #heads = new Int32Array(MAX_ORDER + 1).fill(END);
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The order of the free block that starts at a frame. */
  readonly #order: Int8Array;

  /** All frames from `first` up to, not including, `end` are free. */
  constructor(first: number, end: number) {
    assert(first > 0 && first <= end, 'frame 0 is never free');
    this.#next = new Int32Array(end);
    this.#previous = new Int32Array(end);
    this.#order = new Int8Array(end).fill(NOT_A_FREE_HEAD);
    this.giveRange(first, end);
  }

  /** Frees all frames from `first` up to, not including, `end`, highest first, so that lists start with the lowest. */
  giveRange(first: number, end: number): void {
    for (let stop = end; stop > first; ) {
      let order = Math.min(MAX_ORDER, 31 - Math.clz32(stop & -stop));
      while (stop - 2 ** order < first) order -= 1;
      stop -= 2 ** order;
      this.give(stop, order);
    }
  }

  /** The first frame of a free block of 2^`order` frames, which is free no more; NO_FRAME where there is none. */
  take(order: number): number {
    assert(order >= 0 && order <= MAX_ORDER, 'callers bound the order');
    let found = order;
    while (found <= MAX_ORDER && this.#heads[found] === END) found += 1;
    if (found > MAX_ORDER) return NO_FRAME;

    const frame = this.#heads[found] as number;
    this.#unlink(frame, found);
    while (found > order) {
      found -= 1;
      this.#link(frame + 2 ** found, found);
    }
    return frame;
  }

  /** Takes one frame out, whichever block it is in; false where it is not free. */
  takeFrame(frame: number): boolean {
    for (let order = 0; order <= MAX_ORDER; order++) {
      let head = frame - (frame % 2 ** order);
      if (this.#order[head] !== order) continue;
      this.#unlink(head, order);
      for (let size = order - 1; size >= 0; size--) {
        const upper = head + 2 ** size;
        this.#link(frame < upper ? upper : head, size);
        if (frame >= upper) head = upper;
      }
      return true;
    }
    return false;
  }

  /** Frees the block of 2^`order` frames at `frame` and joins it with its free neighbours. */
  give(frame: number, order: number): void {
    let at = frame;
    let size = order;
    while (size < MAX_ORDER) {
      const buddy = at ^ (1 << size);
      if (this.#order[buddy] !== size) break;
      this.#unlink(buddy, size);
      at = Math.min(at, buddy);
      size += 1;
    }
    this.#link(at, size);
  }

  #link(frame: number, order: number): void {
    const head = this.#heads[order] as number;
    this.#next[frame] = head;
    this.#previous[frame] = END;
    if (head !== END) this.#previous[head] = frame;
    this.#heads[order] = frame;
    assert(this.#order[frame] === NOT_A_FREE_HEAD, 'a frame is freed once');
    this.#order[frame] = order;
    this.freeFrames += 2 ** order;
  }

  #unlink(frame: number, order: number): void {
    const next = this.#next[frame] as number;
    const previous = this.#previous[frame] as number;
    if (previous === END) this.#heads[order] = next;
    else this.#next[previous] = next;
    if (next !== END) this.#previous[next] = previous;
    this.#order[frame] = NOT_A_FREE_HEAD;
    this.freeFrames -= 2 ** order;
  }
}
