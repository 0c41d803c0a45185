import { CompatXenMemoryReservation } from '../../abi/compat/memory.ts';
import { EFAULT, EINVAL, ENOMEM, EPERM, ESRCH } from '../../abi/errno.ts';
import {
  XENMEMF_exact_node_request,
  XENMEMF_populate_on_demand,
  XENMEMF_vnode,
  XenMemoryDomain,
  XenMemoryReservation,
} from '../../abi/memory.ts';
import { recordDecrease } from '../trace/memory-records.ts';
import { markOnDemand } from '../x86/mm/p2m-pod.ts';
import { addPage, removePage } from '../x86/mm/physmap.ts';
import { isPrivileged, mayControl } from '../xsm.ts';
import { NO_FRAME } from './buddy.ts';
import { type Call, CONTINUE, type HypercallResult, INVALID_GFN, STEPS_BEFORE_CONTINUE } from './call.ts';
import type { Domain } from './domain.ts';

// HYPERVISOR_memory_op: how much memory a domain has. Argument 0 is the operation, with the number of extents that an
// earlier part of the same call has done above it.

/** Bits of argument 0 that are the operation. */
const MEMOP_EXTENT_SHIFT = 6;
export const MEMOP_CMD_MASK = (1 << MEMOP_EXTENT_SHIFT) - 1;
const MAX_EXTENTS = 2 ** (32 - MEMOP_EXTENT_SHIFT) - 1;

/** CONFIG_*_MAX_ORDER: the largest extents a guest, and a privileged domain, may ask for. */
export const DOMU_MAX_ORDER = 9;
export const CTLDOM_MAX_ORDER = 12;
const PAGE_BITS = 12;
/** MAX_NUMNODES of x86 */
const MAX_NUMNODES = 64;

/** MAX_ORDER: the largest extents of populate on demand, which take no memory. */
const MAX_ORDER = 20;

interface Reservation {
  readonly domain: Domain;
  readonly extents: bigint;
  readonly count: number;
  readonly order: number;
  /** Frames must lie below this. */
  readonly frameLimit: number;
}

/** XENMEM_populate_physmap: fresh frames at given guest frames. Returns how many extents were done. */
export function xenmemPopulatePhysmap(call: Call): HypercallResult {
  const flags = fetchReservation(call)?.mem_flags ?? 0;
  if ((flags & XENMEMF_populate_on_demand) === 0) return forEachExtent(call, populate);
  // Nobody may put off having his own memory.
  const onDemand = ({ domain, order }: Reservation, gfn: number) =>
    domain !== call.domain && markOnDemand(domain, gfn, order) === 0;
  return forEachExtent(call, onDemand, { maxOrder: MAX_ORDER });
}

/** XENMEM_increase_reservation: fresh frames. A translated domain does not learn where they are. */
export function xenmemIncreaseReservation(call: Call): HypercallResult {
  return forEachExtent(
    call,
    (reservation, _gfn, index) => {
      const { domain, extents } = reservation;
      const mfn = allocate(reservation);
      if (mfn === NO_FRAME) return false;
      return domain.p2m !== undefined || extents === 0n || call.storeLong(extents, index, mfn);
    },
    { withoutFrames: true },
  );
}

/** XENMEM_decrease_reservation: frames given back. Returns how many extents were done. */
export function xenmemDecreaseReservation(call: Call): HypercallResult {
  return forEachExtent(call, ({ domain, order }, gfn) => {
    if (call.xen.traceBuffer !== undefined) recordDecrease(domain, gfn, order);
    for (let page = gfn; page < gfn + 2 ** order; page++) {
      if (release(domain, page) !== 0) return false;
    }
    return true;
  });
}

/** XENMEM_current_reservation: pages a domain has. */
export function xenmemCurrentReservation(call: Call): HypercallResult {
  return ofDomain(call, (domain) => domain.totPages);
}

/** XENMEM_maximum_reservation: pages it may have. */
export function xenmemMaximumReservation(call: Call): HypercallResult {
  return ofDomain(call, (domain) => domain.maxPages);
}

/** XENMEM_maximum_gpfn: the highest guest frame it ever had. */
export function xenmemMaximumGpfn(call: Call): HypercallResult {
  return ofDomain(call, (domain) => domain.p2m?.maximumGfn ?? call.xen.memory.frameCount - 1);
}

/** XENMEM_maximum_ram_page: the number of machine frames. */
export function xenmemMaximumRamPage(call: Call): HypercallResult {
  return continues(call) ? -EINVAL : call.xen.memory.frameCount;
}

/** XENMEM_claim_pages: keeps frames back for a domain that is about to be populated. */
export function xenmemClaimPages(call: Call): HypercallResult {
  if (continues(call)) return -EINVAL;
  const argument = fetchReservation(call);
  if (argument === undefined) return -EFAULT;
  if (argument.extent_start !== 0n || argument.extent_order !== 0 || argument.mem_flags !== 0) return -EINVAL;
  const domain = call.xen.domains.get(argument.domid);
  if (domain === undefined) return -EINVAL;
  if (!isPrivileged(call.domain)) return -EPERM;
  if (domain.dying) return -EINVAL;
  const pages = argument.nr_extents;
  if (pages > 0 && (domain.outstandingPages > 0 || pages < domain.totPages)) return -EINVAL;
  if (pages > domain.maxPages && pages > 0) return -EINVAL;
  return call.xen.frames.claim(domain, pages) ? 0 : -ENOMEM;
}

