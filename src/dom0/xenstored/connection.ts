import {
  XENSTORE_ERROR_COMM,
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_PAYLOAD_MAX,
  XS_ERROR,
  XS_WATCH_EVENT,
} from '../../abi/io/xs_wire.ts';
import type { Domid } from '../../abi/xen.ts';
import type { Clock, TimerHandle } from '../../lib/ports.ts';
import type { Message } from '../../libs/store/wire.ts';
import { formatMessage, MessageReader, nulTerminated, splitMessages, splitStrings } from '../../libs/store/wire.ts';
import type { Account } from './accounts.ts';
import type { XsErrorName } from './errors.ts';
import { memoryOf, OutputQueue, OutstandingRequest } from './output.ts';
import { domainPath } from './paths.ts';
import type { Limits } from './limits.ts';
import { WATCH_EVENT_TIMEOUT_MS } from './quotas.ts';
import type { Transaction } from './transactions.ts';
import type { Transport } from './transport.ts';
import type { SetWatch, Watch, WatchIndex } from './watches.ts';

/** What all connections share. */
export interface ConnectionServices {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly watches: WatchIndex<Connection>;
}

/** A privileged client that leaves so many bytes of events unread is disconnected; domains have their quota. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

/** A client of xenstored: a domain on its ring, or a process of dom0 on a stream. */
export class Connection {
  readonly account: Account;
  /** On a ring: it speaks for a domain. Who has a stream is trusted as dom0 is. */
  readonly isDomain: boolean;
  readonly transport: Transport;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #watchIndex: WatchIndex<Connection>;
  #target: Connection | undefined;
  /** By path and token. */
  readonly #watches = new Map<string, SetWatch<Connection>>();
  readonly transactions = new Map<number, Transaction>();
  #nextTransactionId = 1;
  readonly #reader = new MessageReader();
  readonly #output: OutputQueue;
  #current: OutstandingRequest | undefined;
  #expiry: TimerHandle | undefined;
  #ignored = false;

  constructor(account: Account, isDomain: boolean, transport: Transport, services: ConnectionServices) {
    this.account = account;
    this.isDomain = isDomain;
    this.transport = transport;
    this.#clock = services.clock;
    this.#limits = services.limits;
    this.#watchIndex = services.watches;
    this.#output = new OutputQueue(account);
  }

  get domid(): Domid {
    return this.account.domid;
  }

  get privileged(): boolean {
    return !this.isDomain || this.account.privileged;
  }

  /** The domain it may act for (SET_TARGET). */
  get target(): { readonly domid: Domid } | undefined {
    return this.#target;
  }

  setTarget(target: Connection): void {
    this.#target = target;
  }

  /** It broke the protocol, and is neither heard nor answered any more. */
  get ignored(): boolean {
    return this.#ignored;
  }

  /** What its relative paths start from; a stream's are dom0's. */
  get home(): string {
    return domainPath(this.domid);
  }

  /** The absolute form of a path as a client gives it. It may still be invalid. */
  absolute(path: string): string {
    return path.startsWith('/') || path.startsWith('@') ? path : `${this.home}/${path}`;
  }

  // --- what it has set up

  /** In the order they were set. */
  get watches(): Iterable<Watch> {
    return this.#watches.values();
  }

  hasWatch(path: string, token: string): boolean {
    return this.#watches.has(keyOf(path, token));
  }

  addWatch(watch: Watch): void {
    this.#watches.set(keyOf(watch.path, watch.token), this.#watchIndex.add(this, watch));
    this.#countWatch(watch, 1);
  }

  /** False where it has none. */
  removeWatch(path: string, token: string): boolean {
    const watch = this.#watches.get(keyOf(path, token));
    if (watch === undefined) return false;
    this.#watches.delete(keyOf(path, token));
    this.#watchIndex.remove(watch);
    this.#countWatch(watch, -1);
    return true;
  }

