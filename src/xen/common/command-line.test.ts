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

test('what will not do is told by its word', () => {
  throws(() => parseCommandLine('hvm_fep=2'), /hvm_fep=2: expected a boolean/);
  throws(() => parseCommandLine('sched=arinc653'), /sched=arinc653: expected a scheduler: credit, credit2, rtds, null/);
  throws(() => parseCommandLine('gnttab_max_frames'), /gnttab_max_frames: expected a count of frames/);
  throws(() => parseCommandLine('dom0_mem=1G'), { code: 'XEN_COMMAND_LINE' });
});
