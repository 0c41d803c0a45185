/** channel of xl.cfg(5): further consoles of a guest, which Linux has as /dev/hvc1 and on. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectUnixSocket } from '../../src/host/node/unix-socket.ts';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { debian } from '../boot/testing/shell.ts';
import { TestHost } from './testing/test-host.ts';

const guest = await debian();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;
const noTerminals = existsSync('/dev/ptmx') && existsSync('/usr/bin/perl') ? false : 'no terminals, or no perl, here';

let host: TestHost;
before(async () => {
  host = await TestHost.start(300);
});
after(async () => {
  equal(await host.stop(), 0);
});

test('what is no channel is refused, and named', async () => {
  const refusal = async (spec: string) => (await host.xl(`create -q -p idle.cfg 'channel=["${spec}"]'`)).err;
  match(
    await refusal('connection=pty'),
    /^command line:1: channel = .*: expected a name for each channel, for example /,
  );
  match(await refusal('name=a'), /: expected connection=pty, or connection=socket with a path, /);
  match(await refusal('name=a,connection=socket,path=x'), /: expected with connection=socket an absolute path, /);
  match(await refusal('name=a,colour=red'), /: expected KEY=VALUE of name, .* in place of "colour=red", /);
});

test('a channel is listed before its driver has come, and gone with its domain', async () => {
  // What xl makes once and for all is there from the first domain on.
  await host.xl('create -q -p idle.cfg');
  await host.xl('destroy idle');
  const before = await host.store();
  equal((await host.xl(`create -q -p idle.cfg 'channel=["name=org.example.a, connection=pty"]'`)).status, 0);
  const [, row] = (await host.xl('channel-list idle')).out.split('\n');
  match(row ?? '', /^1 {3}0 {2}1 {5}-1 {5}-1 {7}pty {8}/);
  const { channels } = JSON.parse((await host.xl('list -l idle')).out)[0].config;
  deepEqual(channels, [{ devid: 1, name: 'org.example.a', 'connection.pty': {} }]);
  equal((await host.xl('console -n 2 idle')).status, 1);
  await host.xl('destroy idle');
  deepEqual(await host.store(), before);
});

test('Linux and its host talk by a terminal and by a socket', { skip: skip || noTerminals }, async () => {
  const { kernel, ramdisk } = guest as Guest;
  const socket = join(host.folder, 'agent');
  const channel = `channel=["name=org.example.a, connection=pty", "name=org.example.b, connection=socket, path=${socket}"]`;
  const settings = `kernel="${kernel}" ramdisk="${ramdisk}" memory=256`;
  equal(
    (await host.xl(`create -q /dev/null name="linux" type="pvh" ${settings} 'cmdline="console=hvc0"' '${channel}'`))
      .status,
    0,
  );
  equal((await host.xl("wait linux --for 'console:~ # ' --timeout 90")).status, 0);
  const session = host.command('console linux', { interactive: true });
  await session.printed(/~ # /);
  await session.type('echo ready > /dev/hvc1; head -c 5 < /dev/hvc1\r');

  const [, row = ''] = (await host.xl('channel-list linux')).out.split('\n');
  const tty = /\/dev\/pts\/[0-9]+/.exec(row)?.[0] ?? '';
  match(row, /^1 {3}0 {2}4 /, 'connected');
  equal(await read(tty, 7), 'ready\r\n');
  const further = host.command('console -n 1 linux', { interactive: true });
  await host.xl('list');
  await further.type('typed\r');
  await session.printed(/typed/);

  const agent = await connectUnixSocket(socket);
  let heard = '';
  const told = new Promise<void>((resolve) => {
    agent.onData((bytes) => {
      heard += new TextDecoder().decode(bytes);
      if (heard.includes('more')) resolve();
    });
  });
  await session.type('echo more > /dev/hvc2\r');
  await told;
  match(heard, /^more\r?$/m);
  agent.close();
  equal((await host.xl('destroy linux')).status, 0);
  equal((await further.answer).status, 0, 'a further console ends with its domain');
  ok(!existsSync(tty) && !existsSync(socket));
});

/** So many bytes of a terminal. */
async function read(tty: string, bytes: number): Promise<string> {
  const reader = spawn('head', ['-c', `${bytes}`, tty]);
  let text = '';
  reader.stdout.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  await new Promise<void>((resolve) => reader.on('close', () => resolve()));
  return text;
}
