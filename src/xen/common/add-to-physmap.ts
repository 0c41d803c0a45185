import {
  CompatXenAddToPhysmap,
  CompatXenAddToPhysmapBatch,
  CompatXenRemoveFromPhysmap,
} from '../../abi/compat/memory.ts';
import {
  EFAULT,
  EILSEQ,
  EINVAL,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  ESRCH,
  EXDEV,
  EACCES,
} from '../../abi/errno.ts';
import {
  XENMAPIDX_grant_table_status,
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  XenAddToPhysmap,
  XenAddToPhysmapBatch,
  XenRemoveFromPhysmap,
} from '../../abi/memory.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_MAP_FOREIGN, P2M_NONE } from '../x86/mm/p2m.ts';
import { addForeign, addPage, guestFrame, unhookPage, vacate, vacateForeign } from '../x86/mm/physmap.ts';
import { isPrivileged, mayControl } from '../xsm.ts';
import { NO_FRAME } from './buddy.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { INVALID_M2P } from './frame-table.ts';
import { continueFrom, continues, startExtent } from './memory.ts';

// HYPERVISOR_memory_op: what is where in a translated domain's physical memory.

/** Pages after which a call makes room for others. */
const PAGES_BEFORE_CONTINUE = 1024;

/** XENMEM_add_to_physmap: puts a page of Xen's, or of the domain's own, at a guest frame. */
export function xenmemAddToPhysmap(call: Call): HypercallResult {
  const structure = call.compat ? CompatXenAddToPhysmap : XenAddToPhysmap;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new structure(call.view, at);
  if (argument.space === XENMAPSPACE_gmfn_foreign) return -ENOSYS; // only in a batch
  const domain = call.xen.find(argument.domid, call.domain);
  const refused = refuse(call, domain, argument.space);
  if (domain === undefined || refused !== 0) return refused;
  if (argument.space !== XENMAPSPACE_gmfn_range && continues(call)) return -EINVAL;
  if (argument.space !== XENMAPSPACE_gmfn_range) return addOne(domain, argument.space, argument.idx, argument.gpfn);

  const limit = 2 ** 52;
  if (argument.gpfn + argument.size > limit || argument.idx + argument.size > limit) return -EOVERFLOW;
  const start = startExtent(call);
  if (start > argument.size) return -EILSEQ;
  for (let page = start; page < argument.size; page++) {
    if (page === start + PAGES_BEFORE_CONTINUE) return continueFrom(call, page);
    const result = addOne(domain, XENMAPSPACE_gmfn, argument.idx + page, argument.gpfn + page);
    if (result < 0) return result;
  }
  return 0;
}

/** XENMEM_add_to_physmap_batch: the same for many pages, each with a result of its own. */
export function xenmemAddToPhysmapBatch(call: Call): HypercallResult {
  const structure = call.compat ? CompatXenAddToPhysmapBatch : XenAddToPhysmapBatch;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new structure(call.view, at);
  if (argument.space === XENMAPSPACE_gmfn_range) return -EOPNOTSUPP;
  const domain = call.xen.find(argument.domid, call.domain);
  const refused = refuse(call, domain, argument.space);
  if (domain === undefined || refused !== 0) return refused;
  if (argument.space === XENMAPSPACE_dev_mmio) return -EOPNOTSUPP;
  const foreign =
    argument.space === XENMAPSPACE_gmfn_foreign ? call.xen.find(argument.foreign_domid, call.domain) : undefined;

  const start = startExtent(call);
  if (start >= argument.size) return start === 0 ? 0 : -EILSEQ;
  for (let index = start; index < argument.size; index++) {
    if (index === start + PAGES_BEFORE_CONTINUE) return continueFrom(call, index);
    const idx = call.fetchLong(argument.idxs, index);
    const gpfn = call.fetchLong(argument.gpfns, index);
    if (idx === undefined || gpfn === undefined) return -EFAULT;
    const result =
      argument.space === XENMAPSPACE_gmfn_foreign
        ? addForeignOne(domain, foreign, idx, gpfn)
        : addOne(domain, argument.space, idx, gpfn);
    const error = call.room(4);
    call.view.setInt32(error, result, true);
    if (!call.store(element(argument.errs, index, 4), error, 4)) return -EFAULT;
    call.release(error);
  }
  return 0;
}

/** XENMEM_remove_from_physmap: leaves a hole at a guest frame. */
export function xenmemRemoveFromPhysmap(call: Call): HypercallResult {
  const structure = call.compat ? CompatXenRemoveFromPhysmap : XenRemoveFromPhysmap;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  if (continues(call)) return -EINVAL;
  const argument = new structure(call.view, at);
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (domain.p2m === undefined) return -EACCES;
  if (!mayControl(call.domain, domain)) return -EPERM;
  if (domain.p2m.type(argument.gpfn) === P2M_NONE) return -ENOENT;
  if (domain.p2m.type(argument.gpfn) === P2M_MAP_FOREIGN) return vacateForeign(domain, argument.gpfn);
  if (guestFrame(domain, argument.gpfn) === 0) return -EINVAL; // a grant leaves by its unmapping
  unhookPage(domain, argument.gpfn);
  return 0;
}

function refuse(call: Call, domain: Domain | undefined, space: number): number {
  if (domain === undefined) return -ESRCH;
  if (domain.p2m === undefined) return -EACCES;
  if (!mayControl(call.domain, domain)) return -EPERM;
  return space === XENMAPSPACE_gmfn_foreign && !isPrivileged(call.domain) ? -EPERM : 0;
}

function addForeignOne(domain: Domain, owner: Domain | undefined, ownerGfn: number, gfn: number): number {
  if (owner === undefined || owner === domain) return -ESRCH;
  return addForeign(domain, gfn, owner, ownerGfn);
}

/** Xen's xenmem_add_to_physmap_one. */
function addOne(domain: Domain, space: number, idx: number, gfn: number): number {
  const mfn = sourceFrame(domain, space, idx);
  if (mfn === NO_FRAME) return -EINVAL;
  const { frames } = domain.xen;
  const oldGfn = frames.m2p(mfn);
  if (space === XENMAPSPACE_gmfn && oldGfn !== idx) return -EXDEV;
  if (domain.p2m?.mfn(gfn) !== mfn) {
    const vacated = vacate(domain, gfn);
    if (vacated < 0) return vacated;
  }
  if (oldGfn !== INVALID_M2P && oldGfn !== gfn) unhookPage(domain, oldGfn);
  return addPage(domain, gfn, mfn);
}

function sourceFrame(domain: Domain, space: number, idx: number): number {
  switch (space) {
    case XENMAPSPACE_shared_info:
      return idx === 0 ? domain.sharedInfo / PAGE_SIZE : NO_FRAME;
    case XENMAPSPACE_grant_table:
      return grantFrame(domain, idx);
    case XENMAPSPACE_gmfn: {
      const mfn = guestFrame(domain, idx);
      return domain.xen.frames.owner(mfn) === domain ? mfn : NO_FRAME;
    }
    default:
      return NO_FRAME;
  }
}

/** A part of a grant table, or of version 2's status words. */
function grantFrame({ grants }: Domain, idx: number): number {
  const isStatus = grants.version === 2 && idx >= XENMAPIDX_grant_table_status;
  return isStatus ? grants.statusFrameFor(idx - XENMAPIDX_grant_table_status) : grants.frameFor(idx);
}
