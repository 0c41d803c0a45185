import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { CompatGnttabCopy, CompatGnttabSetupTable } from '../../abi/compat/grant_table.ts';
import { EFAULT, EINVAL } from '../../abi/errno.ts';
import * as gnttab from '../../abi/grant_table.ts';
import { XENMEM_add_to_physmap, XenAddToPhysmap } from '../../abi/memory.ts';
import {
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_memory_op,
  DOMID_SELF,
  type Domid,
  type Gfn,
  type GrantRef,
} from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { copy, entry, grant, map, pair, TABLE_GFN, unmap } from '../testing/grants.ts';
import { P2M_GRANT_MAP_RO, P2M_GRANT_MAP_RW, P2M_NONE } from '../x86/mm/p2m.ts';

test('a mapping shares the frame, and the entry says reading and writing while it lasts', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const { status, handle } = map(user, granter, 8, 0x500);
  equal(status, gnttab.GNTST_okay);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access | gnttab.GTF_reading | gnttab.GTF_writing);
  equal(user.domain.p2m?.type(0x500), P2M_GRANT_MAP_RW);
  granter.bytes(0x10 * PAGE_SIZE, 1)[0] = 99;
  equal(user.bytes(0x500 * PAGE_SIZE, 1)[0], 99);
  equal(unmap(user, handle, 0x500), gnttab.GNTST_okay);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access);
  equal(user.domain.p2m?.type(0x500), P2M_NONE);
  equal(unmap(user, handle, 0x500), gnttab.GNTST_bad_handle);
});

test('several mappings of one grant are counted, for reading and for writing', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const reader = map(user, granter, 8, 0x500, gnttab.GNTMAP_host_map | gnttab.GNTMAP_readonly);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access | gnttab.GTF_reading);
  equal(user.domain.p2m?.type(0x500), P2M_GRANT_MAP_RO);
  const writer = map(user, granter, 8, 0x501);
  equal(unmap(user, writer.handle, 0x501), 0);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access | gnttab.GTF_reading);
  equal(unmap(user, reader.handle, 0x500), 0);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access);
});

test('a frame the granter gives back lives on until it is unmapped, and only then belongs to nobody', () => {
  const { machine, granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const { handle } = map(user, granter, 8, 0x500);
  const mfn = granter.domain.p2m?.mfn(0x10) ?? 0;
  machine.xen.frames.putAllocation(mfn);
  equal(machine.xen.frames.valid(mfn), true);
  unmap(user, handle, 0x500);
  equal(machine.xen.frames.valid(mfn), false);
});

test('a writable mapping of a read-only grant, or with flags of PV guests, is refused', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10, gnttab.GTF_permit_access | gnttab.GTF_readonly);
  equal(map(user, granter, 8, 0x500).status, gnttab.GNTST_general_error);
  equal(map(user, granter, 8, 0x500, gnttab.GNTMAP_readonly).status, gnttab.GNTST_bad_gntref, 'maps nothing');
  const device = gnttab.GNTMAP_host_map | gnttab.GNTMAP_device_map;
  equal(map(user, granter, 8, 0x500, device).status, gnttab.GNTST_general_error);
  equal(map(user, granter, 100_000, 0x500).status, gnttab.GNTST_bad_gntref);
  equal(user.domain.grants.maptrackInUse, 0);
});

test('a mapped grant cannot be freed or moved away by its mapper', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  map(user, granter, 8, 0x500);
  const add = user.withStructure(
    XenAddToPhysmap,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.space = 0;
      argument.gpfn = 0x500 as Gfn;
    },
    (at) => user.hypercall(__HYPERVISOR_memory_op, [XENMEM_add_to_physmap, at]),
  );
  equal(add.result < 0, true);
  equal(user.domain.p2m?.type(0x500), P2M_GRANT_MAP_RW);
});

test('a mapper that dies lets go of everything', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  map(user, granter, 8, 0x500);
  user.domain.kill();
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access);
  equal(user.machine.xen.domains.has(user.domain.id), false);
});

test('a granter that dies stays until its mapper lets go', () => {
  const { machine, granter, user } = pair();
  grant(granter, 8, user, 0x10);
  const { handle } = map(user, granter, 8, 0x500);
  granter.domain.kill();
  equal(machine.xen.domains.has(granter.domain.id), true);
  equal(unmap(user, handle, 0x500), 0);
  equal(machine.xen.domains.has(granter.domain.id), false);
});

