import { defer } from '../../host/node/event-loop.ts';

/** One end of what xl and a host speak over: a Unix socket, or a pair of ends in one process. */
export interface Wire {
  /** Takes all of `bytes`, which must not be changed afterwards. Without effect once it is closed. */
  send(bytes: Uint8Array): void;
  /** Bytes that wait on this side because the other does not read. */
  readonly unsent: number;
  /** `listener` is called whenever what was unsent is gone. */
  onDrain(listener: () => void): void;
  onData(listener: (bytes: Uint8Array) => void): void;
  /** While held, nothing is handed over. */
  hold(held: boolean): void;
  /** Tells once that the other side closed it. */
  onClose(listener: () => void): void;
  /** Closes it after what was sent; nothing is handed over any more. */
  close(): void;
}

/** Two ends of which each gets what the other sends, a turn later. `closed` is called when either is closed. */
export function wirePair(closed: () => void = () => {}): readonly [Wire, Wire] {
  const one = new WireEnd(closed);
  const other = new WireEnd(closed);
  one.peer = other;
  other.peer = one;
  return [one, other];
}

class WireEnd implements Wire {
  peer: WireEnd | undefined;
  readonly #closedBy: () => void;
  /** What the peer has sent and was not handed over yet; undefined stands for its end. */
  readonly #coming: (Uint8Array | undefined)[] = [];
  #comingBytes = 0;
  #turnAsked = false;
  #held = false;
  #closed = false;
  #listener: ((bytes: Uint8Array) => void) | undefined;
  #onDrain: () => void = () => {};
  #onClose: () => void = () => {};

  constructor(closed: () => void) {
    this.#closedBy = closed;
  }

  send(bytes: Uint8Array): void {
    if (!this.#closed) this.peer?.take(bytes);
  }

  get unsent(): number {
    return this.peer === undefined ? 0 : this.peer.#comingBytes;
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
    this.#askTurn();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#askTurn();
  }

  onClose(listener: () => void): void {
    this.#onClose = listener;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#coming.length = 0;
    this.#comingBytes = 0;
    this.peer?.take(undefined);
    this.#closedBy();
  }

  /** Of its peer: bytes, or the end. */
  take(bytes: Uint8Array | undefined): void {
    if (this.#closed) return;
    this.#coming.push(bytes);
    this.#comingBytes += bytes?.length ?? 0;
    this.#askTurn();
  }

  #askTurn(): void {
    if (this.#turnAsked || this.#held || this.#listener === undefined || this.#coming.length === 0) return;
    this.#turnAsked = true;
    defer(() => this.#turn());
  }

  #turn(): void {
    this.#turnAsked = false;
    while (!this.#held && this.#coming.length > 0) {
      const bytes = this.#coming.shift();
      if (bytes === undefined) {
        this.#closed = true;
        this.#onClose();
        return;
      }
      this.#comingBytes -= bytes.length;
      this.#listener?.(bytes);
    }
    if (this.#comingBytes === 0 && this.peer !== undefined) this.peer.#onDrain();
  }
}
