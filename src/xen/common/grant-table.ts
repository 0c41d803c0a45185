import {
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_eagain,
  GNTST_general_error,
  GNTST_okay,
  GrantEntryV1,
  GTF_permit_access,
  GTF_readonly,
  GTF_reading,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
} from '../../abi/grant_table.ts';
import { GrantEntryV2 } from '../../abi/grant_table-v2.ts';
import type { Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { assert } from '../../lib/assert.ts';
import { NO_FRAME } from './buddy.ts';
import type { Domain } from './domain.ts';
import { ActiveGrants } from './grant-active.ts';
import { Maptrack } from './grant-maptrack.ts';

export type GrantVersion = 1 | 2;

const ENTRIES_PER_FRAME_V1 = PAGE_SIZE / GrantEntryV1.SIZE;
const ENTRIES_PER_FRAME_V2 = PAGE_SIZE / GrantEntryV2.SIZE;
/** Version 2 keeps GTF_reading and GTF_writing in a table of 16-bit words of its own. */
const STATUS_BYTES = 2;
const STATUS_PER_FRAME = PAGE_SIZE / STATUS_BYTES;

// Fields of an entry, which are read on every use of a grant. Both versions begin alike.
const AT_DOMID = 2;
const AT_FRAME_V1 = 4;
const AT_PAGE_OFF = 4;
const AT_LENGTH = 6;
const AT_TRANS_DOMID = 4;
const AT_FRAME_V2 = 8;
const AT_TRANS_GREF = 8;

/** A domain's grant table: what it grants, and what it has mapped of others (Xen's struct grant_table). */
export class GrantTable {
  readonly #domain: Domain;
  readonly maxFrames: number;
  /** The highest version the domain may choose. */
  readonly maxVersion: GrantVersion;
  /** The layout of `frames`. Only `setVersion` changes it. */
  version: GrantVersion = 1;
  /** Machine frames of the shared table, and of version 2's status words. */
  readonly frames: number[] = [];
  readonly statusFrames: number[] = [];
  readonly active = new ActiveGrants();
  readonly maptrack: Maptrack;

  constructor(domain: Domain, maxFrames: number, maxMaptrackFrames: number, maxVersion: GrantVersion) {
    this.#domain = domain;
    this.maxFrames = maxFrames;
    this.maxVersion = maxVersion;
    this.maptrack = new Maptrack(maxMaptrackFrames);
  }

  /** Entries of the table as it is. */
  get entries(): number {
    return this.frames.length * (this.version === 1 ? ENTRIES_PER_FRAME_V1 : ENTRIES_PER_FRAME_V2);
  }

  /** Grants of others that are mapped. */
  get maptrackInUse(): number {
    return this.maptrack.inUse;
  }

  /** Makes the table at least `frames` long; false past its limit or where memory is short. */
  grow(frames: number): boolean {
    if (frames > this.maxFrames) return false;
    const wanted = Math.max(frames, this.frames.length);
    if (this.version === 2 && !this.#fill(this.statusFrames, statusFramesOf(wanted))) return false;
    if (wanted === this.frames.length) return true;
    if (!this.#fill(this.frames, wanted)) return false;
    this.active.resize(wanted * ENTRIES_PER_FRAME_V1);
    return true;
  }

  /** Makes a table of status words for all entries there may be in the frames there are. */
  addStatusFrames(): boolean {
    return this.#fill(this.statusFrames, statusFramesOf(this.frames.length));
  }

  /**
   * XENMAPSPACE_grant_table: the machine frame of a part of the table, which grows as far as that.
   *
   * @returns NO_FRAME past the limit
   */
  frameFor(index: number): number {
    if (!(index < this.maxFrames) || !this.grow(index + 1)) return NO_FRAME;
    return this.frames[index] as number;
  }

  /** The same for version 2's status words; NO_FRAME in version 1 as well. */
  statusFrameFor(index: number): number {
    if (this.version === 1) return NO_FRAME;
    if (index >= this.statusFrames.length) {
      const needed = Math.ceil(((index + 1) * STATUS_PER_FRAME) / ENTRIES_PER_FRAME_V2);
      if (!this.grow(needed)) return NO_FRAME;
    }
    return this.statusFrames[index] ?? NO_FRAME;
  }

  /** Machine address of an entry. */
  entryAt(ref: number): number {
    const perFrame = this.version === 1 ? ENTRIES_PER_FRAME_V1 : ENTRIES_PER_FRAME_V2;
    const mfn = this.frames[Math.floor(ref / perFrame)] as number;
    return mfn * PAGE_SIZE + (ref % perFrame) * (PAGE_SIZE / perFrame);
  }

  /** Machine address of the 16-bit word with an entry's GTF_reading and GTF_writing. */
  statusAt(ref: number): number {
    if (this.version === 1) return this.entryAt(ref);
    const mfn = this.statusFrames[Math.floor(ref / STATUS_PER_FRAME)] as number;
    return mfn * PAGE_SIZE + (ref % STATUS_PER_FRAME) * STATUS_BYTES;
  }

  /**
   * Begins a mapping of a grant by `user`: the machine frame is held, and the entry says so to its granter, until
   * `release`. The frame is then `active.mfn(ref)`.
   *
   * @returns GNTST_*
   */
  acquireForMapping(ref: number, user: Domid, readonly: boolean): number {
    if (!(ref < this.entries)) return GNTST_bad_gntref;
    const { active } = this;
    const pinned = active.isPinned(ref);
    if (pinned && (active.user(ref) !== user || active.isFull(ref, readonly) || active.isSubPage(ref))) {
      return GNTST_general_error;
    }
    if (!pinned || (!readonly && !active.hasWriters(ref))) {
      if (!this.#announce(ref, user, readonly, pinned, GTF_type_mask | GTF_sub_page)) return GNTST_general_error;
      if (!pinned) {
        const mfn = this.#pageOf(this.#frameOf(ref), readonly);
        if (mfn === NO_FRAME) return this.#takeBack(ref, readonly, GNTST_bad_page);
        active.describe(ref, user, mfn, this.#domain.id);
      }
    }
    return this.#hold(ref, readonly);
  }

  /**
   * Begins a copy from or to a grant. What may be touched is then `active.mfn(ref)`, from `active.start(ref)` on
   * `active.length(ref)` bytes.
   *
   * @param transitive whether the grant may pass on another domain's
   * @returns GNTST_*
   */
  acquireForCopy(ref: number, user: Domid, readonly: boolean, transitive: boolean): number {
    if (!(ref < this.entries)) return GNTST_bad_gntref;
    const { active } = this;
    const pinned = active.isPinned(ref);
    if (pinned && (active.user(ref) !== user || active.isFull(ref, readonly))) return GNTST_general_error;
    const at = this.entryAt(ref);
    const { view } = this.#domain.xen.memory;
    if (this.version === 2 && (view.getUint16(at, true) & GTF_type_mask) === GTF_transitive) {
      return this.#acquireTransitive(ref, user, readonly, transitive);
    }
    if (pinned && (readonly || active.hasWriters(ref))) {
      if (this.#domain.dying) return this.#takeBack(ref, readonly, GNTST_bad_domain);
      return this.#hold(ref, readonly);
    }

    if (!this.#announce(ref, user, readonly, pinned, GTF_type_mask)) return GNTST_general_error;
    const mfn = this.#pageOf(this.#frameOf(ref), readonly);
    if (mfn === NO_FRAME) return this.#takeBack(ref, readonly, GNTST_bad_page);
    const isSubPage = this.version === 2 && (view.getUint16(at, true) & GTF_sub_page) !== 0;
    const start = isSubPage ? view.getUint16(at + AT_PAGE_OFF, true) : 0;
    const length = isSubPage ? view.getUint16(at + AT_LENGTH, true) : PAGE_SIZE;
    if (!pinned) {
      active.describe(ref, user, mfn, this.#domain.id);
      if (isSubPage) active.limit(ref, start, length);
    } else {
      // The entry changed while it was in use: what was granted then still binds.
      const same = active.mfn(ref) === mfn && active.granter(ref) === this.#domain.id;
      const covers = !active.isSubPage(ref) || (active.start(ref) === start && active.length(ref) === length);
      if (!same || !covers) return this.#takeBack(ref, readonly, GNTST_general_error);
    }
    return this.#hold(ref, readonly);
  }

  /** Ends a use that `acquireForMapping` or `acquireForCopy` began. */
  release(ref: number, readonly: boolean): void {
    const { active } = this;
    const mfn = active.mfn(ref);
    const granter = active.granter(ref);
    const granterRef = active.granterRef(ref);
    assert(readonly ? active.isPinned(ref) : active.hasWriters(ref), 'a use of a grant ends once');
    active.unpin(ref, readonly);
    this.#reduceStatus(ref, readonly);
    const { xen, id } = this.#domain;
    if (granter === id) xen.frames.put(mfn);
    else xen.domains.get(granter)?.grants.release(granterRef, readonly);
  }

  /** Undoes all mappings, for a dying domain. */
  releaseMappings(): void {
    const { maptrack } = this;
    for (let handle = 0; handle < maptrack.capacity; handle++) {
      if (!maptrack.has(handle)) continue;
      const granter = this.#domain.xen.domains.get(maptrack.domid(handle));
      assert(granter !== undefined, 'a domain stays while a frame of it is mapped');
      const ref = maptrack.ref(handle);
      const readonly = maptrack.isReadonly(handle);
      maptrack.remove(handle);
      granter.grants.release(ref, readonly);
    }
  }

  /** The machine frame of a mapping of this domain's; undefined where there is no such handle. */
  mappedFrame(handle: number): number | undefined {
    const { maptrack } = this;
    if (!maptrack.has(handle)) return undefined;
    return this.#domain.xen.domains.get(maptrack.domid(handle))?.grants.active.mfn(maptrack.ref(handle));
  }

  /** Gives the table's own frames back. */
  destroy(): void {
    const { frames } = this.#domain.xen;
    for (const mfn of [...this.frames, ...this.statusFrames]) frames.putAllocation(mfn);
  }

  #acquireTransitive(ref: number, user: Domid, readonly: boolean, allowed: boolean): number {
    const { active } = this;
    const { xen, id } = this.#domain;
    const pinned = active.isPinned(ref);
    if (!pinned || (!readonly && !active.hasWriters(ref))) {
      if (!this.#announce(ref, user, readonly, pinned, GTF_type_mask)) return GNTST_general_error;
    }
    const at = this.entryAt(ref);
    const granterId = xen.memory.view.getUint16(at + AT_TRANS_DOMID, true);
    const granterRef = xen.memory.view.getUint32(at + AT_TRANS_GREF, true);
    const granter = xen.domains.get(granterId);
    if (!allowed || granter === undefined || granterId === id) {
      return this.#takeBack(ref, readonly, GNTST_general_error);
    }
    const inner = granter.grants.acquireForCopy(granterRef, id, readonly, false);
    if (inner !== GNTST_okay) return this.#takeBack(ref, readonly, inner);
    const other = granter.grants.active;
    const mfn = other.mfn(granterRef);
    const start = other.start(granterRef);
    const length = other.length(granterRef);
    if (!pinned) {
      active.describe(ref, user, mfn, this.#domain.id);
      active.passOn(ref, granterId as Domid, granterRef);
      // Part of a page or all of it: a transitive grant can never be mapped.
      active.limit(ref, start, length);
    } else if (!this.#passesOn(ref, granterId, granterRef, mfn, start, length)) {
      granter.grants.release(granterRef, readonly);
      // Xen makes the call again until the older use ended. That may be never: the caller is told to.
      return this.#takeBack(ref, readonly, GNTST_eagain);
    }
    active.pin(ref, readonly);
    return GNTST_okay;
  }

  #passesOn(ref: number, granter: number, granterRef: number, mfn: number, start: number, length: number): boolean {
    const { active } = this;
    const sameGrant = active.granter(ref) === granter && active.granterRef(ref) === granterRef;
    const samePart = active.start(ref) === start && active.length(ref) === length && active.isSubPage(ref);
    return sameGrant && samePart && active.mfn(ref) === mfn;
  }

  #hold(ref: number, readonly: boolean): number {
    if (!this.#domain.xen.frames.get(this.active.mfn(ref), this.#domain)) {
      return this.#takeBack(ref, readonly, GNTST_general_error);
    }
    this.active.pin(ref, readonly);
    return GNTST_okay;
  }

  /**
   * Checks the entry and says in it, or beside it, that it is in use. The granter may change the entry at any time:
   * it is read once. `mask` is what of the flags must be GTF_permit_access alone; with GTF_sub_page in it, which is
   * how mappings ask, a transitive grant is refused as well.
   */
  #announce(ref: number, user: Domid, readonly: boolean, pinned: boolean, mask: number): boolean {
    const { view } = this.#domain.xen.memory;
    const at = this.entryAt(ref);
    const flags = view.getUint16(at, true);
    if (!pinned) {
      const type = flags & mask;
      const passesOn = this.version === 2 && type === GTF_transitive && mask === GTF_type_mask;
      if ((type !== GTF_permit_access && !passesOn) || view.getUint16(at + AT_DOMID, true) !== user) return false;
    }
    if (!readonly && (flags & GTF_readonly) !== 0) return false;
    const statusAt = this.statusAt(ref);
    const use = readonly ? GTF_reading : GTF_reading | GTF_writing;
    view.setUint16(statusAt, view.getUint16(statusAt, true) | use, true);
    return true;
  }

  /** Undoes `announce` as far as nobody else's use needs it. */
  #takeBack(ref: number, readonly: boolean, status: number): number {
    this.#reduceStatus(ref, readonly);
    return status;
  }

  #reduceStatus(ref: number, readonly: boolean): void {
    const { active } = this;
    let ended = active.isPinned(ref) ? 0 : GTF_reading;
    if (!readonly && !active.hasWriters(ref)) ended |= GTF_writing;
    if (ended === 0) return;
    const { view } = this.#domain.xen.memory;
    const at = this.statusAt(ref);
    view.setUint16(at, view.getUint16(at, true) & ~ended, true);
  }

  /** The granter's frame an entry names. Above 2^53 the number is rounded, which no frame is near. */
  #frameOf(ref: number): number {
    const { view } = this.#domain.xen.memory;
    const at = this.entryAt(ref);
    if (this.version === 1) return view.getUint32(at + AT_FRAME_V1, true);
    return view.getUint32(at + AT_FRAME_V2, true) + view.getUint32(at + AT_FRAME_V2 + 4, true) * 0x1_0000_0000;
  }

  /** The machine frame of a frame the granter owns; NO_FRAME where it may not be granted so. */
  #pageOf(gfn: number, readonly: boolean): number {
    const domain = this.#domain;
    const { p2m } = domain;
    if (p2m === undefined) return domain.xen.frames.owner(gfn) === domain ? gfn : NO_FRAME;
    const mfn = p2m.ram(gfn, readonly);
    return domain.xen.frames.has(mfn, domain) && !domain.dying ? mfn : NO_FRAME;
  }

  /** Makes a list of frames as long as wanted, or leaves it as it is: false. */
  #fill(list: number[], wanted: number): boolean {
    const { frames } = this.#domain.xen;
    const before = list.length;
    while (list.length < wanted) {
      const mfn = frames.allocateXen(this.#domain);
      if (mfn === NO_FRAME) {
        for (const taken of list.splice(before)) frames.putAllocation(taken);
        return false;
      }
      list.push(mfn);
    }
    return true;
  }
}

function statusFramesOf(frames: number): number {
  return Math.ceil((frames * ENTRIES_PER_FRAME_V2) / STATUS_PER_FRAME);
}
