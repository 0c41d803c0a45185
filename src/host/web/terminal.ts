import type { Terminal, TerminalSize } from '../../lib/ports.ts';

/** A terminal at the other end of a message port, drawn by the page. */
export class PortTerminal implements Terminal {
  /** Keys come one by one, and nobody but the guest echoes them. */
  readonly interactive = true;
  readonly #send: (bytes: Uint8Array) => void;
  #listener: ((bytes: Uint8Array | undefined) => void) | undefined;
  #early: Uint8Array[] = [];

  /** `send` gets bytes that nobody else changes. */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  write(bytes: Uint8Array): void {
    this.#send(bytes.slice());
  }

  onInput(listener: (bytes: Uint8Array | undefined) => void): void {
    this.#listener = listener;
    for (const bytes of this.#early.splice(0)) listener(bytes);
  }

  /** What was typed on the page. */
  typed(bytes: Uint8Array): void {
    if (this.#listener === undefined) this.#early.push(bytes);
    else this.#listener(bytes);
  }

  /** It is never anything else. */
  setRawMode(_raw: boolean): void {}

  size(): TerminalSize | undefined {
    return undefined;
  }

  close(): void {
    this.#listener = undefined;
  }
}
