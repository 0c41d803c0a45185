import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { EINVAL, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import * as gnttab from '../../abi/grant_table.ts';
import { GnttabGetStatusFrames } from '../../abi/grant_table-v2.ts';
import { XENMAPSPACE_grant_table } from '../../abi/memory.ts';
import { __HYPERVISOR_grant_table_op, type Domid, type Gfn, type GrantRef } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { HypercallError } from '../../libs/call/call.ts';
import { entry, grant as grantTo, map, pair, STATUS_GFN, toVersion2 } from '../testing/grants.ts';
import type { TestMachine } from '../testing/test-machine.ts';
import { build, GRANT_GFN, grant, machine, SHARED_PAGE } from '../testing/whole-xen.ts';
import { P2M_RAM_RW } from '../x86/mm/p2m.ts';

// What dom0, which sees machine frames, may do with grants besides mapping them.

test('what dom0 writes to a page that stays mapped is told at each write, and the processors hear of no more', () => {
  const it = machine();
  const { ctrl, foreign, grants, engine } = it;
  const { domid } = build(it);
  ctrl.domain_add_to_physmap(domid, XENMAPSPACE_grant_table, 0, GRANT_GFN);
  const [table] = foreign.map(domid, [GRANT_GFN]) as [Uint8Array];
  grant(table, 0, 0 as Domid, SHARED_PAGE);
  const page = grants.mapGrantRef(domid, 0 as GrantRef, true);
  engine.written.length = 0;
  page.set([0x90, 0xc3], 100);
  grants.written(page, 100, 2);
  deepEqual(engine.written, [{ address: page.byteOffset + 100, length: 2 }]);
  grants.written(page, 4095, 2);
  grants.written(page, -1, 2);
  equal(engine.written.length, 1, 'nothing past the page');
  grants.unmap(page);
  deepEqual(engine.written.at(-1), { address: page.byteOffset, length: 4096 });
  throws(() => grants.written(page, 0, 1), HypercallError);
});

/** A grant table operation of dom0's with one structure; what it returned, and the structure. */
function operate<T>(
  { dom0 }: TestMachine,
  op: number,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  fill: (operation: T) => void,
): { result: number; operation: T } {
  const at = dom0.allocate(structure.SIZE);
  const operation = new structure(new DataView(dom0.memory.buffer), at);
  fill(operation);
  return { result: dom0.hypercall(__HYPERVISOR_grant_table_op, op, at, 1), operation };
}

test('dom0 gives a frame to a domain that asked for one, contents and all', () => {
  const { machine, granter } = pair();
  const { xen, dom0 } = machine;
  const mfn = xen.frames.allocate(dom0.domain, 0);
  xen.memory.frame(mfn).fill(7);
  granter.domain.maxPages += 1;
  const row = entry(granter, 8);
  row.domid = 0 as Domid;
  row.frame = 0x600 as Gfn;
  row.flags = gnttab.GTF_accept_transfer;
  const give = (ref: number, domid: number = granter.domain.id) =>
    operate(machine, gnttab.GNTTABOP_transfer, gnttab.GnttabTransfer, (operation) => {
      operation.mfn = mfn as typeof operation.mfn;
      operation.domid = domid as Domid;
      operation.ref = ref as GrantRef;
    }).operation.status;
  equal(give(8), gnttab.GNTST_okay);
  equal(row.flags, gnttab.GTF_accept_transfer | gnttab.GTF_transfer_committed | gnttab.GTF_transfer_completed);
  equal(granter.domain.p2m?.type(0x600), P2M_RAM_RW);
  equal(granter.bytes(0x600 * PAGE_SIZE, 1)[0], 7);
  equal(give(8), gnttab.GNTST_bad_page, 'it is dom0’s no more');
  equal(dom0.domain.totPages, 0);
});

test('a frame whose receiver does not want it is lost to both, as in Xen', () => {
  const { machine, granter } = pair();
  const { xen, dom0 } = machine;
  for (const [domid, status] of [
    [granter.domain.id, gnttab.GNTST_general_error],
    [999, gnttab.GNTST_bad_domain],
  ] as const) {
    const free = xen.frames.free;
    const mfn = xen.frames.allocate(dom0.domain, 0);
    const { operation } = operate(machine, gnttab.GNTTABOP_transfer, gnttab.GnttabTransfer, (asked) => {
      asked.mfn = mfn as typeof asked.mfn;
      asked.domid = domid as Domid;
      asked.ref = 8 as GrantRef;
    });
    deepEqual([operation.status, xen.frames.free, dom0.domain.totPages], [status, free, 0]);
  }
});

test('dom0 asks where a domain’s status frames are (XSA-382: of those there are, and no others)', () => {
  const { machine, granter } = pair();
  toVersion2(granter);
  const list = machine.dom0.allocate(64);
  const ask = (count: number) =>
    operate(machine, gnttab.GNTTABOP_get_status_frames, GnttabGetStatusFrames, (operation) => {
      operation.dom = granter.domain.id;
      operation.nr_frames = count;
      operation.frame_list = BigInt(list);
    }).operation.status;
  equal(ask(1), gnttab.GNTST_okay);
  equal(new DataView(machine.dom0.memory.buffer).getBigUint64(list, true), BigInt(STATUS_GFN));
  equal(ask(2), gnttab.GNTST_general_error);
  equal(ask(0xffffffff), gnttab.GNTST_general_error);
});

test('cache_flush is for frames one has, and throws nothing away', () => {
  const { machine, granter, user } = pair();
  const flush = (mfn: number, op: number, offset = 0, length = 64) =>
    operate(machine, gnttab.GNTTABOP_cache_flush, gnttab.GnttabCacheFlush, (operation) => {
      operation.dev_bus_addr = mfn * PAGE_SIZE;
      operation.offset = offset;
      operation.length = length;
      operation.op = op;
    }).result;
  const own = machine.xen.frames.allocate(machine.dom0.domain, 0);
  equal(flush(own, gnttab.GNTTAB_CACHE_CLEAN), 0);
  equal(flush(own, gnttab.GNTTAB_CACHE_CLEAN | gnttab.GNTTAB_CACHE_INVAL), 0);
  equal(flush(own, gnttab.GNTTAB_CACHE_INVAL), -EOPNOTSUPP);
  equal(flush(own, gnttab.GNTTAB_CACHE_CLEAN, 4090), -EINVAL);
  equal(flush(own, 4), -EINVAL);
  equal(flush(2 ** 30, gnttab.GNTTAB_CACHE_CLEAN), -EINVAL);
  equal(flush(machine.xen.dummyVcpuInfo / PAGE_SIZE, gnttab.GNTTAB_CACHE_CLEAN), -EPERM, 'Xen’s own');
  grantTo(granter, 8, user, 0x10);
  map(user, granter, 8, 0x500);
  const granted = granter.domain.p2m?.mfn(0x10) ?? 0;
  equal(flush(granted, gnttab.GNTTAB_CACHE_CLEAN), -EINVAL, 'granted to another');
});
