import type { ByteStream } from '../../libs/store/stream.ts';
import type { Transport } from './transport.ts';

/**
 * A connection within the process. The client's end is a ByteStream, to which a socket can be attached as well. What
 * xenstored sends arrives in a later microtask, so a client is never called from inside its own `send`.
 */
export function createPipe(): { client: ByteStream; transport: Transport } {
  const pipe = new Pipe();
  return { client: pipe.client, transport: pipe };
}

class Pipe implements Transport {
  #incoming: Uint8Array[] = [];
  #outgoing: Uint8Array[] = [];
  #listener: ((bytes: Uint8Array) => void) | undefined;
  #closeListener: () => void = () => {};
  #ready: () => void = () => {};
  #delivering = false;
  #closedByClient = false;
  #closedByServer = false;

  readonly client: ByteStream = {
    send: (bytes) => {
      if (this.#closedByClient || this.#closedByServer || bytes.length === 0) return;
      this.#incoming.push(bytes.slice());
      this.#ready();
    },
    onData: (listener) => {
      this.#listener = listener;
      this.#deliverLater();
    },
    onClose: (listener) => {
      this.#closeListener = listener;
      if (this.#closedByServer) this.#deliverLater();
    },
    close: () => {
      if (this.#closedByClient) return;
      this.#closedByClient = true;
      this.#ready();
    },
  };

  readonly writable = true;

  get readable(): boolean {
    return this.#incoming.length > 0 || this.#closedByClient;
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  receive(target: Uint8Array): number | 'broken' {
    let count = 0;
    for (let first = this.#incoming[0]; first !== undefined && count < target.length; first = this.#incoming[0]) {
      const part = first.subarray(0, target.length - count);
      target.set(part, count);
      count += part.length;
      if (part.length === first.length) this.#incoming.shift();
      else this.#incoming[0] = first.subarray(part.length);
    }
    return count === 0 && target.length > 0 && this.#closedByClient ? 'broken' : count;
  }

  send(bytes: Uint8Array): number {
    if (this.#closedByClient) return bytes.length;
    this.#outgoing.push(bytes.slice());
    this.#deliverLater();
    return bytes.length;
  }

  flush(): void {}

  giveUp(): void {
    this.close();
  }

  close(): void {
    if (this.#closedByServer) return;
    this.#closedByServer = true;
    this.#deliverLater();
  }

  #deliverLater(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    void Promise.resolve().then(() => {
      this.#delivering = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#closedByClient || this.#listener === undefined) return;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    for (const bytes of outgoing) this.#listener(bytes);
    if (!this.#closedByServer) return;
    this.#closedByClient = true;
    this.#closeListener();
  }
}
