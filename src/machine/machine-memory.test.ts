import { equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE_RESERVED_BYTES } from '../cpu/engine.ts';
import { allocateMemory, memoryMap } from './machine-memory.ts';

const MIB = 1024 * 1024;
const GIB_KIB = 1024 * 1024;

test("the engine's part comes first, frames follow, and a guest fits next to Xen's own pages", () => {
  const { engine, frames, totalBytes } = memoryMap(256 * 1024 + 44);
  equal(engine.address + engine.bytes, frames.address);
  equal(engine.bytes, ENGINE_RESERVED_BYTES);
  ok(frames.bytes >= (256 + 8) * MIB);
  ok(totalBytes >= frames.address + frames.bytes);
});

test('the memory is there at once, and cannot grow', () => {
  const map = memoryMap(1024);
  const memory = allocateMemory(map, 1024, 4 * GIB_KIB);
  equal(memory.buffer.byteLength, map.totalBytes);
  throws(() => memory.grow(1), RangeError);
});

test('what is advised where memory is short is what works', () => {
  const available = 1024 * 1024;
  const advised = (kib: number) => {
    try {
      allocateMemory(memoryMap(kib), kib, available);
      return undefined;
    } catch (error) {
      return Number(
        /^memory = \d+: .*: expected at most (\d+), for example memory = \1$/.exec((error as Error).message)?.[1],
      );
    }
  };
  const most = advised(2048 * 1024);
  ok(most !== undefined && most > 512 && most < 1024, `${most}`);
  equal(advised(most * 1024 + 44), undefined, 'it fits, tables and special pages included');
});

test('a guest larger than any machine is told the largest, whatever the host has', () => {
  const kib = 8 * GIB_KIB;
  throws(() => allocateMemory(memoryMap(kib), kib, 64 * GIB_KIB), {
    code: 'DOMAIN_MEMORY',
    key: 'memory',
    message: /^memory = 8192: a machine has 4095 MiB in all: expected at most \d+, for example memory = \d+$/,
  });
});
