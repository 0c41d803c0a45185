import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { XENMEM_access_r } from '../../../abi/memory-tools.ts';
import { NESTED_EXECUTE, NESTED_READ, NESTED_REFUSED, NESTED_SCALE, NESTED_WRITE } from '../../../cpu/engine.ts';
import { LogDirty } from './log-dirty.ts';
import { P2M_RAM_RO, P2M_RAM_RW, P2m } from './p2m.ts';

function logging() {
  const p2m = new P2m();
  for (const gfn of [1, 2, 0x9000]) p2m.set(gfn, 25000 + gfn, P2M_RAM_RW);
  p2m.set(3, 26000, P2M_RAM_RO);
  const log = new LogDirty();
  p2m.logDirty = log;
  p2m.logDirtyChanged();
  return { p2m, log };
}

function bits(log: LogDirty, first: number, bytes: number): Uint8Array {
  const into = new Uint8Array(bytes);
  log.read(first, into);
  return into;
}

test('a logged page may be read but not written, until somebody says that he will write', () => {
  const { p2m, log } = logging();
  equal(p2m.lookup(1) % NESTED_SCALE, NESTED_READ | NESTED_EXECUTE);
  equal(log.isDirty(1), false);
  equal(p2m.lookup(1, NESTED_WRITE) % NESTED_SCALE, NESTED_READ | NESTED_WRITE | NESTED_EXECUTE);
  equal(log.isDirty(1), true);
  equal(p2m.lookup(1) % NESTED_SCALE, NESTED_READ | NESTED_WRITE | NESTED_EXECUTE, 'and need not say so again');
});

test('switching the log on makes cached translations stale, and so does taking a mark away', () => {
  const { p2m, log } = logging();
  equal(p2m.stale, true);
  p2m.lookup(2, NESTED_WRITE);
  p2m.flushed();
  ok(log.clean(2));
  p2m.cleaned(2);
  equal(p2m.stale, true);
  equal(p2m.lookup(2) & NESTED_WRITE, 0);
});

test('a page that is read-only stays so, and is not marked', () => {
  const { p2m, log } = logging();
  equal(p2m.lookup(3, NESTED_WRITE) & NESTED_WRITE, 0);
  equal(log.isDirty(3), false);
});

test('a page that appears is marked; one that goes is not', () => {
  const { p2m, log } = logging();
  p2m.set(0x77, 26001, P2M_RAM_RW);
  equal(log.isDirty(0x77), true);
  p2m.remove(0x77);
  equal(log.isDirty(0x77), false);
});

test('the bitmap has a bit a frame, across its chunks', () => {
  const { p2m, log } = logging();
  for (const gfn of [1, 2, 0x9000]) p2m.lookup(gfn, NESTED_WRITE);
  deepEqual([...bits(log, 0, 2)], [6, 0]);
  deepEqual([...bits(log, 0x8ff8, 2)], [0, 1]);
  const seen: number[] = [];
  log.forEach((gfn) => seen.push(gfn));
  deepEqual(seen, [1, 2, 0x9000]);
  deepEqual([log.dirty, log.faults], [3, 3]);
});

test('what mem access restricts is refused to the guest, and not to Xen', () => {
  const p2m = new P2m();
  p2m.set(1, 25001, P2M_RAM_RW);
  p2m.setAccess(1, XENMEM_access_r);
  equal(p2m.lookup(1, NESTED_WRITE), NESTED_REFUSED);
  equal(p2m.lookup(1, NESTED_EXECUTE), NESTED_REFUSED);
  equal(p2m.lookup(1) % NESTED_SCALE, NESTED_READ);
  equal(p2m.lookupUnrestricted(1, NESTED_WRITE) % NESTED_SCALE, NESTED_READ | NESTED_WRITE | NESTED_EXECUTE);
  equal(p2m.access(1), XENMEM_access_r, 'and stays so');
});
