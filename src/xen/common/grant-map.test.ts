import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as gnttab from '../../abi/grant_table.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { entry, grant, map, pair, unmap } from '../testing/grants.ts';
import { P2M_GRANT_MAP_RO, P2M_GRANT_MAP_RW, P2M_NONE, P2M_RAM_RW } from '../x86/mm/p2m.ts';
import { INVALID_M2P } from './frame-table.ts';

test('a grant may be mapped over memory, which then is out of the guest’s sight but still its own', () => {
  const { machine, granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const covered = user.domain.p2m?.mfn(0x20) ?? 0;
  const { status, handle } = map(user, granter, 8, 0x20);
  equal(status, gnttab.GNTST_okay);
  deepEqual([user.domain.totPages, machine.xen.frames.m2p(covered)], [64, INVALID_M2P]);
  equal(unmap(user, handle, 0x20), gnttab.GNTST_okay);
  equal(user.domain.p2m?.type(0x20), P2M_NONE, 'as in Xen what was there does not come back');
});

test('who maps a grant over another one is crashed, and both frames stay counted', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  grant(granter, 9, user, 0x11);
  map(user, granter, 8, 0x500);
  equal(map(user, granter, 9, 0x500).status, gnttab.GNTST_general_error);
  equal(user.domain.shuttingDown, true);
  equal(entry(granter, 9).flags, gnttab.GTF_permit_access);
  user.domain.kill();
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access);
});

test('a domain that maps its own grant finds the page at the new place alone', () => {
  const { granter } = pair();
  grant(granter, 8, granter, 0x10);
  const { status, handle } = map(granter, granter, 8, 0x500);
  equal(status, gnttab.GNTST_okay);
  deepEqual([granter.domain.p2m?.type(0x10), granter.domain.p2m?.type(0x500)], [P2M_NONE, P2M_GRANT_MAP_RW]);
  equal(unmap(granter, handle, 0x500), gnttab.GNTST_okay);
  equal(granter.domain.totPages, 64);
});

test('two mappings of one grant stand in for each other, if both may write', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const one = map(user, granter, 8, 0x500);
  const two = map(user, granter, 8, 0x501);
  equal(unmap(user, one.handle, 0x501), gnttab.GNTST_okay);
  equal(unmap(user, two.handle, 0x501), gnttab.GNTST_general_error);
  equal(unmap(user, two.handle, 0x500), gnttab.GNTST_okay);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access);
});

test('a grant is mapped 128 times for reading and 128 times for writing, and no more', () => {
  const { granter, user } = pair();
  user.domain.kill();
  const mapper = granter.machine.domain();
  grant(granter, 8, mapper, 0x10);
  const reading = gnttab.GNTMAP_host_map | gnttab.GNTMAP_readonly;
  for (let at = 0; at < 128; at++) equal(map(mapper, granter, 8, 0x500 + at, reading).status, gnttab.GNTST_okay);
  equal(map(mapper, granter, 8, 0x800, reading).status, gnttab.GNTST_general_error);
  for (let at = 0; at < 128; at++) equal(map(mapper, granter, 8, 0x600 + at).status, gnttab.GNTST_okay);
  equal(map(mapper, granter, 8, 0x800).status, gnttab.GNTST_no_space, '256 mappings are a maptrack frame');
  equal(mapper.domain.p2m?.type(0x500), P2M_GRANT_MAP_RO);
});

test('a mapper with as many mappings as it may have gets no more until it gives one back', () => {
  const { granter, user } = pair();
  const handles: number[] = [];
  for (let at = 0; at < 256; at++) {
    const ref = 8 + (at >> 6);
    if ((at & 63) === 0) grant(granter, ref, user, 0x10 + ref);
    const { status, handle } = map(user, granter, ref, 0x500 + at);
    equal(status, gnttab.GNTST_okay);
    handles.push(handle);
  }
  equal(new Set(handles).size, 256);
  equal(map(user, granter, 8, 0x900).status, gnttab.GNTST_no_space);
  equal(unmap(user, handles[7] ?? 0, 0x507), gnttab.GNTST_okay);
  equal(map(user, granter, 8, 0x900).status, gnttab.GNTST_okay);
});

test('the end of a writable mapping tells processors and the granter’s log of what was written', () => {
  const { machine, granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const mfn = granter.domain.p2m?.mfn(0x10) ?? 0;
  const { handle } = map(user, granter, 8, 0x500);
  machine.engine.written.length = 0;
  unmap(user, handle, 0x500);
  deepEqual(machine.engine.written, [{ address: mfn * PAGE_SIZE, length: PAGE_SIZE }]);
  machine.engine.written.length = 0;
  const reader = map(user, granter, 8, 0x500, gnttab.GNTMAP_host_map | gnttab.GNTMAP_readonly);
  unmap(user, reader.handle, 0x500);
  deepEqual(machine.engine.written, []);
  equal(granter.domain.p2m?.type(0x10), P2M_RAM_RW);
});
