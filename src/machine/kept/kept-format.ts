/** What is kept, as bytes: a header that says what there is, and pieces. */

/** Under each name some pieces of bytes. */
export type Pieces = readonly Uint8Array[];

/** What kept bytes have. Pieces are cut out of them when they are asked for: most starts need half of them. */
export class Kept {
  /** Of the program that left it: what it made of its own modules is of use to it alone. */
  readonly program: string;
  /** Of these bytes: no others, and no later ones in their place, have it. */
  readonly stamp: string;
  /** Of processor time in the run that left it. */
  readonly seconds: number;
  readonly #bytes: Uint8Array;
  readonly #places = new Map<string, { readonly at: number; readonly lengths: readonly number[] }>();

  /** Throws where the bytes are not whole. */
  constructor(bytes: Uint8Array) {
    const from = MAGIC.length + 4;
    const isOurs = bytes.length >= from && MAGIC.every((byte, at) => bytes[at] === byte);
    if (!isOurs) throw new Error('nothing that was kept');
    let at = from + new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(from, at))) as Header;
    const { program, stamp, seconds, index } = header;
    for (const [name, lengths] of index) {
      this.#places.set(name, { at, lengths });
      for (const length of lengths) at += length;
    }
    if (at !== bytes.length) throw new Error('half of what was kept');
    this.program = program;
    this.stamp = stamp;
    this.seconds = seconds;
    this.#bytes = bytes;
  }

  get names(): Iterable<string> {
    return this.#places.keys();
  }

  get(name: string): Pieces | undefined {
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    let { at } = place;
    return place.lengths.map((length) => {
      at += length;
      return this.#bytes.subarray(at - length, at);
    });
  }
}

/** The bytes that `Kept` takes, in parts. */
export function keptParts(
  { program, seconds }: Pick<Kept, 'program' | 'seconds'>,
  entries: ReadonlyMap<string, Pieces>,
): Pieces {
  const index = [...entries].map(([name, pieces]) => [name, pieces.map(({ length }) => length)] as const);
  const header: Header = { program, stamp: crypto.randomUUID(), seconds, index };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return [MAGIC, length, text, ...[...entries.values()].flat()];
}

export function sizeOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Whether an engine's pieces are worth to be kept in the place of others, of which there are so many bytes. */
export function isWorthKeeping(size: number, before: number): boolean {
  return size >= LEAST_CODE && size > before * MUCH_MORE;
}

interface Header {
  readonly program: string;
  readonly stamp: string;
  readonly seconds: number;
  readonly index: readonly (readonly [name: string, lengths: readonly number[]])[];
}

const MAGIC = new TextEncoder().encode('xenolith kept 2\n');
const MUCH_MORE = 1.04;
/** What is less is made anew in some milliseconds. */
const LEAST_CODE = 1 << 20;
