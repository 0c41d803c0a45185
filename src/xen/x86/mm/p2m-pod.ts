import { EBUSY, EINVAL, ENOMEM } from '../../../abi/errno.ts';
import { PAGE_SIZE } from '../../../cpu/engine.ts';
import { NO_FRAME } from '../../common/buddy.ts';
import { CONTINUE, type HypercallResult, STEPS_BEFORE_CONTINUE } from '../../common/call.ts';
import type { Domain } from '../../common/domain.ts';
import { INVALID_M2P } from '../../common/frame-table.ts';
import { recordPopulate, recordZeroReclaim } from '../../trace/memory-records.ts';
import { type P2m, P2M_NONE, P2M_POPULATE_ON_DEMAND, P2M_RAM_RO, P2M_RAM_RW } from './p2m.ts';

/** Guest frames that were populated last: tried first when the cache is short, as a guest zeroes memory at its start. */
const RECENT = 32;
/** Frames that the instruction in flight may just have been given stay out of reach of a reclaim. */
const UNTOUCHABLE = 8;
/** Frames that a sweep looks at before it stops with what it has found. */
const SWEEP_LIMIT = 1024;
const WORDS = PAGE_SIZE / 4;

/**
 * Populate on demand (Xen's p2m-pod.c): guest frames that have no memory until they are touched, and the domain's
 * cache of frames for them. A guest that is told of more memory than it gets starts with its balloon driver on the
 * way; what it touches until then comes from the cache, and frames it left zero are taken back when that is empty.
 */
export class PopulateOnDemand {
  readonly #domain: Domain;
  readonly #p2m: P2m;
  readonly #words: Int32Array;
  /** Machine frames of the domain's that are nowhere in its p2m, and zero. */
  readonly #cache: number[] = [];
  /** Guest frames without memory. */
  entries = 0;
  /** The highest guest frame that was populated by being touched. */
  #maxGuest = 0;
  #sweepAt = 0;
  readonly #recent: number[] = [];

  constructor(domain: Domain, p2m: P2m) {
    this.#domain = domain;
    this.#p2m = p2m;
    this.#words = new Int32Array(domain.xen.memory.buffer);
  }

  /** Frames in the cache. */
  get count(): number {
    return this.#cache.length;
  }

