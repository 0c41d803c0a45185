import type { ConsoleClient } from '../dom0/console/console-client.ts';
import type { DomainConsole } from '../dom0/xl/services.ts';

/** One domain's console for xl: a client of the console daemon whose output side never says no. */
export class ConsoleAttachment implements ConsoleClient, DomainConsole {
  /** What was put out before anyone listened. */
  #unheard: Uint8Array[] = [];
  #listener: ((bytes: Uint8Array) => void) | undefined;
  #input: (bytes: Uint8Array) => void = () => {};
  #typed: Uint8Array[] = [];
  #paused = false;
  readonly #look: () => void;
  readonly closed: () => void;

  readonly #watch: (bytes: Uint8Array) => void;

  /** `look` has the daemon look at the domain's ring now; `gone` hears of the domain's end, `watch` of all output. */
  constructor(look: () => void, gone: () => void = () => {}, watch: (bytes: Uint8Array) => void = () => {}) {
    this.#watch = watch;
    this.#look = look;
    this.closed = gone;
  }

  // ConsoleClient

  output(bytes: Uint8Array): number {
    this.#watch(bytes);
    if (this.#listener === undefined) this.#unheard.push(bytes.slice());
    else this.#listener(bytes);
    return bytes.length;
  }

  onDrain(): void {}

  onInput(listener: (bytes: Uint8Array) => void): void {
    this.#input = listener;
  }

  inputPaused(paused: boolean): void {
    this.#paused = paused;
    this.#give();
  }

  // DomainConsole

  onOutput(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
    for (const bytes of this.#unheard.splice(0)) listener(bytes);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PIECE) this.#typed.push(bytes.slice(at, at + PIECE));
    this.#give();
  }

  drain(): void {
    this.#look();
  }

  #give(): void {
    while (!this.#paused) {
      const bytes = this.#typed.shift();
      if (bytes === undefined) return;
      this.#input(bytes);
    }
  }
}

/** The daemon asks for a pause once 4 KiB wait for the guest, and forgets what is past 64: nothing is lost. */
const PIECE = 4096;
