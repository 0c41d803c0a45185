import type { Domid, Port } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { EventChannels } from '../../libs/evtchn/evtchn.ts';
import { Backlog } from './backlog.ts';
import type { ConsoleClient } from './console-client.ts';
import { ConsoleRing } from './ring.ts';

/** What becomes of output when a client does not follow: the guest waits, or the client misses some. */
export type Overflow = 'keep' | 'discard';

/** Typed bytes that wait for the guest: at the first number clients are asked to pause, at the second bytes get lost. */
const INPUT_PAUSE = 4096;
const INPUT_MOST = 65_536;

/** Fills of the ring taken at once, so that a guest that never stops writing lets others have a turn. */
const TAKES_AT_ONCE = 32;

interface Attached {
  readonly client: ConsoleClient;
  /** Of the next byte it gets, in the backlog. */
  position: number;
  /** It took less than it was given and has not called back yet. */
  full: boolean;
}

/** One domain's console: its ring on one side, any number of clients on the other. */
export class DomainConsole {
  readonly domid: Domid;
  readonly #events: EventChannels;
  readonly #overflow: Overflow;
  readonly #historyBytes: number;
  readonly #backlog: Backlog;
  readonly #clients = new Set<Attached>();
  #ring: ConsoleRing | undefined;
  #port: Port | undefined;
  #input = new Uint8Array(0);
  #ended = false;
  #servicing = false;
  #serviceAgain = false;
  /** How far somebody has read, of those that are not here any more. */
  #readTo = 0;

  constructor(domid: Domid, events: EventChannels, overflow: Overflow, historyBytes: number, limit: number) {
    this.domid = domid;
    this.#events = events;
    this.#overflow = overflow;
    this.#historyBytes = historyBytes;
    this.#backlog = new Backlog(limit);
  }

  /** How many bytes of output are kept at most, for clients that are slow or not there yet. */
  setLimit(bytes: number): void {
    this.#backlog.limit = bytes;
  }

  /**
   * Has `client` see the console: first what of the past is kept, then everything as it comes. 'unread' starts where
   * those that were here before have left off, as a terminal line does, and 'all' as far back as there is anything.
   *
   * @returns what detaches it
   */
  attach(client: ConsoleClient, from: 'unread' | 'all' = 'unread'): () => void {
    const { start, end } = this.#backlog;
    const unread = Math.max(start, end - this.#historyBytes, Math.min(this.#readTo, end));
    const attached = { client, position: from === 'all' ? start : unread, full: false };
    this.#clients.add(attached);
    client.onDrain(() => {
      attached.full = false;
      this.service();
    });
    client.onInput((bytes) => {
      if (this.#clients.has(attached)) this.#type(bytes);
    });
    if (this.#input.length >= INPUT_PAUSE) client.inputPaused?.(true);
    this.service();
    return () => {
      if (this.#clients.delete(attached) && from === 'unread') this.#readTo = Math.max(this.#readTo, attached.position);
      // It may have been the one the guest had to wait for.
      this.service();
    };
  }

  /** A copy of what of the past is kept. */
  recorded(): Uint8Array {
    this.service();
    const { start, end } = this.#backlog;
    const bytes = new Uint8Array(end - start);
    for (let at = start; at < end; ) {
      const piece = this.#backlog.piece(at);
      bytes.set(piece, at - start);
      at += piece.length;
    }
    return bytes;
  }

  get hasClients(): boolean {
    return this.#clients.size > 0;
  }

  /** Talks to the domain over this page and our `port` from now on, instead of those before. */
  connect(page: Uint8Array, port: Port): void {
    this.disconnect();
    this.#ring = new ConsoleRing(page);
    this.#port = port;
    this.#events.onEvent(port, () => this.service());
    this.service();
  }

  /** Stops to talk to the domain. The page can be unmapped afterwards; the port is closed. */
  disconnect(): void {
    if (this.#port !== undefined) this.#events.unbind(this.#port);
    this.#port = undefined;
    this.#ring = undefined;
  }

  /** The domain is gone. Clients still get what it wrote. */
  end(): void {
    this.service();
    this.disconnect();
    this.#ended = true;
    this.service();
  }

  /** Moves what can be moved, both ways. */
  service(): void {
    // A client may call back, to tell that it has room or of input, while it is handed output.
    this.#serviceAgain = true;
    if (this.#servicing) return;
    this.#servicing = true;
    try {
      while (this.#serviceAgain) {
        this.#serviceAgain = false;
        this.#serviceOnce();
      }
    } finally {
      this.#servicing = false;
    }
  }

  #serviceOnce(): void {
    let moved = this.#giveInput();
    this.#feedAll();
    for (let takes = 0; takes < TAKES_AT_ONCE; takes++) {
      const bytes = this.#ring?.take(this.#room);
      if (bytes === undefined || bytes.length === 0) break;
      moved = true;
      this.#backlog.append(bytes);
      this.#feedAll();
    }
    if (moved) this.#notify();
  }

  #feedAll(): void {
    for (const attached of this.#clients) this.#feed(attached);
  }

  /** How much may be taken from the guest now. With nobody there nothing is lost by going on. */
  get #room(): number {
    const { end, limit } = this.#backlog;
    if (this.#overflow === 'discard') return limit;
    let furthestBehind = 0;
    for (const { position } of this.#clients) furthestBehind = Math.max(furthestBehind, end - position);
    return Math.max(0, limit - furthestBehind);
  }

  #feed(attached: Attached): void {
    const backlog = this.#backlog;
    while (!attached.full && attached.position < backlog.end) {
      attached.position = Math.max(attached.position, backlog.start);
      const piece = backlog.piece(attached.position);
      // Set before, since a client may find room while it is still in `output`.
      attached.full = true;
      const taken = attached.client.output(piece);
      attached.position += taken;
      if (taken === piece.length) attached.full = false;
    }
    if (!this.#ended || attached.full || !this.#clients.delete(attached)) return;
    attached.client.closed?.();
  }

  #type(bytes: Uint8Array): void {
    const accepted = bytes.subarray(0, Math.max(0, INPUT_MOST - this.#input.length));
    const before = this.#input.length;
    const input = new Uint8Array(before + accepted.length);
    input.set(this.#input);
    input.set(accepted, before);
    this.#input = input;
    if (before < INPUT_PAUSE && input.length >= INPUT_PAUSE) this.#pauseInput(true);
    this.service();
  }

  #giveInput(): boolean {
    if (this.#ring === undefined || this.#input.length === 0) return false;
    const before = this.#input.length;
    const count = this.#ring.give(this.#input);
    this.#input = this.#input.slice(count);
    if (before >= INPUT_PAUSE && this.#input.length < INPUT_PAUSE) this.#pauseInput(false);
    return count > 0;
  }

  #pauseInput(paused: boolean): void {
    for (const { client } of this.#clients) client.inputPaused?.(paused);
  }

  #notify(): void {
    if (this.#port === undefined) return;
    try {
      this.#events.notify(this.#port);
    } catch (error) {
      // The guest closed its end of the channel; that it is gone, if it is, will be told by xenstored.
      if (!(error instanceof HypercallError)) throw error;
    }
  }
}
