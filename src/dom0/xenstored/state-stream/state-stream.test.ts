import { deepEqual, equal, throws } from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Domid } from '../../../abi/xen.ts';
import { XenolithError } from '../../../lib/errors.ts';
import { bytesOf, formatMessage } from '../../../libs/store/wire.ts';
import type { TranscriptRow } from '../testing/transcript.ts';
import { STORE_PORT } from '../testing/guest-ring.ts';
import { Bench } from '../testing/transcript.ts';
import { Xenstored } from '../xenstored.ts';
import { readStream } from './read.ts';
import type { StoreImage } from './records.ts';
import { writeStream } from './write.ts';

// docs/designs/xenstore-migration.md

const IMAGE: StoreImage = {
  quotas: new Map([['nodes', 1000]]),
  domains: [{ domid: 3 as Domid, features: 6, quotas: new Map([['watches', 7]]) }],
  connections: [
    {
      id: 1,
      ring: { domid: 3 as Domid, target: undefined, evtchn: 9 },
      input: Uint8Array.of(2),
      output: Uint8Array.of(3, 4),
      partial: 1,
    },
    { id: 2, ring: undefined, input: new Uint8Array(0), output: new Uint8Array(0), partial: 0 },
  ],
  watches: [
    { connection: 1, wpath: 'a', token: 'to', depth: undefined },
    { connection: 2, wpath: '/a', token: 't', depth: 2 },
  ],
  transactions: [{ connection: 1, id: 5 }],
  nodes: [
    {
      path: '/',
      value: bytesOf('hi'),
      permissions: [
        { domid: 0 as Domid, access: 0, ignored: false },
        { domid: 3 as Domid, access: 3, ignored: true },
      ],
    },
  ],
};

/** Records as the document draws them: two hexadecimal digits an octet, eight octets a line. */
const STREAM = `
  78656e73746f7265 0000000200000000
  0100000008000000 ffffffffffffffff
  0600000010000000 01000000e8030000 6e6f646573000000
  0700000018000000 0300010006000000 0700000077617463 6865730000000000
  0200000020000000 0100000000000000 0300f47f09000000 0100010002000000 0203040000000000
  0200000018000000 0200000001000000 ffffffff00000000 0000000000000000
  0300000010000000 0100000002000300 6100746f00000000
  0800000018000000 0200000003000200 020000002f610074 0000000000000000
  0400000008000000 0100000005000000
  0500000020000000 0000000000000000 0200020000000200 6e00000062010300 2f00686900000000
  0000000000000000`;

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const unhex = (text: string) =>
  Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));

suite('the stream', () => {
  test('has the records of the document, each filled up to eight octets', () => {
    equal(hex(writeStream(IMAGE)), STREAM.replaceAll(/\s/g, ''));
  });

  test('is read as it was written', () => {
    deepEqual(readStream(unhex(STREAM)), IMAGE);
  });

  test('may be big-endian, of version 1, and count its padding or not', () => {
    const { nodes, watches } = readStream(
      unhex(`78656e73746f7265 0000000100000001
        000000030000000d 0000000100020003 6100746f00ffffff
        0000000500000016 0000000000000000 0002000000000001 6e0000002f000000
        0000000000000000`),
    );
    deepEqual(watches, [{ connection: 1, wpath: 'a', token: 'to', depth: undefined }]);
    deepEqual(
      nodes.map(({ path, permissions }) => [path, permissions.length]),
      [['/', 1]],
    );
  });

  test('that is damaged is refused with where and why, whatever the damage', () => {
    const whole = unhex(STREAM);
    for (let end = 0; end < whole.length - 8; end++) {
      throws(() => readStream(whole.subarray(0, end)), XenolithError, `cut at ${end}`);
    }
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = whole.slice();
        damaged[at] = value;
        try {
          readStream(damaged);
        } catch (error) {
          equal(error instanceof XenolithError, true, `byte ${at} as ${value}: ${error}`);
        }
      }
    }
    throws(() => readStream(bytesOf('something else, of 16 bytes or more')), { code: 'XENSTORED_STATE' });
  });
});

