// Messages of public/io/xs_wire.h, as both ends of a connection parse and format them.

import { XENSTORE_PAYLOAD_MAX, XsdSockmsg } from '../../abi/io/xs_wire.ts';

export interface Message {
  /** XS_* */
  readonly type: number;
  readonly reqId: number;
  /** 0 where no transaction is meant */
  readonly txId: number;
  readonly payload: Uint8Array;
}

/** Header and payload in one piece, ready for the wire. */
export function formatMessage(message: Message): Uint8Array {
  const { type, reqId, txId, payload } = message;
  const bytes = new Uint8Array(XsdSockmsg.SIZE + payload.length);
  // By hand: a DataView for each message costs more than all the rest.
  putUint32(bytes, 0x0, type);
  putUint32(bytes, 0x4, reqId);
  putUint32(bytes, 0x8, txId);
  putUint32(bytes, 0xc, payload.length);
  bytes.set(payload, XsdSockmsg.SIZE);
  return bytes;
}

function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/**
 * Puts one message after another together from bytes that come in pieces. It says through `room` what it wants next
 * and never wants a byte past the end of a message, so a reader can stop between two messages.
 */
export class MessageReader {
  readonly #headerBytes = new Uint8Array(XsdSockmsg.SIZE);
  readonly #header = new XsdSockmsg(new DataView(this.#headerBytes.buffer), 0);
  #payload: Uint8Array | undefined;
  #used = 0;

  /** Where the next bytes belong. Never empty. */
  get room(): Uint8Array {
    const whole = this.#payload ?? this.#headerBytes;
    return this.#used === 0 ? whole : whole.subarray(this.#used);
  }

  /**
   * Tells that the first `count` bytes of `room` were filled in.
   *
   * @returns the message these bytes completed; 'too long' where a header announces more than XENSTORE_PAYLOAD_MAX,
   *   after which the reader must not be used any more
   */
  advance(count: number): Message | 'too long' | undefined {
    this.#used += count;
    if (this.#payload === undefined) {
      if (this.#used < XsdSockmsg.SIZE) return undefined;
      if (this.#header.len > XENSTORE_PAYLOAD_MAX) return 'too long';
      this.#payload = new Uint8Array(this.#header.len);
      this.#used = 0;
    }
    if (this.#used < this.#payload.length) return undefined;

    const { type, req_id, tx_id } = this.#header;
    const message = { type, reqId: req_id, txId: tx_id, payload: this.#payload };
    this.reset();
    return message;
  }

  /** What is there of a message that is not whole yet. */
  get partial(): Uint8Array {
    const start = this.#headerBytes.slice(0, this.#payload === undefined ? this.#used : XsdSockmsg.SIZE);
    return this.#payload === undefined ? start : joined(start, this.#payload.subarray(0, this.#used));
  }

  /** Forgets a message that is only partly there. */
  reset(): void {
    this.#payload = undefined;
    this.#used = 0;
  }
}

/** One character a byte, so that any octets survive the way there and back. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The inverse of `textOf`. Characters past U+00FF lose their high byte. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Each string with the NUL that ends it, in the protocol's notation `<string>|*`. */
export function nulTerminated(...strings: readonly string[]): Uint8Array {
  return bytesOf(strings.map((string) => `${string}\0`).join(''));
}

/** The NUL-terminated strings in `bytes`; what follows the last NUL is left out. */
export function splitStrings(bytes: Uint8Array): string[] {
  const strings = textOf(bytes).split('\0');
  strings.pop();
  return strings;
}

/** The parts in one piece. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The whole messages that `bytes` are; undefined where they are something else. */
export function splitMessages(bytes: Uint8Array): Message[] | undefined {
  const reader = new MessageReader();
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { room } = reader;
    const part = bytes.subarray(at, at + room.length);
    room.set(part);
    at += part.length;
    const message = reader.advance(part.length);
    if (message === 'too long') return undefined;
    if (message !== undefined) messages.push(message);
  }
  return reader.partial.length === 0 ? messages : undefined;
}
