import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { VIRQ_DOM_EXC } from '../../abi/xen.ts';
import { Bench, transcript } from './testing/transcript.ts';

// docs/misc/xenstore.txt, "Watches"

transcript('a watch fires once right away, after its reply, and then for every change at or below its path', [
  ['dom0', 'WATCH /a|tok|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|tok|'],
  ['dom0', 'WRITE /a/b/c|x', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a/b/c|tok|'],
  ['dom0', 'MKDIR /a/d|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a/d|tok|'],
  ['dom0', 'MKDIR /a/d|', 'OK'],
  ['dom0', 'SET_PERMS /a/d|n1|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a/d|tok|'],
  ['dom0', 'WRITE /ab|', 'OK'],
  ['dom0', 'READ /a|', ''],
]);

transcript('the root is above everything', [
  ['dom0', 'WATCH /|tok|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/|tok|'],
  ['dom0', 'WRITE /a/b|x', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a/b|tok|'],
]);

transcript(
  'removing a tree tells who watches a node in it of that node, deepest first, and who watches above of the tree',
  [
    ['dom0', 'WRITE /a/b/c|', 'OK'],
    ['dom0', 'WATCH /a|above|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a|above|'],
    ['dom0', 'WATCH /a/b|root|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a/b|root|'],
    ['dom0', 'WATCH /a/b/c|in|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a/b/c|in|'],
    ['dom0', 'WATCH /a/b/c/d|missing|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a/b/c/d|missing|'],
    ['dom0', 'RM /a/b|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a/b/c|in|'],
    ['dom0', 'WATCH_EVENT', '/a/b|above|'],
    ['dom0', 'WATCH_EVENT', '/a/b|root|'],
  ],
);

transcript('a watch with a relative path gets relative paths', [
  ['dom0', 'WRITE /local/domain/1|', 'OK'],
  ['dom0', 'SET_PERMS /local/domain/1|n1|', 'OK'],
  ['dom1', 'WATCH device|tok|', 'OK'],
  ['dom1', 'WATCH_EVENT', 'device|tok|'],
  ['dom1', 'WATCH /local/domain/1/device|tok2|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/local/domain/1/device|tok2|'],
  ['dom0', 'WRITE /local/domain/1/device/vbd|', 'OK'],
  ['dom1', 'WATCH_EVENT', 'device/vbd|tok|'],
  ['dom1', 'WATCH_EVENT', '/local/domain/1/device/vbd|tok2|'],
  ['dom1', 'WATCH device|tok2|', 'EEXIST'],
  ['dom1', 'UNWATCH /local/domain/1/device|tok|', 'OK'],
  ['dom1', 'UNWATCH device|tok|', 'ENOENT'],
]);

transcript('the same path and token twice is EEXIST, another token is another watch', [
  ['dom0', 'WATCH /a|one|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|one|'],
  ['dom0', 'WATCH /a|one|', 'EEXIST'],
  ['dom0', 'WATCH /a|two|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|two|'],
  ['dom0', 'UNWATCH /a|one|', 'OK'],
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|two|'],
]);

transcript('an event goes to whom the node or its parent is readable, or was until now', [
  ['dom0', 'WRITE /a/b|', 'OK'],
  ['dom1', 'WATCH /a|tok|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a|tok|'],
  ['dom0', 'WRITE /a/b|x', 'OK'],
  ['dom0', 'SET_PERMS /a/b|n0|r1|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a/b|tok|'],
  ['dom0', 'SET_PERMS /a/b|n0|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a/b|tok|'],
  ['dom0', 'WRITE /a/b|y', 'OK'],
  ['dom0', 'SET_PERMS /a|n0|r1|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a|tok|'],
  ['dom0', 'WRITE /a/b|z', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a/b|tok|'],
  ['dom0', 'RM /a/b|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a/b|tok|'],
]);

transcript('RESET_WATCHES drops watches and transactions of the caller alone', [
  ['dom0', 'WATCH /a|tok|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|tok|'],
  ['dom1', 'WATCH /a|tok|', 'OK'],
  ['dom1', 'WATCH_EVENT', '/a|tok|'],
  ['dom1', 'TRANSACTION_START |', '1|'],
  ['dom1', 'RESET_WATCHES |', 'OK'],
  ['dom1', 'TRANSACTION_END@1 F|', 'ENOENT'],
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|tok|'],
]);

test('@introduceDomain and @releaseDomain are for dom0, and for whom it lets see them', async () => {
  const bench = new Bench();
  bench.introduce(1);
  bench.introduce(2);
  bench.addGuest(5);
  await bench.run([
    ['dom0', 'WATCH @introduceDomain|in|', 'OK'],
    ['dom0', 'WATCH_EVENT', '@introduceDomain|in|'],
    ['dom0', 'WATCH @releaseDomain|out|', 'OK'],
    ['dom0', 'WATCH_EVENT', '@releaseDomain|out|'],
    ['dom1', 'WATCH @releaseDomain|out|', 'OK'],
    ['dom1', 'WATCH_EVENT', '@releaseDomain|out|'],
    ['dom2', 'WATCH @releaseDomain|out|', 'OK'],
    ['dom2', 'WATCH_EVENT', '@releaseDomain|out|'],
    ['dom1', 'SET_PERMS @releaseDomain|n1|', 'EACCES'],
    ['dom0', 'SET_PERMS @releaseDomain|n0|r1|', 'OK'],
    ['dom0', 'SET_PERMS @somethingElse|n0|r1|', 'ENOENT'],
    ['dom0', 'INTRODUCE 5|0|3|', 'OK'],
    ['dom0', 'WATCH_EVENT', '@introduceDomain|in|'],
    ['dom0', 'RELEASE 5|', 'OK'],
    ['dom0', 'WATCH_EVENT', '@releaseDomain|out|'],
    ['dom1', 'WATCH_EVENT', '@releaseDomain|out|'],
  ]);
});

test('@releaseDomain fires when Xen tells that a domain shut down, and again when it died (VIRQ_DOM_EXC)', async () => {
  const bench = new Bench();
  const { guest } = bench.introduce(1);
  await bench.run([
    ['dom0', 'WATCH @releaseDomain|out|', 'OK'],
    ['dom0', 'WATCH_EVENT', '@releaseDomain|out|'],
  ]);
  const tellExc = () => {
    bench.xen.raiseVirq(VIRQ_DOM_EXC);
    bench.xen.deliver();
  };

  guest.info = { ...guest.info, shutdown: true };
  tellExc();
  tellExc();
  await bench.run([
    ['dom0', 'WATCH_EVENT', '@releaseDomain|out|'],
    ['dom0', 'IS_DOMAIN_INTRODUCED 1|', 'T|'],
    ['dom0', 'RESUME 1|', 'OK'],
  ]);
  tellExc();
  await bench.run([['dom0', 'WATCH_EVENT', '@releaseDomain|out|']]);

  bench.xen.guests.clear();
  tellExc();
  await bench.run([
    ['dom0', 'WATCH_EVENT', '@releaseDomain|out|'],
    ['dom0', 'IS_DOMAIN_INTRODUCED 1|', 'F|'],
  ]);
  deepEqual([bench.xen.boundPorts, bench.xen.mapped.size], [0, 0]);
});

test('nodes a domain owned go when it dies, and who watches them is told', async () => {
  const bench = new Bench();
  bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /a/own/below|', 'OK'],
    ['dom0', 'WRITE /a/other|', 'OK'],
    ['dom0', 'SET_PERMS /a/own|n1|', 'OK'],
    ['dom0', 'WATCH /a|tok|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a|tok|'],
    ['dom0', 'RELEASE 1|', 'OK'],
    ['dom0', 'WATCH_EVENT', '/a/own|tok|'],
    ['dom0', 'DIRECTORY /a|', 'other|'],
    ['dom0', 'CONTROL check|', 'OK'],
  ]);
  deepEqual(bench.log, []);
});

test('an event that waits is not queued again', async () => {
  const bench = new Bench();
  const ring = bench.introduce(1);
  ring.reading = false;
  await bench.run([
    ['dom0', 'WRITE /a|', 'OK'],
    ['dom0', 'SET_PERMS /a|r0|', 'OK'],
    ['dom1', 'WATCH /a|tok|', 'no reply'],
  ]);
  // Fills the ring, so that events have to wait behind it.
  for (let i = 0; i < 20; i++) ring.send({ type: 3, reqId: 99, txId: 0, payload: new Uint8Array([0x2f, 0x61, 0]) });
  const long = `/a/${'x'.repeat(900)}`;
  await bench.run([
    ['dom0', `WRITE ${long}|`, 'OK'],
    ['dom0', `WRITE ${long}|`, 'OK'],
    ['dom0', 'WRITE /a|', 'OK'],
    ['dom0', 'WRITE /a|', 'OK'],
  ]);
  ring.reading = true;
  ring.service();
  bench.xen.deliver();
  deepEqual(bench.client('dom1').events, ['/a|tok|', `${long}|tok|`, '/a|tok|']);
});
