import type { SeededRandom } from '../../src/lib/seeded-random.ts';

/** One of them. */
export function pick<T>(random: SeededRandom, items: readonly T[]): T {
  return items[random.below(items.length)] as T;
}
