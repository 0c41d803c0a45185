import { equal, match } from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { ServedStore, TEST_XENSTORE, whyNoStock, XENSTORE_CONTROL } from './testing/stock.ts';

let store: ServedStore;

beforeEach(async () => {
  store = await ServedStore.start();
});

afterEach(() => store.stop());

/** What a stock program prints, with an exit status that must be 0. */
async function prints(program: string, ...parameters: readonly string[]): Promise<string> {
  const { status, output, errors } = await store.run(program, ...parameters);
  equal(status, 0, `${program} ${parameters.join(' ')}: ${errors}`);
  return output;
}

suite("Debian's xenstore-utils, unmodified, with XENSTORED_RUNDIR", {
  skip: whyNoStock('xenstore-ls') ?? false,
}, () => {
  test('write, read, list, exists, rm', async () => {
    await prints('xenstore-write', '/a/b', 'hello world', '/a/c', 'x');
    equal(await prints('xenstore-read', '/a/b'), 'hello world\n');
    equal(await prints('xenstore-read', '-p', '/a/b', '/a/c'), '/a/b: hello world\n/a/c: x\n');
    equal(await prints('xenstore-list', '/a'), 'b\nc\n');
    equal(await prints('xenstore-list', '-p', '/a'), '/a/b\n/a/c\n');
    await prints('xenstore-exists', '/a/b');
    equal((await store.run('xenstore-exists', '/a/d')).status, 1);
    await prints('xenstore-rm', '/a/b');
    equal((await store.run('xenstore-exists', '/a/b')).status, 1);
    const missing = await store.run('xenstore-read', '/a/b');
    equal(missing.status, 1);
    match(missing.errors, /couldn't read path \/a\/b/);
  });

  test('rm -t takes away the parents that are left empty', async () => {
    await prints('xenstore-write', '/a/b/c/d', 'x', '/a/e', 'y');
    await prints('xenstore-rm', '-t', '/a/b/c/d');
    equal(await prints('xenstore-list', '/a'), 'e\n');
  });

  test('ls prints the tree, with whole paths and permissions where asked', async () => {
    await prints('xenstore-write', '/a/b', 'hello', '/a/b/c', 'x y', '/a/d', '\x01y');
    equal(await prints('xenstore-ls', '/a'), 'b = "hello"\n c = "x y"\nd = "\\001y"\n');
    equal(await prints('xenstore-ls', '-f', '/a'), '/a/b = "hello"\n/a/b/c = "x y"\n/a/d = "\\001y"\n');
    match(await prints('xenstore-ls', '-f', '-p'), /^\/a\/b = "hello" +\(n0\)$/m);
    match(await prints('xenstore-ls', '-f'), /^\/tool\/xenstored = ""$/m);
  });

  test('chmod changes one node, or all below it', async () => {
    store.introduce(3);
    await prints('xenstore-write', '/a/b', 'x');
    await prints('xenstore-chmod', '/a', 'n0', 'r3');
    match(await prints('xenstore-ls', '-f', '-p', '/a'), /\(n0\)/);
    await prints('xenstore-chmod', '-r', '/a', 'n0', 'b3');
    match(await prints('xenstore-ls', '-f', '-p', '/a'), /\(n0,b3\)/);
  });

  test('chmod -u fires the watches above', async () => {
    await prints('xenstore-write', '/a/b', 'x');
    const watch = store.spawn('xenstore-watch', '-n', '2', '/a');
    while (watch.output !== '/a\n') await new Promise((resolve) => setTimeout(resolve, 5));
    await prints('xenstore-chmod', '-u', '/a/b', 'n0');
    equal((await watch.ended).output, '/a\n/a/b\n');
  });

  test('watch prints at once, and at every change', async () => {
    const watch = store.spawn('xenstore-watch', '-n', '4', '/a');
    while (watch.output !== '/a\n') await new Promise((resolve) => setTimeout(resolve, 5));
    await prints('xenstore-write', '/a/b', '1');
    await prints('xenstore-write', '/elsewhere', '1');
    await prints('xenstore-write', '/a', '2');
    await prints('xenstore-rm', '/a/b');
    equal((await watch.ended).output, '/a\n/a/b\n/a\n/a/b\n');
  });

  test('a list of children longer than a message is listed whole', async () => {
    const names = Array.from({ length: 600 }, (_, i) => `some-child-${i}`);
    for (let i = 0; i < names.length; i += 200) {
      await prints('xenstore-write', ...names.slice(i, i + 200).flatMap((name) => [`/list/${name}`, 'x']));
    }
    equal(await prints('xenstore-list', '/list'), `${names.join('\n')}\n`);
    equal((await prints('xenstore-ls', '/list')).split('\n').length, 601);
  });

  test('values up to the protocol’s limit pass; beyond it the client is told, and nobody else suffers', async () => {
    const value = 'v'.repeat(4096 - '/big'.length - 1);
    await prints('xenstore-write', '/big', value);
    equal(await prints('xenstore-read', '/big'), `${value}\n`);
    equal((await store.run('xenstore-write', '/big', `${value}x`)).status, 1);
    equal(await prints('xenstore-read', '/big'), `${value}\n`);
  });
});

suite('xenstore-control', { skip: whyNoStock(XENSTORE_CONTROL) ?? false }, () => {
  test('check, help, quota', async () => {
    await prints(XENSTORE_CONTROL, 'check');
    match(await prints(XENSTORE_CONTROL, 'help'), /^check/);
    match(await prints(XENSTORE_CONTROL, 'quota'), /^nodes +: +1000 /m);
    await prints(XENSTORE_CONTROL, 'quota', 'set', 'nodes', '77');
    match(await prints(XENSTORE_CONTROL, 'quota'), /^nodes +: +77 /m);
    match(await prints(XENSTORE_CONTROL, 'quota', '0'), /^nodes +: +3$/m);
  });

  test('live-update keeps nodes, and watches of processes that are connected', async () => {
    await prints('xenstore-write', '/a/b', 'x');
    const watch = store.spawn('xenstore-watch', '-n', '2', '/a');
    while (watch.output !== '/a\n') await new Promise((resolve) => setTimeout(resolve, 5));
    await prints(XENSTORE_CONTROL, 'live-update', '-F', '/usr/sbin/xenstored');
    equal(await prints('xenstore-read', '/a/b'), 'x\n');
    await prints('xenstore-write', '/a/b', 'y');
    equal((await watch.ended).output, '/a\n/a/b\n');
  });
});

/** Debian's python3-pyxs: a client that shares no code with libxenstore. */
const PYXS = '/usr/lib/python3/dist-packages/pyxs/__init__.py';

suite('pyxs', { skip: whyNoStock(PYXS) ?? false }, () => {
  test('reads, writes, lists, sets permissions, commits, and monitors', async () => {
    const script = `
from pyxs import Client
import sys
with Client(unix_socket_path=sys.argv[1]) as client:
    client[b'/foo/bar'] = b'baz'
    print(client[b'/foo/bar'], client.list(b'/foo'), client.exists(b'/x'), client.get_perms(b'/foo'))
    client.transaction()
    client.write(b'/foo/t', b'1')
    client.commit()
    monitor = client.monitor()
    monitor.watch(b'/foo', b'tok')
    print(next(monitor.wait()))
    client.delete(b'/foo/t')
    print(next(monitor.wait()))
    monitor.close()
`;
    equal(
      await prints('/usr/bin/python3', '-c', script, store.path),
      `b'baz' [b'bar'] False [b'n0']
Event(path=b'/foo', token=b'tok')
Event(path=b'/foo/t', token=b'tok')
`,
    );
  });
});

suite("Xen's own test-xenstore", { skip: whyNoStock(TEST_XENSTORE) ?? false }, () => {
  test('passes, case by case', async () => {
    const output = await prints(TEST_XENSTORE, '-i', '20');
    equal(output.trimEnd().split('\n').length, 12, output);
  });

  test('passes with random tests, for a second', async () => {
    await prints(TEST_XENSTORE, '-r', '1');
  });
});
