/** deterministic=1: the same run to the instruction, whatever the host does meanwhile. */
import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runXl, scratchFolder } from './testing/run-xl.ts';

const CONFIG = fileURLToPath(new URL('../../guests/hello.cfg', import.meta.url));
const folder = scratchFolder();

interface Run {
  readonly console: string;
  /** What XENOLITH_STATS tells, times and memory aside. */
  readonly counts: Readonly<Record<string, unknown>>;
}

async function run(...settings: readonly string[]): Promise<Run> {
  const argv = ['create', '-F', '-c', '-q', CONFIG, 'kernel="builtin:hello"', ...settings];
  const { stdout, stderr, status } = await runXl(folder, argv, { XENOLITH_STATS: 'stats' });
  equal(status, 0, stderr);
  const stats = JSON.parse(readFileSync(join(folder, 'stats'), 'utf8')) as Record<string, unknown>;
  const { seconds: _, timelineMs: __, memoryMiB: ___, ...counts } = stats;
  return { console: stdout, counts };
}

test('two runs have the same instructions, exits, hypercalls and output', async () => {
  const [first, second] = [await run('deterministic=1', 'vcpus=2'), await run('deterministic=1', 'vcpus=2')];
  deepEqual(first, second);
  match(String(first.counts.instructions), /^\d{3,}$/);
});

test('the seed decides what is drawn at random: the domain has the same UUID, or another', async () => {
  const uuid = async (...settings: readonly string[]) => {
    const { stdout } = await runXl(folder, ['create', '-n', CONFIG, 'kernel="builtin:hello"', ...settings]);
    return /"uuid": "([0-9a-f-]{36})"/.exec(stdout)?.[1] ?? stdout;
  };
  const one = await uuid('deterministic=1', 'seed=1');
  match(one, /^[0-9a-f-]{36}$/);
  equal(await uuid('deterministic=1'), one);
  notEqual(await uuid('deterministic=1', 'seed=2'), one);
  notEqual(await uuid('seed=1'), one);
});
