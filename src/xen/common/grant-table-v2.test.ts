import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EBUSY, EINVAL, ENOSYS, ERANGE } from '../../abi/errno.ts';
import * as gnttab from '../../abi/grant_table.ts';
import { GnttabGetStatusFrames } from '../../abi/grant_table-v2.ts';
import { __HYPERVISOR_grant_table_op, DOMID_SELF, type Gfn, type GrantRef } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import {
  addStatus,
  addTable,
  copy,
  entry,
  entryV2,
  grant,
  grantV2,
  map,
  pair,
  setVersion,
  STATUS_GFN,
  status,
  TABLE_GFN,
  toVersion2,
  unmap,
} from '../testing/grants.ts';
import type { Guest } from '../testing/test-machine.ts';
import { P2M_GRANT_MAP_RW, P2M_NONE } from '../x86/mm/p2m.ts';

const READING = gnttab.GTF_reading;
const WRITING = gnttab.GTF_reading | gnttab.GTF_writing;

test('a domain chooses its version, as far as it may', () => {
  const { user } = pair();
  deepEqual(setVersion(user, 1), { result: 0, version: 1 });
  deepEqual(setVersion(user, 2), { result: 0, version: 2 });
  deepEqual(setVersion(user, 2), { result: 0, version: 2 });
  deepEqual(setVersion(user, 3), { result: -EINVAL, version: 2 });
  deepEqual(setVersion(user, 0), { result: -EINVAL, version: 2 });
  deepEqual(setVersion(user, 1), { result: 0, version: 1 });
  Object.defineProperty(user.domain.grants, 'maxVersion', { value: 1 });
  deepEqual(setVersion(user, 2), { result: -ENOSYS, version: 1 }, 'as if there were no such operation');
});

test('what the toolstack granted stays in use over a change of version, everything else goes', () => {
  const { granter, user } = pair();
  grant(granter, 1, user, 0x10);
  grant(granter, 9, user, 0x11);
  const { handle } = map(user, granter, 1, 0x500);
  toVersion2(granter);
  deepEqual([entryV2(granter, 1).hdr.flags, entryV2(granter, 1).frame], [gnttab.GTF_permit_access, 0x10]);
  deepEqual([entryV2(granter, 1).hdr.domid, status(granter, 1)], [user.domain.id, WRITING]);
  equal(entryV2(granter, 9).hdr.flags, 0);
  deepEqual(setVersion(granter, 1), { result: 0, version: 1 });
  equal(entry(granter, 1).flags, gnttab.GTF_permit_access | WRITING);
  equal(unmap(user, handle, 0x500), gnttab.GNTST_okay);
  equal(entry(granter, 1).flags, gnttab.GTF_permit_access);
});

test('the version stays while another grant is in use', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const { handle } = map(user, granter, 8, 0x500);
  deepEqual(setVersion(granter, 2), { result: -EBUSY, version: 1 });
  unmap(user, handle, 0x500);
  equal(setVersion(granter, 2).result, 0);
});

test('version 1 cannot be gone back to with entries that it has no room for', () => {
  const { granter, user } = pair();
  toVersion2(granter);
  grantV2(granter, 2, user, 2 ** 32);
  deepEqual(setVersion(granter, 1), { result: -ERANGE, version: 2 });
  grantV2(granter, 2, user, 0x10, gnttab.GTF_transitive);
  deepEqual(setVersion(granter, 1), { result: -ERANGE, version: 2 });
  grantV2(granter, 2, user, 0x10, gnttab.GTF_accept_transfer);
  deepEqual(setVersion(granter, 1), { result: 0, version: 1 });
  equal(entry(granter, 2).flags, gnttab.GTF_invalid);
});

