import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { Domid, Gfn, Port } from '../../abi/xen.ts';
import { Bench, settle } from '../../dom0/xenstored/testing/transcript.ts';
import { StoreClient } from './store.ts';
import type { ByteStream } from './stream.ts';

function connected(): { bench: Bench; store: StoreClient } {
  const bench = new Bench();
  return { bench, store: new StoreClient(bench.xenstored.connect()) };
}

test('values go there and back as text and as octets; what is not there is undefined', async () => {
  const { store } = connected();
  await store.write('/a/b', 'grüße');
  equal(await store.read('/a/b'), 'grüße');
  const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
  await store.write('/a/b', octets);
  deepEqual(await store.readBytes('/a/b'), octets);
  equal(await store.read('/missing'), undefined);
  equal(await store.directory('/missing'), undefined);
  equal(await store.getPermissions('/missing'), undefined);
  await store.rm('/missing/parent');
  await store.mkdir('/a/c');
  deepEqual(await store.directory('/a'), ['b', 'c']);
  deepEqual(await store.directory('/a/c'), []);
});

test('permissions are written as the protocol writes them', async () => {
  const { bench, store } = connected();
  bench.addGuest(3);
  await store.write('/a', '');
  await store.setPermissions('/a', ['n0', 'r3']);
  deepEqual(await store.getPermissions('/a'), ['n0', 'r3']);
});

test('a refusal names the request and the protocol’s error', async () => {
  const { store } = connected();
  await rejects(store.write('/a//b', ''), { code: 'EINVAL', message: 'xenstore: write /a//b: EINVAL' });
  await rejects(store.write('/a', 'x'.repeat(4096)), { code: 'E2BIG' });
  equal(await store.read('/tool'), '', 'the connection is still there');
});

test('requests may overlap; each gets its own answer', async () => {
  const { store } = connected();
  const writes = Array.from({ length: 50 }, (_, i) => store.write(`/n/${i}`, `${i}`));
  const reads = Array.from({ length: 50 }, (_, i) => store.read(`/n/${i}`));
  await Promise.all(writes);
  deepEqual(
    await Promise.all(reads),
    Array.from({ length: 50 }, (_, i) => `${i}`),
  );
});

test('a list of children longer than a message is fetched in parts', async () => {
  const { store } = connected();
  const names = Array.from({ length: 700 }, (_, i) => `child-${i}`);
  for (const name of names) await store.write(`/list/${name}`, '');
  deepEqual(await store.directory('/list'), names);
});

test('transactions repeat until nobody interferes, and abort when their body throws', async () => {
  const { store } = connected();
  await store.write('/counter', '0');
  let attempts = 0;
  const result = await store.transaction(async (t) => {
    attempts++;
    const value = Number(await t.read('/counter'));
    if (attempts < 3) await store.write('/counter', `${value + 10}`);
    await t.write('/counter', `${value + 1}`);
    return value;
  });
  deepEqual([attempts, result, await store.read('/counter')], [3, 20, '21']);

  const failing = store.transaction(async (t) => {
    await t.write('/counter', '99');
    throw new Error('no');
  });
  await rejects(failing, { message: 'no' });
  equal(await store.read('/counter'), '21');
});

test('a watch is called at once, for every change, and not after it ended', async () => {
  const { store } = connected();
  const fired: string[] = [];
  const unwatch = await store.watch('/a', (path) => fired.push(path));
  await store.write('/a/b', '');
  await store.watch('/other', () => {});
  deepEqual(fired, ['/a', '/a/b']);
  await unwatch();
  await store.write('/a/b', '');
  deepEqual(fired, ['/a', '/a/b']);
});

test('domains are introduced and released', async () => {
  const { bench, store } = connected();
  bench.addGuest(3);
  const domid = 3 as Domid;
  equal(await store.getDomainPath(domid), '/local/domain/3');
  equal(await store.isDomainIntroduced(domid), false);
  await store.introduceDomain(domid, 0 as Gfn, 3 as Port);
  equal(await store.isDomainIntroduced(domid), true);
  await store.resumeDomain(domid);
  await store.releaseDomain(domid);
  equal(await store.isDomainIntroduced(domid), false);
  equal((await store.control('help')).split(' ')[0], 'check');
});

test('features and quotas, of one domain and of all', async () => {
  const { bench, store } = connected();
  bench.addGuest(3);
  const domid = 3 as Domid;
  equal(await store.getFeatures(), 14);
  await store.setFeatures(domid, 2);
  equal(await store.getFeatures(domid), 2);
  equal((await store.quotas()).includes('nodes'), true);
  await store.setQuota('nodes', 500);
  await store.setQuota('nodes', 7, domid);
  deepEqual([await store.getQuota('nodes'), await store.getQuota('nodes', domid)], [500, 7]);
  await rejects(store.getQuota('nonsense'), { code: 'EINVAL' });
});

test('a watch with a depth is called for no deeper change', async () => {
  const { store } = connected();
  const fired: string[] = [];
  await store.watch('/a', (path) => fired.push(path), 1);
  await store.write('/a/b', '');
  await store.write('/a/b/c', '');
  deepEqual(fired, ['/a', '/a/b']);
});

test('when the connection ends, what waits rejects and what comes later too', async () => {
  let closed = () => {};
  const silent: ByteStream = {
    send: () => {},
    onData: () => {},
    onClose: (listener) => {
      closed = listener;
    },
    close: () => {},
  };
  const store = new StoreClient(silent);
  const waiting = store.read('/a');
  closed();
  await rejects(waiting, { code: 'closed' });
  await rejects(store.read('/a'), { code: 'closed' });
});

test('transactions of a client that closed its end slow nobody down', async () => {
  const { bench, store } = connected();
  bench.introduce(1);
  const dom1 = bench.client('dom1');
  await store.write('/a', '');
  await store.setPermissions('/a', ['n1']);
  await store.transactionStart();
  store.close();
  await settle();
  for (let i = 0; i < 100; i++) equal(await dom1.ask('WRITE /a|x'), 'OK');
});
