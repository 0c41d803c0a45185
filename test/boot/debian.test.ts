/** Debian's own cloud kernel, unmodified, to a shell that works: the main job, on real input. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { converse, debian } from './testing/shell.ts';

const guest = await debian();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

test('Debian boots as a PVH guest to a shell, which works until it powers off', { skip }, async () => {
  const { output, status } = await converse(guest as Guest, [
    'uname -a',
    'cat /sys/hypervisor/type',
    'dmesg | grep -i xen',
    'ls /dev',
    "awk 'BEGIN { for (i = 1; i <= 100000; i++) s += i / 2; print s }'",
    'sha256sum /bin/busybox; sha256sum < /bin/busybox',
    'poweroff',
  ]);
  match(output, /Booting kernel on Xen PVH/);
  match(output, /clocksource: Switched to clocksource xen/);
  match(output, /Linux xenolith 6\.\d+\.\d+-.*cloud-amd64 .* x86_64 GNU\/Linux/);
  match(output, /hypervisor\/type\r?\nxen\r?\n/);
  match(output, /Xen version: 4\.17/);
  match(output, /\bhvc0\b/);
  match(output, /\n2500025000\r?\n/);
  match(output, /\n([0-9a-f]{64}) {2}\/bin\/busybox\r?\n\1 {2}-/);
  equal(status, 0);
});
