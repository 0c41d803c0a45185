import type { Terminal } from '../../lib/ports.ts';
import type { DomainConsole } from './services.ts';

/** Ctrl-], as in xenconsole and telnet. */
const ESCAPE = 0x1d;

/**
 * A guest's console on the operator's terminal, in raw mode: every key goes to the guest, Ctrl-C included, except
 * Ctrl-], which ends the view and leaves the domain running. Survives the domain: what is typed while there is none
 * waits for the next one.
 */
export class ConsoleView {
  readonly #terminal: Terminal;
  readonly #onDetach: () => void;
  #console: DomainConsole | undefined;
  #waiting: Uint8Array[] = [];
  #open = true;

  /** Takes the terminal at once. `onDetach` is called when the operator leaves. */
  constructor(terminal: Terminal, onDetach: () => void) {
    this.#terminal = terminal;
    this.#onDetach = onDetach;
    terminal.setRawMode(true);
    terminal.onInput((bytes) => this.#typed(bytes));
  }

  /** Whether lines for the operator need a carriage return of their own. */
  get raw(): boolean {
    return this.#open && this.#terminal.interactive;
  }

  /** Shows this console; what is typed goes to it. */
  show(console: DomainConsole): void {
    if (!this.#open) return;
    this.#console = console;
    console.onOutput((bytes) => {
      if (this.#open) this.#terminal.write(bytes);
    });
    for (const bytes of this.#waiting.splice(0)) console.write(bytes);
  }

  /** The domain is gone, and with it the console that was shown. */
  forget(): void {
    this.#console = undefined;
  }

  /** Gives the terminal back as it was. Harmless when it has been given back already. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#console = undefined;
    this.#terminal.close();
  }

  #typed(bytes: Uint8Array | undefined): void {
    // The end of piped input is nothing a guest could see on a terminal line: it just gets no more.
    if (bytes === undefined || !this.#open) return;
    // A lone byte is a key; within a paste or a pipe the same byte is data.
    if (bytes.length === 1 && bytes[0] === ESCAPE && this.#terminal.interactive) {
      this.close();
      this.#onDetach();
    } else if (this.#console === undefined) {
      this.#waiting.push(bytes.slice());
    } else {
      this.#console.write(bytes);
    }
  }
}
