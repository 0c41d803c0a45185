import { Duplex } from 'node:stream';
import type { XlCommand } from './xl-command.ts';

/** A domain's console: what it prints is read, what is written is typed. It ends when the domain is gone. */
export class DomainConsole extends Duplex {
  readonly #command: XlCommand;

  /** `start` runs `xl console`, handing over its output. */
  constructor(start: (output: (bytes: Uint8Array) => void) => XlCommand) {
    super({ emitClose: true, allowHalfOpen: true });
    this.#command = start((bytes) => {
      if (!this.push(bytes)) this.#command.hold(true);
    });
    void this.#command.ended.then(({ status, errors }) => {
      if (status === 0 || this.destroyed) this.push(null);
      else this.destroy(new Error(errors.trim() || 'the host ended'));
    });
  }

  /** What it prints as lines, without their ends; the last one may be unfinished. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of this) {
      const lines = (rest + decoder.decode(bytes as Uint8Array, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  }

  override _read(): void {
    this.#command.hold(false);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#command.type(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#command.abandon();
    done(error);
  }
}
