import { equal, rejects } from 'node:assert/strict';
import { existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { connectUnixSocket, type UnixSocket } from './unix-socket.ts';
import { listenOnUnixSocket, type UnixSocketServer } from './unix-socket-server.ts';

let folder = '';
let server: UnixSocketServer | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xenolith-socket-'));
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function listening(maxConnections = 10, onFull = () => {}): Promise<{ path: string; accepted: UnixSocket[] }> {
  const accepted: UnixSocket[] = [];
  const path = join(folder, 'socket');
  server = await listenOnUnixSocket({ path, maxConnections, onConnection: (socket) => accepted.push(socket), onFull });
  return { path, accepted };
}

const closed = (socket: UnixSocket) => new Promise<void>((resolve) => socket.onClose(resolve));
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

test('bytes go there and back, in order; the socket is for this user alone', async () => {
  const { path, accepted } = await listening();
  equal(statSync(path).mode & 0o777, 0o600);
  const client = await connectUnixSocket(path);
  await until(() => accepted.length === 1);
  accepted[0]?.onData((bytes) => accepted[0]?.send(bytes));
  let text = '';
  client.onData((bytes) => {
    text += new TextDecoder().decode(bytes);
  });
  client.send(new TextEncoder().encode('hello, '));
  client.send(new TextEncoder().encode('world'));
  await until(() => text.length === 12);
  equal(text, 'hello, world');
});

test('each end hears that the other closed, after the bytes that were sent', async () => {
  const { path, accepted } = await listening();
  const client = await connectUnixSocket(path);
  await until(() => accepted.length === 1);
  let received = 0;
  client.onData((bytes) => {
    received += bytes.length;
  });
  accepted[0]?.send(new Uint8Array(1000));
  accepted[0]?.close();
  await closed(client);
  equal(received, 1000);

  const other = await connectUnixSocket(path);
  await until(() => accepted.length === 2);
  const gone = closed(accepted[1] as UnixSocket);
  accepted[1]?.onData(() => {});
  other.close();
  await gone;
});

test('what a peer does not read is counted, and a held socket leaves the peer waiting', async () => {
  const { path, accepted } = await listening();
  const client = await connectUnixSocket(path);
  await until(() => accepted.length === 1);
  const [peer] = accepted as [UnixSocket];
  let received = 0;
  peer.onData((bytes) => {
    received += bytes.length;
  });
  peer.hold(true);
  for (let i = 0; i < 100; i++) client.send(new Uint8Array(65536));
  equal(client.unsent > 1 << 20, true, `${client.unsent} bytes wait`);
  let drained = false;
  client.onDrain(() => {
    drained = true;
  });
  peer.hold(false);
  await until(() => received === 100 * 65536);
  await until(() => drained);
  equal(client.unsent, 0);
});

test('past the limit a connection is closed, those before it are not, and it is told once', async () => {
  let full = 0;
  const { path, accepted } = await listening(2, () => full++);
  const clients = [await connectUnixSocket(path), await connectUnixSocket(path)];
  for (let i = 0; i < 3; i++) {
    const refused = await connectUnixSocket(path);
    refused.onData(() => {});
    await closed(refused);
  }
  equal(accepted.length, 2);
  equal(full, 1);
  accepted[0]?.onData(() => {});
  clients[0]?.close();
  await closed(accepted[0] as UnixSocket);
  await connectUnixSocket(path);
  await until(() => accepted.length === 3);
});

test('a socket that a dead process left is replaced; one that is listened on, and a file, are not', async () => {
  const path = join(folder, 'socket');
  await rejects(connectUnixSocket(path), { code: 'ENOENT' });
  writeFileSync(path, 'precious');
  await rejects(listening(), { code: 'EEXIST' });
  rmSync(path);
  await listening();
  await rejects(listening(), { code: 'EADDRINUSE' });
  await server?.close();
  equal(existsSync(path), false, 'closing takes the file away');

  // A listener that is closed by another name leaves its file: what a killed process does.
  const dead = createServer().listen(join(folder, 'dead'));
  await new Promise((resolve) => dead.once('listening', resolve));
  await leaveBehind(dead, join(folder, 'dead'), path);
  equal(statSync(path).isSocket(), true);
  await listening();
});

async function leaveBehind(dead: ReturnType<typeof createServer>, from: string, to: string): Promise<void> {
  linkSync(from, to);
  await new Promise((resolve) => dead.close(resolve));
}

test('a name longer than a socket can have is refused, not cut', async () => {
  const path = join(folder, 'x'.repeat(110));
  await rejects(listenOnUnixSocket({ path, maxConnections: 1, onConnection: () => {} }), { code: 'ENAMETOOLONG' });
});
