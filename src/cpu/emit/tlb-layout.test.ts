import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TLB_ENTRIES, tlbIndex } from './tlb-layout.ts';

const PAGE = 4096;

test('pages that follow one another, up to the size of a table, have places of their own', () => {
  const places = new Set(Array.from({ length: TLB_ENTRIES }, (_, page) => tlbIndex(0x40000000 + page * PAGE)));
  assert.equal(places.size, TLB_ENTRIES);
});
