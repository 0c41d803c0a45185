import { CompatGnttabSetupTable } from '../../abi/compat/grant_table.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../../abi/errno.ts';
import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_handle,
  GNTST_bad_virt_addr,
  GNTST_general_error,
  GNTST_no_space,
  GNTST_okay,
  GNTST_permission_denied,
  GnttabGetVersion,
  GnttabMapGrantRef,
  GnttabQuerySize,
  GnttabSetupTable,
  GnttabSetVersion,
  GnttabUnmapGrantRef,
} from '../../abi/grant_table.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_GRANT_MAP_RO, P2M_GRANT_MAP_RW, P2M_NONE } from '../x86/mm/p2m.ts';
import { mayControl } from '../xsm.ts';
import { type Call, CONTINUE, element, type HypercallResult, INVALID_GFN, STEPS_BEFORE_CONTINUE } from './call.ts';
import type { Domain } from './domain.ts';
import { INVALID_M2P } from './frame-table.ts';
import { unmapMapping } from './grant-table.ts';

// HYPERVISOR_grant_table_op: argument 1 points at an array of structures, argument 2 is its length. Each structure
// has a status of its own; the call fails only where the array cannot be read or written.

/** GNTTABOP_map_grant_ref */
export function gnttabMapGrantRef(call: Call): HypercallResult {
  return forEach(call, GnttabMapGrantRef, (operation) => {
    operation.status = mapGrantRef(call, operation);
  });
}

/** GNTTABOP_unmap_grant_ref */
export function gnttabUnmapGrantRef(call: Call): HypercallResult {
  return forEach(call, GnttabUnmapGrantRef, (operation) => {
    operation.status = unmapGrantRef(call.domain, operation);
  });
}

/** GNTTABOP_setup_table: makes a table at least `nr_frames` long and says where its frames are. */
export function gnttabSetupTable(call: Call): HypercallResult {
  if (call.u32(2) !== 1) return -EINVAL;
  const structure = call.compat ? CompatGnttabSetupTable : GnttabSetupTable;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const operation = new structure(call.view, at);
  operation.status = setupTable(call, operation);
  return call.store(call.handle(1), at, structure.SIZE) ? 0 : -EFAULT;
}

/** GNTTABOP_query_size */
export function gnttabQuerySize(call: Call): HypercallResult {
  if (call.u32(2) !== 1) return -EINVAL;
  return forEach(call, GnttabQuerySize, (operation) => {
    const domain = call.xen.find(operation.dom, call.domain);
    if (domain === undefined) operation.status = GNTST_bad_domain;
    else if (!mayControl(call.domain, domain)) operation.status = GNTST_permission_denied;
    else {
      operation.nr_frames = domain.grants.frames.length;
      operation.max_nr_frames = domain.grants.maxFrames;
      operation.status = GNTST_okay;
    }
  });
}

/** GNTTABOP_set_version: tells the version in use in any case. */
export function gnttabSetVersion(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), GnttabSetVersion.SIZE);
  if (at < 0) return -EFAULT;
  const operation = new GnttabSetVersion(call.view, at);
  const result = call.domain.grants.setVersion(operation.version);
  operation.version = 1;
  return call.store(call.handle(1), at, GnttabSetVersion.SIZE) ? result : -EFAULT;
}

/** GNTTABOP_get_version */
export function gnttabGetVersion(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), GnttabGetVersion.SIZE);
  if (at < 0) return -EFAULT;
  const operation = new GnttabGetVersion(call.view, at);
  const domain = call.xen.find(operation.dom, call.domain);
  if (domain === undefined) return -ESRCH;
  if (!mayControl(call.domain, domain)) return -EPERM;
  operation.version = 1;
  return call.store(call.handle(1), at, GnttabGetVersion.SIZE) ? 0 : -EFAULT;
}

