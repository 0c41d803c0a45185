import { appendFileSync, writeFileSync, writeSync } from 'node:fs';

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** Puts text on standard output. A reader that went away is no error. */
export function writeStdout(text: string): void {
  writeFully(STDOUT, new TextEncoder().encode(text));
}

/** Puts text on standard error, whatever becomes of the process then. */
export function writeStderr(text: string): void {
  writeFully(STDERR, new TextEncoder().encode(text));
}

/** Writes all the bytes to a descriptor before it returns, waiting for a slow reader; returns why it could not. */
export function writeFully(descriptor: number, bytes: Uint8Array): NodeJS.ErrnoException | undefined {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      if (failure.code !== 'EAGAIN') return failure;
      // Somebody made the pipe non-blocking, and it is full.
      Atomics.wait(nobodyWakes, 0, 0, 1);
    }
  }
  return undefined;
}

/** A file that lines are appended to as they come: what was logged before a crash is there after it. */
export class LogFile {
  readonly #path: string;

  /** Starts the file afresh; throws a system error where it cannot be written. */
  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, '');
  }

  readonly line = (text: string): void => {
    appendFileSync(this.#path, `${text}\n`);
  };
}

/** Writes a whole file; throws a system error where that cannot be done. */
export function writeTextFile(path: string, text: string): void {
  writeFileSync(path, text);
}

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
