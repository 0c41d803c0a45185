import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { EINVAL, ENOENT, ESRCH } from '../abi/errno.ts';
import {
  XENMEM_resource_grant_table,
  XENMEM_resource_grant_table_id_shared,
  XENMEM_resource_ioreq_server,
} from '../abi/memory-tools.ts';
import { XENMAPSPACE_grant_table } from '../abi/memory.ts';
import type { Domid } from '../abi/xen.ts';
import { HypercallError } from '../libs/call/call.ts';
import { build, GRANT_GFN, machine } from './testing/whole-xen.ts';

test('dom0 sees a domain’s grant table without putting it into the domain’s memory', () => {
  const all = machine();
  const { domid } = build(all);
  const shared = XENMEM_resource_grant_table_id_shared;
  const views = all.foreign.map_resource(domid, XENMEM_resource_grant_table, shared, 0, 2);
  equal(views.length, 2);
  views[0]?.set([1, 2, 3, 4]);
  all.ctrl.domain_add_to_physmap(domid, XENMAPSPACE_grant_table, 0, GRANT_GFN);
  const [seen] = all.foreign.map(domid, [GRANT_GFN]);
  deepEqual([...(seen?.subarray(0, 4) ?? [])], [1, 2, 3, 4]);
  all.foreign.unmap([...views, seen as Uint8Array]);
  all.ctrl.domain_destroy(domid);
  equal(all.ctrl.domain_getinfo(domid), undefined);
});

test('while dom0 holds a frame of it, a destroyed domain stays', () => {
  const all = machine();
  const { domid } = build(all);
  const views = all.foreign.map_resource(domid, XENMEM_resource_grant_table, 0, 0, 1);
  all.ctrl.domain_destroy(domid);
  equal(all.ctrl.domain_getinfo(domid)?.dying, true);
  all.foreign.unmap(views);
  equal(all.ctrl.domain_getinfo(domid), undefined);
});

test('resources that are not there are refused', () => {
  const all = machine();
  const { domid } = build(all);
  const refused = (type: number, id: number, frame: number, who: Domid, errno: number) =>
    throws(
      () => all.foreign.map_resource(who, type, id, frame, 1),
      (error: HypercallError) => error instanceof HypercallError && error.errno === errno,
    );
  refused(XENMEM_resource_grant_table, 9, 0, domid, EINVAL);
  refused(XENMEM_resource_grant_table, 0, 4, domid, EINVAL);
  refused(XENMEM_resource_grant_table, 0, 0, 999 as Domid, ESRCH);
  refused(XENMEM_resource_ioreq_server, 0, 0, domid, ENOENT);
  refused(77, 0, 0, domid, EINVAL);
});
