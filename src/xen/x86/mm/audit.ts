import type { Domain } from '../../common/domain.ts';
import { INVALID_M2P } from '../../common/frame-table.ts';
import { P2M_POPULATE_ON_DEMAND, P2M_RAM_RO, P2M_RAM_RW } from './p2m.ts';

/** What does not agree between a domain's p2m and what is known of machine frames. */
export interface P2mAudit {
  /** Frames of the domain that no guest frame leads to: given away from the p2m, or waiting in a cache. */
  readonly orphans: number;
  /** Frames that say they back a guest frame which another backs. */
  readonly m2pBad: number;
  /** Entries whose machine frame says it backs another guest frame, or belongs to somebody else. */
  readonly p2mBad: number;
  /** Entries that wait to be populated. */
  readonly onDemand: number;
}

/** Compares a domain's p2m with the frame table, both ways. */
export function auditP2m(domain: Domain): P2mAudit {
  const { p2m, xen } = domain;
  const { frames } = xen;
  let [orphans, m2pBad, p2mBad, onDemand] = [0, 0, 0, 0];
  if (p2m === undefined) return { orphans, m2pBad, p2mBad, onDemand };
  p2m.forEach((gfn, mfn, type) => {
    if (type === P2M_POPULATE_ON_DEMAND) onDemand += 1;
    if (type !== P2M_RAM_RW && type !== P2M_RAM_RO) return;
    if (frames.owner(mfn) !== domain || frames.m2p(mfn) !== gfn) p2mBad += 1;
  });
  frames.forEachOf(domain, (mfn) => {
    const gfn = frames.m2p(mfn);
    if (gfn === INVALID_M2P) orphans += 1;
    else if (p2m.peekMfn(gfn) !== mfn) m2pBad += 1;
  });
  return { orphans, m2pBad, p2mBad, onDemand };
}
