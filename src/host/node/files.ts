import { readFileSync } from 'node:fs';

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
   * At once and not in the background: whoever reads a kernel has nothing else to do, and this is twice as fast.
   */
  async read(path: string): Promise<Uint8Array> {
    try {
      return readFileSync(path);
    } catch (error) {
      throw withPosixCode(error);
    }
  }
}

function withPosixCode(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const posix = code === undefined ? undefined : POSIX_CODES[code];
  if (posix === undefined || !(error instanceof Error)) return error;
  return Object.assign(new Error(`${posix}: ${error.message}`), { code: posix });
}
