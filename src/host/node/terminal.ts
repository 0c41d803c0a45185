/** The process's own terminal: stdin and stdout, or whatever they are redirected to. */
import { isatty } from 'node:tty';
import type { Terminal, TerminalSize } from '../../lib/ports.ts';
import { STDIN, STDOUT, writeFully } from './output.ts';

/**
 * Raw mode ends with `close`, and with the process however that comes about short of SIGKILL: Node puts a terminal
 * back as it found it when it exits, on an uncaught error and on a signal too.
 */
export class NodeTerminal implements Terminal {
  readonly interactive = isatty(STDIN) && isatty(STDOUT);
  readonly #report: (line: string) => void;
  #listener: ((bytes: Uint8Array | undefined) => void) | undefined;
  #raw = false;
  #ended = false;
  #outputBroken = false;

  /** `report` gets a sentence when the output cannot be written, other than for its reader being gone. */
  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  /** Whether a line feed alone does not get to a new line's start now. */
  get raw(): boolean {
    return this.#raw;
  }

  write(bytes: Uint8Array): void {
    if (this.#outputBroken) return;
    const failure = writeFully(STDOUT, bytes);
    if (failure === undefined) return;
    // The reader of our pipe went away; the guest's console has nowhere to go, and that is no reason to die.
    this.#outputBroken = true;
    if (failure.code !== 'EPIPE') this.#report(`cannot write to standard output: ${failure.message}`);
  }

  onInput(listener: (bytes: Uint8Array | undefined) => void): void {
    const first = this.#listener === undefined;
    this.#listener = listener;
    if (first) {
      process.stdin.on('data', (data: Buffer) => this.#listener?.(data));
      process.stdin.on('end', () => this.#inputEnded());
      // A terminal that went away, a directory: nothing more will come.
      process.stdin.on('error', () => this.#inputEnded());
    }
    process.stdin.resume();
  }

  /** Leaves what comes through a pipe where it is, or goes on to hand it over. Keys always arrive: one may mean us. */
  holdInput(hold: boolean): void {
    if (this.#listener === undefined || this.interactive) return;
    if (hold) process.stdin.pause();
    else process.stdin.resume();
  }

  setRawMode(raw: boolean): void {
    // With one of the two redirected nobody could leave raw mode by a key: the terminal's own line editing stays.
    if (!this.interactive || raw === this.#raw) return;
    this.#raw = raw;
    process.stdin.setRawMode(raw);
    if (raw) process.on('SIGCONT', this.#continued);
    else process.off('SIGCONT', this.#continued);
  }

  size(): TerminalSize | undefined {
    const { columns, rows } = process.stdout;
    return columns === undefined ? undefined : { columns, rows };
  }

  close(): void {
    this.setRawMode(false);
    if (this.#listener === undefined) return;
    this.#listener = undefined;
    process.stdin.removeAllListeners('data').removeAllListeners('end');
    process.stdin.pause();
    // A pipe that is read keeps the process alive otherwise; a file cannot do that, and has no `unref`.
    process.stdin.unref?.();
  }

  /** A shell puts its own modes in force while it has us stopped. */
  readonly #continued = (): void => {
    process.stdin.setRawMode(false);
    process.stdin.setRawMode(true);
  };

  #inputEnded(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener?.(undefined);
  }
}
