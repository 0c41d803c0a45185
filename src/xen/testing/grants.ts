import { equal } from 'node:assert/strict';
import * as gnttab from '../../abi/grant_table.ts';
import { GrantEntryV2 } from '../../abi/grant_table-v2.ts';
import {
  XENMAPIDX_grant_table_status,
  XENMAPSPACE_grant_table,
  XENMEM_add_to_physmap,
  XenAddToPhysmap,
} from '../../abi/memory.ts';
import {
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_memory_op,
  DOMID_SELF,
  type Gfn,
  type GrantRef,
} from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { type Guest, TestMachine } from './test-machine.ts';

// Guests that grant and use grants, each call as the guest makes it.

export const TABLE_GFN = 0x400;
export const STATUS_GFN = 0x410;

/** Two domains, the first with its grant table in sight. */
export function pair() {
  const machine = new TestMachine();
  const [granter, user] = [machine.domain(), machine.domain()];
  addTable(granter, 0, TABLE_GFN);
  return { machine, granter, user };
}

/** XENMEM_add_to_physmap of a part of a guest's grant table; its result. */
export function addTable(guest: Guest, idx: number, gfn: number): number {
  return guest.withStructure(
    XenAddToPhysmap,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.space = XENMAPSPACE_grant_table;
      argument.idx = idx;
      argument.gpfn = gfn as Gfn;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_add_to_physmap, at]),
  ).result;
}

/** The same of its status words, to STATUS_GFN. */
export function addStatus(guest: Guest, idx = 0): number {
  return addTable(guest, XENMAPIDX_grant_table_status + idx, STATUS_GFN + idx);
}

export function entry(granter: Guest, ref: number): gnttab.GrantEntryV1 {
  return new gnttab.GrantEntryV1(granter.view(TABLE_GFN * PAGE_SIZE), ref * gnttab.GrantEntryV1.SIZE);
}

export function entryV2(granter: Guest, ref: number): GrantEntryV2 {
  return new GrantEntryV2(granter.view(TABLE_GFN * PAGE_SIZE), ref * GrantEntryV2.SIZE);
}

/** GTF_reading and GTF_writing of a version 2 table. */
export function status(granter: Guest, ref: number): number {
  return granter.view(STATUS_GFN * PAGE_SIZE).getUint16(ref * 2, true);
}

export function grant(
  granter: Guest,
  ref: number,
  to: Guest,
  frame: number,
  flags: number = gnttab.GTF_permit_access,
): void {
  const row = entry(granter, ref);
  row.domid = to.domain.id;
  row.frame = frame as Gfn;
  row.flags = flags;
}

export function grantV2(
  granter: Guest,
  ref: number,
  to: Guest,
  frame: number,
  flags: number = gnttab.GTF_permit_access,
): GrantEntryV2 {
  const row = entryV2(granter, ref);
  row.hdr.domid = to.domain.id;
  row.frame = frame as Gfn;
  row.hdr.flags = flags;
  return row;
}

/** Gives a guest's table version 2 and puts its status words into its sight. */
export function toVersion2(guest: Guest): void {
  equal(setVersion(guest, 2).result, 0);
  equal(addStatus(guest), 0);
}

export function setVersion(guest: Guest, version: number) {
  const { result, argument } = guest.withStructure(
    gnttab.GnttabSetVersion,
    (operation) => {
      operation.version = version;
    },
    (at) => guest.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_set_version, at, 1]),
  );
  return { result, version: argument.version };
}

export function map(user: Guest, granter: Guest, ref: number, gfn: number, flags = gnttab.GNTMAP_host_map) {
  const { result, argument } = user.withStructure(
    gnttab.GnttabMapGrantRef,
    (operation) => {
      operation.host_addr = BigInt(gfn * PAGE_SIZE);
      operation.flags = flags;
      operation.ref = ref as GrantRef;
      operation.dom = granter.domain.id;
    },
    (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_map_grant_ref, at, 1]),
  );
  equal(result, 0);
  const { status, handle } = argument;
  return { status, handle };
}

export function unmap(user: Guest, handle: number, gfn: number): number {
  const { result, argument } = user.withStructure(
    gnttab.GnttabUnmapGrantRef,
    (operation) => {
      operation.host_addr = BigInt(gfn * PAGE_SIZE);
      operation.handle = handle;
    },
    (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_unmap_grant_ref, at, 1]),
  );
  equal(result, 0);
  return argument.status;
}

/** One end of a copy: a grant of somebody's, or a frame. */
export interface End {
  of?: Guest;
  ref?: number;
  gfn?: number;
  offset?: number;
}

export function copy(user: Guest, from: End, to: End, len: number): number {
  const { result, argument } = user.withStructure(
    gnttab.GnttabCopy,
    (operation) => {
      const ends = [
        [operation.source, from],
        [operation.dest, to],
      ] as const;
      for (const [end, { of, ref, gfn, offset = 0 }] of ends) {
        end.domid = of === undefined ? DOMID_SELF : of.domain.id;
        if (ref === undefined) end.gmfn = (gfn ?? 0) as Gfn;
        else end.ref = ref as GrantRef;
        end.offset = offset;
      }
      operation.len = len;
      operation.flags =
        (from.ref === undefined ? 0 : gnttab.GNTCOPY_source_gref) |
        (to.ref === undefined ? 0 : gnttab.GNTCOPY_dest_gref);
    },
    (at) => user.hypercall(__HYPERVISOR_grant_table_op, [gnttab.GNTTABOP_copy, at, 1]),
  );
  equal(result, 0);
  return argument.status;
}
