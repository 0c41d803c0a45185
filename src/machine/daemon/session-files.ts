import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Files } from '../../dom0/xl/services.ts';
import { BUILT_IN, readBuiltIn } from '../built-in.ts';
import type { FileAnswer } from './frames.ts';

/** What of a file that the client reads for us is taken. */
const FILE_BYTES = 1 << 30;

/** A file that only the client can read: its standard input, a descriptor of its shell's. */
export class FileRequest {
  readonly bytes: Promise<Uint8Array>;
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  #error: string | undefined;
  #resolve: (bytes: Uint8Array) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.bytes = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  answer({ error }: FileAnswer): void {
    this.#error = error;
  }

  take(piece: Uint8Array): 'more' | 'done' {
    if (piece.length > 0) {
      this.#size += piece.length;
      if (this.#size <= FILE_BYTES) this.#pieces.push(piece.slice());
      else this.#error = 'EFBIG';
      return 'more';
    }
    if (this.#error === undefined) this.#resolve(Buffer.concat(this.#pieces));
    else this.fail(this.#error);
    return 'done';
  }

  fail(code: string): void {
    this.#reject(Object.assign(new Error(`${code}: the file could not be read`), { code }));
  }
}

/** Files by the paths that the client means. */
export class SessionFiles implements Files {
  /** What the client has read for us, for when it is gone: a domain may have to be built again. */
  readonly #kept = new Map<string, Uint8Array>();
  readonly #folder: () => string;
  readonly #readRemotely: (path: string) => Promise<Uint8Array>;

  constructor(folder: () => string, readRemotely: (path: string) => Promise<Uint8Array>) {
    this.#folder = folder;
    this.#readRemotely = readRemotely;
  }

  get workingDirectory(): string {
    return this.#folder();
  }

  async read(path: string): Promise<Uint8Array> {
    if (path.startsWith(BUILT_IN)) return await readBuiltIn(path);
    const whole = resolve(this.#folder(), path);
    if (path.includes('\0'))
      throw Object.assign(new Error('ENOENT: no file can have a NUL in its name'), { code: 'ENOENT' });
    if (/^\/(dev|proc)\//.test(whole)) return await this.#remote(whole);
    return await readFile(whole);
  }

  async #remote(path: string): Promise<Uint8Array> {
    try {
      const bytes = await this.#readRemotely(path);
      this.#kept.set(path, bytes);
      return bytes;
    } catch (error) {
      const kept = this.#kept.get(path);
      if (kept === undefined || (error as NodeJS.ErrnoException).code !== 'EIO') throw error;
      return kept;
    }
  }
}
