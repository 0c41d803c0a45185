import type { Socket } from 'node:net';
import { createConnection } from 'node:net';

/** Half of a pool's size: Buffer.from takes nothing larger from it. */
const SMALL = Buffer.poolSize >>> 1;

/** One end of a connected Unix socket. Bytes keep their order; nothing here knows what they mean. */
export class UnixSocket {
  readonly #socket: Socket;
  #closed = false;
  #onClose: () => void = () => {};
  #onDrain: () => void = () => {};

  /** Takes over a connected socket, with whatever has arrived on it. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('drain', () => this.#onDrain());
    // What broke it does not matter to who only reads and writes: 'close' follows.
    socket.on('error', () => {});
    // A peer that ends its side wants no answers any more: clients of the protocols served here close both sides.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (this.#closed) return;
      this.#closed = true;
      this.#onClose();
    });
  }

  /** Sends all of `bytes`, which must not be changed afterwards. Without effect once the socket is closed. */
  send(bytes: Uint8Array): void {
    if (this.#closed) return;
    // A small array has its bytes in V8's heap, and moving them out costs more than a place in Buffer's pool.
    this.#socket.write(bytes.length < SMALL ? Buffer.from(bytes) : bytes);
  }

  /** Bytes that wait in this process because the peer does not read. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** `listener` is called whenever what was unsent is gone. */
  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  /** Hands over what arrives; it is the listener's then. One listener. */
  onData(listener: (bytes: Uint8Array) => void): void {
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', listener);
  }

  /** While held, what the peer sends stays in the kernel, until its `send` waits. */
  hold(held: boolean): void {
    if (held) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Tells once that the peer closed the connection, or that it broke. */
  onClose(listener: () => void): void {
    this.#onClose = listener;
    if (this.#closed) queueMicrotask(listener);
  }

  /** Closes it after what was sent; nothing is handed over any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.removeAllListeners('data');
    // A peer that does not read must not keep it open: the kernel has what fits.
    if (this.#socket.writableLength === 0) this.#socket.end(() => this.#socket.destroy());
    else this.#socket.destroy();
  }
}

/**
 * Connects to a Unix socket.
 *
 * @throws a system error: ENOENT where nothing is there, ECONNREFUSED where nobody listens, EACCES
 */
export function connectUnixSocket(path: string): Promise<UnixSocket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new UnixSocket(socket));
    });
  });
}
