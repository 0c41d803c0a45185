import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { SimulatedXen } from '../../dom0/xenstored/testing/simulated-xen.ts';
import { Xenstored } from '../../dom0/xenstored/xenstored.ts';
import { NodeClock } from '../../host/node/clock.ts';
import type { UnixSocketServer } from '../../host/node/unix-socket-server.ts';
import { listenOnUnixSocket } from '../../host/node/unix-socket-server.ts';
import { connectStore, storeSocket } from './xenstore.ts';

let folder = '';
let server: UnixSocketServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'xenolith-module-'));
  const xen = new SimulatedXen();
  const xenstored = new Xenstored({ events: xen, grants: xen, ctrl: xen, clock: new NodeClock() });
  const onConnection = xenstored.accept.bind(xenstored);
  server = await listenOnUnixSocket({ path: join(folder, 'socket'), maxConnections: 10, onConnection });
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

test('a program connects, reads, writes, watches, and lets go', async () => {
  const store = await connectStore(join(folder, 'socket'));
  const other = await connectStore(join(folder, 'socket'));
  const fired: string[] = [];
  await store.watch('/tool', (path) => fired.push(path));
  await other.transaction(async (transaction) => {
    await transaction.write('/tool/name', 'xenolith');
  });
  equal(await store.read('/tool/name'), 'xenolith');
  deepEqual(fired, ['/tool', '/tool/name']);
  store.close();
  other.close();
});

test('where nobody listens the error says where, and what to do', async () => {
  await rejects(connectStore(join(folder, 'nobody')), {
    code: 'XENSTORE_CONNECT',
    message: `${folder}/nobody: no xenstored can be reached: ENOENT: expected a running xenstored, for example that of: xl host start`,
  });
});

test('the socket is the one that libxenstore takes, else the host’s, else Xen’s', () => {
  const home = join(folder, 'home');
  equal(storeSocket({ XENOLITH_HOME: home }), '/var/run/xenstored/socket');
  mkdirSync(join(home, 'xenstored'), { recursive: true });
  writeFileSync(join(home, 'xenstored', 'socket'), '');
  equal(storeSocket({ XENOLITH_HOME: home }), join(home, 'xenstored', 'socket'));
  equal(storeSocket({ XENOLITH_HOME: home, XENSTORED_RUNDIR: '/run/x' }), '/run/x/socket');
  equal(storeSocket({ XENSTORED_RUNDIR: '/run/x', XENSTORED_PATH: '/run/y' }), '/run/y');
});
