import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XS_ERROR, XS_WATCH_EVENT } from '../../../abi/io/xs_wire.ts';
import type { Message } from '../../../libs/store/wire.ts';
import { bytesOf, formatMessage, MessageReader, textOf } from '../../../libs/store/wire.ts';
import { REQUESTS } from '../requests/table.ts';
import { Xenstored, type XenstoredServices } from '../xenstored.ts';
import { GuestRing, STORE_PORT } from './guest-ring.ts';
import { ManualClock, SimulatedXen } from './simulated-xen.ts';

/**
 * Who, request, reply, in the notation of docs/misc/xenstore.txt: `|` is a NUL. A request in transaction 2 is
 * 'READ@2 /a|'. The reply is 'OK' for OK|, the name for an error, else the payload. A watch event is a row of its own:
 * [who, 'WATCH_EVENT', '/a|token|']. Events must come exactly as the rows say, none may be left over.
 */
export type TranscriptRow = readonly [who: string, request: string, reply: string];

/** A xenstored with clients: 'dom0' on a stream and, once they are introduced, 'dom1' and so on, on their rings. */
export class Bench {
  readonly xen = new SimulatedXen();
  readonly clock = new ManualClock();
  readonly log: string[] = [];
  readonly xenstored: Xenstored;
  readonly #clients = new Map<string, Client>();

  readonly services: XenstoredServices = {
    events: this.xen,
    grants: this.xen,
    ctrl: this.xen,
    clock: this.clock,
    log: (line) => this.log.push(line),
  };

  /** @param guests what Xen knows before xenstored starts */
  constructor(start = (services: XenstoredServices) => new Xenstored(services), guests: readonly number[] = []) {
    for (const domid of guests) this.addGuest(domid);
    this.xenstored = start(this.services);
    this.addStream('dom0');
  }

  /** One more process of dom0. */
  addStream(name: string): void {
    this.#clients.set(name, new StreamClient(this));
  }

  /** A domain that Xen knows, with a ring that xenstored does not know yet. */
  addGuest(domid: number): GuestRing {
    const ring = new GuestRing(this.xen.addGuest(domid), this.xen);
    this.#clients.set(`dom${domid}`, new RingClient(ring));
    return ring;
  }

  /** A domain that was introduced. */
  introduce(domid: number): GuestRing {
    const ring = this.addGuest(domid);
    this.xenstored.introduce(ring.guest.domid, ring.bytes, STORE_PORT);
    return ring;
  }

  client(name: string): Client {
    const client = this.#clients.get(name);
    if (client === undefined) throw new Error(`no client ${name}`);
    return client;
  }

  async run(rows: readonly TranscriptRow[]): Promise<void> {
    for (const [who, request, reply] of rows) {
      const client = this.client(who);
      if (request === 'WATCH_EVENT') {
        await settle();
        equal(client.takeEvent(), reply, `${who} WATCH_EVENT`);
      } else {
        equal(await client.ask(request), reply, `${who} ${request}`);
      }
    }
    await settle();
    for (const [name, client] of this.#clients) deepEqual(client.events, [], `events that ${name} was not to get`);
  }
}

/** A transcript with dom0, dom1 and dom2, all introduced, as a test. */
export function transcript(rule: string, rows: readonly TranscriptRow[]): void {
  test(rule, async () => {
    const bench = new Bench();
    bench.introduce(1);
    bench.introduce(2);
    await bench.run(rows);
  });
}

/** Lets everything run that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export abstract class Client {
  abstract send(message: Message): void;
  abstract readonly received: Message[];
  #lastReqId = 0;

  /** Sends a request and returns its reply, as transcripts write them. */
  async ask(request: string): Promise<string> {
    const message = parseRequest(request, ++this.#lastReqId);
    this.send(message);
    await settle();
    const at = this.received.findIndex((reply) => reply.type !== XS_WATCH_EVENT);
    const [reply] = at < 0 ? [] : this.received.splice(at, 1);
    if (reply === undefined) return 'no reply';
    deepEqual([reply.reqId, reply.txId], [message.reqId, message.txId], 'a reply repeats req_id and tx_id');
    if (reply.type !== XS_ERROR) equal(reply.type, message.type, 'a reply repeats the type');
    return formatReply(reply);
  }

  get events(): string[] {
    return this.received.filter((message) => message.type === XS_WATCH_EVENT).map(formatReply);
  }

  takeEvent(): string {
    const at = this.received.findIndex((message) => message.type === XS_WATCH_EVENT);
    const [event] = at < 0 ? [] : this.received.splice(at, 1);
    return event === undefined ? 'no event' : formatReply(event);
  }
}

class RingClient extends Client {
  readonly #ring: GuestRing;

  constructor(ring: GuestRing) {
    super();
    this.#ring = ring;
  }

  get received(): Message[] {
    return this.#ring.received;
  }

  send(message: Message): void {
    this.#ring.send(message);
  }
}

class StreamClient extends Client {
  readonly received: Message[] = [];
  readonly #send: (bytes: Uint8Array) => void;

  constructor(bench: Bench) {
    super();
    const stream = bench.xenstored.connect();
    const reader = new MessageReader();
    stream.onData((bytes) => {
      for (const byte of bytes) {
        reader.room[0] = byte;
        const message = reader.advance(1);
        if (message === 'too long') throw new Error('xenstored sent a message that is too long');
        if (message !== undefined) this.received.push(message);
      }
    });
    this.#send = (bytes) => {
      stream.send(bytes);
      bench.xen.deliver();
    };
  }

  send(message: Message): void {
    this.#send(formatMessage(message));
  }
}

function parseRequest(request: string, reqId: number): Message {
  const [, name, tx = '0', payload = ''] = /^([A-Z_]+)(?:@(\d+))? ?(.*)$/s.exec(request) ?? [];
  const row = [...REQUESTS.values()].find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no request ${name}`);
  return { type: row.type, reqId, txId: Number(tx), payload: bytesOf(payload.replaceAll('|', '\0')) };
}

function formatReply(reply: Message): string {
  const text = textOf(reply.payload).replaceAll('\0', '|');
  if (text === 'OK|') return 'OK';
  return reply.type === XS_ERROR ? text.slice(0, -1) : text;
}
