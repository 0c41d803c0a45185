import { join } from 'node:path';
import type { Domid } from '../../abi/xen.ts';
import type { ConsoleTerminal } from '../../dom0/console/xenconsoled.ts';
import type { ConsoleViewer } from '../../dom0/xl/services.ts';
import type { UnixSocket } from '../../host/node/unix-socket.ts';
import { type HostSocket, serveSocket } from './sockets.ts';

type Attach = (domid: Domid, viewer: ConsoleViewer, from: 'unread' | 'all') => () => void;

/** How much may wait for a reader before the guest has to. */
const UNREAD_BYTES = 256 * 1024;
const TYPED_PIECE = 4096;
const MOST_READERS = 32;

/** Where a domain's console is, below the host's folder. */
export function consoleSocketPath(domid: Domid): string {
  return join('console', `${domid}`);
}

/**
 * A socket for each domain’s console, beside its terminal (console-terminal.ts): any number may look on. What is
 * read from it is the console, what is written to it is typed. There is no line discipline and no size in between.
 */
export class ConsoleSockets {
  readonly #folder: string;
  readonly #attach: Attach;
  readonly #log: (line: string) => void;
  readonly #closing = new Map<Domid, Promise<() => Promise<void>>>();

  constructor(folder: string, attach: Attach, log: (line: string) => void) {
    this.#folder = folder;
    this.#attach = attach;
    this.#log = log;
  }

  open(domid: Domid): void {
    const attach = (viewer: ConsoleViewer) => this.#attach(domid, viewer, 'unread');
    const connected = (socket: UnixSocket) => void new ConsoleSocket(socket, attach);
    const served: HostSocket = { path: consoleSocketPath(domid), maxConnections: MOST_READERS, connected };
    this.#closing.set(
      domid,
      serveSocket(this.#folder, served).catch((error: Error) => {
        this.#log(`domain ${domid}: its console has no socket: ${error.message}`);
        return async () => {};
      }),
    );
  }

  close(domid: Domid): void {
    void this.#closing.get(domid)?.then((close) => close());
    this.#closing.delete(domid);
  }
}

/** A socket for a further console of a domain's, where its configuration has it. */
export async function openConsoleSocket(
  path: string,
  attach: (viewer: ConsoleViewer) => () => void,
): Promise<ConsoleTerminal> {
  const connected = (socket: UnixSocket) => void new ConsoleSocket(socket, attach);
  const close = await serveSocket('/', { path, maxConnections: MOST_READERS, connected });
  return { name: path, close: () => void close() };
}

/** Somebody at a console's socket. */
class ConsoleSocket implements ConsoleViewer {
  readonly #socket: UnixSocket;
  #toGuest: (bytes: Uint8Array) => void = () => {};
  #paused = false;
  #typed: Uint8Array[] = [];

  constructor(socket: UnixSocket, attach: (viewer: ConsoleViewer) => () => void) {
    this.#socket = socket;
    const detach = attach(this);
    socket.onClose(detach);
    socket.onData((bytes) => {
      for (let at = 0; at < bytes.length; at += TYPED_PIECE) this.#typed.push(bytes.slice(at, at + TYPED_PIECE));
      this.#give();
    });
  }

  output(bytes: Uint8Array): number {
    if (this.#socket.unsent > UNREAD_BYTES) return 0;
    this.#socket.send(bytes.slice());
    return bytes.length;
  }

  onDrain(listener: () => void): void {
    this.#socket.onDrain(listener);
  }

  onInput(listener: (bytes: Uint8Array) => void): void {
    this.#toGuest = listener;
  }

  inputPaused(paused: boolean): void {
    this.#paused = paused;
    this.#give();
  }

  closed(): void {
    this.#socket.close();
  }

  #give(): void {
    while (!this.#paused) {
      const bytes = this.#typed.shift();
      if (bytes === undefined) break;
      this.#toGuest(bytes);
    }
    this.#socket.hold(this.#paused);
  }
}
