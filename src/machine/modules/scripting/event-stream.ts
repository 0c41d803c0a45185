import { XenolithError } from '../../../lib/errors.ts';
import type { XlCommand } from './xl-command.ts';

/** JSON lines of a command as objects, one after the other, until somebody has had enough. */
export class JsonLines implements AsyncIterableIterator<unknown> {
  readonly #command: XlCommand;
  readonly #decoder = new TextDecoder();
  readonly #come: unknown[] = [];
  readonly #wanted: { resolve(result: IteratorResult<unknown>): void; reject(error: Error): void }[] = [];
  #rest = '';
  #over = false;
  #failure: XenolithError | undefined;

  constructor(start: (output: (bytes: Uint8Array) => void) => XlCommand) {
    this.#command = start((bytes) => this.#receive(bytes));
    void this.#command.ended.then(({ errors }) => {
      if (!this.#over) this.#failure = new XenolithError('XL_EVENTS', errors.trim() || 'the host has ended');
      this.#end();
    });
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#come.length > 0) {
      const value = this.#come.shift();
      if (this.#come.length === 0) this.#command.hold(false);
      return { value, done: false };
    }
    if (this.#over) {
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure !== undefined) throw failure;
      return { value: undefined, done: true };
    }
    return await new Promise((resolve, reject) => {
      this.#wanted.push({ resolve, reject });
    });
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#over = true;
    this.#command.abandon();
    this.#end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #receive(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const value: unknown = JSON.parse(line);
      const wanted = this.#wanted.shift();
      if (wanted === undefined) this.#come.push(value);
      else wanted.resolve({ value, done: false });
    }
    // The host keeps what is not wanted yet, and breaks the connection where that gets too much.
    if (this.#come.length > MOST_WAITING) this.#command.hold(true);
  }

  #end(): void {
    this.#over = true;
    for (const wanted of this.#wanted.splice(0)) {
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure === undefined) wanted.resolve({ value: undefined, done: true });
      else wanted.reject(failure);
    }
  }
}

const MOST_WAITING = 1000;