test('a mapping of a version 2 grant says so in the status words, not in the entry', () => {
  const { granter, user } = pair();
  toVersion2(granter);
  grantV2(granter, 20, user, 0x10);
  const { status: result, handle } = map(user, granter, 20, 0x500);
  equal(result, gnttab.GNTST_okay);
  deepEqual([entryV2(granter, 20).hdr.flags, status(granter, 20)], [gnttab.GTF_permit_access, WRITING]);
  equal(user.domain.p2m?.type(0x500), P2M_GRANT_MAP_RW);
  equal(unmap(user, handle, 0x500), gnttab.GNTST_okay);
  equal(status(granter, 20), 0);
  const reader = map(user, granter, 20, 0x500, gnttab.GNTMAP_host_map | gnttab.GNTMAP_readonly);
  equal(status(granter, 20), READING);
  equal(unmap(user, reader.handle, 0x500), gnttab.GNTST_okay);
});

test('a table of version 2 has half as many entries, and its frames are 64-bit numbers', () => {
  const { granter, user } = pair();
  toVersion2(granter);
  grantV2(granter, 255, user, 0x10);
  equal(map(user, granter, 255, 0x500).status, gnttab.GNTST_okay);
  equal(map(user, granter, 256, 0x501).status, gnttab.GNTST_bad_gntref);
  grantV2(granter, 254, user, 2 ** 32 + 0x10);
  equal(map(user, granter, 254, 0x501).status, gnttab.GNTST_bad_page);
  equal(status(granter, 254), 0);
});

test('a part of a page can be copied from and to, as far as it was granted, and not mapped', () => {
  const { granter, user } = pair();
  toVersion2(granter);
  const row = grantV2(granter, 20, user, 0x10, gnttab.GTF_permit_access | gnttab.GTF_sub_page);
  row.page_off = 100;
  row.length = 50;
  granter.bytes(0x10 * PAGE_SIZE + 100, 50).fill(7);
  equal(copy(user, { of: granter, ref: 20, offset: 100 }, { gfn: 0x20 }, 50), gnttab.GNTST_okay);
  equal(user.bytes(0x20 * PAGE_SIZE + 49, 1)[0], 7);
  for (const [offset, length] of [
    [99, 2],
    [100, 51],
    [149, 2],
    [150, 1],
  ]) {
    equal(
      copy(user, { of: granter, ref: 20, offset: offset ?? 0 }, { gfn: 0x20 }, length ?? 0),
      gnttab.GNTST_general_error,
    );
    equal(
      copy(user, { gfn: 0x20 }, { of: granter, ref: 20, offset: offset ?? 0 }, length ?? 0),
      gnttab.GNTST_general_error,
    );
  }
  equal(copy(user, { gfn: 0x20 }, { of: granter, ref: 20, offset: 149 }, 1), gnttab.GNTST_okay);
  equal(map(user, granter, 20, 0x500).status, gnttab.GNTST_general_error);
  equal(status(granter, 20), 0);
});

/** A grant of `granter`'s to `middle`, which passes it on to a third one. */
function transitive() {
  const { machine, granter, user: middle } = pair();
  const user = machine.domain();
  addTable(middle, 0, TABLE_GFN);
  toVersion2(middle);
  grant(granter, 9, middle, 0x10);
  const row = grantV2(middle, 30, user, 0, gnttab.GTF_transitive);
  row.trans_domid = granter.domain.id;
  row.gref = 9 as GrantRef;
  return { machine, granter, middle, user, row };
}

test('a transitive grant lends another one’s page to copies, and to nothing else', () => {
  const { granter, middle, user } = transitive();
  granter.bytes(0x10 * PAGE_SIZE, 4).set([1, 2, 3, 4]);
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_okay);
  deepEqual([...user.bytes(0x20 * PAGE_SIZE, 4)], [1, 2, 3, 4]);
  user.bytes(0x20 * PAGE_SIZE, 1)[0] = 9;
  equal(copy(user, { gfn: 0x20 }, { of: middle, ref: 30, offset: 8 }, 1), gnttab.GNTST_okay);
  equal(granter.bytes(0x10 * PAGE_SIZE + 8, 1)[0], 9);
  equal(copy(user, { of: middle, ref: 30 }, { of: middle, ref: 30, offset: 16 }, 4), gnttab.GNTST_okay);
  equal(map(user, middle, 30, 0x500).status, gnttab.GNTST_general_error);
  deepEqual([entry(granter, 9).flags, status(middle, 30)], [gnttab.GTF_permit_access, 0], 'nothing stays in use');
});

