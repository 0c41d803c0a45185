import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NESTED_EXECUTE, NESTED_READ, NESTED_SCALE, NESTED_WRITE } from '../../../cpu/engine.ts';
import { P2M_GRANT_MAP_RO, P2M_GRANT_MAP_RW, P2M_NONE, P2M_RAM_RO, P2M_RAM_RW, P2m } from './p2m.ts';

const RW = NESTED_READ | NESTED_WRITE | NESTED_EXECUTE;

test('lookup answers the machine frame with what the type allows, 0 for a hole', () => {
  const p2m = new P2m();
  p2m.set(0x100, 0xfffff, P2M_RAM_RW);
  p2m.set(0x101, 25000, P2M_RAM_RO);
  p2m.set(0xfeffc, 25001, P2M_GRANT_MAP_RO);
  equal(p2m.lookup(0x100), 0xfffff * NESTED_SCALE + RW);
  equal(p2m.lookup(0x101), 25000 * NESTED_SCALE + (NESTED_READ | NESTED_EXECUTE));
  equal(p2m.lookup(0xfeffc), 25001 * NESTED_SCALE + NESTED_READ);
  equal(p2m.lookup(0x102), 0);
  equal(p2m.lookup(2 ** 40), 0);
  equal(p2m.mfn(0x100), 0xfffff);
  equal(p2m.type(0x101), P2M_RAM_RO);
  equal(p2m.type(0x102), P2M_NONE);
});

test('a change makes cached translations stale until they are flushed', () => {
  const p2m = new P2m();
  equal(p2m.stale, false);
  p2m.set(1, 25000, P2M_RAM_RW);
  equal(p2m.stale, false, 'nobody remembers a hole');
  p2m.set(1, 25001, P2M_RAM_RW);
  equal(p2m.stale, true);
  p2m.flushed();
  p2m.remove(2);
  equal(p2m.stale, false, 'removing a hole changes nothing');
  p2m.remove(1);
  equal(p2m.stale, true);
  equal(p2m.lookup(1), 0);
});

test('a grant that goes makes the translations of its frame stale, and no others', () => {
  const p2m = new P2m();
  p2m.set(1, 25000, P2M_RAM_RW);
  p2m.set(5, 26000, P2M_GRANT_MAP_RW);
  p2m.removeGrant(5);
  equal(p2m.stale, true);
  deepEqual(p2m.gone, [5, 26000]);
  p2m.remove(1);
  equal(p2m.gone, undefined, 'all, as memory of its own went too');
  p2m.flushed();
  equal(p2m.stale, false);
  for (let gfn = 100; gfn < 200; gfn++) p2m.set(gfn, 26000 + gfn, P2M_GRANT_MAP_RW);
  for (let gfn = 100; gfn < 200; gfn++) p2m.removeGrant(gfn);
  equal(p2m.gone, undefined, 'all, as there are too many');
});

test('the highest guest frame is remembered after it is gone (XENMEM_maximum_gpfn)', () => {
  const p2m = new P2m();
  p2m.set(0xfefff, 25000, P2M_RAM_RW);
  p2m.remove(0xfefff);
  equal(p2m.maximumGfn, 0xfefff);
});

test('a guest that scatters frames over its address space is refused before it costs much', () => {
  const p2m = new P2m();
  let accepted = 0;
  for (let gfn = 0; gfn < 2 ** 28; gfn += 2 ** 17) if (p2m.set(gfn, 25000, P2M_RAM_RW)) accepted += 1;
  equal(accepted, 64);
  equal(p2m.set(2 ** 28, 25000, P2M_RAM_RW), false, 'past the physical address space');
  equal(p2m.set(-1, 25000, P2M_RAM_RW), false);
  equal(p2m.set(Number.NaN, 25000, P2M_RAM_RW), false);
});

test('forEach visits what is mapped, ascending', () => {
  const p2m = new P2m();
  p2m.set(0x20000, 25002, P2M_RAM_RW);
  p2m.set(3, 25001, P2M_RAM_RO);
  const seen: number[][] = [];
  p2m.forEach((gfn, mfn, type) => seen.push([gfn, mfn, type]));
  deepEqual(seen, [
    [3, 25001, P2M_RAM_RO],
    [0x20000, 25002, P2M_RAM_RW],
  ]);
});
