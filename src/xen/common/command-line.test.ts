import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_SCHEDULER_RTDS } from '../../abi/domctl-sched.ts';
import { parseCommandLine } from './command-line.ts';

test('nothing is what Xen has by itself', () => {
  deepEqual(parseCommandLine('  '), { text: '', hvmFep: false, limits: {} });
});

test('booleans: alone, with a value, and with no- before them; the last counts (docs/misc/xen-command-line)', () => {
  const on = ['hvm_fep', 'hvm_fep=1', 'hvm_fep=yes', 'no-hvm_fep=off', 'hvm_fep=0 hvm_fep'];
  const off = ['hvm_fep=0', 'no-hvm_fep', 'hvm_fep hvm_fep=false'];
  deepEqual(
    [...on, ...off].map((text) => parseCommandLine(text).hvmFep),
    [...on.map(() => true), ...off.map(() => false)],
  );
});

test('limits and the scheduler', () => {
  deepEqual(parseCommandLine('sched=rtds  gnttab_max_frames=0x80 gnttab_max_maptrack_frames=2048'), {
    text: 'sched=rtds gnttab_max_frames=0x80 gnttab_max_maptrack_frames=2048',
    hvmFep: false,
    limits: { scheduler: XEN_SCHEDULER_RTDS, maxGrantFrames: 128, maxMaptrackFrames: 2048 },
  });
});

test('sizes are in KiB, and a ring has the next power of two', () => {
  deepEqual(
    ['32', '33k', '1M', '8192B'].map((size) => parseCommandLine(`conring_size=${size}`).limits.consoleRingBytes),
    [32768, 65536, 1 << 20, 8192],
  );
  deepEqual(parseCommandLine('maxcpus=4').limits, { cpus: 4 });
});

test('what will not do is told by its word', () => {
  throws(() => parseCommandLine('hvm_fep=2'), /hvm_fep=2: expected a boolean/);
  throws(() => parseCommandLine('sched=arinc653'), /sched=arinc653: expected a scheduler: credit, credit2, rtds, null/);
  throws(() => parseCommandLine('gnttab_max_frames'), /gnttab_max_frames: expected a count of frames/);
  throws(
    () => parseCommandLine('dom0_mem=1G'),
    /dom0_mem=1G: has no effect here: Domain-0 is the host itself, .*expected/,
  );
  throws(() => parseCommandLine('frobnicate'), { code: 'XEN_COMMAND_LINE' });
  throws(() => parseCommandLine('maxcpus=31'), /maxcpus=31: expected a count of processors from 1 to 30/);
  throws(() => parseCommandLine('conring_size=1g'), /conring_size=1g: expected a size from 4k to 64m/);
});
