/** One file with what a program needs to start at once: read whole, written whole. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Under each name some pieces of bytes. */
export type Pieces = readonly Uint8Array[];

/** Files of the most recent programs stay, for example of several checkouts; each has some 10 MB. */
const MOST_FILES = 4;
const WRITABLE_BY_OTHERS = 0o022;
const MAGIC = 'xenolith kept 2\n';

/** What a kept file has. Pieces are cut out of it when they are asked for: most starts need half of them. */
export class Kept {
  /** Of the program that left it: what it made of its own modules is of use to it alone. */
  readonly program: string;
  /** Of this file: no other, and no later one in its place, has it. */
  readonly stamp: string;
  /** Of processor time in the run that left it. */
  readonly seconds: number;
  readonly #bytes: Buffer;
  readonly #places = new Map<string, { readonly at: number; readonly lengths: readonly number[] }>();

  /** Throws where the bytes are not those of a whole file. */
  constructor(bytes: Buffer) {
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new Error('not a kept file');
    const from = MAGIC.length + 4;
    let at = from + bytes.readUInt32LE(MAGIC.length);
    const { program, stamp, seconds, index } = JSON.parse(bytes.toString('utf8', from, at)) as Header;
    for (const [name, lengths] of index) {
      this.#places.set(name, { at, lengths });
      for (const length of lengths) at += length;
    }
    if (at !== bytes.length) throw new Error('half a kept file');
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

/** Reads a kept file; undefined where there is none, not a whole one, or one that others than the user could have written. */
export function readKept(path: string): Kept | undefined {
  try {
    const file = openSync(path, 'r');
    try {
      return isOurs(file) ? new Kept(readFileSync(file)) : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    // Whatever is wrong with it, it is made anew.
    return undefined;
  }
}

/** Writes a kept file in one step: whoever reads at the same time finds the old or the new one. */
export function writeKept(
  path: string,
  { program, seconds }: Pick<Kept, 'program' | 'seconds'>,
  entries: ReadonlyMap<string, Pieces>,
): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const index = [...entries].map(([name, pieces]) => [name, pieces.map(({ length }) => length)] as const);
  const header: Header = { program, stamp: randomUUID(), seconds, index };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const unfinished = join(folder, `.unfinished-${basename(path)}-${process.pid}`);
  try {
    const file = openSync(unfinished, 'wx', 0o600);
    try {
      for (const part of [Buffer.from(MAGIC), length, text, ...[...entries.values()].flat()]) writeWhole(file, part);
      // A name that survives a power failure, with bytes that do not, would be read.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
  removeOldest(folder);
}

/** Tells that the file is of use, so that others go before it. */
export function touchKept(path: string): void {
  const now = new Date();
  utimesSync(path, now, now);
}

interface Header {
  readonly program: string;
  readonly stamp: string;
  readonly seconds: number;
  readonly index: readonly (readonly [name: string, lengths: readonly number[]])[];
}

// What is in it is executed, and a cache folder may be where everybody can write.
function isOurs(file: number): boolean {
  const { uid, mode } = fstatSync(file);
  const user = process.getuid?.();
  return user === undefined || (uid === user && (mode & WRITABLE_BY_OTHERS) === 0);
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

// What a process left that was killed counts too.
function removeOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => ({ path: join(folder, name), time: timeOf(join(folder, name)) }));
  files.sort((a, b) => b.time - a.time);
  for (const { path } of files.slice(MOST_FILES)) rmSync(path, { force: true });
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
