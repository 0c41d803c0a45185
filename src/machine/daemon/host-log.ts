import { appendFileSync, renameSync, statSync } from 'node:fs';

/** Where a new file is begun; the one before is kept. */
const FILE_BYTES = 4 << 20;

/** A host's log: lines with the time in front, at most two files of a few megabytes. A full disk costs lines, no more. */
export class HostLog {
  readonly #path: string;
  #bytes: number;

  constructor(path: string) {
    this.#path = path;
    this.#bytes = sizeOf(path);
  }

  readonly line = (text: string): void => {
    const line = `${new Date().toISOString()} ${text}\n`;
    try {
      if (this.#bytes > FILE_BYTES) {
        renameSync(this.#path, `${this.#path}.1`);
        this.#bytes = 0;
      }
      appendFileSync(this.#path, line, { mode: 0o600 });
      this.#bytes += line.length;
    } catch {
      // There is nowhere to tell it.
    }
  };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
