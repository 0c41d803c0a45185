import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const TRANSCRIPT = `Hello from a PVH guest in 64-bit mode.
name = hello
domid = 1
tick 1
tick 2
tick 3
tick 4
tick 5
Goodbye.
`;

test('the built-in guest greets, reads XenStore, counts timer ticks and powers off with status 0', () => {
  const options = ['create', '-F', '-c', '-q', '--timeout=60', 'guests/hello.cfg', 'kernel="builtin:hello"'];
  const { stdout, stderr, status } = spawnSync(`${ROOT}bin/xl`, options, { cwd: ROOT, encoding: 'utf8' });
  equal(stdout, TRANSCRIPT, stderr);
  equal(status, 0);
});
