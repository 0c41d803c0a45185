import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as gnttab from '../../abi/grant_table.ts';
import { GrantEntryV2 } from '../../abi/grant_table-v2.ts';
import type { Gfn, GrantRef } from '../../abi/xen.ts';
import { addTable, copy, map, setVersion, TABLE_GFN, unmap } from '../testing/grants.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { P2M_GRANT_MAP_RO, P2M_GRANT_MAP_RW } from '../x86/mm/p2m.ts';

// What three domains do to each other at random, valid or not. After each step the books must agree: a domain's handles
// with what its p2m maps, the uses of each grant with the handles of others, the entry's flags with its uses.

const STEPS = 5000;
const FIRST_REF = 6;
const REFS = 8;
const FIRST_PLACE = 0x500;
const PLACES = 24;
const ENTRY_FLAGS = [0, 1, 1, 1, 1, 5, 1 | gnttab.GTF_sub_page, 2, 3];
const MAP_FLAGS = [2, 2, 2, 6, 6, 3, 0, 0x10002];

/** Marsaglia's xorshift: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

interface Mapping {
  readonly user: Guest;
  readonly handle: number;
  readonly gfn: number;
}

function step(guests: readonly Guest[], mappings: Mapping[], pick: (below: number) => number): void {
  const [one, two] = [guests[pick(3)], guests[pick(3)]] as [Guest, Guest];
  const ref = FIRST_REF + pick(REFS);
  switch (pick(8)) {
    case 0:
    case 1:
      writeEntry(one, two, ref, pick);
      return;
    case 2:
    case 3: {
      // A place that is taken would cost the mapper its life, which is tried elsewhere.
      const gfn = FIRST_PLACE + pick(PLACES);
      const type = one.domain.p2m?.peekType(gfn);
      if (type === P2M_GRANT_MAP_RO || type === P2M_GRANT_MAP_RW) return;
      const { status, handle } = map(one, two, ref, gfn, MAP_FLAGS[pick(MAP_FLAGS.length)] ?? 0);
      if (status === gnttab.GNTST_okay) mappings.push({ user: one, handle, gfn });
      return;
    }
    case 4:
    case 5:
      unmapOne(mappings, pick);
      return;
    case 6: {
      const own = { gfn: 0x20 + pick(8), offset: pick(4096) };
      const granted = { of: two, ref, offset: pick(4096) };
      if (pick(2) === 0) copy(one, own, granted, pick(5000));
      else copy(one, granted, own, pick(5000));
      return;
    }
    default:
      // Rarely: it clears the table.
      if (pick(16) === 0) setVersion(one, 1 + pick(2));
      else writeEntry(one, two, ref, pick);
  }
}

function writeEntry(granter: Guest, user: Guest, ref: number, pick: (below: number) => number): void {
  const flags = ENTRY_FLAGS[pick(ENTRY_FLAGS.length)] ?? 0;
  const table = granter.view(TABLE_GFN * 4096);
  const frame = (0x10 + pick(20)) as Gfn;
  if (granter.domain.grants.version === 1) {
    const entry = new gnttab.GrantEntryV1(table, ref * gnttab.GrantEntryV1.SIZE);
    entry.domid = user.domain.id;
    entry.frame = frame;
    entry.flags = flags;
    return;
  }
  const entry = new GrantEntryV2(table, ref * GrantEntryV2.SIZE);
  entry.hdr.domid = user.domain.id;
  entry.frame = frame;
  if ((flags & gnttab.GTF_type_mask) === gnttab.GTF_transitive) entry.gref = (FIRST_REF + pick(REFS)) as GrantRef;
  entry.trans_domid = user.domain.id;
  entry.hdr.flags = flags;
}

function unmapOne(mappings: Mapping[], pick: (below: number) => number): void {
  const index = pick(mappings.length + 1);
  const mapping = mappings[index];
  if (mapping === undefined) return;
  const gfn = pick(4) === 0 ? FIRST_PLACE + pick(PLACES) : mapping.gfn;
  const status = unmap(mapping.user, mapping.handle, gfn);
  if (status !== gnttab.GNTST_okay) return;
  mappings.splice(index, 1);
  // Two mappings of one grant stand in for each other: the other one is now where this was.
  const other = mappings.findIndex((one) => one.user === mapping.user && one.gfn === gfn);
  if (gfn !== mapping.gfn && other >= 0) mappings[other] = { ...(mappings[other] as Mapping), gfn: mapping.gfn };
}

function compareBooks(guests: readonly Guest[]): void {
  for (const { domain } of guests) {
    let mapped = 0;
    domain.p2m?.forEach((_gfn, _mfn, type) => {
      if (type === P2M_GRANT_MAP_RW || type === P2M_GRANT_MAP_RO) mapped += 1;
    });
    equal(domain.grants.maptrackInUse, mapped, 'handles and places');
  }
  for (const granter of guests) for (let ref = 0; ref < 20; ref++) compareGrant(guests, granter, ref);
}

function compareGrant(guests: readonly Guest[], { domain }: Guest, ref: number): void {
  let readers = 0;
  let writers = 0;
  for (const { domain: user } of guests) {
    const { maptrack } = user.grants;
    for (let handle = 0; handle < maptrack.capacity; handle++) {
      if (!maptrack.has(handle) || maptrack.domid(handle) !== domain.id || maptrack.ref(handle) !== ref) continue;
      if (maptrack.isReadonly(handle)) readers += 1;
      else writers += 1;
    }
  }
  const { grants, xen } = domain;
  deepEqual([grants.active.isPinned(ref), grants.active.hasWriters(ref)], [readers + writers > 0, writers > 0]);
  if (ref >= FIRST_REF + REFS) return;
  // The granter may write the flags of version 1 himself; those of version 2 are Xen's alone.
  if (grants.version === 1) return;
  const status = xen.memory.view.getUint16(grants.statusAt(ref), true);
  equal((status & gnttab.GTF_writing) !== 0, writers > 0, `GTF_writing of ${ref}`);
  equal((status & gnttab.GTF_reading) !== 0, readers + writers > 0, `GTF_reading of ${ref}`);
}

for (const seed of [1, 20, 333, 4444, 55555]) {
  test(`domains grant and use grants at random, seed ${seed}`, () => {
    const machine = new TestMachine();
    const free = machine.xen.frames.free;
    const guests = [0, 1, 2].map(() => machine.domain());
    for (const guest of guests) equal(addTable(guest, 0, TABLE_GFN), 0);
    const mappings: Mapping[] = [];
    const pick = random(seed);
    for (let count = 0; count < STEPS; count++) {
      step(guests, mappings, pick);
      if (count % 10 === 0) compareBooks(guests);
    }
    equal(
      guests.some(({ domain }) => domain.shuttingDown),
      false,
    );
    const order = [pick(3), pick(3), 0, 1, 2];
    for (const index of order) guests[index]?.domain.kill();
    equal(machine.xen.domains.size, 1, 'none is left but dom0');
    equal(machine.xen.frames.free, free, 'nor any frame of theirs');
  });
}