  removeAllWatches(): void {
    for (const { path, token } of this.#watches.values()) this.removeWatch(path, token);
  }

  #countWatch(watch: Watch, sign: 1 | -1): void {
    if (this.isDomain) this.account.watches += sign;
    this.account.memory += sign * (watch.path.length + watch.token.length);
  }

  /** A transaction id that is not in use. */
  freeTransactionId(): number {
    while (this.#nextTransactionId === 0 || this.transactions.has(this.#nextTransactionId))
      this.#advanceTransactionId();
    const id = this.#nextTransactionId;
    this.#advanceTransactionId();
    return id;
  }

  #advanceTransactionId(): void {
    this.#nextTransactionId = (this.#nextTransactionId + 1) >>> 0;
  }

  // --- what goes out

  /** Bytes of messages that wait for it to read. */
  get unreadBytes(): number {
    return this.#output.bytes;
  }

  /** Starts to answer a request: events that it causes are accounted to it until `reply`. */
  begin(): void {
    if (this.isDomain) this.#current = new OutstandingRequest(this.account);
  }

  /** The request being answered, where its events count against its sender. */
  get cause(): OutstandingRequest | undefined {
    return this.privileged ? undefined : this.#current;
  }

  reply(request: Message, type: number, payload: Uint8Array): void {
    const message = formatMessage({ type, reqId: request.reqId, txId: request.txId, payload });
    this.#queueReply(message);
  }

  #queueReply(message: Uint8Array): void {
    const outstanding = this.#current;
    this.#current = undefined;
    if (this.#ignored) return;
    // A stream takes whole messages, and its client has no quota to be charged.
    if (!this.isDomain && this.#output.empty && this.transport.writable) {
      this.transport.send(message);
      return;
    }
    this.#output.addReply(message, () => outstanding?.replyGone());
  }

  replyError(request: Message, error: XsErrorName): void {
    this.reply(request, XS_ERROR, nulTerminated(error));
  }

