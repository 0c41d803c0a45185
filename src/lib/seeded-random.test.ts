import { deepEqual, notDeepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from './seeded-random.ts';

function drawn(seed: number, ...pieces: readonly number[]): number[] {
  const random = new SeededRandom(seed);
  return pieces.flatMap((count) => {
    const bytes = new Uint8Array(count);
    random.fill(bytes);
    return [...bytes];
  });
}

test('a seed gives the same bytes, in whatever pieces', () => {
  deepEqual(drawn(7, 1, 2, 30), drawn(7, 33));
  notDeepEqual(drawn(7, 33), drawn(8, 33));
});

test('bytes and numbers are spread evenly', () => {
  for (const seed of [0, 1, -1, 0xffffffff]) {
    const counts = new Array<number>(256).fill(0);
    for (const byte of drawn(seed, 65536)) counts[byte] = (counts[byte] as number) + 1;
    ok(counts.every((count) => count > 180 && count < 340));
    const random = new SeededRandom(seed);
    const sixes = Array.from({ length: 6000 }, () => random.below(6));
    for (let face = 0; face < 6; face++) {
      const times = sixes.filter((each) => each === face).length;
      ok(times > 850 && times < 1150);
    }
  }
});
