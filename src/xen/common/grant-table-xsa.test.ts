import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { CompatGnttabSetupTable } from '../../abi/compat/grant_table.ts';
import { EBUSY, EFAULT, EINVAL } from '../../abi/errno.ts';
import * as gnttab from '../../abi/grant_table.ts';
import {
  __HYPERVISOR_grant_table_op,
  DOMID_INVALID,
  DOMID_IO,
  DOMID_SELF,
  DOMID_XEN,
  type Domid,
  type Gfn,
  type GrantRef,
} from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import {
  addStatus,
  addTable,
  copy,
  entry,
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
import { P2M_GRANT_MAP_RW, P2M_NONE, P2M_RAM_RW } from '../x86/mm/p2m.ts';
import { STEPS_BEFORE_CONTINUE } from './call.ts';

// One test for each advisory about grant tables whose kind of mistake could be made here. What each was about is told
// in our own words; the advisories are at xenbits.xen.org/xsa.

const UNMAPPED = 0xdead0000;
const WRITING = gnttab.GTF_reading | gnttab.GTF_writing;

/** Machine frames, references and pins that a refused or finished operation must leave as they were. */
function footprint(...guests: readonly Guest[]) {
  return guests.map(({ domain, machine }) => ({
    pages: domain.totPages,
    references: domain.p2m === undefined ? 0 : machine.xen.frames.references(domain.p2m.mfn(0x10)),
    mapped: domain.grants.maptrackInUse,
    free: machine.xen.frames.free,
  }));
}

test('XSA-18: swap_grant_ref looks at its pointer before it writes through it', () => {
  const { granter } = pair();
  equal(granter.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_swap_grant_ref, UNMAPPED, 1]), -EFAULT);
});

test('XSA-24: 32-bit callers with bad arrays or counts get an answer, and the call ends', () => {
  const { granter } = pair();
  granter.cpu().longMode(false);
  for (const op of [gnttab.GNTTABOP_copy, gnttab.GNTTABOP_map_grant_ref, gnttab.GNTTABOP_unmap_grant_ref]) {
    equal(granter.hypercall(__HYPERVISOR_grant_table_op, [op, UNMAPPED, 3]), -EFAULT);
    equal(granter.hypercall(__HYPERVISOR_grant_table_op, [op, UNMAPPED, 0]), 0);
    equal(granter.hypercall(__HYPERVISOR_grant_table_op, [op, 0x1000, 0x80000000]), -EINVAL);
  }
  const setup = granter.withStructure(
    CompatGnttabSetupTable,
    (operation) => {
      operation.dom = DOMID_SELF;
      operation.nr_frames = 0xffffffff;
      operation.frame_list = 0x3000n;
    },
    (at) => granter.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_setup_table, at, 1]),
  );
  deepEqual([setup.result, setup.argument.status], [0, gnttab.GNTST_general_error]);
});

test('XSA-26: changing the version to and fro leaks no frame', () => {
  const { machine, granter } = pair();
  const before = machine.xen.frames.free;
  for (let round = 0; round < 20; round++) {
    equal(setVersion(granter, 2).result, 0);
    equal(addStatus(granter), 0);
    equal(setVersion(granter, 1).result, 0);
  }
  equal(machine.xen.frames.free, before);
});

test('XSA-134: swap_grant_ref minds the version: entries that version 2 has no room for are none', () => {
  const { granter } = pair();
  toVersion2(granter);
  const swap = granter.withStructure(
    gnttab.GnttabSwapGrantRef,
    (operation) => {
      operation.ref_a = 8 as GrantRef;
      operation.ref_b = 300 as GrantRef;
    },
    (at) => granter.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_swap_grant_ref, at, 1]),
  );
  equal(swap.argument.status, gnttab.GNTST_bad_gntref);
});

test('XSA-218: a mapping is undone once, however often that is asked for', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const one = map(user, granter, 8, 0x500);
  const two = map(user, granter, 8, 0x501);
  equal(unmap(user, one.handle, 0x500), gnttab.GNTST_okay);
  equal(unmap(user, one.handle, 0x500), gnttab.GNTST_bad_handle);
  equal(unmap(user, one.handle, 0x501), gnttab.GNTST_bad_handle);
  equal(unmap(user, 0xffffffff, 0x501), gnttab.GNTST_bad_handle);
  equal(entry(granter, 8).flags & WRITING, WRITING, 'the other mapping is still there');
  equal(unmap(user, two.handle, 0x501), gnttab.GNTST_okay);
});

