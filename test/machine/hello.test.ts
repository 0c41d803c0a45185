/** The built-in guest on the whole machine: console, XenStore, timer and power-off. */
import { equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXIT_POWEROFF } from '../../src/dom0/xl/exit-status.ts';
import { runXl, scratchFolder, start, XL } from './testing/run-xl.ts';

const CONFIG = fileURLToPath(new URL('../../guests/hello.cfg', import.meta.url));
const folder = scratchFolder();

/** What it prints; a console turns its line feeds into what a terminal wants. */
const greeting = (name: string) =>
  `Hello from a PVH guest in 64-bit mode.\nname = ${name}\ndomid = 1\n${[1, 2, 3, 4, 5].map((n) => `tick ${n}\n`).join('')}Goodbye.\n`;
const text = (output: string) => output.replaceAll('\r', '');

test('npm start -- --guest hello greets, reads the store, counts ticks and powers off, in silence otherwise', async () => {
  const run = start(folder, [XL, '--guest', 'hello'], { XENOLITH_ENTRY: 'start' });
  run.child.stdin.end();
  const { stdout, stderr, status } = await run.ended;
  equal(text(stdout), greeting('hello'));
  equal(stderr, '');
  equal(status, EXIT_POWEROFF);
});

test('xl runs it by its configuration, under the name it is given', async () => {
  const settings = ['kernel="builtin:hello"', 'name="another"'];
  const { stdout, stderr, status } = await runXl(folder, ['create', '-F', '-c', CONFIG, ...settings]);
  equal(text(stdout), greeting('another'));
  match(stderr, /^Domain 1 has shut down, reason code 0 0x0$/m);
  equal(status, EXIT_POWEROFF);
});

test('without -c it runs the same, unseen', async () => {
  const { stdout, status } = await runXl(folder, ['create', '-F', '-q', CONFIG, 'kernel="builtin:hello"']);
  equal(stdout, '');
  equal(status, EXIT_POWEROFF);
});

test('the trace shows what it asks of Xen and of the store', async () => {
  const argv = ['create', '-F', '-q', '--trace=hypercalls,xenstore', CONFIG, 'kernel="builtin:hello"'];
  await runXl(folder, argv, { XENOLITH_TRACE: 'trace' });
  const trace = readFileSync(join(folder, 'trace'), 'utf8');
  match(trace, /^d1v0 hvm_op HVMOP_get_param\{.*\} = 0 \{.*\}$/m);
  match(trace, /^d1v0 sched_op SCHEDOP_shutdown\{.*\} = 0/m);
  match(trace, /^xenstored IN \(d1\) READ \(name \)$/m);
  match(trace, /^xenstored OUT \(d1\) READ \(hello\)$/m);
});

test('a kernel that is not built in is told of as any file that is not there', async () => {
  const { stderr, status } = await runXl(folder, ['create', '-F', CONFIG, 'kernel="builtin:nothing"']);
  equal(status, 1);
  match(stderr, /kernel = "builtin:nothing": no such file/);
});
