/** bin/xl and the host that it starts, as processes. */
import { equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { scratchFolder, startXl } from '../machine/testing/run-xl.ts';
import { writeKernel } from './testing/test-host.ts';

// Before the folder is removed, which is registered next.
after(async () => {
  await xl('host', 'stop').ended;
});
const folder = scratchFolder();
const XENOLITH_HOME = join(folder, 'host');
writeKernel(folder, 'idle', 'idle');
writeFileSync(join(folder, 'idle.cfg'), 'name = "idle"\ntype = "pvh"\nkernel = "idle"\nmemory = 4\n');

function xl(...argv: string[]) {
  return startXl(folder, argv, { XENOLITH_HOME, XENOLITH_MEMORY: '64' });
}

/** The host's process, by what it says of itself. */
async function hostPid(): Promise<number> {
  const { stdout } = await xl('host', 'status', '--json').ended;
  return JSON.parse(stdout).pid as number;
}

test('of commands that come at once to a folder without a host, all are answered by the one that starts', async () => {
  equal((await xl('host', 'status').ended).status, 3, 'nothing runs, and asking starts nothing');
  const lists = await Promise.all([xl('list').ended, xl('list').ended, xl('list').ended]);
  for (const { status, stdout, stderr } of lists) {
    equal(status, 0, stderr);
    match(stdout, /\nDomain-0 /);
  }
  match((await xl('host', 'start').ended).stdout, /^a host runs already at /);
});

test('a domain outlives the command that made it', async () => {
  const { status, stderr } = await xl('create', 'idle.cfg').ended;
  equal(status, 0);
  equal(stderr, 'Parsing config from idle.cfg\n');
  match((await xl('list', 'idle').ended).stdout, /\nidle +1 +4 +1 {5}-b---- /);
});

test('after kill -9 the next host starts clean and tells what is lost', async () => {
  const pid = await hostPid();
  const waiting = xl('wait', 'idle');
  process.kill(pid, 'SIGKILL');
  const cut = await waiting.ended;
  ok(cut.status === 1 || cut.status === 0, 'whoever waited is not left waiting');
  ok(existsSync(join(XENOLITH_HOME, 'xl.socket')), 'the socket is left behind');

  const { status, stdout, stderr } = await xl('list').ended;
  equal(status, 0);
  equal(stdout.split('\n').length, 3);
  const told = cut.stderr + stderr;
  match(told, new RegExp(`the host before this one, process ${pid}, was killed; lost with it: idle \\(domid 1\\)`));
  match(readFileSync(join(XENOLITH_HOME, 'host.log'), 'utf8'), /was killed; lost with it: idle/);
});

test('host start -F stays, for a service manager, and ends by SIGTERM', async () => {
  await xl('host', 'stop').ended;
  const host = xl('host', 'start', '-F', '--memory=32');
  await host.until('serves');
  equal((await xl('create', '-q', 'idle.cfg').ended).status, 0);
  host.child.kill('SIGTERM');
  equal((await host.ended).status, 0);
  equal((await xl('host', 'status').ended).status, 3);
  ok(!existsSync(join(XENOLITH_HOME, 'xl.socket')));
  ok(!existsSync(join(XENOLITH_HOME, 'running.json')));
});

test('a folder that cannot be a host’s is told in a sentence', async () => {
  const long = join(folder, 'x'.repeat(120));
  const { status, stderr } = await startXl(folder, ['list'], { XENOLITH_HOME: long }).ended;
  equal(status, 1);
  match(stderr, /^xl: .*: too long for a socket: expected at most 107 bytes, for example XENOLITH_HOME=\/tmp\/xen\n$/);
  const file = await startXl(folder, ['list'], { XENOLITH_HOME: join(folder, 'idle.cfg') }).ended;
  equal(file.status, 1);
  match(file.stderr, /^xl: .*idle\.cfg.*: (cannot be the host's folder|cannot be connected to): /);
});

test('Xen’s command line is an option of host start, and what it cannot have is refused', async () => {
  const bad = await xl('host', 'start', '--xen=dom0_mem=4G').ended;
  equal(bad.status, 1);
  match(bad.stderr, /dom0_mem=4G: has no effect here: Domain-0 is the host itself/);
  equal((await xl('host', 'start', '--memory=32', '--xen=sched=credit maxcpus=3').ended).status, 0);
  const { stdout } = await xl('info').ended;
  match(stdout, /^nr_cpus +: 3$/m);
  match(stdout, /^xen_scheduler +: credit$/m);
  match(stdout, /^xen_commandline +: sched=credit maxcpus=3$/m);
});