/** Whether argument 0 says that an earlier part of the call was done; for operations that have no parts. */
export function continues(call: Call): boolean {
  return startExtent(call) !== 0;
}

/** How many extents an earlier part of the call has done. */
export function startExtent(call: Call): number {
  return call.u32(0) >>> MEMOP_EXTENT_SHIFT;
}

/** Asks to be called again from extent `index` on. */
export function continueFrom(call: Call, index: number): HypercallResult {
  call.args[0] = BigInt((call.u32(0) & MEMOP_CMD_MASK) + index * 2 ** MEMOP_EXTENT_SHIFT);
  return CONTINUE;
}

/** Frames below the reservation's limit; what lies above goes back at once. */
function allocate({ domain, order, frameLimit }: Reservation): number {
  const { frames } = domain.xen;
  const mfn = frames.allocate(domain, order);
  if (mfn === NO_FRAME || mfn + 2 ** order <= frameLimit) return mfn;
  for (let page = mfn; page < mfn + 2 ** order; page++) frames.putAllocation(page);
  return NO_FRAME;
}

function populate(reservation: Reservation, gfn: number): boolean {
  const { domain, order } = reservation;
  if (domain.p2m === undefined) return false;
  const count = 2 ** order;
  const mfn = allocate(reservation);
  if (mfn === NO_FRAME) {
    // A block may be missing where single frames are there; behind a p2m nobody sees the difference.
    return order > 0 && populateSingly(reservation, gfn, count);
  }
  for (let page = 0; page < count; page++) {
    if (addPage(domain, gfn + page, mfn + page) === 0) continue;
    for (let left = page; left < count; left++) domain.xen.frames.putAllocation(mfn + left);
    return false;
  }
  return true;
}

function populateSingly(reservation: Reservation, gfn: number, count: number): boolean {
  const { domain } = reservation;
  for (let page = 0; page < count; page++) {
    const mfn = allocate({ ...reservation, order: 0 });
    if (mfn === NO_FRAME) return false;
    if (addPage(domain, gfn + page, mfn) !== 0) {
      domain.xen.frames.putAllocation(mfn);
      return false;
    }
  }
  return true;
}

function release(domain: Domain, gfn: number): number {
  if (domain.p2m !== undefined) return removePage(domain, gfn);
  const { frames } = domain.xen;
  if (frames.owner(gfn) !== domain || frames.isXen(gfn)) return -EINVAL;
  frames.putAllocation(gfn);
  return 0;
}

/**
 * Runs an operation on each extent until one fails. As in Xen, whatever is wrong with the arguments shows only in the
 * number of extents done.
 */
function forEachExtent(
  call: Call,
  operate: (reservation: Reservation, gfn: number, index: number) => boolean,
  { withoutFrames = false, maxOrder = isPrivileged(call.domain) ? CTLDOM_MAX_ORDER : DOMU_MAX_ORDER } = {},
): HypercallResult {
  const start = startExtent(call);
  const argument = fetchReservation(call);
  if (argument === undefined || argument.nr_extents > MAX_EXTENTS || start >= argument.nr_extents) return start;
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined || argument.extent_order > maxOrder || !mayControl(call.domain, domain)) return start;
  const frameLimit = limitOf(call, argument.mem_flags);
  if (frameLimit === undefined) return start;

  const reservation: Reservation = {
    domain,
    extents: argument.extent_start,
    count: argument.nr_extents,
    order: argument.extent_order,
    frameLimit,
  };
  const stop = start + Math.max(1, STEPS_BEFORE_CONTINUE >>> reservation.order);
  for (let index = start; index < reservation.count; index++) {
    if (index === stop) return continueFrom(call, index);
    const gfn = withoutFrames ? INVALID_GFN : call.fetchLong(reservation.extents, index);
    if (gfn === undefined || !operate(reservation, gfn, index)) return index;
  }
  return reservation.count;
}

/** The end of the memory that `flags` allow, as a frame number; undefined where they are not for this caller. */
function limitOf(call: Call, flags: number): number | undefined {
  const bits = flags & 0xff;
  if (bits !== 0 && bits <= PAGE_BITS) return undefined;
  const node = (flags >>> 8) & 0xff;
  const exact = (flags & XENMEMF_exact_node_request) !== 0;
  const virtual = (flags & XENMEMF_vnode) !== 0;
  if (node !== 0 && !virtual) {
    // A node is the toolstack's wish; a guest's is no more than a hint (XSA-231: a number past the last node).
    if (isPrivileged(call.domain) ? node > MAX_NUMNODES : exact) return undefined;
  }
  return bits === 0 ? Number.POSITIVE_INFINITY : 2 ** (bits - PAGE_BITS);
}

function fetchReservation(call: Call): XenMemoryReservation | CompatXenMemoryReservation | undefined {
  const structure = call.compat ? CompatXenMemoryReservation : XenMemoryReservation;
  const at = call.fetch(call.handle(1), structure.SIZE);
  return at < 0 ? undefined : new structure(call.view, at);
}

function ofDomain(call: Call, answer: (domain: Domain) => number): HypercallResult {
  if (continues(call)) return -EINVAL;
  const at = call.fetch(call.handle(1), XenMemoryDomain.SIZE);
  if (at < 0) return -EFAULT;
  const domain = call.xen.find(new XenMemoryDomain(call.view, at).domid, call.domain);
  if (domain === undefined) return -ESRCH;
  return mayControl(call.domain, domain) ? answer(domain) : -EPERM;
}
