const CHUNK_BITS = 15;
const CHUNK_GFNS = 2 ** CHUNK_BITS;
const GFN_LIMIT = 2 ** 28;

/** Which guest frames were written since they were last asked for (Xen's log-dirty bitmap). */
export class LogDirty {
  readonly #chunks = new Map<number, Uint8Array>();
  /** Frames that are marked. */
  dirty = 0;
  /** Writes that were noted since the statistics were last taken. */
  faults = 0;

  isDirty(gfn: number): boolean {
    const chunk = this.#chunks.get(Math.floor(gfn / CHUNK_GFNS));
    return chunk !== undefined && ((chunk[(gfn % CHUNK_GFNS) >> 3] as number) & (1 << (gfn & 7))) !== 0;
  }

  /** Marks a frame; false where it was. */
  mark(gfn: number): boolean {
    if (!(gfn >= 0 && gfn < GFN_LIMIT) || this.isDirty(gfn)) return false;
    const index = Math.floor(gfn / CHUNK_GFNS);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_GFNS / 8);
      this.#chunks.set(index, chunk);
    }
    const at = (gfn % CHUNK_GFNS) >> 3;
    chunk[at] = (chunk[at] as number) | (1 << (gfn & 7));
    this.dirty += 1;
    this.faults += 1;
    return true;
  }

  /** Takes a frame's mark away; false where it had none. */
  clean(gfn: number): boolean {
    if (!this.isDirty(gfn)) return false;
    const chunk = this.#chunks.get(Math.floor(gfn / CHUNK_GFNS)) as Uint8Array;
    const at = (gfn % CHUNK_GFNS) >> 3;
    chunk[at] = (chunk[at] as number) & ~(1 << (gfn & 7));
    this.dirty -= 1;
    return true;
  }

  /** Marks of frames from `first`, a multiple of 8, on: as many as `into` has bits. */
  read(first: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const gfn = first + done * 8;
      const at = (gfn % CHUNK_GFNS) >> 3;
      const part = Math.min(into.length - done, CHUNK_GFNS / 8 - at);
      const chunk = this.#chunks.get(Math.floor(gfn / CHUNK_GFNS));
      if (chunk === undefined) into.fill(0, done, done + part);
      else into.set(chunk.subarray(at, at + part), done);
      done += part;
    }
  }

  /** Calls back for each marked frame. */
  forEach(visit: (gfn: number) => void): void {
    for (const [index, chunk] of this.#chunks) {
      chunk.forEach((bits, at) => {
        for (let bit = 0; bits >> bit !== 0; bit++) {
          if ((bits & (1 << bit)) !== 0) visit(index * CHUNK_GFNS + at * 8 + bit);
        }
      });
    }
  }
}
