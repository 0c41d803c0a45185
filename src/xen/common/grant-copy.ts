import { CompatGnttabCopy } from '../../abi/compat/grant_table.ts';
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_bad_page,
  GNTST_okay,
  GNTST_permission_denied,
  GnttabCopy,
} from '../../abi/grant_table.ts';
import { DOMID_SELF } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_RAM_RO, P2M_RAM_RW } from '../x86/mm/p2m.ts';
import type { Call, HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { forEach } from './grant-table-op.ts';

type CopyEnd = GnttabCopy['source'] | CompatGnttabCopy['source'];

/** A frame to copy from or to, and what to undo afterwards. */
interface Page {
  readonly mfn: number;
  readonly release: () => void;
}

/** GNTTABOP_copy: copies within one page each, from and to grants or the caller's own frames. */
export function gnttabCopy(call: Call): HypercallResult {
  return forEach<GnttabCopy | CompatGnttabCopy>(call, call.compat ? CompatGnttabCopy : GnttabCopy, (operation) => {
    operation.status = copyOne(call, operation);
  });
}

function copyOne(call: Call, operation: GnttabCopy | CompatGnttabCopy): number {
  const { source, dest, flags, len } = operation;
  const from = claim(call, source, (flags & GNTCOPY_source_gref) !== 0, true);
  if (typeof from === 'number') return from;
  const to = claim(call, dest, (flags & GNTCOPY_dest_gref) !== 0, false);
  if (typeof to === 'number') {
    from.release();
    return to;
  }
  let status: number = GNTST_okay;
  if (source.offset + len > PAGE_SIZE || dest.offset + len > PAGE_SIZE) {
    status = GNTST_bad_copy_arg;
  } else {
    const start = from.mfn * PAGE_SIZE + source.offset;
    const target = to.mfn * PAGE_SIZE + dest.offset;
    call.xen.memory.bytes.copyWithin(target, start, start + len);
    call.xen.frames.written(target, len);
  }
  to.release();
  from.release();
  return status;
}

function claim(call: Call, end: CopyEnd, granted: boolean, readonly: boolean): Page | number {
  // A frame number is the caller's own; what others have is reached by grants alone.
  if (!granted && end.domid !== DOMID_SELF) return GNTST_permission_denied;
  const domain = call.xen.find(end.domid, call.domain);
  if (domain === undefined) return GNTST_bad_domain;
  return granted ? claimGrant(call, domain, end.ref, readonly) : claimOwn(domain, end.gmfn, readonly);
}

function claimGrant(call: Call, granter: Domain, ref: number, readonly: boolean): Page | number {
  const active = granter.grants.acquire(ref, call.domain, readonly, false);
  if (typeof active === 'number') return active;
  return { mfn: active.mfn, release: () => granter.grants.release(ref, readonly) };
}

function claimOwn(domain: Domain, gfn: number, readonly: boolean): Page | number {
  const { frames } = domain.xen;
  const type = domain.p2m?.type(gfn) ?? P2M_RAM_RW;
  if (type !== P2M_RAM_RW && !(type === P2M_RAM_RO && readonly)) return GNTST_bad_page;
  const mfn = domain.p2m === undefined ? gfn : domain.p2m.mfn(gfn);
  if (!frames.get(mfn, domain)) return GNTST_bad_page;
  return { mfn, release: () => frames.put(mfn) };
}
