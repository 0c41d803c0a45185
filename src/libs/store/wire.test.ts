import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XS_READ, XS_WRITE } from '../../abi/io/xs_wire.ts';
import type { Message } from './wire.ts';
import { bytesOf, formatMessage, MessageReader, splitStrings, textOf } from './wire.ts';

/** Feeds `bytes` in pieces of at most `piece` and returns what comes out. */
function readAll(bytes: Uint8Array, piece: number): (Message | 'too long')[] {
  const reader = new MessageReader();
  const out: (Message | 'too long')[] = [];
  for (let at = 0; at < bytes.length; ) {
    const room = reader.room;
    const count = Math.min(room.length, piece, bytes.length - at);
    room.set(bytes.subarray(at, at + count));
    at += count;
    const message = reader.advance(count);
    if (message !== undefined) out.push(message);
    if (message === 'too long') break;
  }
  return out;
}

test('a message is a header of four little-endian words and its payload (xs_wire.h, struct xsd_sockmsg)', () => {
  const bytes = formatMessage({ type: XS_WRITE, reqId: 0x01020304, txId: 5, payload: bytesOf('/a\0b') });
  deepEqual([...bytes], [11, 0, 0, 0, 4, 3, 2, 1, 5, 0, 0, 0, 4, 0, 0, 0, 0x2f, 0x61, 0, 0x62]);
});

test('messages come out whole, however the bytes were cut', () => {
  const first = { type: XS_READ, reqId: 7, txId: 0, payload: bytesOf('/local\0') };
  const second = { type: XS_WRITE, reqId: 0xffff_ffff, txId: 9, payload: new Uint8Array(0) };
  const wire = new Uint8Array([...formatMessage(first), ...formatMessage(second)]);
  for (const piece of [1, 3, 16, 17, 1000]) deepEqual(readAll(wire, piece), [first, second]);
});

test('a header that announces more than XENSTORE_PAYLOAD_MAX is refused before its payload is awaited', () => {
  const header = formatMessage({ type: XS_READ, reqId: 0, txId: 0, payload: new Uint8Array(4097) }).subarray(0, 16);
  deepEqual(readAll(header, 16), ['too long']);
  const longest = formatMessage({ type: XS_READ, reqId: 0, txId: 0, payload: new Uint8Array(4096) });
  equal(readAll(longest, 500).length, 1);
});

test('all 256 octets survive as text', () => {
  const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
  deepEqual(bytesOf(textOf(octets)), octets);
});

test('strings end at their NUL; what has none is not a string', () => {
  deepEqual(splitStrings(bytesOf('a\0\0bc\0tail')), ['a', '', 'bc']);
  deepEqual(splitStrings(bytesOf('tail')), []);
});
