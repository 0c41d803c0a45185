import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import {
  XENSTORE_CONNECTED,
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_RECONNECT,
  XS_READ,
  XS_WRITE,
} from '../../abi/io/xs_wire.ts';
import { bytesOf, formatMessage, textOf } from '../../libs/store/wire.ts';
import { FEATURES } from './features.ts';
import { STORE_PORT } from './testing/guest-ring.ts';
import { Bench } from './testing/transcript.ts';

// docs/misc/xenstore-ring.txt

const RING_INDICES = ['req_cons', 'req_prod', 'rsp_cons', 'rsp_prod'] as const;

test('a message longer than the ring passes, both ways, wherever in the ring it starts', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /a|', 'OK'],
    ['dom0', 'SET_PERMS /a|b0|', 'OK'],
  ]);
  const value = Array.from({ length: 1900 }, (_, i) => String.fromCharCode(0x61 + (i % 26))).join('');
  for (let round = 0; round < 7; round++) {
    await bench.run([
      ['dom1', `WRITE /a|${value}`, 'OK'],
      ['dom1', 'READ /a|', value],
    ]);
  }
  equal(ring.page.req_prod > 7 * 1900, true, 'the indices run on past the size of the ring');
});

test('the indices pass 2^32 without a break', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  for (const index of RING_INDICES) ring.page[index] = 0xffff_fff0;
  await bench.run([
    ['dom0', 'WRITE /a|hello', 'OK'],
    ['dom0', 'SET_PERMS /a|r0|', 'OK'],
    ['dom1', 'READ /a|', 'hello'],
    ['dom1', 'READ /a|', 'hello'],
  ]);
  equal(ring.page.req_prod, (0xffff_fff0 + 2 * (16 + 3)) % 2 ** 32);
});

test('a request may come byte by byte', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  for (const byte of formatMessage({ type: XS_READ, reqId: 8, txId: 0, payload: bytesOf('/tool\0') })) {
    ring.sendBytes(Uint8Array.of(byte));
  }
  deepEqual(
    ring.received.map((reply) => [reply.reqId, textOf(reply.payload)]),
    [[8, 'EACCES\0']],
  );
});

test('the guest is told when requests were read and when replies were written, and not without cause', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  ring.guest.notify(STORE_PORT);
  bench.xen.deliver();
  equal(ring.events, 0);
  ring.sendBytes(formatMessage({ type: XS_READ, reqId: 1, txId: 0, payload: bytesOf('/tool\0') }).subarray(0, 5));
  equal(ring.events, 1);
  equal(ring.page.req_cons, 5);
});

test('a reply waits for room in the ring, and nothing of it is lost', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  await bench.run([
    ['dom0', `WRITE /a|${'x'.repeat(700)}`, 'OK'],
    ['dom0', 'SET_PERMS /a|r0|', 'OK'],
  ]);
  ring.reading = false;
  for (let i = 0; i < 5; i++) ring.send({ type: XS_READ, reqId: i, txId: 0, payload: bytesOf('/a\0') });
  equal((ring.page.rsp_prod - ring.page.rsp_cons) >>> 0, 1024);
  ring.reading = true;
  ring.service();
  bench.xen.deliver();
  deepEqual(
    ring.received.map((reply) => [reply.reqId, reply.payload.length]),
    [0, 1, 2, 3, 4].map((reqId) => [reqId, 700]),
  );
});

test('a new domain finds empty rings, the server’s features, and is told where it waits to be connected', async () => {
  const bench = new Bench();
  const ring = bench.addGuest(1);
  for (const index of RING_INDICES) ring.page[index] = 77;
  ring.page.connection = XENSTORE_RECONNECT;
  await bench.run([['dom0', 'INTRODUCE 1|0|3|', 'OK']]);
  bench.xen.deliver();
  deepEqual(
    RING_INDICES.map((index) => ring.page[index]),
    [0, 0, 0, 0],
  );
  equal(ring.page.server_features, FEATURES);
  equal(ring.page.connection, XENSTORE_CONNECTED);
  equal(ring.events, 1);
});

test('a domain that is introduced again starts afresh: no watches, no transactions, no half messages', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /a|', 'OK'],
    ['dom0', 'SET_PERMS /a|r0|', 'OK'],
    ['dom1', 'WATCH /a|tok|', 'OK'],
    ['dom1', 'WATCH_EVENT', '/a|tok|'],
    ['dom1', 'TRANSACTION_START |', '1|'],
  ]);
  ring.sendBytes(Uint8Array.of(1, 2, 3));
  await bench.run([
    ['dom0', 'INTRODUCE 1|0|3|', 'OK'],
    ['dom0', 'WRITE /a|x', 'OK'],
    ['dom1', 'TRANSACTION_END@1 T|', 'ENOENT'],
    ['dom1', 'READ /a|', 'x'],
  ]);
  equal(bench.xen.boundPorts, 1, 'the first event channel was closed');
});

