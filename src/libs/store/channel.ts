import { XENSTORE_PAYLOAD_MAX, XS_ERROR, XS_WATCH_EVENT } from '../../abi/io/xs_wire.ts';
import type { ByteStream } from './stream.ts';
import type { Message } from './wire.ts';
import { formatMessage, MessageReader, splitStrings, textOf } from './wire.ts';

/** A request that xenstored refused. */
export class StoreError extends Error {
  /** The protocol's word: 'EACCES', 'EINVAL', …; 'closed' where there is no xenstored any more. */
  readonly code: string;

  constructor(code: string, request: string) {
    super(`xenstore: ${request}: ${code}`);
    this.name = 'StoreError';
    this.code = code;
  }
}

interface Pending {
  readonly request: string;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: StoreError) => void;
}

/** A connection to xenstored: requests and their replies, matched by req_id, and events, matched by token. */
export class Channel {
  readonly #stream: ByteStream;
  readonly #reader = new MessageReader();
  readonly #pending = new Map<number, Pending>();
  readonly #watches = new Map<string, (path: string) => void>();
  #lastReqId = 0;
  #lastWatch = 0;
  #closed = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    stream.onData((bytes) => this.#receive(bytes));
    stream.onClose(() => this.#end());
  }

  request(type: number, txId: number, request: string, payload: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new StoreError('closed', request));
        return;
      }
      // xenstored would drop the whole connection.
      if (payload.length > XENSTORE_PAYLOAD_MAX) {
        reject(new StoreError('E2BIG', request));
        return;
      }
      this.#lastReqId = (this.#lastReqId + 1) >>> 0;
      this.#pending.set(this.#lastReqId, { request, resolve, reject });
      this.#stream.send(formatMessage({ type, reqId: this.#lastReqId, txId, payload }));
    });
  }

  /** Returns the token of a new watch. */
  addWatch(fired: (path: string) => void): string {
    const token = `w${++this.#lastWatch}`;
    this.#watches.set(token, fired);
    return token;
  }

  removeWatch(token: string): void {
    this.#watches.delete(token);
  }

  close(): void {
    if (this.#closed) return;
    this.#stream.close();
    this.#end();
  }

  #end(): void {
    this.#closed = true;
    this.#watches.clear();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { request, reject } of pending) reject(new StoreError('closed', request));
  }

  #receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#closed; ) {
      const room = this.#reader.room;
      const part = bytes.subarray(at, at + room.length);
      room.set(part);
      at += part.length;
      const message = this.#reader.advance(part.length);
      if (message === 'too long') this.close();
      else if (message !== undefined) this.#dispatch(message);
    }
  }

  #dispatch(message: Message): void {
    if (message.type === XS_WATCH_EVENT) {
      const [path, token] = splitStrings(message.payload);
      if (path !== undefined && token !== undefined) this.#watches.get(token)?.(path);
      return;
    }
    const pending = this.#pending.get(message.reqId);
    this.#pending.delete(message.reqId);
    if (message.type === XS_ERROR) pending?.reject(new StoreError(firstString(message.payload), pending.request));
    else pending?.resolve(message.payload);
  }
}

/** The string a reply consists of, or starts with. */
export function firstString(payload: Uint8Array): string {
  return textOf(payload).split('\0', 1)[0] ?? '';
}
