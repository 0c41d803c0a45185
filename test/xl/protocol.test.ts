import { equal, match } from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { EXIT, ERROR, FrameReader, INPUT, RUN, frame, json, jsonFrame } from '../../src/machine/daemon/frames.ts';
import type { UnixSocket } from '../../src/host/node/unix-socket.ts';
import { TestHost } from './testing/test-host.ts';

let host: TestHost;
before(async () => {
  host = await TestHost.start(32);
});
after(async () => {
  equal(await host.stop(), 0);
});

/** What the host answers to these bytes before it hangs up. */
async function answer(...pieces: readonly Uint8Array[]): Promise<{ status: unknown; err: string }> {
  const socket = await host.connect();
  const reader = new FrameReader();
  let status: unknown;
  let err = '';
  const over = new Promise<void>((resolve) => {
    socket.onClose(resolve);
  });
  socket.onData((bytes) => {
    const frames = reader.push(bytes);
    for (const { kind, body } of frames === 'oversized' ? [] : frames) {
      if (kind === ERROR) err += new TextDecoder().decode(body);
      if (kind === EXIT) status = json(body);
    }
  });
  for (const piece of pieces) socket.send(piece);
  await over;
  return { status, err };
}

const request = { protocol: 1, argv: ['list'], workingDirectory: '/', environment: {}, interactive: false };

test('whoever does not speak the protocol is told so and disconnected, and others notice nothing', async () => {
  const refusals: readonly (readonly [what: RegExp, ...pieces: Uint8Array[]])[] = [
    [/a frame that is longer than frames may be/, Uint8Array.of(0xff, 0xff, 0xff, 0xff, RUN)],
    [/a frame that is longer than frames may be/, Uint8Array.of(0, 0, 0, 0, 0)],
    [/a frame that is longer than frames may be/, new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')],
    [/no command first/, frame(INPUT, new Uint8Array(3))],
    [/a command that is no JSON object/, frame(RUN, new TextEncoder().encode('{'))],
    [/protocol 99, where this host speaks 1/, jsonFrame(RUN, { ...request, protocol: 99 })],
    [/a command without words/, jsonFrame(RUN, { ...request, argv: [1] })],
    [/a command without a working directory/, jsonFrame(RUN, { ...request, workingDirectory: null })],
  ];
  for (const [what, ...pieces] of refusals) {
    const { status, err } = await answer(...pieces);
    equal(status, 1);
    match(err, what);
    equal((await host.xl('list')).status, 0);
  }
});

test('a command may come a byte at a time', async () => {
  const whole = jsonFrame(RUN, request);
  const { status } = await answer(...[...whole].map((byte) => Uint8Array.of(byte)));
  equal(status, 0);
});

test('a connection that says nothing, or goes at once, holds nobody up', async () => {
  const idle = await Promise.all(Array.from({ length: 200 }, () => host.connect()));
  for (const socket of idle.slice(0, 100)) socket.close();
  equal((await host.xl('list')).status, 0);
  for (const socket of idle) socket.close();
});

test('thousands of connections that say nothing make room for one that does', async () => {
  const crowd: UnixSocket[] = [];
  try {
    for (let connection = 1; connection <= 10_000; connection++) {
      crowd.push(await connectPatiently());
      if (connection % 1000 === 0) equal((await host.xl('list')).status, 0, `beside ${connection}`);
    }
  } finally {
    for (const socket of crowd) socket.close();
  }
});

/** Whoever is faster than the host is told by the kernel to try again. */
async function connectPatiently(): Promise<UnixSocket> {
  for (;;) {
    try {
      return await host.connect();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('folder and sockets are for this user alone', () => {
  const mode = (path: string) => statSync(join(host.folder, path)).mode & 0o777;
  equal(mode('.'), 0o700);
  equal(mode('xl.socket'), 0o600);
  equal(mode('xenstored/socket'), 0o600);
  equal(mode('running.json'), 0o600);
});