test('XSA-224: an unmapping that fails changes nothing, and what was not mapped is not unmapped', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const reader = map(user, granter, 8, 0x500, gnttab.GNTMAP_host_map | gnttab.GNTMAP_readonly);
  const writer = map(user, granter, 8, 0x501);
  const before = footprint(granter, user);
  equal(unmap(user, writer.handle, 0x502), gnttab.GNTST_general_error, 'a hole');
  equal(unmap(user, writer.handle, 0x10), gnttab.GNTST_general_error, 'memory of its own');
  equal(unmap(user, writer.handle, 0x500), gnttab.GNTST_general_error, 'a read-only mapping for a writable one');
  deepEqual(footprint(granter, user), before);
  equal(entry(granter, 8).flags & WRITING, WRITING);
  equal(unmap(user, writer.handle, 0x501), gnttab.GNTST_okay);
  equal(entry(granter, 8).flags & WRITING, gnttab.GTF_reading);
  equal(unmap(user, reader.handle, 0x500), gnttab.GNTST_okay);
});

test('XSA-226: transitive grants that go in circles, or on and on, end', () => {
  const { machine, granter: a, user: b } = pair();
  const user = machine.domain();
  addTable(b, 0, TABLE_GFN);
  toVersion2(a);
  toVersion2(b);
  const pass = (from: Guest, to: Guest, owner: Guest) => {
    const row = grantV2(from, 20, to, 0, gnttab.GTF_transitive);
    row.trans_domid = owner.domain.id;
    row.gref = 20 as GrantRef;
  };
  pass(a, b, b);
  pass(b, a, a);
  equal(copy(a, { of: b, ref: 20 }, { gfn: 0x20 }, 4), gnttab.GNTST_general_error);
  pass(a, user, a);
  equal(copy(user, { of: a, ref: 20 }, { gfn: 0x20 }, 4), gnttab.GNTST_general_error, 'of itself');
  deepEqual([status(a, 20), status(b, 20)], [0, 0]);
});

test('XSA-228: handles are given out once, whichever vCPU maps', () => {
  const { machine, granter } = pair();
  const user = machine.domain({ vcpus: 4 });
  grant(granter, 8, user, 0x10);
  const handles = new Set<number>();
  for (let round = 0; round < 100; round++) {
    const { argument } = user.withStructure(
      gnttab.GnttabMapGrantRef,
      (operation) => {
        operation.host_addr = BigInt((0x500 + round) * PAGE_SIZE);
        operation.flags = gnttab.GNTMAP_host_map;
        operation.ref = 8 as GrantRef;
        operation.dom = granter.domain.id;
      },
      (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_map_grant_ref, at, 1], round % 4),
    );
    equal(argument.status, gnttab.GNTST_okay);
    handles.add(argument.handle);
  }
  equal(handles.size, 100);
});

test('XSA-230: a copy’s end does not tell the granter that a mapping has ended', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const { handle } = map(user, granter, 8, 0x500);
  equal(copy(user, { of: granter, ref: 8 }, { gfn: 0x20 }, 4), gnttab.GNTST_okay);
  equal(copy(user, { gfn: 0x20 }, { of: granter, ref: 8 }, 4), gnttab.GNTST_okay);
  equal(copy(user, { gfn: 0x20 }, { of: granter, ref: 8, offset: 4090 }, 40), gnttab.GNTST_bad_copy_arg);
  equal(entry(granter, 8).flags & WRITING, WRITING);
  unmap(user, handle, 0x500);
  equal(entry(granter, 8).flags & WRITING, 0);
});

