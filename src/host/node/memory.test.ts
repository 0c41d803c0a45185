import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { availableMemoryKib, collectGarbage, processMemory } from './memory.ts';

test('what the host has left is more than nothing, and what we take is counted', () => {
  ok(availableMemoryKib() > 1024);
  ok(processMemory().rss > processMemory().heapUsed);
});

test('what nobody uses any more is given back, and gc is no global afterwards', () => {
  const before = processMemory().arrayBuffers;
  (() => new Uint8Array(64 << 20).fill(1))();
  collectGarbage();
  ok(processMemory().arrayBuffers < before + (8 << 20));
  equal('gc' in globalThis, false);
});