test('INTRODUCE fails where the domain grants no page or left no port, and nothing stays behind', async () => {
  const bench = new Bench();
  const ring = bench.addGuest(1);
  const page = ring.guest.pages.get(1 as never);
  ring.guest.pages.clear();
  await bench.run([
    ['dom0', 'INTRODUCE 1|0|3|', 'ENOENT'],
    ['dom0', 'INTRODUCE 1|0|0|', 'EINVAL'],
  ]);
  if (page) ring.guest.pages.set(1 as never, page);
  await bench.run([
    ['dom0', 'INTRODUCE 1|0|9|', 'EINVAL'],
    ['dom0', 'IS_DOMAIN_INTRODUCED 1|', 'F|'],
    ['dom0', 'INTRODUCE 1|0|3|', 'OK'],
    ['dom0', 'IS_DOMAIN_INTRODUCED 1|', 'T|'],
  ]);
  equal(bench.xen.mapped.size, 1);
});

/** The domain is dead to xenstored, everybody else is not. */
async function equalsOnlyOneLost(bench: Bench): Promise<void> {
  await bench.run([
    ['dom1', 'READ /a|', 'no reply'],
    ['dom2', 'READ /a|', 'x'],
    ['dom0', 'WRITE /a|y', 'OK'],
    ['dom2', 'WATCH_EVENT', '/a|tok|'],
    ['dom0', 'CONTROL quota|1|', usage({ nodes: 0, watches: 0, transactions: 0 })],
  ]);
}

function usage(counts: Record<string, number>): string {
  const rows = Object.entries({ ...counts, outstanding: 0, memory: 0 });
  return `Domain 1:\n${rows.map(([name, value]) => `${name.padEnd(16)}: ${`${value}`.padStart(8)}\n`).join('')}|`;
}

async function benchWithWatchers(): Promise<Bench> {
  const bench = new Bench();
  bench.introduce(2);
  await bench.run([
    ['dom0', 'WRITE /a|x', 'OK'],
    ['dom0', 'SET_PERMS /a|r0|', 'OK'],
    ['dom2', 'WATCH /a|tok|', 'OK'],
    ['dom2', 'WATCH_EVENT', '/a|tok|'],
  ]);
  return bench;
}

for (const hostile of [1025, 0x8000_0000, 0xffff_ffff]) {
  test(`a producer ${hostile} ahead of the consumer ends the connection of that domain alone`, async () => {
    const bench = await benchWithWatchers();
    const ring = bench.introduce(1);
    await bench.run([
      ['dom1', 'WATCH /a|tok|', 'OK'],
      ['dom1', 'WATCH_EVENT', '/a|tok|'],
    ]);
    ring.page.req_prod = (ring.page.req_cons + hostile) >>> 0;
    ring.guest.notify(STORE_PORT);
    bench.xen.deliver();
    equal(ring.page.error, XENSTORE_ERROR_RINGIDX);
    await equalsOnlyOneLost(bench);
  });

  test(`a reply ring that claims to hold ${hostile} bytes ends it too`, async () => {
    const bench = await benchWithWatchers();
    const ring = bench.introduce(1);
    ring.reading = false;
    ring.page.rsp_prod = (ring.page.rsp_cons + hostile) >>> 0;
    ring.send({ type: XS_READ, reqId: 1, txId: 0, payload: bytesOf('/a\0') });
    equal(ring.page.error, XENSTORE_ERROR_RINGIDX);
    await equalsOnlyOneLost(bench);
  });
}

test('a payload longer than XENSTORE_PAYLOAD_MAX ends the connection', async () => {
  const bench = await benchWithWatchers();
  const ring = bench.introduce(1);
  ring.sendBytes(formatMessage({ type: XS_WRITE, reqId: 1, txId: 0, payload: new Uint8Array(4097) }).subarray(0, 16));
  equal(ring.page.error, XENSTORE_ERROR_PROTO);
  await equalsOnlyOneLost(bench);
});

test('an unknown request is ENOSYS, and the connection goes on', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  for (const type of [15, 16, 20, 27, 0xffff, 0xffff_ffff]) {
    ring.send({ type, reqId: type, txId: 0, payload: bytesOf('/a\0') });
  }
  deepEqual(new Set(ring.received.map((reply) => textOf(reply.payload))), new Set(['ENOSYS\0']));
});

test('random bytes in the ring upset nobody else', async () => {
  const seed = Date.now() & 0xffffff;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
  const bench = await benchWithWatchers();
  for (let domid = 10; domid < 60; domid++) {
    const ring = bench.introduce(domid);
    const raw = new Uint8Array(3000).map(() => random(256));
    // Headers that could pass, so that payloads are reached too.
    for (let at = 0; at + 16 <= raw.length; at += 16 + random(64)) {
      raw.set([random(24), 0, 0, 0, 0, 0, 0, 0, random(3), 0, 0, 0, random(64), 0, 0, 0], at);
    }
    ring.sendBytes(raw);
    ring.reading = false;
    ring.bytes.set(raw.subarray(0, 0x820 + random(64)));
    for (const index of RING_INDICES) ring.page[index] = random(2048);
    ring.guest.notify(STORE_PORT);
    bench.xen.deliver();
  }
  await bench.run([
    ['dom2', 'READ /a|', 'x'],
    ['dom0', 'CONTROL check|', 'OK'],
  ]);
  deepEqual(
    bench.log.filter((line) => line.startsWith('check')),
    [],
    `seed ${seed}`,
  );
});
