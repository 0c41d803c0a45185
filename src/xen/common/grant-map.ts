import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_handle,
  GNTST_general_error,
  GNTST_no_space,
  GNTST_okay,
  GnttabMapGrantRef,
  GnttabUnmapGrantRef,
} from '../../abi/grant_table.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_GRANT_MAP_RO, P2M_GRANT_MAP_RW, P2M_MAP_FOREIGN, P2M_RAM_RO, P2M_RAM_RW } from '../x86/mm/p2m.ts';
import { forgetOnDemand } from '../x86/mm/p2m-pod.ts';
import { unhookPage } from '../x86/mm/physmap.ts';
import type { Call, HypercallResult } from './call.ts';
import { GRANT_MAP, GRANT_UNMAP } from '../trace/events.ts';
import type { Domain } from './domain.ts';
import { INVALID_M2P } from './frame-table.ts';
import { forEachOperation } from './grant-operations.ts';

// A mapping is the granter's machine frame in the mapper's p2m: whatever either side's processors write there, they
// write to one frame, and the engine sees it. Only dom0, which sees machine frames, has views of memory besides.

/** GNTTABOP_map_grant_ref */
export function gnttabMapGrantRef(call: Call): HypercallResult {
  return forEachOperation(call, GnttabMapGrantRef.SIZE, mapGrantRef);
}

/** GNTTABOP_unmap_grant_ref */
export function gnttabUnmapGrantRef(call: Call): HypercallResult {
  return forEachOperation(call, GnttabUnmapGrantRef.SIZE, unmapGrantRef);
}

function mapGrantRef(call: Call, at: number): void {
  const operation = new GnttabMapGrantRef(call.view, at);
  operation.status = mapOne(call, operation);
}

function mapOne(call: Call, operation: GnttabMapGrantRef): number {
  const mapper = call.domain;
  const { flags, ref, dom } = operation;
  if ((flags & (GNTMAP_host_map | GNTMAP_device_map)) === 0) return GNTST_bad_gntref;
  // Device mappings, PTE addresses and user mappings are a PV guest's.
  if ((flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte)) !== 0) return GNTST_general_error;
  const granter = call.xen.domains.get(dom);
  if (granter === undefined) return GNTST_bad_domain;
  const { maptrack } = mapper.grants;
  if (!maptrack.hasRoom) return GNTST_no_space;

  const readonly = (flags & GNTMAP_readonly) !== 0;
  const acquired = granter.grants.acquireForMapping(ref, mapper.id, readonly);
  if (acquired !== GNTST_okay) return acquired;
  const mfn = granter.grants.active.mfn(ref);
  const { host_addrLo: lo, host_addrHi: hi } = operation;
  if (!placeInGuest(mapper, frameNumber(lo, hi), mfn, flags)) {
    granter.grants.release(ref, readonly);
    return GNTST_general_error;
  }
  call.xen.traceBuffer?.record(GRANT_MAP, dom, dom, ref, flags);
  operation.handle = maptrack.add(dom, ref, flags, lo, hi);
  operation.dev_bus_addr = mfn * PAGE_SIZE;
  return GNTST_okay;
}

/**
 * Puts a granted frame where a translated domain wants it, as Xen's p2m_add_page does: memory that is there stays the
 * domain's, but out of its sight; another mapping of a frame of somebody else's must not be lost, and who tries is
 * crashed; a frame of the mapper's own leaves the place it had. dom0 needs no place, it sees machine frames.
 */
function placeInGuest(mapper: Domain, gfn: number, mfn: number, flags: number): boolean {
  const { p2m } = mapper;
  if (p2m === undefined) return true;
  if ((flags & ~GNTMAP_readonly) !== GNTMAP_host_map) return false;
  const type = p2m.peekType(gfn);
  if (type === P2M_GRANT_MAP_RW || type === P2M_GRANT_MAP_RO || type === P2M_MAP_FOREIGN) {
    mapper.crash(`mapped a grant over another frame that is not its own, at gfn ${gfn.toString(16)}`);
    return false;
  }
  const { frames } = mapper.xen;
  if (type === P2M_RAM_RW || type === P2M_RAM_RO) frames.setM2p(p2m.peekMfn(gfn), INVALID_M2P);
  forgetOnDemand(p2m, gfn);
  if (frames.owner(mfn) === mapper) {
    const before = frames.m2p(mfn);
    if (before !== INVALID_M2P && before !== gfn && p2m.peekMfn(before) === mfn) unhookPage(mapper, before);
  }
  return p2m.set(gfn, mfn, (flags & GNTMAP_readonly) !== 0 ? P2M_GRANT_MAP_RO : P2M_GRANT_MAP_RW);
}

function unmapGrantRef(call: Call, at: number): void {
  const operation = new GnttabUnmapGrantRef(call.view, at);
  operation.status = unmapOne(call.domain, operation);
}

function unmapOne(mapper: Domain, operation: GnttabUnmapGrantRef): number {
  const { maptrack } = mapper.grants;
  const { handle, host_addrLo: lo, host_addrHi: hi } = operation;
  if (!maptrack.has(handle)) return GNTST_bad_handle;
  // Without an address there is nothing of the mapping that this call names; as in Xen it is then left alone.
  if (lo === 0 && hi === 0) return GNTST_okay;
  const granter = mapper.xen.domains.get(maptrack.domid(handle));
  if (granter === undefined) return GNTST_bad_handle;
  const ref = maptrack.ref(handle);
  const readonly = maptrack.isReadonly(handle);
  const mfn = granter.grants.active.mfn(ref);
  if (mapper.p2m === undefined) {
    if (lo !== maptrack.addressLo(handle) || hi !== maptrack.addressHi(handle)) return GNTST_general_error;
  } else if (!takeFromGuest(mapper, frameNumber(lo, hi), mfn, readonly)) {
    return GNTST_general_error;
  }
  mapper.xen.traceBuffer?.record(GRANT_UNMAP, granter.id, granter.id, ref, readonly ? GNTMAP_readonly : 0);
  maptrack.remove(handle);
  // The granter's log of dirty pages hears of it now; and so do processors, of what dom0 wrote and did not tell of.
  if (!readonly) mapper.xen.frames.written(mfn * PAGE_SIZE, PAGE_SIZE);
  granter.grants.release(ref, readonly);
  return GNTST_okay;
}

/**
 * Any mapping of the frame will do, as in Xen: two of one grant are as good as each other. But the granter is told that
 * nobody writes any more when the last writable mapping is gone: a read-only one must not stand in for it.
 */
function takeFromGuest(mapper: Domain, gfn: number, mfn: number, readonly: boolean): boolean {
  const { p2m } = mapper;
  if (p2m?.peekType(gfn) !== (readonly ? P2M_GRANT_MAP_RO : P2M_GRANT_MAP_RW) || p2m.peekMfn(gfn) !== mfn) return false;
  p2m.removeGrant(gfn);
  return true;
}

/** The frame of a 64-bit guest-physical address. */
function frameNumber(lo: number, hi: number): number {
  return (lo >>> 12) + hi * 2 ** 20;
}