  /** Queues a WATCH_EVENT, unless the very same already waits, it is too long, or the domain has no memory left. */
  sendEvent(path: string, token: string, cause: OutstandingRequest | undefined): void {
    if (this.#ignored) return;
    const payload = nulTerminated(path, token);
    const key = keyOf(path, token);
    if (payload.length > XENSTORE_PAYLOAD_MAX) return;
    if (!path.startsWith('@') && this.#output.hasEvent(key)) return;
    if (!this.#limits.allowsMemory(this, memoryOf(payload.length))) return;

    const expiresNs = this.privileged
      ? Number.POSITIVE_INFINITY
      : this.#clock.nowNs() + WATCH_EVENT_TIMEOUT_MS * 1_000_000;
    cause?.addEvent();
    const message = formatMessage({ type: XS_WATCH_EVENT, reqId: 0, txId: 0, payload });
    this.#output.addEvent(message, key, expiresNs, () => cause?.eventGone());
    if (!this.privileged) this.#armExpiry();
    else if (this.#output.bytes > MOST_UNREAD_BYTES) this.#giveUp(XENSTORE_ERROR_COMM);
    this.#wake();
  }

  // --- its turn

  #wake: () => void = () => {};

  /** `listener` is called when the connection should get a turn. */
  onReady(listener: () => void): void {
    this.#wake = listener;
    this.transport.onReady(listener);
  }

  /** Takes in at most one request, which it hands to `handle`, and sends what there is room for; true: there is more. */
  turn(handle: (connection: this, request: Message) => void): boolean {
    const received = this.#receive(handle);
    const sent = this.#send();
    this.transport.flush();
    return (received || sent) && (this.canReceive || (!this.#output.empty && this.transport.writable));
  }

  get canReceive(): boolean {
    return !this.#ignored && this.transport.readable && this.#limits.mayBeHeard(this);
  }

  /** It has something to say, but its quotas do not let it now. */
  get held(): boolean {
    return !this.#ignored && this.transport.readable && !this.#limits.mayBeHeard(this);
  }

  #receive(handle: (connection: this, request: Message) => void): boolean {
    if (!this.canReceive) return false;
    let moved = false;
    for (;;) {
      const room = this.#reader.room;
      const count = this.transport.receive(room);
      if (count === 'broken') return this.#giveUp(XENSTORE_ERROR_RINGIDX);
      const message = this.#reader.advance(count);
      if (message === 'too long') return this.#giveUp(XENSTORE_ERROR_PROTO);
      if (message !== undefined) {
        handle(this, message);
        return true;
      }
      moved ||= count > 0;
      if (count === 0) return moved;
    }
  }

  #send(): boolean {
    if (this.#ignored || this.#output.empty) return false;
    let moved = false;
    while (this.transport.writable) {
      const sent = this.#output.sendFirst((bytes) => this.transport.send(bytes));
      if (sent === 'broken') return this.#giveUp(XENSTORE_ERROR_RINGIDX);
      if (!sent) break;
      moved = true;
    }
    if (this.#output.empty) this.#disarmExpiry();
    return moved;
  }

  // --- its take-over by another daemon

  /** What is on its way, in and out. */
  get pending(): { readonly input: Uint8Array; readonly output: Uint8Array; readonly partial: number } {
    const { bytes, partial } = this.#output.unsent;
    return { input: this.#reader.partial, output: bytes, partial };
  }

  /** Goes on with what another connection had on its way. False where that makes no sense. */
  resume(input: Uint8Array, output: Uint8Array, partial: number): boolean {
    if (partial > 0) this.#output.addRest(output.slice(0, partial));
    const messages = splitMessages(output.subarray(partial));
    if (messages === undefined) return false;
    for (const { type, reqId, txId, payload } of messages) {
      if (type === XS_WATCH_EVENT) {
        const [path = '', token = ''] = splitStrings(payload);
        this.sendEvent(path, token, undefined);
      } else {
        this.begin();
        this.#queueReply(formatMessage({ type, reqId, txId, payload }));
      }
    }
    for (let at = 0; at < input.length; ) {
      const { room } = this.#reader;
      const part = input.subarray(at, at + room.length);
      room.set(part);
      at += part.length;
      if (this.#reader.advance(part.length) !== undefined) return false;
    }
    return true;
  }

  /** It broke the protocol with the daemon before. */
  ignore(): void {
    this.#ignored = true;
  }

  /** Lets go of it without a word to the client: what carries it is another's now. */
  handOver(): void {
    this.#ignored = true;
    this.#wake = () => {};
    this.#disarmExpiry();
  }

  // --- its end

  /**
   * Stops to hear it. The connection stays, so that its domain's death is still noticed and told; what it has set up
   * goes.
   */
  #giveUp(error: number): false {
    this.#ignored = true;
    this.#forget();
    this.transport.giveUp(error);
    return false;
  }

  /** Back to the state of a new connection, for INTRODUCE of a domain that is known. */
  reset(): void {
    this.#forget();
  }

  /** Lets go of everything it has. */
  close(): void {
    this.#ignored = true;
    this.#forget();
    this.transport.close();
  }

  /** Ends its transactions, all of them or the one given. */
  endTransactions(only?: Transaction): void {
    for (const transaction of only === undefined ? [...this.transactions.values()] : [only]) {
      transaction.end();
      this.transactions.delete(transaction.id);
      this.#limits.transactionEnded();
    }
  }

  #forget(): void {
    this.removeAllWatches();
    this.endTransactions();
    this.#output.clear();
    this.#reader.reset();
    this.#disarmExpiry();
  }

  #armExpiry(): void {
    const atNs = this.#output.nextExpiryNs;
    if (this.#expiry !== undefined || atNs === undefined) return;
    this.#expiry = this.#clock.setTimer(atNs, () => {
      this.#expiry = undefined;
      this.#output.expire(this.#clock.nowNs());
      this.#armExpiry();
      this.#wake();
    });
  }

  #disarmExpiry(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
  }
}

/** Tokens may be anything but NULs. */
function keyOf(path: string, token: string): string {
  return `${path}\0${token}`;
}
