import type { Domid } from '../../abi/xen.ts';
import { assert } from '../../lib/assert.ts';
import type { Context } from './command.ts';
import type { ConsoleViewer, RunningHost } from './services.ts';

/** Ctrl-], as in xenconsole and telnet. */
export const ESCAPE = 0x1d;
/** So much a reader may leave unread before the guest has to wait for it. */
const UNREAD_BYTES = 256 * 1024;
/** What is typed before the guest reads it. */
const TYPED_PIECE = 4096;

export interface ConsoleSessionOptions {
  /** The key that leaves. */
  readonly escape: number;
  /** Look on, and type nothing. */
  readonly readOnly: boolean;
  /** Which of its consoles, one that it has; without, the first. */
  readonly number?: number;
}

/** Why a look at a console is over. */
export type ConsoleOutcome = 'left' | 'domain gone';

/**
 * Somebody at a domain's console, from now until they leave or the domain is gone. The terminal is raw meanwhile, and
 * as it was afterwards. A guest that floods its console waits for a slow reader; nothing is lost.
 */
export class ConsoleSession implements ConsoleViewer {
  /** Resolves when it is over. */
  readonly outcome: Promise<ConsoleOutcome>;
  readonly #context: Context;
  readonly #options: ConsoleSessionOptions;
  readonly #detach: () => void;
  readonly #leaveSeat: () => void;
  readonly #writes: () => boolean;
  readonly #stopCancel: (() => void) | undefined;
  #toGuest: (bytes: Uint8Array) => void = () => {};
  #typed: Uint8Array[] = [];
  #paused = false;
  #over = false;
  #resolve: (outcome: ConsoleOutcome) => void = () => {};

  constructor(host: RunningHost, domid: Domid, name: string, options: ConsoleSessionOptions, context: Context) {
    this.#context = context;
    this.#options = options;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const seat = options.readOnly
      ? { writes: false, leave: () => {} }
      : host.seats.take(domid, options.number ?? 0, () => this.#say(`xl: you type into the console of ${name} now`));
    this.#leaveSeat = () => seat.leave();
    this.#writes = () => seat.writes;
    const { terminal, cancellation } = context.services;
    terminal.setRawMode(true);
    if (!seat.writes && !options.readOnly)
      this.#say(`xl: somebody else types into the console of ${name}: you look on`);
    const { number = 0 } = options;
    const channel = number === 0 ? undefined : host.attachChannel(domid, number, this);
    assert(number === 0 || channel !== undefined, 'whoever asks for a further console has made sure of it');
    this.#detach = channel ?? host.attachConsole(domid, this, 'unread');
    this.#stopCancel = cancellation?.onCancel(() => this.#end('left'));
    if (!this.#over) terminal.onInput((bytes) => this.#input(bytes));
  }

  // ConsoleViewer

  output(bytes: Uint8Array): number {
    const { terminal } = this.#context.services;
    if (this.#over) return bytes.length;
    if ((terminal.unsent ?? 0) > UNREAD_BYTES) return 0;
    terminal.write(bytes);
    return bytes.length;
  }

  onDrain(listener: () => void): void {
    this.#context.services.terminal.onDrain?.(listener);
  }

  onInput(listener: (bytes: Uint8Array) => void): void {
    this.#toGuest = listener;
  }

  inputPaused(paused: boolean): void {
    this.#paused = paused;
    this.#give();
  }

  closed(): void {
    this.#end('domain gone');
  }

  // what is typed

  #input(bytes: Uint8Array | undefined): void {
    // The end of piped input is nothing a guest could see on a terminal line: it just gets no more.
    if (bytes === undefined || this.#over) return;
    const { interactive } = this.#context.services.terminal;
    // A lone byte is a key; within a paste or a pipe the same byte is data.
    if (bytes.length === 1 && bytes[0] === this.#options.escape && interactive) {
      this.#end('left');
      return;
    }
    if (!this.#writes()) return;
    for (let at = 0; at < bytes.length; at += TYPED_PIECE) this.#typed.push(bytes.slice(at, at + TYPED_PIECE));
    this.#give();
  }

  #give(): void {
    while (!this.#paused) {
      const bytes = this.#typed.shift();
      if (bytes === undefined) break;
      this.#toGuest(bytes);
    }
    this.#context.services.terminal.holdInput?.(this.#paused && this.#typed.length > 0);
  }

  #end(outcome: ConsoleOutcome): void {
    if (this.#over) return;
    this.#over = true;
    // It may be the domain's end that is told while we are still attaching.
    void Promise.resolve().then(() => {
      this.#detach();
      this.#leaveSeat();
      this.#stopCancel?.();
    });
    this.#context.services.terminal.close();
    if (outcome === 'left' && this.#context.services.terminal.interactive) this.#context.services.stderr('\n');
    this.#resolve(outcome);
  }

  #say(line: string): void {
    this.#context.services.stderr(`${line}\n`);
  }
}