/** Runs an operation on each structure of the array, a fair share at a time. */
export function forEach<T>(
  call: Call,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  operate: (operation: T) => void,
): HypercallResult {
  const count = call.u32(2);
  const array = call.handle(1);
  for (let index = 0; index < count; index++) {
    if (index === STEPS_BEFORE_CONTINUE) {
      call.args[1] = element(array, index, structure.SIZE);
      call.args[2] = BigInt(count - index);
      return CONTINUE;
    }
    const pointer = element(array, index, structure.SIZE);
    const at = call.fetch(pointer, structure.SIZE);
    if (at < 0) return -EFAULT;
    operate(new structure(call.view, at));
    if (!call.store(pointer, at, structure.SIZE)) return -EFAULT;
    call.release(at);
  }
  return 0;
}

function mapGrantRef(call: Call, operation: GnttabMapGrantRef): number {
  const mapper = call.domain;
  const { flags, host_addr: hostAddress } = operation;
  if ((flags & (GNTMAP_host_map | GNTMAP_device_map)) === 0) return GNTST_bad_gntref;
  // Device mappings, PTE addresses and user mappings are a PV guest's.
  const hostOnly = (flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte)) === 0;
  if (!hostOnly) return GNTST_general_error;
  const granter = call.xen.domains.get(operation.dom);
  if (granter === undefined) return GNTST_bad_domain;
  if (!mapper.grants.canTrack) return GNTST_no_space;

  const readonly = (flags & GNTMAP_readonly) !== 0;
  const active = granter.grants.acquire(operation.ref, mapper, readonly, true);
  if (typeof active === 'number') return active;
  const { mfn } = active;
  if (!placeInGuest(mapper, hostAddress, mfn, readonly)) {
    granter.grants.release(operation.ref, readonly);
    return GNTST_general_error;
  }
  const handle = mapper.grants.track({ domid: granter.id, ref: operation.ref, mfn, flags, hostAddress });
  operation.handle = handle as number;
  operation.dev_bus_addr = mfn * PAGE_SIZE;
  return GNTST_okay;
}

/**
 * Puts a granted frame where a translated domain wants it. Only a hole will do: what is there otherwise would be lost
 * from the guest's sight, though not from its reservation. dom0 needs no place, it sees machine frames.
 */
function placeInGuest(mapper: Domain, hostAddress: bigint, mfn: number, readonly: boolean): boolean {
  const { p2m } = mapper;
  if (p2m === undefined) return true;
  const gfn = Number(hostAddress >> 12n);
  if (p2m.type(gfn) !== P2M_NONE) return false;
  return p2m.set(gfn, mfn, readonly ? P2M_GRANT_MAP_RO : P2M_GRANT_MAP_RW);
}

function unmapGrantRef(mapper: Domain, operation: GnttabUnmapGrantRef): number {
  const mapping = mapper.grants.mapping(operation.handle);
  if (mapping === undefined) return GNTST_bad_handle;
  // Without an address there is nothing of the mapping that this call names; as in Xen it is then left alone.
  if (operation.host_addr === 0n) return GNTST_okay;
  if (operation.host_addr !== mapping.hostAddress) return GNTST_general_error;
  unmapMapping(mapper, operation.handle, mapping);
  return GNTST_okay;
}

function setupTable(call: Call, operation: GnttabSetupTable | CompatGnttabSetupTable): number {
  const domain = call.xen.find(operation.dom, call.domain);
  if (domain === undefined) return GNTST_bad_domain;
  if (!mayControl(call.domain, domain)) return GNTST_permission_denied;
  const wanted = operation.nr_frames;
  if (wanted > domain.grants.maxFrames || !domain.grants.grow(wanted)) return GNTST_general_error;
  for (let index = 0; index < wanted; index++) {
    const mfn = domain.grants.frames[index] as number;
    const gfn = domain.p2m === undefined ? mfn : call.xen.frames.m2p(mfn);
    if (!call.storeLong(operation.frame_list, index, gfn === INVALID_M2P ? INVALID_GFN : gfn))
      return GNTST_bad_virt_addr;
  }
  return GNTST_okay;
}
