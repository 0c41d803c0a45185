import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as wire from '../../abi/io/xs_wire.ts';
import type { ByteStream } from '../../libs/store/stream.ts';
import { StoreClient } from '../../libs/store/store.ts';
import { formatMessage, MessageReader } from '../../libs/store/wire.ts';
import { domainStore } from './store-access.ts';

/** A xenstored that answers each request as told, and keeps what it was asked. */
function transcript(answer: (request: string) => string): { client: StoreClient; requests: string[] } {
  const requests: string[] = [];
  let toClient: (bytes: Uint8Array) => void = () => {};
  const reader = new MessageReader();
  const stream: ByteStream = {
    onData: (listener) => {
      toClient = listener;
    },
    onClose: () => {},
    close: () => {},
    send: (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const room = reader.room;
        const part = bytes.subarray(at, at + room.length);
        room.set(part);
        at += part.length;
        const message = reader.advance(part.length);
        if (message === undefined || message === 'too long') continue;
        const name = NAMES[message.type] ?? `${message.type}`;
        const text = new TextDecoder().decode(message.payload).replaceAll('\0', '|');
        const request = `${message.txId} ${name} ${text}`;
        requests.push(request);
        const reply = answer(request);
        const failed = /^E[A-Z]+$/.test(reply);
        const payload = new TextEncoder().encode(`${reply}\0`);
        toClient(formatMessage({ ...message, type: failed ? wire.XS_ERROR : message.type, payload }));
      }
    },
  };
  return { client: new StoreClient(stream), requests };
}

const NAMES: Readonly<Record<number, string>> = {
  [wire.XS_TRANSACTION_START]: 'TRANSACTION_START',
  [wire.XS_TRANSACTION_END]: 'TRANSACTION_END',
  [wire.XS_RM]: 'RM',
  [wire.XS_WRITE]: 'WRITE',
  [wire.XS_SET_PERMS]: 'SET_PERMS',
  [wire.XS_INTRODUCE]: 'INTRODUCE',
};

const nodes = [
  { path: '/a', value: '', permissions: ['n0', 'r4'] },
  { path: '/a/b', value: 'x' },
];

test('nodes are replaced in one transaction, which is tried again when others interfere', async () => {
  let starts = 0;
  const { client, requests } = transcript((request) => {
    if (request.includes('TRANSACTION_START')) return `${++starts}`;
    if (request.includes('TRANSACTION_END')) return starts === 1 ? 'EAGAIN' : 'OK';
    return request.includes('RM /gone') ? 'ENOENT' : 'OK';
  });
  await domainStore(client).replace(['/gone', '/a'], nodes);

  const once = (id: number) => [
    '0 TRANSACTION_START |',
    `${id} RM /gone|`,
    `${id} RM /a|`,
    `${id} WRITE /a|`,
    `${id} SET_PERMS /a|n0|r4|`,
    `${id} WRITE /a/b|x`,
    `${id} TRANSACTION_END T|`,
  ];
  deepEqual(requests, [...once(1), ...once(2)]);
});

test('a refused write aborts the transaction', async () => {
  const { client, requests } = transcript((request) => {
    if (request.includes('TRANSACTION_START')) return '7';
    return request.includes('WRITE /a/b') ? 'ENOSPC' : 'OK';
  });
  const failure = await domainStore(client)
    .replace([], nodes)
    .catch((error: Error) => error.message);
  equal(failure, 'xenstore: write /a/b: ENOSPC');
  equal(requests.at(-1), '7 TRANSACTION_END F|');
});
