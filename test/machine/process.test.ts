/** xl as a process: signals, files the environment names, what goes where. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT_POWEROFF, EXIT_SIGNAL_BASE } from '../../src/dom0/xl/exit-status.ts';
import { kernelOf, put, runXl, scratchFolder, start, startXl, XL } from './testing/run-xl.ts';

const folder = scratchFolder();
const CONFIG = 'name = "g"\ntype = "pvh"\nmemory = 32\n';
put(folder, 'hlt', kernelOf([0xf4]));
put(folder, 'spin', kernelOf([0xeb, 0xfe]));
put(folder, 'wait', kernelOf([0xfb, 0xf4, 0xeb, 0xfc])); // sti; hlt; jmp
put(folder, 'wait.cfg', `${CONFIG}kernel = "wait"\n`);
put(folder, 'hlt.cfg', `${CONFIG}kernel = "hlt"\n`);
put(folder, 'spin.cfg', `${CONFIG}kernel = "spin"\n`);
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

for (const [name, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  test(`${name} ends a guest that keeps its processor busy, cleanly, with status 128 + ${number}`, async () => {
    const xl = startXl(folder, ['create', '-F', '-c', 'spin.cfg']);
    await xl.until('Waiting for domain');
    xl.child.kill(name);
    const { status, stderr } = await xl.ended;
    equal(status, EXIT_SIGNAL_BASE + number);
    match(stderr, new RegExp(`${name}: domain g \\(domid 1\\) is destroyed\n$`));
  });
}

test('a guest that waits for an event that never comes is waited for, with nothing else to do', async () => {
  const xl = startXl(folder, ['create', '-F', 'wait.cfg']);
  xl.child.stdin.end();
  await xl.until('Waiting for domain');
  // Node would end by itself once it has nothing to do, which is so by then; --timeout would be something to do.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  xl.child.kill('SIGTERM');
  equal((await xl.ended).status, EXIT_SIGNAL_BASE + 15);
});

test('XENOLITH_STATS gets counts and times', async () => {
  const { status } = await runXl(folder, ['create', '-F', '-q', 'hlt.cfg'], { XENOLITH_STATS: 'stats.json' });
  equal(status, EXIT_POWEROFF);
  const stats = JSON.parse(read('stats.json'));
  deepEqual([stats.instructions, stats.exits.hlt, stats.exits.budget], [1, 1, 0]);
  ok(stats.seconds > 0 && stats.seconds < 60);
  equal(stats.dom0Hypercalls.XEN_DOMCTL_createdomain, 1);
  const times: number[] = Object.values(stats.timelineMs);
  deepEqual(
    times,
    times.toSorted((a, b) => a - b),
    'in the order of their happening',
  );
});

test('--trace prints hypercalls and the store, to XENOLITH_TRACE where that is set', async () => {
  const argv = ['create', '-F', '-c', '-q', '--trace=hypercalls,xenstore', 'hlt.cfg'];
  const { stderr } = await runXl(folder, argv, { XENOLITH_TRACE: 'trace' });
  equal(stderr, '');
  match(read('trace'), /^d0v0 domctl XEN_DOMCTL_createdomain\{.*\} = 0/m);
  match(read('trace'), /^xenstored IN \(d0\) WRITE \(\/local\/domain\/1\/name g\)/m);
});

test('--trace=events prints what is done to event channels, and nothing else', async () => {
  const { stderr } = await runXl(folder, ['create', '-F', '-c', '-q', '--trace=events', 'hlt.cfg']);
  const others = stderr.split('\n').filter((line) => line !== '' && !/^d\d+v\d+ event_channel_op EVTCHNOP_/.test(line));
  deepEqual(others, []);
  match(stderr, /^d0v0 event_channel_op EVTCHNOP_alloc_unbound\{dom=1 /m);
});

test("XENOLITH_LOG=- shows Xen's console", async () => {
  const { stderr } = await runXl(folder, ['create', '-F', '-q', 'hlt.cfg'], { XENOLITH_LOG: '-' });
  match(stderr, /^\(XEN\) Xen version /m);
});

test('a reader of the console that goes away ends nothing', async () => {
  const xl = startXl(folder, ['create', '-F', '-c', 'hlt.cfg']);
  xl.child.stdout.destroy();
  xl.child.stderr.destroy();
  equal((await xl.ended).status, EXIT_POWEROFF);
});

test('npm start with a guest nobody knows: one sentence, status 1', () => {
  const main = fileURLToPath(new URL('../../src/machine/main.ts', import.meta.url));
  const run = spawnSync(process.execPath, [main, 'start', '--guest', 'windows'], { encoding: 'utf8' });
  equal(run.status, 1);
  match(run.stderr, /'windows'.*debian.*\n$/);
});

const script = spawnSync('script', ['--version']).status === 0;
test('on a terminal Ctrl-] leaves the console, Ctrl-C then ends the guest, and the terminal is as it was', {
  skip: script ? false : 'needs script(1)',
}, async () => {
  // Ctrl-C reaches the shell of this line as well, which without a trap may end before it prints the status.
  const commands = [
    'trap : INT',
    'stty -g > before',
    `'${XL}' create -F -c spin.cfg; echo "status $?"`,
    'stty -g > after',
  ];
  const xl = start(folder, ['script', '-qec', commands.join('; '), '/dev/null']);
  await xl.until('Waiting for domain');
  xl.child.stdin.write('\x1d');
  await xl.until('left the console');
  xl.child.stdin.write('\x03');
  const { stdout } = await xl.ended;
  match(stdout, /SIGINT: domain g \(domid 1\) is destroyed\r\nstatus 130\r\n$/);
  equal(read('after'), read('before'));
});

test('input that the guest never reads is left in its pipe, however much there is', async () => {
  const xl = startXl(folder, ['create', '-F', '-c', 'spin.cfg']);
  await xl.until('Waiting for domain');
  const piece = new Uint8Array(1 << 20);
  let accepted = 0;
  while (accepted < 64 && xl.child.stdin.writableLength <= 2 * piece.length) {
    xl.child.stdin.write(piece, () => accepted++);
    await new Promise((resolve) => setImmediate(resolve));
  }
  ok(accepted < 8, `${accepted} MiB were taken`);
  xl.child.kill('SIGTERM');
  equal((await xl.ended).status, EXIT_SIGNAL_BASE + 15);
});