async function populated(): Promise<Bench> {
  const bench = new Bench();
  bench.introduce(1);
  bench.introduce(2);
  const setUp: TranscriptRow[] = [
    ['dom0', 'WRITE /a/b|hello', 'OK'],
    ['dom0', 'WRITE /a/z|', 'OK'],
    ['dom0', 'WRITE /a/c|\xff|x', 'OK'],
    ['dom0', 'SET_PERMS /a|n0|r1|w2|', 'OK'],
    ['dom0', 'SET_PERMS /a/c|r2|b1|', 'OK'],
    ['dom0', 'WRITE /local/domain/1|', 'OK'],
    ['dom0', 'SET_PERMS /local/domain/1|n1|', 'OK'],
    ['dom0', 'SET_PERMS @releaseDomain|n0|r1|', 'OK'],
    ['dom0', 'SET_QUOTA 2|nodes|3|', 'OK'],
    ['dom0', 'SET_QUOTA watches|99|', 'OK'],
  ];
  await bench.run(setUp);
  return bench;
}

const STILL_THERE: readonly TranscriptRow[] = [
  ['dom0', 'DIRECTORY /a|', 'b|z|c|'],
  ['dom0', 'READ /a/b|', 'hello'],
  ['dom0', 'READ /a/c|', '\xff|x'],
  ['dom0', 'GET_PERMS /a|', 'n0|r1|w2|'],
  ['dom0', 'GET_PERMS /a/c|', 'r2|b1|'],
  ['dom0', 'GET_QUOTA 2|nodes|', '3|'],
  ['dom0', 'GET_QUOTA watches|', '99|'],
  ['dom0', 'CONTROL check|', 'OK'],
];

suite('a store that is saved and begun with', () => {
  test('is the same one', async () => {
    const before = await populated();
    const saved = before.xenstored.save();
    const after = new Bench((services) => new Xenstored(services, saved), [1, 2]);
    await after.run(STILL_THERE);
    deepEqual(after.log, []);
    deepEqual(after.xenstored.save(), saved);
  });

  test('lacks what belonged to domains that are no more, and no later domain gets their rights', async () => {
    const before = await populated();
    const saved = before.xenstored.save();
    const after = new Bench((services) => new Xenstored(services, saved));
    after.introduce(1);
    await after.run([
      ['dom0', 'DIRECTORY /a|', 'b|z|'],
      ['dom0', 'DIRECTORY /local/domain|', ''],
      ['dom1', 'READ /a|', 'EACCES'],
      ['dom0', 'CONTROL check|', 'OK'],
    ]);
    deepEqual(after.log, []);
  });

  test('has its root, whoever owned that', async () => {
    const before = await populated();
    await before.run([['dom0', 'SET_PERMS /|r1|', 'OK']]);
    const saved = before.xenstored.save();
    const after = new Bench((services) => new Xenstored(services, saved));
    await after.run([
      ['dom0', 'GET_PERMS /|', 'r0|'],
      ['dom0', 'READ /a/b|', 'hello'],
    ]);
  });

  test('needs a tree', () => {
    const services = new Bench().services;
    const start = (nodes: StoreImage['nodes']) => new Xenstored(services, writeStream({ ...IMAGE, nodes }));
    const [root] = IMAGE.nodes as [StoreImage['nodes'][0]];
    throws(() => start([]), { code: 'XENSTORED_STATE' });
    throws(() => start([root, root]), { code: 'XENSTORED_STATE' });
    throws(() => start([root, { ...root, path: '/a b' }]), { code: 'XENSTORED_STATE' });
  });
});

