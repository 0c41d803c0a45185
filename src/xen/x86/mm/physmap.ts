import { EINVAL, ENOENT, ENOMEM, ENXIO } from '../../../abi/errno.ts';
import type { Domain } from '../../common/domain.ts';
import { INVALID_M2P } from '../../common/frame-table.ts';
import { P2M_MAP_FOREIGN, P2M_NONE, P2M_POPULATE_ON_DEMAND, P2M_RAM_RO, P2M_RAM_RW } from './p2m.ts';
import { forgetOnDemand } from './p2m-pod.ts';

// Changes to a translated domain's physical map. Results are 0 or a negative errno.

/**
 * Puts a frame of the domain's own at `gfn`. A frame that was there stays the domain's, but is nowhere in its map any
 * more, as in Xen; a mapping of somebody else's frame is in the way.
 */
export function addPage(domain: Domain, gfn: number, mfn: number): number {
  const p2m = domain.p2m;
  if (p2m === undefined) return -EINVAL;
  const { frames } = domain.xen;
  const type = p2m.peekType(gfn);
  if (type === P2M_RAM_RW || type === P2M_RAM_RO) frames.setM2p(p2m.peekMfn(gfn), INVALID_M2P);
  else if (type !== P2M_NONE && type !== P2M_POPULATE_ON_DEMAND) return -EINVAL;
  if (!p2m.set(gfn, mfn, P2M_RAM_RW)) return -ENOMEM;
  frames.setM2p(mfn, gfn);
  if (type === P2M_POPULATE_ON_DEMAND && p2m.pod !== undefined) p2m.pod.entries -= 1;
  return 0;
}

/** Leaves a hole at `gfn`; the frame stays the domain's. */
export function unhookPage(domain: Domain, gfn: number): void {
  const p2m = domain.p2m;
  if (p2m === undefined) return;
  const mfn = p2m.peekMfn(gfn);
  p2m.remove(gfn);
  if (domain.xen.frames.m2p(mfn) === gfn && domain.xen.frames.owner(mfn) === domain) {
    domain.xen.frames.setM2p(mfn, INVALID_M2P);
  }
}

/** Takes a frame of the domain's own away from it (Xen's guest_remove_page). -ENOENT where there is none. */
export function removePage(domain: Domain, gfn: number): number {
  const p2m = domain.p2m;
  if (p2m === undefined) return -EINVAL;
  if (p2m.peekType(gfn) === P2M_NONE) return -ENOENT;
  if (p2m.pod?.giveBack(gfn) === true) return 0;
  const mfn = p2m.peekMfn(gfn);
  const { frames } = domain.xen;
  if (frames.owner(mfn) !== domain || frames.isXen(mfn)) return -ENXIO;
  unhookPage(domain, gfn);
  frames.putAllocation(mfn);
  return 0;
}

/**
 * Takes away whatever `gfn` maps, so that something else can be put there: Xen's own pages are unhooked, the domain's
 * are freed, lest they leak. Frames of others stay, with -ENXIO.
 */
export function vacate(domain: Domain, gfn: number): number {
  const p2m = domain.p2m;
  if (p2m === undefined) return -EINVAL;
  forgetOnDemand(p2m, gfn);
  if (p2m.peekType(gfn) === P2M_NONE) return 0;
  const mfn = p2m.peekMfn(gfn);
  if (domain.xen.frames.owner(mfn) === domain && domain.xen.frames.isXen(mfn)) {
    unhookPage(domain, gfn);
    return 0;
  }
  return removePage(domain, gfn);
}

/** Maps a frame of another domain by privilege; it is held until `releaseForeign`. */
export function addForeign(domain: Domain, gfn: number, owner: Domain, ownerGfn: number): number {
  const p2m = domain.p2m;
  if (p2m === undefined) return -EINVAL;
  const mfn = guestFrame(owner, ownerGfn);
  if (mfn === 0) return -EINVAL;
  const vacated = vacateForeign(domain, gfn);
  if (vacated < 0) return vacated;
  if (!domain.xen.frames.get(mfn, owner)) return -EINVAL;
  if (p2m.set(gfn, mfn, P2M_MAP_FOREIGN)) return 0;
  domain.xen.frames.put(mfn);
  return -ENOMEM;
}

/** Undoes a foreign mapping at `gfn`, if that is what is there; else `vacate`. */
export function vacateForeign(domain: Domain, gfn: number): number {
  const p2m = domain.p2m;
  if (p2m === undefined) return -EINVAL;
  if (p2m.peekType(gfn) !== P2M_MAP_FOREIGN) return vacate(domain, gfn);
  const mfn = p2m.peekMfn(gfn);
  p2m.remove(gfn);
  domain.xen.frames.put(mfn);
  return 0;
}

/** The machine frame of a domain's own memory, or of a page of Xen's that it sees; 0 where there is none. */
export function guestFrame(domain: Domain, gfn: number): number {
  const { p2m } = domain;
  if (p2m === undefined) return domain.xen.frames.owner(gfn) === domain ? gfn : 0;
  const type = p2m.type(gfn);
  return type === P2M_RAM_RW || type === P2M_RAM_RO ? p2m.mfn(gfn) : 0;
}
