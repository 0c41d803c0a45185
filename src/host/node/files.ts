import { close, openSync, read, readFileSync, statSync } from 'node:fs';

/** Node's own codes for what POSIX has a name for. */
const POSIX_CODES: Readonly<Record<string, string>> = {
  ERR_FS_FILE_TOO_LARGE: 'EFBIG',
  // A name with a NUL in it: no file can have that.
  ERR_INVALID_ARG_VALUE: 'ENOENT',
};

/** The files of this host. */
export class NodeFiles {
  /** What relative paths are relative to. */
  get workingDirectory(): string {
    try {
      return process.cwd();
    } catch {
      return 'a folder that has been removed';
    }
  }

  /**
   * Reads a whole file. Rejects with an Error whose `code` is POSIX's: 'ENOENT', 'EACCES', 'EISDIR', 'EFBIG', …
   *
   * At once and not in the background: whoever reads has nothing else to do, and this is twice as fast. A file of some
   * size is read by another thread, with one call; `meanwhile` is called when that has begun.
   */
  async read(path: string, meanwhile?: () => void): Promise<Uint8Array> {
    try {
      const size = meanwhile === undefined ? 0 : sizeOf(path);
      if (size < LARGE_BYTES || size > MOST_AT_ONCE_BYTES) return readFileSync(path);
      const reading = readAside(openSync(path, 'r'), size);
      meanwhile?.();
      // One that shrank is read again, in peace.
      return (await reading) ?? readFileSync(path);
    } catch (error) {
      throw withPosixCode(error);
    }
  }
}

const LARGE_BYTES = 8 << 20;
/** read(2) gives no more at a time. */
const MOST_AT_ONCE_BYTES = 0x7ffff000;

/** 0 for what is no file: a pipe can be opened once. */
function sizeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? found.size : 0;
}

function readAside(file: number, size: number): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafeSlow(size);
  return new Promise((resolve, reject) => {
    read(file, bytes, 0, size, 0, (error, count) => {
      close(file);
      if (error) reject(error);
      else resolve(count === size ? bytes : undefined);
    });
  });
}

function withPosixCode(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const posix = code === undefined ? undefined : POSIX_CODES[code];
  if (posix === undefined || !(error instanceof Error)) return error;
  return Object.assign(new Error(`${posix}: ${error.message}`), { code: posix });
}
