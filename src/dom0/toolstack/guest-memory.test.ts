import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { domid } from '../../abi/xen.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import { copyToGuest, PAGE_SIZE } from './guest-memory.ts';

test('bytes go to the frames that they are for, whether those lie together or not', () => {
  const near = new Uint8Array(3 * PAGE_SIZE);
  const far = new Uint8Array(PAGE_SIZE);
  // Guest frames 5 and 6 lie together, 7 elsewhere, 8 before the first two.
  const page = (memory: Uint8Array, index: number) => memory.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
  const frames = new Map([
    [5, page(near, 1)],
    [6, page(near, 2)],
    [7, page(far, 0)],
    [8, page(near, 0)],
  ]);
  const memory = {
    map: (_: number, gfns: readonly number[]) => gfns.map((one) => frames.get(one)),
    unmap: () => {},
  } as unknown as ForeignMemory;

  const bytes = Uint8Array.from({ length: 3 * PAGE_SIZE }, (_, index) => 1 + (index % 251));
  copyToGuest(memory, domid(1), 5 * PAGE_SIZE + 100, bytes);

  const found = [5, 6, 7, 8].flatMap((one) => [...(frames.get(one) ?? [])]);
  deepEqual(found.slice(100, 100 + bytes.length), [...bytes]);
  deepEqual(found.slice(0, 100), new Array(100).fill(0));
  deepEqual(found.slice(100 + bytes.length), new Array(PAGE_SIZE - 100).fill(0));
});