  /** XENMEM_populate_physmap with XENMEMF_populate_on_demand: 0 or a negative errno. */
  mark(gfn: number, order: number): number {
    const end = gfn + 2 ** order;
    for (let at = gfn; at < end; at++) {
      const type = this.#p2m.peekType(at);
      if (type !== P2M_NONE && type !== P2M_POPULATE_ON_DEMAND) return -EBUSY;
    }
    for (let at = gfn; at < end; at++) {
      const before = this.#p2m.peekType(at);
      if (!this.#p2m.set(at, 0, P2M_POPULATE_ON_DEMAND)) return -ENOMEM;
      if (before === P2M_NONE) this.entries += 1;
    }
    return 0;
  }

  /**
   * XENMEM_set_pod_target: the domain is to have `target` pages in all. The cache grows to what that leaves for
   * entries; it never shrinks here, since the guest may touch memory before its balloon driver frees some.
   */
  setTarget(target: number): HypercallResult {
    const populated = this.#domain.totPages - this.count;
    if ((populated > 0 && this.entries === 0) || this.#domain.dying || target < this.#domain.totPages) return 0;
    const wanted = target - populated;
    return this.#grow(populated > 0 ? Math.min(wanted, this.entries) : wanted);
  }

  /**
   * The guest gives a frame back (XENMEM_decrease_reservation). An entry without memory just goes; memory is kept for
   * the cache while that is short. False: neither applies, and the frame is freed as any other.
   */
  giveBack(gfn: number): boolean {
    if (this.entries === 0 || this.#domain.dying) return false;
    const type = this.#p2m.peekType(gfn);
    if (type === P2M_POPULATE_ON_DEMAND) {
      this.forget(gfn);
      return true;
    }
    if (this.entries <= this.count || (type !== P2M_RAM_RW && type !== P2M_RAM_RO)) return false;
    const mfn = this.#p2m.peekMfn(gfn);
    const { frames } = this.#domain.xen;
    // A frame that somebody else has mapped is not ours to hand out again.
    if (frames.owner(mfn) !== this.#domain || frames.isXen(mfn) || frames.references(mfn) !== 1) return false;
    this.#p2m.remove(gfn);
    frames.setM2p(mfn, INVALID_M2P);
    frames.clear(mfn);
    this.#cache.push(mfn);
    return true;
  }

  /** Drops an entry that has no memory, and from the cache what it no longer needs. */
  forget(gfn: number): void {
    this.#p2m.remove(gfn);
    this.entries -= 1;
    while (this.count > this.entries) this.#domain.xen.frames.putAllocation(this.#cache.pop() as number);
  }

  /** Gives a guest frame its memory. False where there is none left, and then the domain has crashed. */
  populate(gfn: number): boolean {
    const domain = this.#domain;
    if (domain.dying) return false;
    if (this.entries > this.count && this.count === 0) this.#reclaimRecent();
    if (this.count === 0) this.#sweep();
    const mfn = this.#cache.pop();
    if (mfn === undefined) {
      if (!domain.shuttingDown) {
        domain.crash(`out of PoD memory! (tot=${domain.totPages} ents=${this.entries} gfn ${gfn.toString(16)})`);
      }
      return false;
    }
    if (domain.xen.traceBuffer !== undefined) recordPopulate(domain, gfn, mfn);
    this.#p2m.set(gfn, mfn, P2M_RAM_RW);
    domain.xen.frames.setM2p(mfn, gfn);
    this.entries -= 1;
    this.#maxGuest = Math.max(this.#maxGuest, gfn);
    this.#recent.push(gfn);
    if (this.#recent.length > RECENT + UNTOUCHABLE) this.#recent.shift();
    return true;
  }

  /** A frame of the cache goes out of use, and another takes its place. False where it is not in the cache. */
  replace(mfn: number): boolean {
    const at = this.#cache.indexOf(mfn);
    if (at < 0) return false;
    const { frames } = this.#domain.xen;
    this.#cache.splice(at, 1);
    frames.putAllocation(mfn);
    const other = frames.allocate(this.#domain, 0);
    if (other !== NO_FRAME) this.#cache.push(other);
    return true;
  }

  #grow(wanted: number): HypercallResult {
    const { frames } = this.#domain.xen;
    for (let steps = 0; this.count < wanted; steps++) {
      if (steps === STEPS_BEFORE_CONTINUE) return CONTINUE;
      const mfn = frames.allocate(this.#domain, 0);
      if (mfn === NO_FRAME) {
        this.#domain.xen.log(
          `Unable to allocate page for PoD cache of domain ${this.#domain.id} (target=${wanted} cache=${this.count})`,
        );
        return -ENOMEM;
      }
      this.#cache.push(mfn);
    }
    return 0;
  }

  #reclaimRecent(): void {
    const candidates = this.#recent.splice(0, Math.max(0, this.#recent.length - UNTOUCHABLE));
    for (const gfn of candidates) if (this.#reclaim(gfn)) break;
    this.#flush();
  }

  /** Looks through the guest's memory for frames that are zero, from where the last sweep stopped downwards. */
  #sweep(): void {
    if (this.#sweepAt === 0) this.#sweepAt = this.#maxGuest;
    const limit = Math.max(0, this.#sweepAt - SWEEP_LIMIT);
    const kept = new Set(this.#recent.slice(-UNTOUCHABLE));
    let gfn = this.#sweepAt;
    for (; gfn > 0; gfn--) {
      if (!kept.has(gfn)) this.#reclaim(gfn);
      if (gfn < limit && this.count > 0) break;
    }
    this.#sweepAt = Math.max(0, gfn - 1);
    this.#flush();
  }

  /** Takes a frame back where it is the guest's alone, and zero. */
  #reclaim(gfn: number): boolean {
    if (this.#p2m.peekType(gfn) !== P2M_RAM_RW || this.#p2m.mayBeWrittenNow(gfn)) return false;
    const mfn = this.#p2m.peekMfn(gfn);
    const { frames } = this.#domain.xen;
    if (frames.owner(mfn) !== this.#domain || frames.isXen(mfn) || frames.references(mfn) !== 1) return false;
    if (!this.#isZero(mfn)) return false;
    if (this.#domain.xen.traceBuffer !== undefined) recordZeroReclaim(this.#domain, gfn, mfn);
    this.#p2m.set(gfn, 0, P2M_POPULATE_ON_DEMAND);
    frames.setM2p(mfn, INVALID_M2P);
    this.entries += 1;
    this.#cache.push(mfn);
    return true;
  }

  #isZero(mfn: number): boolean {
    const first = mfn * WORDS;
    for (let at = first; at < first + WORDS; at++) if (this.#words[at] !== 0) return false;
    return true;
  }

  /** This may be in the middle of an instruction: what was taken back must not be reached by a cached translation. */
  #flush(): void {
    this.#domain.hvm?.flushTlbs();
    this.#p2m.flushed();
  }
}

/** Drops the populate-on-demand entry at `gfn`, if that is what is there, before something else is put there. */
export function forgetOnDemand(p2m: P2m, gfn: number): void {
  if (p2m.peekType(gfn) === P2M_POPULATE_ON_DEMAND) p2m.pod?.forget(gfn);
}

/** XENMEM_populate_physmap with XENMEMF_populate_on_demand, of a domain that has a p2m. */
export function markOnDemand(domain: Domain, gfn: number, order: number): number {
  return domain.p2m?.pod?.mark(gfn, order) ?? -EINVAL;
}
