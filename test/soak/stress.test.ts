/** guests/stress on every engine: code that changes, and is run. `npm run soak` does it for longer, with other seeds. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { STRESS_RIGHT, stressKernel } from '../../guests/stress/stress.ts';
import { difference, record } from './compare-runs.ts';
import { stressGuest } from './stress-guest.ts';
import { allWays, HOT_REGIONS } from './ways.ts';

const RIGHT = new RegExp(`^${STRESS_RIGHT}[0-9a-f]{16}\\r?\\n$`);
const PLAN = { from: 1_000_000, every: 1_000_000, to: Number.POSITIVE_INFINITY };

for (const vcpus of [1, 2] as const) {
  test(`code that changes itself is run as it was last written, with ${vcpus} vCPUs, alike on every engine`, async () => {
    const guest = stressGuest({ seed: 1, rounds: 3, heat: 200, changes: 100, vcpus });
    const [first, ...others] = allWays(1);
    const expected = await record(guest, first, PLAN);
    match(expected.console, RIGHT, expected.messages);
    for (const other of others) {
      const recorded = await record(guest, other, PLAN);
      equal(await difference(guest, [first, other], [expected, recorded], PLAN), undefined);
    }
  });
}

test('a call by register may be where a region is entered, once another that goes through it was made', async () => {
  // Found by the soak, seed 73: what the second wrote down of the call was where the first has its number.
  const guest = stressGuest({ seed: 73, rounds: 1, heat: 763, changes: 111, vcpus: 2 });
  const { console, messages } = await record(guest, HOT_REGIONS, PLAN);
  match(console, RIGHT, messages);
});

test('the same options make the same kernel, another seed another', () => {
  const kernel = (seed: number): string =>
    Buffer.from(stressKernel({ seed, rounds: 1, heat: 2, changes: 1, vcpus: 2 })).toString('base64');
  equal(kernel(3), kernel(3));
  equal(kernel(3) === kernel(4), false);
});
