/** One file with what a program needs to start at once: read whole, written whole. */
import {
  closeSync,
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

/** Named pieces of bytes. */
export interface KeptPieces {
  /** Of processor time in the run that left them. */
  readonly seconds: number;
  readonly pieces: ReadonlyMap<string, Uint8Array>;
}

/** Files of the most recent programs stay, for example of several checkouts; each has some 10 MB. */
const MOST_FILES = 4;
const MAGIC = 'xenolith kept 1\n';

/** Reads a kept file; undefined where there is none, or not a whole one. */
export function readKept(path: string): KeptPieces | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
    const from = MAGIC.length + 4;
    let at = from + bytes.readUInt32LE(MAGIC.length);
    const { seconds, index } = JSON.parse(bytes.toString('utf8', from, at)) as Header;
    const pieces = new Map<string, Uint8Array>();
    for (const [name, length] of index) {
      pieces.set(name, bytes.subarray(at, at + length));
      at += length;
    }
    return at === bytes.length ? { seconds, pieces } : undefined;
  } catch {
    // Whatever is wrong with it, it is made anew.
    return undefined;
  }
}

/** Writes a kept file in one step: whoever reads at the same time finds the old or the new one. */
export function writeKept(path: string, { seconds, pieces }: KeptPieces): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const header: Header = { seconds, index: [...pieces].map(([name, bytes]) => [name, bytes.length]) };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const unfinished = join(folder, `.unfinished-${basename(path)}-${process.pid}`);
  try {
    const file = openSync(unfinished, 'wx', 0o600);
    try {
      for (const part of [Buffer.from(MAGIC), length, text, ...pieces.values()]) writeWhole(file, part);
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
  readonly seconds: number;
  readonly index: readonly (readonly [name: string, length: number])[];
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
