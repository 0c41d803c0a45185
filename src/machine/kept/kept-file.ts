/** One file with what a program needs to start at once: read whole, written whole. */
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
import { Kept, keptParts, type Pieces } from './kept-format.ts';

/** Files of the most recent programs stay, for example of several checkouts; each has some 10 MB. */
const MOST_FILES = 4;
const WRITABLE_BY_OTHERS = 0o022;

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
  by: Pick<Kept, 'program' | 'seconds'>,
  entries: ReadonlyMap<string, Pieces>,
): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, `.unfinished-${basename(path)}-${process.pid}`);
  try {
    const file = openSync(unfinished, 'wx', 0o600);
    try {
      for (const part of keptParts(by, entries)) writeWhole(file, part);
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
