import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XS_READ, XS_WATCH_EVENT, XS_WRITE } from '../../abi/io/xs_wire.ts';
import { bytesOf } from '../../libs/store/wire.ts';
import { Bench, settle } from './testing/transcript.ts';

// Limits of unprivileged domains; each test first lowers the one it is about.

async function benchWithHome(...setup: readonly string[]): Promise<Bench> {
  const bench = new Bench();
  bench.introduce(1);
  bench.introduce(2);
  const requests = ['WRITE /h|', 'SET_PERMS /h|b1|', ...setup];
  await bench.run(requests.map((request) => ['dom0', request, 'OK'] as const));
  return bench;
}

test('nodes: a domain owns so many and no more, however they are made', async () => {
  const bench = await benchWithHome('CONTROL quota|set|nodes|4|');
  await bench.run([
    ['dom1', 'WRITE /h/1|', 'OK'],
    ['dom1', 'WRITE /h/2/x/y|', 'ENOSPC'],
    ['dom1', 'READ /h/2|', 'ENOENT'],
    ['dom1', 'MKDIR /h/2/x|', 'OK'],
    ['dom1', 'MKDIR /h/3|', 'ENOSPC'],
    ['dom1', 'WRITE /h/1|changed', 'OK'],
    ['dom1', 'RM /h/2|', 'OK'],
    ['dom1', 'MKDIR /h/3|', 'OK'],
    ['dom0', 'WRITE /h/4/5/6|', 'OK'],
  ]);
});

test('nodes: a transaction is asked when it commits', async () => {
  const bench = await benchWithHome('CONTROL quota|set|nodes|3|');
  await bench.run([
    ['dom1', 'TRANSACTION_START |', '1|'],
    ['dom1', 'WRITE@1 /h/1|', 'OK'],
    ['dom1', 'WRITE@1 /h/2|', 'OK'],
    ['dom1', 'WRITE@1 /h/3|', 'OK'],
    ['dom1', 'TRANSACTION_END@1 T|', 'ENOSPC'],
    ['dom0', 'DIRECTORY /h|', ''],
  ]);
});

test('node-size counts the value, the permissions and the list of children', async () => {
  const bench = await benchWithHome('CONTROL quota|set|node-size|100|');
  await bench.run([
    ['dom1', `WRITE /h/1|${'x'.repeat(71)}`, 'OK'],
    ['dom1', `WRITE /h/1|${'x'.repeat(72)}`, 'ENOSPC'],
    ['dom1', `MKDIR /h/${'c'.repeat(90)}|`, 'ENOSPC'],
    ['dom0', `WRITE /h/1|${'x'.repeat(200)}`, 'OK'],
  ]);
});

test('a quota hit in a transaction spoils it', async () => {
  const bench = await benchWithHome('CONTROL quota|set|node-size|100|');
  await bench.run([
    ['dom1', 'TRANSACTION_START |', '1|'],
    ['dom1', `WRITE@1 /h|${'x'.repeat(200)}`, 'ENOSPC'],
    ['dom1', 'WRITE@1 /h|x', 'OK'],
    ['dom1', 'TRANSACTION_END@1 T|', 'ENOMEM'],
    ['dom0', 'READ /h|', ''],
  ]);
});

test('watches, transactions, nodes of a transaction, permissions', async () => {
  const bench = await benchWithHome(
    'CONTROL quota|set|watches|1|',
    'CONTROL quota|set|transactions|2|',
    'CONTROL quota|set|transaction-nodes|2|',
    'CONTROL quota|set|permissions|2|',
  );
  await bench.run([
    ['dom1', 'WATCH /h|1|', 'OK'],
    ['dom1', 'WATCH_EVENT', '/h|1|'],
    ['dom1', 'WATCH /h|2|', 'E2BIG'],
    ['dom1', 'UNWATCH /h|1|', 'OK'],
    ['dom1', 'WATCH /h|2|', 'OK'],
    ['dom1', 'WATCH_EVENT', '/h|2|'],
    ['dom1', 'TRANSACTION_START |', '1|'],
    ['dom1', 'TRANSACTION_START |', '2|'],
    ['dom1', 'TRANSACTION_START |', 'ENOSPC'],
    ['dom1', 'TRANSACTION_END@1 F|', 'OK'],
    ['dom1', 'TRANSACTION_START |', '3|'],
    ['dom1', 'READ@3 /h|', ''],
    ['dom1', 'READ@3 /h/1|', 'ENOENT'],
    ['dom1', 'READ@3 /h/2|', 'ENOSPC'],
    ['dom1', 'TRANSACTION_END@3 T|', 'ENOMEM'],
    ['dom1', 'SET_PERMS /h|n1|r2|', 'OK'],
    ['dom1', 'WATCH_EVENT', '/h|2|'],
    ['dom1', 'SET_PERMS /h|n1|r2|r0|', 'ENOSPC'],
    ['dom2', 'WATCH /h|1|', 'OK'],
    ['dom2', 'WATCH_EVENT', '/h|1|'],
  ]);
});

test('memory: at the limit a domain stores nothing more, and is not heard until it takes less', async () => {
  const bench = await benchWithHome('CONTROL quota|set|memory|2000|', 'CONTROL quota-soft|set|memory|1000|');
  bench.clock.advanceMs(60_000);
  await bench.run([
    ['dom1', `WRITE /h/1|${'x'.repeat(1100)}`, 'OK'],
    ['dom1', `WRITE /h/2|${'x'.repeat(1100)}`, 'ENOMEM'],
    ['dom0', 'CONTROL quota|set|memory|1000|', 'OK'],
    ['dom1', 'RM /h/1|', 'no reply'],
    ['dom2', 'READ /h|', ''],
    ['dom0', 'CONTROL quota|set|memory|2000|', 'OK'],
  ]);
  equal(bench.client('dom1').received.length, 1, 'the request that waited is answered');
  deepEqual(bench.log, ['domain 1 exceeds its soft memory quota']);
});

