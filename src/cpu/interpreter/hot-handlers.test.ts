import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import { HandlerTable } from './handlers.ts';
import { HOT_HANDLERS } from './hot-handlers.ts';
import { HOT_PAIRS } from './hot-pairs.ts';

test('every name in the hot lists is a handler: one whose definition changed would be slow and nobody would know', () => {
  const table = new HandlerTable(ALL_INSTRUCTIONS);
  const names = [...HOT_HANDLERS, ...HOT_PAIRS.flat()];
  deepEqual(
    names.filter((name) => table.byKey(name) === undefined),
    [],
  );
});
