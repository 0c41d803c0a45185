import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { slowProgress } from './slow-progress.ts';

test('steps are told once work takes two seconds, and to a terminal alone', () => {
  let now = 5e9;
  const clock = { nowNs: () => now };
  const said: string[] = [];
  const seen = slowProgress(clock, true, (line) => said.push(line));
  const unseen = slowProgress(clock, false, (line) => said.push(`unseen ${line}`));
  for (const step of ['a', 'b', 'c']) {
    seen(step);
    unseen(step);
    now += 1e9;
  }
  deepEqual(said, ['c']);
});
