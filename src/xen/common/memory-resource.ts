import { CompatXenReservedDeviceMemoryMap } from '../../abi/compat/memory-tools.ts';
import { EACCES, EFAULT, EINVAL, ENOENT, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import { GrantEntryV2 } from '../../abi/grant_table-v2.ts';
import {
  XENMEM_RDM_ALL,
  XENMEM_resource_grant_table,
  XENMEM_resource_grant_table_id_shared,
  XENMEM_resource_grant_table_id_status,
  XENMEM_resource_ioreq_server,
  XenMemAcquireResource,
  XenReservedDeviceMemoryMap,
  XenVnumaTopologyInfo,
} from '../../abi/memory-tools.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { mayControl, mayServe } from '../xsm.ts';
import { NO_FRAME } from './buddy.ts';
import { type Call, type HypercallResult, STEPS_BEFORE_CONTINUE } from './call.ts';
import type { Domain } from './domain.ts';
import { continueFrom, continues, startExtent } from './memory.ts';

const STATUS_BYTES = 2;
/** struct ioreq */
const IOREQ_BYTES = 32;
const MAX_EXTENTS = 2 ** 26 - 1;

/**
 * XENMEM_acquire_resource: the machine frames of something that Xen keeps for a domain, for whoever serves it. Only a
 * caller without a p2m of its own can map them; 32-bit callers, who are guests all, cannot.
 */
export function xenmemAcquireResource(call: Call): HypercallResult {
  if (call.domain.p2m !== undefined) return -EACCES;
  const at = call.fetch(call.handle(1), XenMemAcquireResource.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new XenMemAcquireResource(call.view, at);
  const { type, id, frame, nr_frames: count } = argument;
  if (argument.pad !== 0 || frame + count >= 2 ** 32) return -EINVAL;
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (domain === call.domain) return -EPERM;
  if (!mayServe(call.domain, domain)) return -EPERM;
  const available = framesOf(domain, type, id);
  if (available === 0) return -EINVAL;

  const start = startExtent(call);
  if (argument.frame_list === 0n) {
    if (count !== 0 || start !== 0) return -EINVAL;
    argument.nr_frames = available;
    return call.store(call.handle(1), at, XenMemAcquireResource.SIZE) ? 0 : -EFAULT;
  }
  if (start >= count || count > MAX_EXTENTS) return -EINVAL;
  for (let index = start; index < count; index++) {
    if (index === start + STEPS_BEFORE_CONTINUE) return continueFrom(call, index);
    const mfn = resourceFrame(domain, type, id, frame + index);
    if (mfn < 0) return mfn;
    if (!call.storeLong(argument.frame_list, index, mfn)) return -EFAULT;
  }
  return 0;
}

/** XENMEM_get_vnumainfo: no domain has virtual NUMA nodes. */
export function xenmemGetVnumainfo(call: Call): HypercallResult {
  if (continues(call)) return -EINVAL;
  const at = call.fetch(call.handle(1), XenVnumaTopologyInfo.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new XenVnumaTopologyInfo(call.view, at);
  if (argument.pad !== 0) return -EINVAL;
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  return mayControl(call.domain, domain) ? -EOPNOTSUPP : -EPERM;
}

/** XENMEM_reserved_device_memory_map: what devices insist on, which without an IOMMU is nothing. */
export function xenmemReservedDeviceMemoryMap(call: Call): HypercallResult {
  if (continues(call)) return -EINVAL;
  const structure = call.compat ? CompatXenReservedDeviceMemoryMap : XenReservedDeviceMemoryMap;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new structure(call.view, at);
  if ((argument.flags & ~XENMEM_RDM_ALL) !== 0) return -EINVAL;
  argument.nr_entries = 0;
  return call.store(call.handle(1), at, structure.SIZE) ? 0 : -EFAULT;
}

/** How many frames a resource has; 0 where there is no such resource. */
function framesOf(domain: Domain, type: number, id: number): number {
  const { maxFrames } = domain.grants;
  if (type === XENMEM_resource_grant_table) {
    if (id === XENMEM_resource_grant_table_id_shared) return maxFrames;
    if (id !== XENMEM_resource_grant_table_id_status) return 0;
    const entries = (maxFrames * PAGE_SIZE) / GrantEntryV2.SIZE;
    return Math.ceil((entries * STATUS_BYTES) / PAGE_SIZE);
  }
  if (type !== XENMEM_resource_ioreq_server || domain.hvm === undefined) return 0;
  return 1 + Math.ceil((domain.maxVcpus * IOREQ_BYTES) / PAGE_SIZE);
}

/** A frame of a resource, or a negative errno. */
function resourceFrame(domain: Domain, type: number, id: number, index: number): number {
  if (type === XENMEM_resource_ioreq_server) return id > 0xffff ? -EINVAL : -ENOENT; // nobody has made a server
  const isShared = id === XENMEM_resource_grant_table_id_shared;
  const mfn = isShared ? domain.grants.frameFor(index) : domain.grants.statusFrameFor(index);
  return mfn === NO_FRAME ? -EINVAL : mfn;
}
