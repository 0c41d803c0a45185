import type { ConsoleClient } from '../dom0/console/console-client.ts';
import type { DomainConsole } from '../dom0/xl/services.ts';

/** What is around one domain's console. */
export interface ConsoleSurroundings {
  /** Has the daemon look at the domain's ring now. */
  readonly look: () => void;
  /** The domain is gone. */
  readonly gone: () => void;
  /** Asks whoever types to stop, or to go on. */
  readonly holdInput: (hold: boolean) => void;
  /** Sees all output. */
  readonly output?: ((bytes: Uint8Array) => void) | undefined;
}

/** One domain's console for xl: a client of the console daemon whose output side never says no. */
export class ConsoleAttachment implements ConsoleClient, DomainConsole {
  readonly #around: ConsoleSurroundings;
  /** What was put out before anyone listened. */
  #unheard: Uint8Array[] = [];
  #listener: ((bytes: Uint8Array) => void) | undefined;
  #input: (bytes: Uint8Array) => void = () => {};
  #typed: Uint8Array[] = [];
  #paused = false;
  #holding = false;

  constructor(around: ConsoleSurroundings) {
    this.#around = around;
  }

  // ConsoleClient

  output(bytes: Uint8Array): number {
    this.#around.output?.(bytes);
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

  closed(): void {
    this.#typed = [];
    this.#hold(false);
    this.#around.gone();
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
    this.#around.look();
  }

  #give(): void {
    while (!this.#paused) {
      const bytes = this.#typed.shift();
      if (bytes === undefined) break;
      this.#input(bytes);
    }
    this.#hold(this.#paused);
  }

  #hold(hold: boolean): void {
    if (hold === this.#holding) return;
    this.#holding = hold;
    this.#around.holdInput(hold);
  }
}

/** The daemon asks for a pause once 4 KiB wait for the guest, and forgets what is past 64: nothing is lost. */
const PIECE = 4096;
