import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TLB_ENTRIES, tlbIndex } from './tlb-layout.ts';

const PAGE = 4096;

test('pages a power of two apart, up to 2 GiB, have places of their own', () => {
  for (let apart = PAGE; apart <= 2 ** 31; apart *= 2)
    assert.notEqual(tlbIndex(0x12345000), tlbIndex(0x12345000 ^ apart));
});

test('so have pages that follow one another, up to the size of a table', () => {
  const places = new Set(Array.from({ length: TLB_ENTRIES }, (_, page) => tlbIndex(0x40000000 + page * PAGE)));
  assert.equal(places.size, TLB_ENTRIES);
});
