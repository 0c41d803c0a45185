import { equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectUnixSocket } from '../../src/host/node/unix-socket.ts';
import { StoreClient } from '../../src/libs/store/store.ts';
import { type RunningCommand, TestHost } from './testing/test-host.ts';

let host: TestHost;
before(async () => {
  host = await TestHost.start();
});
after(async () => {
  equal(await host.stop(), 0);
});

const MIB = 1 << 20;

test('create -c shows all of the console, from the first byte to the last', async () => {
  const { status, out } = await host.xl('create -q -c hello.cfg');
  equal(status, 0);
  match(out, /^Hello from a PVH guest/);
  match(out, /Goodbye\.\r?\n$/);
});

test('logs has it too, long after the domain is gone', async () => {
  match((await host.xl('logs hello')).out, /^Hello from a PVH guest[\s\S]*Goodbye\.\r?\n$/);
  match((await host.xl('logs --tail=1 hello')).out, /^[^\n]*Goodbye\.\r?\n$/);
  equal((await host.xl('wait hello --for console:tick --timeout 5')).status, 0);
  equal((await host.xl('wait hello --for console:nonsense --timeout 5')).status, 1);
});

test('wait --for console: resolves with the line, while the guest runs on', async () => {
  await host.xl('create -q -p hello.cfg');
  const wait = host.command("wait hello --for 'console:tick [2-9]' --timeout 10");
  await host.xl('unpause hello');
  const { status, out } = await wait.answer;
  equal(status, 0);
  match(out, /tick [2-9]/);
  equal((await host.xl('wait hello --timeout 10')).status, 0);
});

test('any number reads a console, and the one who was there first types', async () => {
  await host.xl('create -q idle.cfg');
  const writer = host.command('console idle', { interactive: true });
  await host.xl('list');
  const reader = host.command('console idle', { interactive: true });
  await reader.printed(/somebody else types into the console of idle: you look on/);
  await writer.type('\x1d');
  equal((await writer.answer).status, 0);
  await reader.printed(/you type into the console of idle now/);
  const looker = host.command('console -r idle', { interactive: true });
  await host.xl('destroy idle');
  equal((await reader.answer).status, 0, 'a console ends with its domain');
  equal((await looker.answer).status, 0);
});

test('below the host’s folder is a socket that is the console', async () => {
  await host.xl('create -q -p hello.cfg');
  const domid = (await host.xl('domid hello')).out.trim();
  const socket = await connectUnixSocket(join(host.folder, 'console', domid));
  let seen = '';
  socket.onData((bytes) => {
    seen += new TextDecoder().decode(bytes);
  });
  const over = new Promise<void>((resolve) => {
    socket.onClose(resolve);
  });
  await host.xl('unpause hello');
  await over;
  match(seen, /^Hello from a PVH guest[\s\S]*Goodbye\.\r?\n$/);
});

const noTerminals = existsSync('/dev/ptmx') && existsSync('/usr/bin/perl') ? false : 'no terminals, or no perl, here';

test('console/tty names a terminal that is the console, and that is gone with the domain', {
  skip: noTerminals,
}, async () => {
  await host.xl('create -q -p hello.cfg on_poweroff="preserve"');
  const domid = (await host.xl('domid hello')).out.trim();
  const tty = await terminalOf(domid);
  match(tty, /^\/dev\/pts\/[0-9]+$/);
  const reader = spawn('sed', ['/Goodbye/q', tty]);
  let seen = '';
  reader.stdout.on('data', (bytes: Buffer) => {
    seen += bytes.toString();
  });
  const end = new Promise<void>((resolve) => reader.on('close', () => resolve()));
  await host.xl('unpause hello');
  await end;
  match(seen, /^Hello from a PVH guest[\s\S]*Goodbye\.\r?\n$/);
  await host.xl('destroy hello');
  equal(existsSync(tty), false);
});

/** What the console daemon wrote, once it has. */
async function terminalOf(domid: string): Promise<string> {
  const node = `/local/domain/${domid}/console/tty`;
  const store = new StoreClient(await connectUnixSocket(join(host.folder, 'xenstored/socket')));
  const told = new Promise<string>((resolve) => {
    void store.watch(node, async () => {
      const name = await store.read(node);
      if (name !== undefined && name !== '') resolve(name);
    });
  });
  const name = await told;
  store.close();
  return name;
}

/** Each byte is one more than the byte before it: nothing is missing, nothing is there twice. */
function gaps(bytes: readonly number[]): number {
  return bytes.filter((byte, index) => index > 0 && byte !== (((bytes[index - 1] ?? 0) + 1) & 0xff)).length;
}

async function flooded(line: string, bytes: number): Promise<RunningCommand> {
  const command = host.command(line);
  command.binary = true;
  await command.until(() => command.bytes.length >= bytes);
  return command;
}

test('a guest that floods its console waits for whoever reads slowly; nothing is lost', async () => {
  await host.xl('create -q -p flood.cfg');
  const reading = flooded('console flood', 2 * MIB);
  await host.xl('unpause flood');
  const command = await reading;
  await command.hold(true);
  // Others are served meanwhile, and the guest stands still before long.
  for (let calls = 0; calls < 20; calls++) equal((await host.xl('list flood')).status, 0);
  await command.hold(false);
  await command.until(() => command.bytes.length >= 4 * MIB);
  equal(gaps(command.bytes), 0);
  await command.die();
});

test('with nobody there a flood goes on, and the last of it is kept', async () => {
  for (let calls = 0; calls < 20; calls++) equal((await host.xl('list flood')).status, 0);
  const logs = host.command('logs flood');
  logs.binary = true;
  await logs.answer;
  ok(logs.bytes.length > 0 && logs.bytes.length <= MIB, `${logs.bytes.length} bytes, at most a MiB`);
  equal(gaps(logs.bytes), 0);
  equal((await host.xl('destroy flood')).status, 0);
});
