import {
  GNTST_bad_domain,
  GNTST_bad_page,
  GNTST_general_error,
  GNTST_okay,
  GnttabTransfer,
  GrantEntryV1,
  GTF_accept_transfer,
  GTF_transfer_committed,
  GTF_transfer_completed,
} from '../../abi/grant_table.ts';
import { GrantEntryV2 } from '../../abi/grant_table-v2.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { addPage } from '../x86/mm/physmap.ts';
import type { Call, HypercallResult } from './call.ts';
import { GRANT_TRANSFER } from '../trace/events.ts';
import type { Domain } from './domain.ts';
import { forEachOperation } from './grant-operations.ts';

/**
 * GNTTABOP_transfer: gives frames of the caller's away, to whoever left an entry that accepts one. As in Xen a frame
 * whose receiver turns out not to want it is lost to both. Only callers that see machine frames may.
 */
export function gnttabTransfer(call: Call): HypercallResult {
  return forEachOperation(call, GnttabTransfer.SIZE, transfer);
}

function transfer(call: Call, at: number): void {
  const operation = new GnttabTransfer(call.view, at);
  operation.status = transferOne(call, operation);
}

function transferOne(call: Call, { mfn, domid, ref }: GnttabTransfer): number {
  const { frames, domains } = call.xen;
  const giver = call.domain;
  if (!frames.valid(mfn) || frames.owner(mfn) !== giver || frames.isXen(mfn)) return GNTST_bad_page;
  // Somebody else still sees it: it is not the caller's alone to give.
  if (frames.references(mfn) !== 1) return GNTST_bad_page;
  const receiver = domains.get(domid);
  const accepted = receiver !== undefined && accept(receiver, giver, ref);
  const contents = call.xen.memory.frame(mfn).slice();
  frames.putAllocation(mfn);
  if (receiver === undefined) return GNTST_bad_domain;
  if (!accepted) return GNTST_general_error;

  // The frame changes hands by being freed and taken again: its contents go with it.
  const taken = frames.allocate(receiver, 0);
  if (taken === 0) return GNTST_general_error;
  call.xen.memory.bytes.set(contents, taken * PAGE_SIZE);
  frames.written(taken * PAGE_SIZE, PAGE_SIZE);
  call.xen.traceBuffer?.record(GRANT_TRANSFER, domid, domid, ref);
  return complete(receiver, ref, taken);
}

/** Whether an entry accepts a frame from `giver`; it is then committed to that one. */
function accept({ grants, xen, dying, totPages, maxPages }: Domain, giver: Domain, ref: number): boolean {
  if (dying || totPages >= maxPages || !(ref < grants.entries)) return false;
  const { view } = xen.memory;
  const at = grants.entryAt(ref);
  const header = new GrantEntryV1(view, at);
  if (header.flags !== GTF_accept_transfer || header.domid !== giver.id) return false;
  header.flags |= GTF_transfer_committed;
  return true;
}

/** Puts the frame where the entry wants it and says so in the entry. */
function complete(receiver: Domain, ref: number, mfn: number): number {
  const { grants, xen } = receiver;
  const at = grants.entryAt(ref);
  const { view } = xen.memory;
  const entry = grants.version === 1 ? new GrantEntryV1(view, at) : new GrantEntryV2(view, at);
  const added = receiver.p2m === undefined ? 0 : addPage(receiver, entry.frame, mfn);
  if (receiver.p2m === undefined) entry.frame = mfn as typeof entry.frame;
  new GrantEntryV1(view, at).flags |= GTF_transfer_completed;
  return added === 0 ? GNTST_okay : GNTST_general_error;
}
