/** The virtual clock's proof, on a boot of Debian as far as a test may take: `npm run soak` goes on from there. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { difference, type Guest, record } from './compare-runs.ts';
import { debianWork } from './debian-work.ts';
import { allWays } from './ways.ts';

const PLAN = { from: 5_000_000, every: 5_000_000, to: 30_000_000 };

const guest = await fetched();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

test('Debian runs alike on every engine, in whatever pieces: memory and registers at each checkpoint', {
  skip,
}, async () => {
  const [first, ...others] = allWays(1);
  const expected = await record(guest as Guest, first, PLAN);
  equal(expected.checkpoints.lines.length, 6, expected.messages);
  equal(expected.checkpoints.lines[0]?.instructions, PLAN.from);
  ok(new Set(expected.checkpoints.lines.map(({ hash }) => hash)).size === 6);
  for (const other of others) {
    const recorded = await record(guest as Guest, other, PLAN);
    equal(await difference(guest as Guest, [first, other], [expected, recorded], PLAN), undefined);
  }
});

async function fetched(): Promise<Guest | string> {
  try {
    return await debianWork(1, 5);
  } catch (error) {
    return (error as Error).message;
  }
}
