import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type Block, inContext, keyOf, NOWHERE } from './block.ts';
import type { RegionInstruction } from './region-operands.ts';
import { unrolled } from './unroll.ts';

const CONTEXT = 5;
const key = (offset: number): number => keyOf(0, offset);
const turn = (number: number, offset: number): number => inContext(key(offset), CONTEXT + number);

/** A block of some instructions; where it goes on, and where its branch goes. */
function block(offset: number, next: number, taken: number, instructions = 10): Block {
  return {
    ...{ key: key(offset), offset, next, taken, returns: NOWHERE, isLoop: false },
    instructions: Array.from({ length: instructions }, () => ({}) as RegionInstruction),
  };
}

function ways(blocks: readonly Block[]): Map<number, number[]> {
  return new Map(blocks.map(({ key, next, taken }) => [key, [next, taken]]));
}

test('a loop of one block is four turns, each of which may leave', () => {
  const [before, loop, after] = [block(0, key(1), NOWHERE), block(1, key(2), key(1)), block(2, NOWHERE, NOWHERE)];
  const blocks = unrolled([before, loop, after], CONTEXT, () => true);
  const after1 = key(2);
  deepEqual(
    ways(blocks),
    new Map([
      [key(0), [key(1), NOWHERE]],
      [key(1), [after1, turn(1, 1)]],
      [key(2), [NOWHERE, NOWHERE]],
      [turn(1, 1), [after1, turn(2, 1)]],
      [turn(2, 1), [after1, turn(3, 1)]],
      [turn(3, 1), [after1, key(1)]],
    ]),
  );
  deepEqual(
    blocks.map(({ isLoop }) => isLoop),
    [false, true, false, true, true, true],
  );
});

test('a longer loop has fewer turns, and a long one stays as it is', () => {
  const count = (length: number): number =>
    unrolled([block(0, key(1), NOWHERE), block(1, NOWHERE, key(1), length)], CONTEXT, () => true).length - 1;
  deepEqual([32, 33, 64, 65].map(count), [4, 3, 2, 1]);
});

test('a loop whose branches were seldom taken stays as it is', () => {
  const blocks = [block(0, key(1), NOWHERE), block(1, NOWHERE, key(1))];
  deepEqual(
    unrolled(blocks, CONTEXT, () => false),
    blocks,
  );
});

test('of loops within each other it is the inner one', () => {
  const outer = [block(0, key(1), NOWHERE), block(1, key(2), key(1), 40), block(2, NOWHERE, key(0))];
  const blocks = unrolled([block(9, key(0), NOWHERE), ...outer], CONTEXT, () => true);
  deepEqual(
    ways(blocks),
    new Map([
      [key(9), [key(0), NOWHERE]],
      [key(0), [key(1), NOWHERE]],
      [key(1), [key(2), turn(1, 1)]],
      [key(2), [NOWHERE, key(0)]],
      [turn(1, 1), [key(2), turn(2, 1)]],
      [turn(2, 1), [key(2), key(1)]],
    ]),
  );
});

test('where a loop is entered in its midst, the first turn begins with a copy of that block', () => {
  const blocks = unrolled([block(1, key(0), NOWHERE), block(0, key(1), key(9))], CONTEXT, () => false);
  equal(blocks[0]?.key, turn(0, 1));
  deepEqual(
    ways(blocks),
    new Map([
      [turn(0, 1), [key(0), NOWHERE]],
      [key(1), [key(0), NOWHERE]],
      [key(0), [key(1), key(9)]],
    ]),
  );
});