suite('CONTROL live-update', () => {
  test('keeps nodes, watches, targets and quotas; clients notice nothing', async () => {
    const bench = await populated();
    await bench.run([
      ['dom0', 'WATCH /a|tok|', 'OK'],
      ['dom0', 'WATCH_EVENT', '/a|tok|'],
      ['dom1', 'WATCH device|tok|1|', 'OK'],
      ['dom1', 'WATCH_EVENT', 'device|tok|'],
      ['dom0', 'SET_TARGET 2|1|', 'OK'],
      ['dom0', 'CONTROL live-update|-s|', 'OK'],
      ...STILL_THERE,
      ['dom1', 'WRITE device/vbd|x', 'OK'],
      ['dom1', 'WATCH_EVENT', 'device/vbd|tok|'],
      ['dom2', 'READ /local/domain/1/device/vbd|', 'x'],
      ['dom0', 'WRITE /a/b|new', 'OK'],
      ['dom0', 'WATCH_EVENT', '/a/b|tok|'],
      ['dom0', 'WATCH /a|tok|', 'EEXIST'],
      ['dom0', 'RELEASE 2|', 'OK'],
      ['dom0', 'WATCH_EVENT', '/a/c|tok|'],
      ['dom0', 'CONTROL check|', 'OK'],
    ]);
    deepEqual(bench.log, ['live-update: done']);
    equal(bench.xen.boundPorts, 1);
  });

  test('in the middle of a request, and of a reply', async () => {
    const bench = await populated();
    const ring = bench.introduce(3);
    await bench.run([
      ['dom0', `WRITE /big|${'v'.repeat(2000)}`, 'OK'],
      ['dom0', 'SET_PERMS /big|r0|', 'OK'],
    ]);
    ring.reading = false;
    const read = formatMessage({ type: 2, reqId: 8, txId: 0, payload: bytesOf('/big\0') });
    ring.sendBytes(read);
    ring.sendBytes(read);
    ring.sendBytes(read.subarray(0, 18));
    await bench.run([['dom0', 'CONTROL live-update|-s|', 'OK']]);
    ring.reading = true;
    ring.service();
    bench.xen.deliver();
    ring.sendBytes(read.subarray(18));
    deepEqual(
      ring.received.map(({ type, reqId, payload }) => [type, reqId, payload.length]),
      Array(3).fill([2, 8, 2000]),
    );
    equal(
      await bench
        .client('dom0')
        .ask('CONTROL quota|3|')
        .then((text) => /outstanding +: +0\n/.test(text)),
      true,
    );
  });

  test('forgives nobody, and buries who died meanwhile', async () => {
    const bench = await populated();
    const ring = bench.introduce(3);
    ring.page.req_prod = 5000;
    ring.guest.notify(STORE_PORT);
    bench.xen.deliver();
    bench.xen.guests.delete(2 as Domid);
    await bench.run([
      ['dom0', 'WATCH /a|tok|', 'OK'],
      ['dom0', 'WATCH_EVENT', '/a|tok|'],
      ['dom0', 'CONTROL live-update|-s|', 'OK'],
      ['dom0', 'WATCH_EVENT', '/a/c|tok|'],
      ['dom0', 'IS_DOMAIN_INTRODUCED 2|', 'F|'],
    ]);
    ring.page.req_prod = ring.page.req_cons;
    await bench.run([
      ['dom3', 'GET_DOMAIN_PATH 3|', 'no reply'],
      ['dom0', 'INTRODUCE 3|0|3|', 'OK'],
      ['dom0', 'CONTROL check|', 'OK'],
    ]);
  });

  test('waits for transactions, and with -F ends them after its time', async () => {
    const bench = await populated();
    await bench.run([
      ['dom1', 'TRANSACTION_START |', '1|'],
      ['dom1', 'WRITE@1 new|x', 'OK'],
      ['dom0', 'CONTROL live-update|-s|-t|10|-F|', 'BUSY|'],
    ]);
    bench.clock.advanceMs(9_000);
    await bench.run([['dom0', 'CONTROL live-update|-s|-t|10|-F|', 'BUSY|']]);
    bench.clock.advanceMs(1_000);
    await bench.run([
      ['dom0', 'CONTROL live-update|-s|-t|10|-F|', 'OK'],
      ['dom1', 'TRANSACTION_START |', '2|'],
      ['dom1', 'WRITE@1 new|x', 'OK'],
      ['dom1', 'TRANSACTION_END@1 T|', 'EAGAIN'],
      ['dom1', 'READ new|', 'ENOENT'],
      ['dom1', 'WRITE@2 new|y', 'OK'],
      ['dom1', 'TRANSACTION_END@2 T|', 'OK'],
      ['dom1', 'READ new|', 'y'],
    ]);
  });

  test('without -F is given up after its time', async () => {
    const bench = await populated();
    await bench.run([
      ['dom1', 'TRANSACTION_START |', '1|'],
      ['dom0', 'CONTROL live-update|-s|-t|10|', 'BUSY|'],
    ]);
    bench.clock.advanceMs(10_000);
    await bench.run([
      ['dom0', 'CONTROL live-update|-s|-t|10|', 'transactions are open|'],
      ['dom1', 'TRANSACTION_END@1 T|', 'OK'],
    ]);
    deepEqual(bench.log, []);
  });
});
