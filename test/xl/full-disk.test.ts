/** A host whose disk is full: what would be written is told, or is lost, and all else goes on. */
import { equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { scratchFolder, startXl } from '../machine/testing/run-xl.ts';
import { writeKernel } from './testing/test-host.ts';

// Before the folder is removed, which is registered next.
after(async () => {
  await xl('host', 'stop').ended;
});
const folder = scratchFolder();
const home = join(folder, 'host');

function xl(...argv: string[]) {
  return startXl(folder, argv, { XENOLITH_HOME: home, XENOLITH_MEMORY: '64' });
}

/** What a host writes goes where there is no room. */
const WRITTEN = ['host.log', 'running.json.new', 'dump/crash', 'core'];
const CREATE = ['create', '-q', '/dev/null', 'type="pvh"', 'memory=4'];

before(() => {
  mkdirSync(join(home, 'dump'), { recursive: true, mode: 0o700 });
  for (const name of WRITTEN) symlinkSync('/dev/full', join(home, name));
  for (const kernel of ['idle', 'crash'] as const) writeKernel(folder, kernel, kernel);
});

test('domains are made, run and end', async () => {
  equal((await xl(...CREATE, 'name="idle"', 'kernel="idle"').ended).status, 0);
  match((await xl('list').ended).stdout, /\nidle +1 /);
  equal((await xl('wait', 'idle', '--timeout', '0.1').ended).status, 124);
});

test('a core that cannot be written is told and leaves nothing, and its domain goes on', async () => {
  const { status, stderr } = await xl('dump-core', 'idle', join(home, 'core')).ended;
  equal(status, 1);
  match(stderr, /core: cannot be written: ENOSPC/);
  ok(!existsSync(join(home, 'core')));
  match((await xl('list', 'idle').ended).stdout, /\nidle +1 /);
});

test('a crash whose core finds no room ends the domain all the same', async () => {
  const crash = xl(...CREATE, 'name="crash"', 'kernel="crash"', 'on_crash="coredump-destroy"', '-F', '--exit-status');
  equal((await crash.ended).status, 10);
  equal((await xl('list', 'crash').ended).status, 1);
});

test('killed, it is told of by the next one, without the names that found no room', async () => {
  const { pid } = JSON.parse((await xl('host', 'status', '--json').ended).stdout);
  rmSync(join(home, 'running.json.new'), { force: true });
  symlinkSync('/dev/full', join(home, 'running.json.new'));
  // Paused: that it is there is all that is to be written down.
  equal((await xl(...CREATE, '-p', 'name="lost"', 'kernel="idle"').ended).status, 0);
  process.kill(pid, 'SIGKILL');
  const { status, stderr } = await xl('list').ended;
  equal(status, 0);
  match(stderr, /the host before this one was killed, and what ran on it is lost/);
});