test('a transitive grant gives no more than the grant it passes on', () => {
  const { granter, middle, user, row } = transitive();
  grant(granter, 9, middle, 0x10, gnttab.GTF_permit_access | gnttab.GTF_readonly);
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_okay);
  equal(copy(user, { gfn: 0x20 }, { of: middle, ref: 30 }, 4), gnttab.GNTST_general_error);
  grant(granter, 9, user, 0x10);
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_general_error, 'granted to another');
  row.gref = 5000 as GrantRef;
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_bad_gntref);
  row.trans_domid = 999 as typeof row.trans_domid;
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_general_error);
  equal(status(middle, 30), 0);
});

test('status frames are there in version 2 alone; mapping one makes the table as long as that takes', () => {
  const { granter } = pair();
  equal(addStatus(granter), -EINVAL, 'version 1');
  equal(setVersion(granter, 2).result, 0);
  equal(addStatus(granter, 0), 0);
  equal(granter.domain.p2m?.mfn(STATUS_GFN), granter.domain.grants.statusFrames[0]);
  equal(addStatus(granter, 1), -EINVAL, 'would take more than the four frames the table may have');
  equal(setVersion(granter, 1).result, 0);
  equal(granter.domain.p2m?.type(STATUS_GFN), P2M_NONE);
  equal(granter.domain.grants.statusFrames.length, 0);
});

function getStatusFrames(guest: Guest): number {
  return guest.withStructure(
    GnttabGetStatusFrames,
    (operation) => {
      operation.dom = DOMID_SELF;
      operation.nr_frames = 1;
      operation.frame_list = 0x3000n;
    },
    (at) => guest.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_get_status_frames, at, 1]),
  ).result;
}

test('operations that Xen has not audited for translated callers are -ENOSYS to them', () => {
  const { granter } = pair();
  toVersion2(granter);
  equal(getStatusFrames(granter), -ENOSYS);
  for (const op of [
    gnttab.GNTTABOP_transfer,
    gnttab.GNTTABOP_dump_table,
    gnttab.GNTTABOP_unmap_and_replace,
    gnttab.GNTTABOP_cache_flush,
  ]) {
    equal(granter.hypercall(__HYPERVISOR_grant_table_op, [op, 0x1000, 0]), -ENOSYS, `operation ${op}`);
  }
});

function swap(guest: Guest, a: number, b: number): number {
  const { result, argument } = guest.withStructure(
    gnttab.GnttabSwapGrantRef,
    (operation) => {
      operation.ref_a = a as GrantRef;
      operation.ref_b = b as GrantRef;
    },
    (at) => guest.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_swap_grant_ref, at, 1]),
  );
  equal(result, 0);
  return argument.status;
}

test('two entries change places where neither is in use', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  grant(granter, 9, user, 0x11, gnttab.GTF_permit_access | gnttab.GTF_readonly);
  equal(swap(granter, 8, 9), gnttab.GNTST_okay);
  deepEqual([entry(granter, 8).frame, entry(granter, 9).frame], [0x11, 0x10] as Gfn[]);
  equal(swap(granter, 8, 8), gnttab.GNTST_okay);
  equal(swap(granter, 8, 512), gnttab.GNTST_bad_gntref);
  equal(swap(granter, 0xffffffff, 8), gnttab.GNTST_bad_gntref);
  map(user, granter, 9, 0x500);
  equal(swap(granter, 8, 9), gnttab.GNTST_eagain);
  equal(swap(granter, 9, 8), gnttab.GNTST_eagain);
});