test('XSA-236 and XSA-316: a mapping that cannot be placed holds neither the frame, nor a handle, nor the entry', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const before = footprint(granter, user);
  equal(map(user, granter, 8, 2 ** 29).status, gnttab.GNTST_general_error, 'past the guest’s physical addresses');
  const avail = gnttab.GNTMAP_host_map | (1 << gnttab._GNTMAP_guest_avail0);
  equal(map(user, granter, 8, 0x500, avail).status, gnttab.GNTST_general_error);
  equal(map(user, granter, 100_000, 0x500).status, gnttab.GNTST_bad_gntref);
  grant(granter, 9, user, 0x9999);
  equal(map(user, granter, 9, 0x500).status, gnttab.GNTST_bad_page);
  deepEqual(footprint(granter, user), before);
  equal(entry(granter, 8).flags & WRITING, 0);
  equal(entry(granter, 9).flags & WRITING, 0);
  equal(map(user, granter, 8, 0x500).status, gnttab.GNTST_okay, 'and the next one works');
});

test('XSA-255: status frames that somebody still maps are not freed under him', () => {
  const { machine, granter } = pair();
  toVersion2(granter);
  const mfn = granter.domain.grants.statusFrames[0] ?? 0;
  const view = machine.dom0.mapForeign(granter.domain.id, STATUS_GFN);
  notEqual(typeof view, 'number');
  deepEqual(setVersion(granter, 1), { result: -EBUSY, version: 2 });
  equal(machine.xen.frames.owner(mfn), granter.domain);
  equal(granter.domain.shuttingDown, true, 'what was undone by then cannot be redone: it is crashed');
  if (typeof view !== 'number') machine.dom0.unmapForeign(view);
});

test('XSA-379, XSA-384 and XSA-387: after version 2, its status frames are nowhere in the guest’s memory', () => {
  const { granter } = pair();
  toVersion2(granter);
  equal(addTable(granter, 0x80000000, STATUS_GFN + 5), 0, 'moved: the old place is a hole');
  equal(granter.domain.p2m?.type(STATUS_GFN), P2M_NONE);
  equal(setVersion(granter, 1).result, 0);
  equal(granter.domain.p2m?.type(STATUS_GFN + 5), P2M_NONE);
  equal(addStatus(granter), -EINVAL);
});

test('XSA-284 and XSA-287: a frame that somebody else still holds is not the caller’s to give away', () => {
  const { machine, granter } = pair();
  const { dom0, xen } = machine;
  const mfn = xen.frames.allocate(dom0.domain, 0);
  entry(granter, 8).domid = 0 as Domid;
  entry(granter, 8).frame = 0x600 as Gfn;
  entry(granter, 8).flags = gnttab.GTF_accept_transfer;
  granter.domain.maxPages += 1;
  const at = dom0.allocate(gnttab.GnttabTransfer.SIZE);
  const operation = new gnttab.GnttabTransfer(new DataView(dom0.memory.buffer), at);
  operation.mfn = mfn as typeof operation.mfn;
  operation.domid = granter.domain.id;
  operation.ref = 8 as GrantRef;
  xen.frames.get(mfn, dom0.domain);
  equal(dom0.hypercall(__HYPERVISOR_grant_table_op, gnttab.GNTTABOP_transfer, at, 1), 0);
  equal(operation.status, gnttab.GNTST_bad_page);
  xen.frames.put(mfn);
  equal(dom0.hypercall(__HYPERVISOR_grant_table_op, gnttab.GNTTABOP_transfer, at, 1), 0);
  equal(operation.status, gnttab.GNTST_okay);
  equal(granter.domain.p2m?.type(0x600), P2M_RAM_RW);
});

test('XSA-318: every structure of an array that takes several turns gets its status', () => {
  const { user } = pair();
  const count = STEPS_BEFORE_CONTINUE + 3;
  const { SIZE } = gnttab.GnttabUnmapGrantRef;
  const first = 0x10 * PAGE_SIZE;
  const last = first + (count - 1) * SIZE;
  for (let page = first; page <= last; page += PAGE_SIZE) user.bytes(page, PAGE_SIZE).fill(0xff);
  equal(user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_unmap_grant_ref, first, count]), 0);
  deepEqual(
    [first, last].map((at) => user.view(at).getInt16(0x14, true)),
    [gnttab.GNTST_bad_handle, gnttab.GNTST_bad_handle],
  );
});

test('XSA-394: an unmapping without an address is no unmapping: the frame stays held', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const { handle } = map(user, granter, 8, 0x500);
  const before = footprint(granter, user);
  equal(unmap(user, handle, 0), gnttab.GNTST_okay);
  equal(unmap(user, handle, 0), gnttab.GNTST_okay);
  deepEqual(footprint(granter, user), before);
  equal(user.domain.p2m?.type(0x500), P2M_GRANT_MAP_RW);
  equal(unmap(user, handle, 0x500), gnttab.GNTST_okay);
});

