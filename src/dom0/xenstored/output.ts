import { XsdSockmsg } from '../../abi/io/xs_wire.ts';
import { joined } from '../../libs/store/wire.ts';
import type { Account } from './accounts.ts';

/**
 * A domain's request, which stays outstanding until its reply and all watch events it caused were read. So a domain
 * that writes faster than others can follow is not heard for a while.
 */
export class OutstandingRequest {
  readonly #account: Account;
  #events = 0;
  #replyRead = false;

  constructor(account: Account) {
    this.#account = account;
    account.outstanding++;
  }

  addEvent(): void {
    this.#events++;
  }

  replyGone(): void {
    this.#replyRead = true;
    this.#settle();
  }

  eventGone(): void {
    this.#events--;
    this.#settle();
  }

  #settle(): void {
    if (this.#replyRead && this.#events === 0) this.#account.outstanding--;
  }
}

interface Entry {
  readonly bytes: Uint8Array;
  /** How much of `bytes` the transport took. */
  sent: number;
  /** Of a watch event: what makes it a duplicate of another. */
  readonly eventKey: string | undefined;
  readonly expiresNs: number;
  readonly gone: () => void;
}

/** Replies and watch events on their way to one client, in order. */
export class OutputQueue {
  readonly #account: Account;
  #entries: Entry[] = [];
  readonly #eventKeys = new Set<string>();
  #bytes = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  /** Of all messages that are not sent whole. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the first of the waiting events expires, of which nothing is sent yet; undefined where none does. */
  get nextExpiryNs(): number | undefined {
    return this.#entries.find((entry) => entry.expiresNs !== Number.POSITIVE_INFINITY && entry.sent === 0)?.expiresNs;
  }

  addReply(message: Uint8Array, gone: () => void): void {
    this.#add({ bytes: message, sent: 0, eventKey: undefined, expiresNs: Number.POSITIVE_INFINITY, gone });
  }

  hasEvent(eventKey: string): boolean {
    return this.#eventKeys.has(eventKey);
  }

  addEvent(message: Uint8Array, eventKey: string, expiresNs: number, gone: () => void): void {
    this.#eventKeys.add(eventKey);
    this.#add({ bytes: message, sent: 0, eventKey, expiresNs, gone });
  }

  /** Lets `send` have the rest of the first message; returns whether it got anywhere, or 'broken' from `send`. */
  sendFirst(send: (bytes: Uint8Array) => number | 'broken'): boolean | 'broken' {
    const first = this.#entries[0];
    if (first === undefined) return false;
    const count = send(first.sent === 0 ? first.bytes : first.bytes.subarray(first.sent));
    if (count === 'broken') return count;
    first.sent += count;
    if (first.sent === first.bytes.length) {
      this.#entries.shift();
      this.#drop(first);
    }
    return count > 0;
  }

  /** All that is not sent, and how much of it is the rest of a message whose start was sent. */
  get unsent(): { readonly bytes: Uint8Array; readonly partial: number } {
    const [first] = this.#entries;
    const bytes = joined(...this.#entries.map((entry) => entry.bytes.subarray(entry.sent)));
    return { bytes, partial: first === undefined || first.sent === 0 ? 0 : first.bytes.length - first.sent };
  }

  /** The rest of a message whose start was sent by another. */
  addRest(bytes: Uint8Array): void {
    this.#add({ bytes, sent: 0, eventKey: undefined, expiresNs: Number.POSITIVE_INFINITY, gone: () => {} });
  }

  /** Drops events that waited too long, except one that is partly sent. */
  expire(nowNs: number): void {
    const isExpired = (entry: Entry) => entry.expiresNs <= nowNs && entry.sent === 0;
    const expired = this.#entries.filter(isExpired);
    this.#entries = this.#entries.filter((entry) => !isExpired(entry));
    for (const entry of expired) this.#drop(entry);
  }

  clear(): void {
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) this.#drop(entry);
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes.length;
    this.#account.memory += entry.bytes.length;
  }

  #drop(entry: Entry): void {
    this.#bytes -= entry.bytes.length;
    if (entry.eventKey !== undefined) this.#eventKeys.delete(entry.eventKey);
    this.#account.memory -= entry.bytes.length;
    entry.gone();
  }
}

/** What a waiting message of that payload counts for against its receiver's memory. */
export function memoryOf(payloadLength: number): number {
  return XsdSockmsg.SIZE + payloadLength;
}
