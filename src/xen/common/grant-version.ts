import { EBUSY, EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM, ERANGE, ESRCH } from '../../abi/errno.ts';
import {
  GNTST_bad_gntref,
  GNTST_eagain,
  GNTST_okay,
  GNTTAB_NR_RESERVED_ENTRIES,
  GnttabGetVersion,
  GnttabSetVersion,
  GnttabSwapGrantRef,
  GrantEntryV1,
  GTF_invalid,
  GTF_permit_access,
  GTF_reading,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
} from '../../abi/grant_table.ts';
import { GrantEntryV2 } from '../../abi/grant_table-v2.ts';
import { unhookPage } from '../x86/mm/physmap.ts';
import { mayControl } from '../xsm.ts';
import type { Call, HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { INVALID_M2P } from './frame-table.ts';
import { forEachOperation } from './grant-operations.ts';

const IN_USE = GTF_reading | GTF_writing;
const V1_FRAMES = 2 ** 32;

/** GNTTABOP_set_version: tells the version in use in any case. */
export function gnttabSetVersion(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), GnttabSetVersion.SIZE);
  if (at < 0) return -EFAULT;
  const operation = new GnttabSetVersion(call.view, at);
  const result = setVersion(call.domain, operation.version);
  operation.version = call.domain.grants.version;
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
  operation.version = domain.grants.version;
  return call.store(call.handle(1), at, GnttabGetVersion.SIZE) ? 0 : -EFAULT;
}

/** GNTTABOP_swap_grant_ref: two entries that nobody uses change places. */
export function gnttabSwapGrantRef(call: Call): HypercallResult {
  return forEachOperation(call, GnttabSwapGrantRef.SIZE, swapGrantRef);
}

/** A row of the table as both versions have it. */
interface Entry {
  readonly flags: number;
  readonly domid: GrantEntryV1['domid'];
  readonly frame: GrantEntryV1['frame'];
}

const NO_ENTRY: Entry = { flags: GTF_invalid, domid: 0 as Entry['domid'], frame: 0 as Entry['frame'] };

/**
 * Changes the layout of a domain's table. The entries are lost but for those that the toolstack filled, whose pages
 * dom0's daemons keep mapped. 0 or an errno.
 */
function setVersion(domain: Domain, version: number): number {
  if (version !== 1 && version !== 2) return -EINVAL;
  const { grants } = domain;
  if (version === 2 && grants.maxVersion === 1) return -ENOSYS; // as before there was this operation
  if (version === grants.version) return 0;
  for (let ref = GNTTAB_NR_RESERVED_ENTRIES; ref < grants.entries; ref++) {
    if (grants.active.isPinned(ref)) return -EBUSY;
  }
  if (version === 2 && !grants.addStatusFrames()) return -ENOMEM;
  if (version === 1 && !isRepresentable(domain)) return -ERANGE;

  const kept = Array.from({ length: GNTTAB_NR_RESERVED_ENTRIES }, (_, ref) => readEntry(domain, ref));
  if (version === 1) {
    const removed = removeStatusFrames(domain);
    if (removed < 0) return removed;
  }
  for (const mfn of grants.frames) domain.xen.memory.frame(mfn).fill(0);
  grants.version = version;
  kept.forEach((entry, ref) => writeEntry(domain, ref, entry));
  return 0;
}

/** Whether version 1 can express what is kept of version 2's entries. */
function isRepresentable({ xen, grants }: Domain): boolean {
  for (let ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++) {
    const entry = new GrantEntryV2(xen.memory.view, grants.entryAt(ref));
    const type = entry.hdr.flags & GTF_type_mask;
    if (type === GTF_transitive || (type === GTF_permit_access && entry.frame >= V1_FRAMES)) return false;
  }
  return true;
}

function readEntry({ xen, grants }: Domain, ref: number): Entry {
  const at = grants.entryAt(ref);
  const { view } = xen.memory;
  if (grants.version === 1) {
    const { flags, domid, frame } = new GrantEntryV1(view, at);
    return { flags, domid, frame };
  }
  const { hdr, frame } = new GrantEntryV2(view, at);
  const { flags, domid } = hdr;
  if ((flags & GTF_type_mask) !== GTF_permit_access) return NO_ENTRY;
  return { flags: flags | view.getUint16(grants.statusAt(ref), true), domid, frame };
}

function writeEntry({ xen, grants }: Domain, ref: number, { flags, domid, frame }: Entry): void {
  const at = grants.entryAt(ref);
  const { view } = xen.memory;
  if (grants.version === 1) {
    const entry = new GrantEntryV1(view, at);
    entry.frame = frame;
    entry.domid = domid;
    entry.flags = flags;
    return;
  }
  view.setUint16(grants.statusAt(ref), flags & IN_USE, true);
  const entry = new GrantEntryV2(view, at);
  entry.frame = frame;
  entry.hdr.domid = domid;
  entry.hdr.flags = flags & ~IN_USE;
}

/**
 * Takes the status frames from the domain, out of its sight too (XSA-379). Where somebody still holds one it cannot
 * be freed: what has happened by then cannot be undone, and the domain is crashed, as by Xen.
 */
function removeStatusFrames(domain: Domain): number {
  const { grants, xen } = domain;
  for (const mfn of grants.statusFrames) {
    const gfn = xen.frames.m2p(mfn);
    if (domain.p2m !== undefined && gfn !== INVALID_M2P) unhookPage(domain, gfn);
    if (xen.frames.references(mfn) === 1) continue;
    domain.crash(`a status frame of its grant table is in use, mfn ${mfn.toString(16)}`);
    return -EBUSY;
  }
  for (const mfn of grants.statusFrames.splice(0)) xen.frames.putAllocation(mfn);
  return 0;
}

function swapGrantRef(call: Call, at: number): void {
  const operation = new GnttabSwapGrantRef(call.view, at);
  operation.status = swap(call.domain, operation.ref_a, operation.ref_b);
}

function swap({ grants, xen }: Domain, a: number, b: number): number {
  if (a >= grants.entries || b >= grants.entries) return GNTST_bad_gntref;
  if (a === b) return GNTST_okay;
  if (grants.active.isPinned(a) || grants.active.isPinned(b)) return GNTST_eagain;
  const { bytes } = xen.memory;
  const size = grants.version === 1 ? GrantEntryV1.SIZE : GrantEntryV2.SIZE;
  swapBytes(bytes, grants.entryAt(a), grants.entryAt(b), size);
  if (grants.version === 2) swapBytes(bytes, grants.statusAt(a), grants.statusAt(b), 2);
  return GNTST_okay;
}

function swapBytes(bytes: Uint8Array, a: number, b: number, length: number): void {
  const kept = bytes.slice(a, a + length);
  bytes.copyWithin(a, b, b + length);
  bytes.set(kept, b);
}
