import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { orderGraph } from './dominators.ts';

test('a diamond: both arms come before where they meet, which the entry dominates', () => {
  const { order, dominator, successors } = orderGraph([[1, 2], [3], [3], []]);
  deepEqual(order[0], 0);
  deepEqual(order[3], 3);
  deepEqual(dominator, [0, 0, 0, 0]);
  deepEqual(successors[3], []);
});

test('a loop keeps its jump back, to a block that dominates it', () => {
  const { order, dominator, successors } = orderGraph([[1], [2], [1, 3], []]);
  deepEqual(order, [0, 1, 2, 3]);
  deepEqual(dominator, [0, 0, 1, 2]);
  deepEqual(successors[2], [1, 3]);
});

test('a loop with two entries is cut: what would jump into its middle leaves', () => {
  const { order, successors } = orderGraph([[1, 2], [2], [1]]);
  const jumpsBack = successors.flatMap((targets, from) => targets.filter((to) => to <= from));
  deepEqual(jumpsBack, []);
  deepEqual([...order].sort(), [0, 1, 2]);
});

test('blocks that cannot be reached are not in the order', () => {
  deepEqual(orderGraph([[2], [2], []]).order, [0, 2]);
});
