import { CompatGnttabCopy } from '../../abi/compat/grant_table.ts';
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_bad_page,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  GnttabCopy,
} from '../../abi/grant_table.ts';
import { DOMID_SELF, type Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import type { Call, HypercallResult } from './call.ts';
import { GRANT_COPY } from '../trace/events.ts';
import type { Domain } from './domain.ts';
import { forEachOperation } from './grant-operations.ts';

type Copy = GnttabCopy | CompatGnttabCopy;

/** A page to copy from or to. Numbers alone: a reference would have to be told to the garbage collector each time. */
class Page {
  mfn = 0;
  /** The part that may be touched. */
  start = 0;
  end = 0;

  /** Takes a frame of the caller's own; GNTST_*. It stays that without being held: nobody runs during the copy. */
  takeOwn(domain: Domain, gfn: number, readonly: boolean): number {
    const mfn = domain.p2m === undefined ? gfn : domain.p2m.ram(gfn, readonly);
    if (!domain.xen.frames.has(mfn, domain)) return GNTST_bad_page;
    this.mfn = mfn;
    this.start = 0;
    this.end = PAGE_SIZE;
    return GNTST_okay;
  }

  /** Takes what a grant gives, until it is released; GNTST_*. */
  takeGranted({ grants }: Domain, ref: number, user: Domain, readonly: boolean): number {
    const acquired = grants.acquireForCopy(ref, user.id, readonly, true);
    if (acquired !== GNTST_okay) return acquired;
    this.mfn = grants.active.mfn(ref);
    this.start = grants.active.start(ref);
    this.end = this.start + grants.active.length(ref);
    return GNTST_okay;
  }
}

// Copies do not overlap in time: two pages do for all of them.
const SOURCE = new Page();
const DESTINATION = new Page();

/** GNTTABOP_copy: copies within one page each, from and to grants or the caller's own frames. */
export function gnttabCopy(call: Call): HypercallResult {
  return call.compat
    ? forEachOperation(call, CompatGnttabCopy.SIZE, copyCompat)
    : forEachOperation(call, GnttabCopy.SIZE, copyNative);
}

function copyNative(call: Call, at: number): void {
  const operation = new GnttabCopy(call.view, at);
  operation.status = copyOne(call, operation);
}

function copyCompat(call: Call, at: number): void {
  const operation = new CompatGnttabCopy(call.view, at);
  operation.status = copyOne(call, operation);
}

function copyOne(call: Call, operation: Copy): number {
  const { source, dest, flags, len } = operation;
  const fromGrant = (flags & GNTCOPY_source_gref) !== 0;
  const toGrant = (flags & GNTCOPY_dest_gref) !== 0;
  const giver = domainOf(call, source.domid, fromGrant);
  if (typeof giver === 'number') return giver;
  const taker = domainOf(call, dest.domid, toGrant);
  if (typeof taker === 'number') return taker;

  const from = take(call, SOURCE, giver, source, fromGrant, true);
  if (from !== GNTST_okay) return from;
  const to = take(call, DESTINATION, taker, dest, toGrant, false);
  if (to !== GNTST_okay) {
    if (fromGrant) giver.grants.release(source.ref, true);
    return to;
  }
  const status = copyBytes(call, source.offset, dest.offset, len);
  if (call.xen.traceBuffer !== undefined) recordCopy(call, operation, giver.id, taker.id, status);
  if (toGrant) taker.grants.release(dest.ref, false);
  if (fromGrant) giver.grants.release(source.ref, true);
  return status;
}

/** A frame number is the caller's own; what others have is reached by grants alone. */
function domainOf(call: Call, domid: Copy['source']['domid'], granted: boolean): Domain | number {
  if (!granted && domid !== DOMID_SELF) return GNTST_permission_denied;
  return call.xen.find(domid, call.domain) ?? GNTST_bad_domain;
}

function take(
  call: Call,
  page: Page,
  domain: Domain,
  end: Copy['source'],
  granted: boolean,
  readonly: boolean,
): number {
  return granted ? page.takeGranted(domain, end.ref, call.domain, readonly) : page.takeOwn(domain, end.gmfn, readonly);
}

function copyBytes(call: Call, from: number, to: number, len: number): number {
  if (from + len > PAGE_SIZE || to + len > PAGE_SIZE) return GNTST_bad_copy_arg;
  if (from < SOURCE.start || from + len > SOURCE.end) return GNTST_general_error;
  if (to < DESTINATION.start || to + len > DESTINATION.end) return GNTST_general_error;
  const start = SOURCE.mfn * PAGE_SIZE + from;
  const target = DESTINATION.mfn * PAGE_SIZE + to;
  call.xen.memory.bytes.copyWithin(target, start, start + len);
  call.xen.frames.written(target, len);
  return GNTST_okay;
}

function recordCopy({ domain, xen }: Call, { source, dest, flags, len }: Copy, from: Domid, to: Domid, status: number) {
  // Whoever is not the caller is whom it concerns.
  const subject = from === domain.id ? to : from;
  const fromPlace = (flags & GNTCOPY_source_gref) !== 0 ? source.ref : source.gmfn;
  const toPlace = (flags & GNTCOPY_dest_gref) !== 0 ? dest.ref : dest.gmfn;
  const offsets = (source.offset << 16) | dest.offset;
  xen.traceBuffer?.record(GRANT_COPY, subject, (from << 16) | to, fromPlace, toPlace, offsets, len, status);
}
