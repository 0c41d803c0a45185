import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { XS_READ, XS_WATCH, XS_WRITE } from '../../src/abi/io/xs_wire.ts';
import type { UnixSocket } from '../../src/host/node/unix-socket.ts';
import { connectUnixSocket } from '../../src/host/node/unix-socket.ts';
import { StoreClient, type StoreError } from '../../src/libs/store/store.ts';
import { bytesOf, formatMessage, nulTerminated } from '../../src/libs/store/wire.ts';
import { ServedStore } from './testing/stock.ts';

const MOST_CONNECTIONS = 50;
let store: ServedStore;

beforeEach(async () => {
  store = await ServedStore.start(MOST_CONNECTIONS);
});

afterEach(() => store.stop());

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

/** A client that counts what it gets and notices its end. */
async function connected(path = store.path) {
  const socket = await patiently(path);
  const client = { socket, received: 0, closed: false };
  socket.onData((bytes) => {
    client.received += bytes.length;
  });
  socket.onClose(() => {
    client.closed = true;
  });
  return client;
}

/** Connects as soon as the daemon has noticed who is gone, and is served. */
async function served(path = store.path): Promise<void> {
  for (;;) {
    const client = new StoreClient(await patiently(path));
    try {
      await client.write('/served', 'yes');
      equal(await client.read('/served'), 'yes');
      client.close();
      return;
    } catch (error) {
      equal((error as StoreError).code, 'closed');
    }
  }
}

/** As a blocking connect(2): it waits while the daemon has not accepted those before it. */
async function patiently(path: string): Promise<UnixSocket> {
  for (;;) {
    try {
      return await connectUnixSocket(path);
    } catch (error) {
      equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('ten thousand connections: those past the limit are closed, one that was there is served', async () => {
  const client = new StoreClient(await connectUnixSocket(store.path));
  await client.write('/a', 'x');
  let open: Awaited<ReturnType<typeof connected>>[] = [];
  for (let i = 0; i < 10_000; i += 100) {
    open.push(...(await Promise.all(Array.from({ length: 100 }, () => connected()))));
    await until(() => {
      open = open.filter(({ closed }) => !closed);
      return open.length < MOST_CONNECTIONS;
    });
    equal(await client.read('/a'), 'x');
  }
  equal(open.length, MOST_CONNECTIONS - 1);
  for (const { socket } of open) socket.close();
  await served();
});

test('a process with few descriptors keeps half of them from its clients, and goes on with those it has', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-store-'));
  const path = join(folder, 'socket');
  const server = fileURLToPath(new URL('testing/store-server.ts', import.meta.url));
  const command = `ulimit -n 60; exec "${process.execPath}" "${server}" "${path}"`;
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const client = new StoreClient(await connectUnixSocket(path));
    await client.write('/a', 'x');
    const crowd = await Promise.all(Array.from({ length: 60 }, () => connected(path)));
    await until(() => crowd.filter(({ closed }) => !closed).length < 60 / 2);
    equal(await client.read('/a'), 'x');
    for (const { socket } of crowd) socket.close();
    await served(path);
    equal(await client.read('/a'), 'x');
    client.close();
  } finally {
    child.kill();
    await once(child, 'close');
    rmSync(folder, { recursive: true });
  }
});

test('who sends requests and reads no replies waits, and takes no more than what the socket holds', async () => {
  const watching = new StoreClient(await connectUnixSocket(store.path));
  await watching.write('/big', 'v'.repeat(4000));
  const deaf = await connected();
  deaf.socket.hold(true);
  const read = formatMessage({ type: XS_READ, reqId: 1, txId: 0, payload: nulTerminated('/big') });
  const many = new Uint8Array(5000 * read.length);
  for (let i = 0; i < 5000; i++) many.set(read, i * read.length);
  deaf.socket.send(many);
  for (let i = 0; i < 50; i++) equal((await watching.read('/big'))?.length, 4000);
  equal(deaf.closed, false);
  deaf.socket.hold(false);
  await until(() => deaf.received === 5000 * 4016);
});

test('who watches and never reads is disconnected at 16 MiB of events; nobody else notices', async () => {
  const writer = new StoreClient(await connectUnixSocket(store.path));
  const deaf = await connected();
  for (let i = 0; i < 20; i++) await watch(deaf.socket, '/flood', `${i}-${'t'.repeat(900)}`);
  deaf.socket.hold(true);
  // Every event is another path: the same one would wait but once.
  for (let i = 0; i < 500; i++) await writer.write(`/flood/${i}-${'n'.repeat(1000)}`, '');
  deaf.socket.hold(false);
  await until(() => deaf.closed);
  equal(await writer.read('/flood'), '');
  await served();
});

test('a payload that is too long, and a client that is gone in the middle of one, end that connection alone', async () => {
  const other = new StoreClient(await connectUnixSocket(store.path));
  const bad = await connected();
  bad.socket.send(formatMessage({ type: XS_WRITE, reqId: 1, txId: 0, payload: new Uint8Array(4097) }));
  await until(() => bad.closed);
  const gone = await connected();
  gone.socket.send(formatMessage({ type: XS_WRITE, reqId: 1, txId: 0, payload: bytesOf('/gone\0x') }).subarray(0, 20));
  gone.socket.close();
  await other.write('/a', 'x');
  equal(await other.read('/gone'), undefined);
});

test('what a client had open goes with it: its watches, and transactions that keep others waiting', async () => {
  const leaving = new StoreClient(await connectUnixSocket(store.path));
  await leaving.watch('/a', () => {});
  await leaving.transactionStart();
  leaving.close();
  const ring = store.introduce(3);
  const client = new StoreClient(await connectUnixSocket(store.path));
  await client.write('/a', '');
  await client.setPermissions('/a', ['n3']);
  for (let i = 0; i < 100; i++) {
    ring.send({ type: XS_WRITE, reqId: i, txId: 0, payload: bytesOf('/a\0x') });
  }
  equal(ring.received.length, 100, 'no write is held back for a transaction of nobody');
});

async function watch(socket: UnixSocket, path: string, token: string): Promise<void> {
  const answered = new Promise<void>((resolve) => socket.onData(() => resolve()));
  socket.send(formatMessage({ type: XS_WATCH, reqId: 1, txId: 0, payload: nulTerminated(path, token) }));
  await answered;
}
