import { XenconsInterface } from '../../abi/io/console.ts';

/**
 * The daemon's end of a console ring (public/io/console.h). The guest can write anything into the page at any time:
 * each index is read once a use, and a ring whose indices make no sense is taken for empty, or full, until they do.
 */
export class ConsoleRing {
  readonly #page: XenconsInterface;

  constructor(page: Uint8Array) {
    this.#page = new XenconsInterface(new DataView(page.buffer, page.byteOffset, page.byteLength), 0);
  }

  /** Takes up to `most` bytes the guest wrote. */
  take(most: number): Uint8Array {
    const { out } = this.#page;
    const consumer = this.#page.out_cons;
    const filled = (this.#page.out_prod - consumer) >>> 0;
    const count = filled > out.length ? 0 : Math.min(filled, most);

    const bytes = new Uint8Array(count);
    const start = consumer & (out.length - 1);
    const first = Math.min(count, out.length - start);
    bytes.set(out.subarray(start, start + first));
    bytes.set(out.subarray(0, count - first), first);
    if (count > 0) this.#page.out_cons = (consumer + count) >>> 0;
    return bytes;
  }

  /** Gives the guest as much from the front of `bytes` as there is room for; returns how many that was. */
  give(bytes: Uint8Array): number {
    const { in: input } = this.#page;
    const producer = this.#page.in_prod;
    const filled = (producer - this.#page.in_cons) >>> 0;
    const count = filled > input.length ? 0 : Math.min(input.length - filled, bytes.length);

    const start = producer & (input.length - 1);
    const first = Math.min(count, input.length - start);
    input.set(bytes.subarray(0, first), start);
    input.set(bytes.subarray(first, count));
    // After the bytes: the guest may look at any time.
    if (count > 0) this.#page.in_prod = (producer + count) >>> 0;
    return count;
  }
}
