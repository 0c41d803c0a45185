import { CompatGnttabSetupTable } from '../../abi/compat/grant_table.ts';
import { CompatGnttabGetStatusFrames } from '../../abi/compat/grant_table-v2.ts';
import { EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import {
  GNTST_bad_domain,
  GNTST_bad_virt_addr,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  GNTTAB_CACHE_CLEAN,
  GNTTAB_CACHE_INVAL,
  GnttabCacheFlush,
  GnttabQuerySize,
  GnttabSetupTable,
} from '../../abi/grant_table.ts';
import { GnttabGetStatusFrames } from '../../abi/grant_table-v2.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { mayControl } from '../xsm.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { INVALID_M2P } from './frame-table.ts';

/** The guest frame of a page that is nowhere in the guest's memory: all ones. */
const NOWHERE = -1n;

// HYPERVISOR_grant_table_op's operations on tables as a whole. Argument 1 points at a structure; argument 2, how many
// there are, must be 1.

/**
 * An operation that Xen has not audited for translated callers (hvm_grant_table_op): they hear that it is not there.
 * dom0, which sees machine frames, may use it.
 */
export function untranslatedOnly(operation: (call: Call) => HypercallResult): (call: Call) => HypercallResult {
  return (call) => (call.domain.p2m === undefined ? operation(call) : -ENOSYS);
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
  const at = call.fetch(call.handle(1), GnttabQuerySize.SIZE);
  if (at < 0) return -EFAULT;
  const operation = new GnttabQuerySize(call.view, at);
  const domain = controllable(call, operation.dom);
  if (typeof domain === 'number') operation.status = domain;
  else {
    operation.nr_frames = domain.grants.frames.length;
    operation.max_nr_frames = domain.grants.maxFrames;
    operation.status = GNTST_okay;
  }
  return call.store(call.handle(1), at, GnttabQuerySize.SIZE) ? 0 : -EFAULT;
}

/** GNTTABOP_get_status_frames: where version 2's status words are, of those there are. */
export function gnttabGetStatusFrames(call: Call): HypercallResult {
  if (call.u32(2) !== 1) return -EINVAL;
  const structure = call.compat ? CompatGnttabGetStatusFrames : GnttabGetStatusFrames;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const operation = new structure(call.view, at);
  const domain = controllable(call, operation.dom);
  if (typeof domain === 'number') operation.status = domain;
  else if (operation.nr_frames > domain.grants.statusFrames.length) operation.status = GNTST_general_error;
  else operation.status = tell(call, domain, domain.grants.statusFrames, operation, 8);
  return call.store(call.handle(1), at, structure.SIZE) ? 0 : -EFAULT;
}

/**
 * GNTTABOP_cache_flush: of frames of the caller's or granted to it. Our processors' caches are always coherent, so that
 * what is left are x86's answers: nothing can be thrown away without being written back.
 */
export function gnttabCacheFlush(call: Call): HypercallResult {
  for (let index = 0; index < call.u32(2); index++) {
    const at = call.fetch(element(call.handle(1), index, GnttabCacheFlush.SIZE), GnttabCacheFlush.SIZE);
    if (at < 0) return -EFAULT;
    const result = cacheFlush(call, new GnttabCacheFlush(call.view, at));
    if (result < 0) return result;
    call.release(at);
  }
  return 0;
}

function setupTable(call: Call, operation: GnttabSetupTable | CompatGnttabSetupTable): number {
  const domain = controllable(call, operation.dom);
  if (typeof domain === 'number') return domain;
  if (!domain.grants.grow(operation.nr_frames)) return GNTST_general_error;
  return tell(call, domain, domain.grants.frames, operation, call.wordSize);
}

/** Stores the guest frames, or dom0's machine frames, at which a domain has some of Xen's pages. */
function tell(
  call: Call,
  domain: Domain,
  mfns: readonly number[],
  { frame_list: list, nr_frames: count }: { readonly frame_list: bigint; readonly nr_frames: number },
  size: 4 | 8,
): number {
  for (let index = 0; index < count; index++) {
    const mfn = mfns[index] as number;
    const gfn = domain.p2m === undefined ? mfn : call.xen.frames.m2p(mfn);
    const number = call.room(8);
    call.view.setBigInt64(number, gfn === INVALID_M2P ? NOWHERE : BigInt(gfn), true);
    const stored = call.store(element(list, index, size), number, size);
    call.release(number);
    if (!stored) return GNTST_bad_virt_addr;
  }
  return GNTST_okay;
}

function controllable(call: Call, domid: GnttabQuerySize['dom']): Domain | number {
  const domain = call.xen.find(domid, call.domain);
  if (domain === undefined) return GNTST_bad_domain;
  return mayControl(call.domain, domain) ? domain : GNTST_permission_denied;
}

function cacheFlush(call: Call, operation: GnttabCacheFlush): number {
  const { offset, length, op } = operation;
  if (offset >= PAGE_SIZE || offset + length > PAGE_SIZE) return -EINVAL;
  if ((op & ~(GNTTAB_CACHE_INVAL | GNTTAB_CACHE_CLEAN)) !== 0) return -EINVAL;
  if (length === 0 || op === 0) return 0;
  const mfn = Math.floor(operation.dev_bus_addr / PAGE_SIZE);
  const owner = call.xen.frames.owner(mfn);
  if (!call.xen.frames.valid(mfn)) return -EINVAL;
  const domain = owner === undefined ? undefined : call.xen.domains.get(owner.id);
  if (domain === undefined) return -EPERM;
  if (domain !== call.domain && !isGrantedTo(domain, call.domain, mfn)) return -EINVAL;
  return op === GNTTAB_CACHE_INVAL ? -EOPNOTSUPP : 0;
}

function isGrantedTo({ grants }: Domain, user: Domain, mfn: number): boolean {
  for (let ref = 0; ref < grants.entries; ref++) {
    const { active } = grants;
    if (active.isPinned(ref) && active.user(ref) === user.id && active.mfn(ref) === mfn) return true;
  }
  return false;
}
