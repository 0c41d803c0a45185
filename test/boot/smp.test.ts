/** Eight processors of a stock kernel: INIT and start-up messages bring them up, IPIs and events keep them together. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { converse, debian } from './testing/shell.ts';

const guest = await debian();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

test('Debian starts eight vCPUs, and what they do in parallel is right', { skip }, async () => {
  const { output, status } = await converse(
    guest as Guest,
    ['nproc', 'for i in 1 2 3 4 5 6 7 8; do sha256sum < /bin/busybox & done | sort | uniq -c; wait', 'poweroff'],
    ['vcpus=8'],
  );
  match(output, /smp: Brought up 1 node, 8 CPUs/);
  match(output, /\n8\r?\n/);
  match(output, /\n +8 [0-9a-f]{64} {2}-\r?\n/, 'eight sums, all the same');
  equal(status, 0);
});