test('a copy goes from and to grants and own frames, within a page each', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  granter.bytes(0x10 * PAGE_SIZE + 100, 4).set([1, 2, 3, 4]);
  equal(copy(user, { of: granter, ref: 8, offset: 100 }, { gfn: 0x20, offset: 4000 }, 4), 0);
  deepEqual([...user.bytes(0x20 * PAGE_SIZE + 4000, 4)], [1, 2, 3, 4]);
  equal(copy(user, { gfn: 0x20, offset: 4000 }, { of: granter, ref: 8 }, 4), 0);
  equal(granter.bytes(0x10 * PAGE_SIZE, 1)[0], 1);
  equal(copy(user, { gfn: 0x20, offset: 4093 }, { gfn: 0x21 }, 4), gnttab.GNTST_bad_copy_arg);
  equal(copy(user, { of: granter, gfn: 0x10 }, { gfn: 0x21 }, 4), gnttab.GNTST_permission_denied);
  equal(copy(user, { gfn: 0x9999 }, { gfn: 0x21 }, 4), gnttab.GNTST_bad_page);
  grant(granter, 9, user, 0x11, gnttab.GTF_permit_access | gnttab.GTF_readonly);
  equal(copy(user, { gfn: 0x20 }, { of: granter, ref: 9 }, 4), gnttab.GNTST_general_error);
  equal(entry(granter, 8).flags, gnttab.GTF_permit_access, 'nothing stays in use');
});

test('the processors are told of memory that a copy changed', () => {
  const { machine, granter, user } = pair();
  grant(granter, 8, user, 0x10);
  machine.engine.written.length = 0;
  copy(user, { of: granter, ref: 8 }, { gfn: 0x20, offset: 16 }, 32);
  const target = (user.domain.p2m?.mfn(0x20) ?? 0) * PAGE_SIZE + 16;
  equal(
    machine.engine.written.some(({ address, length }) => address === target && length === 32),
    true,
  );
});

test('query_size tells how long the table is and may become, of one domain a call', () => {
  const { user } = pair();
  const size = user.withStructure(
    gnttab.GnttabQuerySize,
    (operation) => {
      operation.dom = DOMID_SELF;
    },
    (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_query_size, at, 1]),
  );
  deepEqual([size.result, size.argument.status, size.argument.nr_frames, size.argument.max_nr_frames], [0, 0, 1, 4]);
  equal(user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_query_size, 0x1000, 2]), -EINVAL);
});

test('setup_table grows the table and tells its frames in the caller’s width', () => {
  const { granter } = pair();
  const setup = granter.withStructure(
    gnttab.GnttabSetupTable,
    (operation) => {
      operation.dom = DOMID_SELF;
      operation.nr_frames = 2;
      operation.frame_list = 0x3000n;
    },
    (at) => granter.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_setup_table, at, 1]),
  );
  deepEqual([setup.result, setup.argument.status], [0, 0]);
  deepEqual(
    [0, 8].map((at) => granter.view(0x3000).getBigUint64(at, true)),
    [BigInt(TABLE_GFN), 0xffffffffffffffffn],
  );
  granter.cpu().longMode(false);
  const compat = granter.withStructure(
    CompatGnttabSetupTable,
    (operation) => {
      operation.dom = DOMID_SELF;
      operation.nr_frames = 5;
      operation.frame_list = 0x3000n;
    },
    (at) => granter.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_setup_table, at, 1]),
  );
  deepEqual([compat.result, compat.argument.status], [0, gnttab.GNTST_general_error]);
});

test('a 32-bit caller’s copy has 24-byte structures', () => {
  const { granter, user } = pair();
  grant(granter, 8, user, 0x10);
  granter.bytes(0x10 * PAGE_SIZE, 1)[0] = 5;
  user.cpu().longMode(false);
  const { result, argument } = user.withStructure(
    CompatGnttabCopy,
    (operation) => {
      operation.source.ref = 8 as GrantRef;
      operation.source.domid = granter.domain.id as Domid;
      operation.dest.gmfn = 0x20 as Gfn;
      operation.dest.domid = DOMID_SELF;
      operation.len = 1;
      operation.flags = gnttab.GNTCOPY_source_gref;
    },
    (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_copy, at, 1]),
  );
  deepEqual([result, argument.status, user.bytes(0x20 * PAGE_SIZE, 1)[0]], [0, 0, 5]);
});

test('an array that leaves the guest’s memory is -EFAULT where it does', () => {
  const { user } = pair();
  const last = 64 * PAGE_SIZE - gnttab.GnttabMapGrantRef.SIZE;
  equal(user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_map_grant_ref, last, 0x7fffffff]), -EFAULT);
  equal(user.view(last).getInt16(0x12, true), gnttab.GNTST_bad_gntref, 'the first was done');
});
