/** Debian's own cloud kernel, unmodified, to a shell that works: the main job, on real input. */
import { equal, match } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { ensureGuest, type Guest } from '../../src/machine/guests/ensure-guest.ts';

const XL = fileURLToPath(new URL('../../bin/xl', import.meta.url));
/** No test waits for a guest that hangs. */
const TIMEOUT_SECONDS = 120;
const PROMPT = '~ # ';

const guest = await fetched();
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

async function fetched(): Promise<Guest | string> {
  try {
    return await ensureGuest('debian', () => {});
  } catch (error) {
    return (error as Error).message;
  }
}

/** Boots the guest and gives its shell one line at each prompt. */
function converse(from: Guest, lines: readonly string[]): Promise<{ output: string; status: number | null }> {
  const settings = [`kernel="${from.kernel}"`, `ramdisk="${from.ramdisk}"`];
  const xl = spawn(XL, ['create', '-F', '-c', `--timeout=${TIMEOUT_SECONDS}`, from.config, ...settings]);
  const left = [...lines];
  let output = '';
  let answered = 0;
  xl.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const prompt = output.indexOf(PROMPT, answered);
    if (prompt < 0) return;
    answered = prompt + PROMPT.length;
    const line = left.shift();
    if (line !== undefined) xl.stdin.write(`${line}\n`);
  });
  xl.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => xl.on('close', (status) => resolve({ output, status })));
}