test('XSA-411: a transitive copy whose other granter refuses leaves both tables as they were', () => {
  const { machine, granter, user: middle } = pair();
  const user = machine.domain();
  addTable(middle, 0, TABLE_GFN);
  toVersion2(middle);
  const row = grantV2(middle, 30, user, 0, gnttab.GTF_transitive);
  row.trans_domid = granter.domain.id;
  row.gref = 9 as GrantRef;
  const before = footprint(granter, middle, user);
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_general_error, 'grants nothing');
  grant(granter, 9, middle, 0x9999);
  equal(copy(user, { of: middle, ref: 30 }, { gfn: 0x20 }, 4), gnttab.GNTST_bad_page);
  deepEqual(footprint(granter, middle, user), before);
  deepEqual([entry(granter, 9).flags & WRITING, status(middle, 30)], [0, 0]);
  equal(setVersion(middle, 1).result, 0, 'nothing is in use');
});

test('XSA-500: a grant in use whose entry changed is not copied from as it says now', () => {
  const { granter, user } = pair();
  toVersion2(granter);
  const row = grantV2(granter, 20, user, 0x10);
  const { handle } = map(user, granter, 20, 0x500, gnttab.GNTMAP_host_map | gnttab.GNTMAP_readonly);
  row.frame = 0x11 as Gfn;
  equal(copy(user, { gfn: 0x20 }, { of: granter, ref: 20 }, 4), gnttab.GNTST_general_error);
  equal(copy(user, { of: granter, ref: 20 }, { gfn: 0x20 }, 4), gnttab.GNTST_okay, 'of the frame that is in use');
  row.hdr.flags = gnttab.GTF_transitive;
  row.trans_domid = user.domain.id;
  row.gref = 8 as GrantRef;
  equal(copy(user, { of: granter, ref: 20 }, { gfn: 0x20 }, 4) < 0, true);
  equal(status(granter, 20), gnttab.GTF_reading);
  equal(unmap(user, handle, 0x500), gnttab.GNTST_okay);
  equal(status(granter, 20), 0);
});

test('XSA-232: domains that have no grant table, by name, are refused', () => {
  const { user } = pair();
  const nobodies = [DOMID_XEN, DOMID_IO, DOMID_INVALID, 0x7ff5, 0x7fff] as const;
  for (const domid of nobodies) {
    const ask = user.withStructure(
      gnttab.GnttabQuerySize,
      (operation) => {
        operation.dom = domid as Domid;
      },
      (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_query_size, at, 1]),
    );
    equal(ask.argument.status, gnttab.GNTST_bad_domain, `query_size of ${domid}`);
    const mapped = user.withStructure(
      gnttab.GnttabMapGrantRef,
      (operation) => {
        operation.host_addr = 0x500000n;
        operation.flags = gnttab.GNTMAP_host_map;
        operation.dom = domid as Domid;
      },
      (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_map_grant_ref, at, 1]),
    );
    equal(mapped.argument.status, gnttab.GNTST_bad_domain, `map_grant_ref of ${domid}`);
  }
});

test('XSA-380: a table of all the grants there can be is emptied, by its end or by another version, without a long loop', () => {
  const { machine, granter, user } = pair();
  granter.domain.grants.grow(granter.domain.grants.maxFrames);
  let reads = 0;
  const memory = granter.hvm[0]?.guest;
  const read = memory?.read.bind(memory);
  if (memory === undefined || read === undefined) throw new Error('a domain has a vCPU');
  memory.read = (address, into) => {
    reads += 1;
    return read(address, into);
  };
  for (let round = 0; round < 4; round++) equal(setVersion(granter, round % 2 === 0 ? 2 : 1).result, 0);
  equal(reads <= 8, true, 'entries are Xen’s own to look at');
  grant(granter, 8, user, 0x10);
  const { handle } = map(user, granter, 8, 0x500);
  equal(handle >= 0, true);
  user.domain.kill();
  equal(granter.domain.grants.maptrackInUse, 0);
  granter.domain.kill();
  equal(machine.xen.domains.has(granter.domain.id), false);
});
