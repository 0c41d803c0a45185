import { equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Pty } from './pty.ts';

const skip = existsSync('/dev/ptmx') && existsSync('/usr/bin/perl') ? false : 'no terminals, or no perl, here';

/** What a shell that has the terminal as $TTY prints. */
function shell(pty: Pty, script: string): Promise<string> {
  const child = spawn('sh', ['-c', script], { env: { ...process.env, TTY: pty.path } });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString('latin1');
  });
  return new Promise((resolve) => child.on('close', () => resolve(output)));
}

async function opened(mostUnread = 1 << 16): Promise<Pty> {
  const pty = await Pty.open(mostUnread);
  ok(pty !== undefined);
  return pty;
}

test('what is written is read from it as it is, by one reader after the other', { skip }, async () => {
  const pty = await opened();
  pty.write(Buffer.from('one\r\n\x03\x04two\n'));
  equal(await shell(pty, 'head -c 11 < $TTY'), 'one\r\n\x03\x04two\n');
  const second = shell(pty, 'head -c 5 < $TTY');
  pty.write(Buffer.from('three'));
  equal(await second, 'three');
  pty.close();
});

test('what is typed comes as it is, and what is put out meanwhile is no echo of it', { skip }, async () => {
  const pty = await opened();
  let typed = '';
  const all = new Promise<void>((resolve) => {
    pty.onTyped((bytes) => {
      typed += Buffer.from(bytes).toString('latin1');
      if (typed.length === 5) resolve();
    });
  });
  pty.hold(false);
  await shell(pty, `printf 'a\\003\\r\\nb' > $TTY`);
  await all;
  equal(typed, 'a\x03\r\nb');
  pty.write(Buffer.from('only this'));
  equal(await shell(pty, 'head -c 9 < $TTY'), 'only this');
  pty.close();
});

test('where nobody reads nobody waits: the last of it is kept', { skip }, async () => {
  const pty = await opened(10_000);
  for (let line = 0; line < 50_000; line++) pty.write(Buffer.from(`line ${line}\n`));
  // The first part of it is what the kernel took, which is no more than a few pages.
  const text = await shell(pty, 'timeout 5 sed "/line 49999/q" < $TTY');
  ok(text.endsWith('line 49999\n'), text.slice(-40));
  ok(text.length >= 10_000 && text.length < 10_000 + 100_000, `${text.length} bytes`);
  pty.close();
});