test('outstanding: whoever does not read replies is not heard any more, until it reads', async () => {
  const bench = await benchWithHome('CONTROL quota|set|outstanding|3|', `WRITE /h|${'x'.repeat(1500)}`);
  const ring = bench.introduce(3);
  ring.reading = false;
  for (let i = 0; i < 10; i++) ring.send({ type: XS_READ, reqId: i, txId: 0, payload: bytesOf('/h\0') });
  equal(ring.page.req_prod - ring.page.req_cons, 7 * 19, 'the rest waits in the ring');
  ring.reading = true;
  ring.service();
  bench.xen.deliver();
  equal(ring.received.length, 10);
});

test('outstanding: a request is not done with while events it caused are unread', async () => {
  const bench = await benchWithHome('CONTROL quota|set|outstanding|3|', 'CONTROL quota|set|node-size|100000|');
  const [writer, reader] = [bench.introduce(11), bench.introduce(12)];
  await bench.run([
    ['dom12', 'WATCH /h|tok|', 'OK'],
    ['dom12', 'WATCH_EVENT', '/h|tok|'],
  ]);
  reader.reading = false;
  // More than the reader's ring holds: events pile up in xenstored.
  const name = 'n'.repeat(900);
  for (let i = 0; i < 8; i++) {
    writer.send({ type: XS_WRITE, reqId: i, txId: 0, payload: bytesOf(`/h/${name}${i}\0`) });
  }
  const answered = writer.received.length;
  equal(answered < 8, true, `only ${answered} of 8 requests are answered`);
  reader.reading = true;
  reader.service();
  bench.xen.deliver();
  equal(writer.received.length, 8);
  equal(reader.received.filter((message) => message.type === XS_WATCH_EVENT).length, 8);
});

test('an event that a domain does not read for 20 seconds is dropped; one that is partly sent is not', async () => {
  const bench = await benchWithHome();
  const ring = bench.introduce(3);
  await bench.run([
    ['dom3', 'WATCH /h|tok|', 'OK'],
    ['dom3', 'WATCH_EVENT', '/h|tok|'],
  ]);
  ring.reading = false;
  const names = [1, 2, 3].map((i) => `/h/${`${i}`.repeat(800)}`);
  for (const name of names) await bench.run([['dom0', `WRITE ${name}|`, 'OK']]);
  bench.clock.advanceMs(20_000);
  ring.reading = true;
  ring.service();
  bench.xen.deliver();
  deepEqual(
    bench.client('dom3').events,
    names.slice(0, 2).map((name) => `${name}|tok|`),
  );
  equal(bench.clock.pendingTimers, 0, 'no timer outlives what it was for');
});

test('write rate: a domain that writes while others have transactions open is slowed, and nobody else is', async () => {
  const bench = await benchWithHome();
  await bench.run([
    ['dom0', 'TRANSACTION_START |', '1|'],
    ['dom0', 'READ@1 /h|', ''],
  ]);
  const dom1 = bench.client('dom1');
  let answered = 0;
  while ((await dom1.ask('WRITE /h|x')) === 'OK') answered++;
  equal(answered > 5 && answered < 60, true, `${answered} writes passed at once`);
  await bench.run([['dom2', 'READ /h|', 'x']]);

  bench.clock.advanceMs(1000);
  bench.xen.deliver();
  await settle();
  equal(dom1.received.length, 1, 'the request that waited is answered');
});

test('CONTROL memreport tells the log who takes up what', async () => {
  const bench = await benchWithHome();
  await bench.run([
    ['dom1', 'WRITE /h/1|x', 'OK'],
    ['dom0', 'CONTROL memreport|', 'OK'],
  ]);
  deepEqual(
    bench.log.filter((line) => !line.includes('domain 0')),
    [
      'memreport: domain 1: 65 bytes, 2 nodes, 0 watches, 0 requests outstanding',
      'memreport: domain 2: 0 bytes, 0 nodes, 0 watches, 0 requests outstanding',
      'memreport: 3 connections, 0 bytes on their way',
    ],
  );
});

test('CONTROL quota lists the limits, and what a domain takes up', async () => {
  const bench = await benchWithHome();
  await bench.run([
    ['dom1', 'WRITE /h/1|', 'OK'],
    ['dom1', 'WATCH /h|tok|', 'OK'],
    ['dom1', 'WATCH_EVENT', '/h|tok|'],
  ]);
  const list = await bench.client('dom0').ask('CONTROL quota|');
  equal(list.split('\n')[1], 'nodes            :     1000 Nodes per domain');
  const usage = await bench.client('dom0').ask('CONTROL quota|1|');
  deepEqual(usage.split('\n').slice(0, 3), ['Domain 1:', 'nodes           :        2', 'watches         :        1']);
  await bench.run([
    ['dom0', 'CONTROL quota|9|', 'ENOENT'],
    ['dom0', 'CONTROL quota|set|nodes|0|', 'EINVAL'],
    ['dom0', 'CONTROL quota|set|nonsense|5|', 'EINVAL'],
    ['dom0', 'CONTROL nonsense|', 'EINVAL'],
  ]);
});
