import { joined } from '../../libs/store/wire.ts';
import type { Transport } from './transport.ts';

/** A process's connection to the daemon's Unix socket, as whoever listens on that accepted it. */
export interface Socket {
  /** Takes all of `bytes`, which are not changed afterwards. */
  send(bytes: Uint8Array): void;
  /** Bytes it keeps because the process does not read. */
  readonly unsent: number;
  /** `listener` is called whenever what was unsent is gone. */
  onDrain(listener: () => void): void;
  /** Hands over what arrives, for the listener to keep. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** While held, it hands over nothing. */
  hold(held: boolean): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** With so many bytes unsent a process gets no more replies, and so no more of its requests are read. */
const MOST_UNSENT = 64 * 1024;

/** xenstored's end of a Unix socket. Replies to requests that came together go out together. */
export class SocketTransport implements Transport {
  readonly #socket: Socket;
  /** What arrived and was not received yet: the first from `#at` on. */
  readonly #incoming: Uint8Array[] = [];
  #at = 0;
  /** Messages to send together. */
  #batch: Uint8Array[] = [];
  #held = false;
  #closed = false;
  #ready: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.onClose(() => {
      this.#closed = true;
      this.#ready();
    });
    socket.onDrain(() => this.#ready());
    socket.onData((bytes) => {
      this.#incoming.push(bytes);
      this.#ready();
      if (this.#incoming.length > 0) this.#hold(true);
    });
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  get readable(): boolean {
    return this.#closed || (this.#incoming.length > 0 && this.writable);
  }

  get writable(): boolean {
    return this.#socket.unsent <= MOST_UNSENT;
  }

  receive(target: Uint8Array): number | 'broken' {
    const [only] = this.#incoming;
    if (only !== undefined && only.length - this.#at > target.length) {
      target.set(only.subarray(this.#at, this.#at + target.length));
      this.#at += target.length;
      return target.length;
    }
    let count = 0;
    for (let first = this.#incoming[0]; first !== undefined && count < target.length; first = this.#incoming[0]) {
      const part = first.subarray(this.#at, this.#at + target.length - count);
      target.set(part, count);
      count += part.length;
      this.#at += part.length;
      if (this.#at < first.length) break;
      this.#incoming.shift();
      this.#at = 0;
    }
    // What it sent before it went away is still done.
    return count === 0 && target.length > 0 && this.#closed ? 'broken' : count;
  }

  send(bytes: Uint8Array): number {
    if (!this.#closed) this.#batch.push(bytes);
    return bytes.length;
  }

  /** Waits with it while there are more requests to answer. */
  flush(): void {
    if (this.#incoming.length > 0 && this.writable) return;
    this.#sendBatch();
    if (this.#incoming.length === 0) this.#hold(false);
  }

  giveUp(): void {
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#sendBatch();
    this.#closed = true;
    this.#socket.close();
  }

  #sendBatch(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    const [only] = batch;
    this.#socket.send(only !== undefined && batch.length === 1 ? only : joined(...batch));
  }

  #hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#socket.hold(held);
  }
}
