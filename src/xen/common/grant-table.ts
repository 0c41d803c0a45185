import { ENOSYS, EINVAL } from '../../abi/errno.ts';
import {
  GNTMAP_readonly,
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_general_error,
  GrantEntryV1,
  GTF_permit_access,
  GTF_readonly,
  GTF_reading,
  GTF_sub_page,
  GTF_type_mask,
  GTF_writing,
} from '../../abi/grant_table.ts';
import type { Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { assert } from '../../lib/assert.ts';
import { P2M_RAM_RO, P2M_RAM_RW } from '../x86/mm/p2m.ts';
import { NO_FRAME } from './buddy.ts';
import type { Domain } from './domain.ts';

const ENTRIES_PER_FRAME = PAGE_SIZE / GrantEntryV1.SIZE;
/** Mappings that one maptrack frame of real Xen holds: 16 bytes each. */
const MAPTRACK_PER_FRAME = 256;
/** Mappings of one grant at a time: Xen's pin counters have 8 bits. */
const MAX_PINS = 255;

/** What Xen knows of a grant that is in use (Xen's active_grant_entry). */
export class ActiveGrant {
  readonly domid: Domid;
  readonly mfn: number;
  readers = 0;
  writers = 0;

  constructor(domid: Domid, mfn: number) {
    this.domid = domid;
    this.mfn = mfn;
  }
}

/** A grant of another domain that this one has mapped (Xen's grant_mapping). */
export interface GrantMapping {
  readonly domid: Domid;
  readonly ref: number;
  readonly mfn: number;
  /** GNTMAP_* */
  readonly flags: number;
  /** As the mapper gave it: its guest-physical address, or any mark of dom0's. */
  readonly hostAddress: bigint;
}

/** A domain's grant table, version 1: what it grants, and what it has mapped of others. */
export class GrantTable {
  readonly #domain: Domain;
  readonly maxFrames: number;
  readonly #maxMappings: number;
  /** Machine frames of the shared table. */
  readonly frames: number[] = [];
  readonly #active = new Map<number, ActiveGrant>();
  readonly #mappings: (GrantMapping | undefined)[] = [];
  readonly #freeHandles: number[] = [];

  constructor(domain: Domain, maxFrames: number, maxMaptrackFrames: number) {
    this.#domain = domain;
    this.maxFrames = maxFrames;
    this.#maxMappings = maxMaptrackFrames * MAPTRACK_PER_FRAME;
  }

  /** Entries of the table as it is. */
  get entries(): number {
    return this.frames.length * ENTRIES_PER_FRAME;
  }

  /** Grants of others that are mapped. */
  get maptrackInUse(): number {
    return this.#mappings.length - this.#freeHandles.length;
  }

  /** Makes the table at least `frames` long; false past its limit or where memory is short. */
  grow(frames: number): boolean {
    if (frames > this.maxFrames) return false;
    const { xen } = this.#domain;
    while (this.frames.length < frames) {
      const mfn = xen.frames.allocateXen(this.#domain);
      if (mfn === NO_FRAME) return false;
      this.frames.push(mfn);
    }
    return true;
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

  /** GNTTABOP_set_version: only the first is there, which looks to a guest like a Xen of before version 2. */
  setVersion(version: number): number {
    if (version !== 1 && version !== 2) return -EINVAL;
    return version === 1 ? 0 : -ENOSYS;
  }

  /**
   * Begins a use of a grant by `user`. The machine frame is held, and the entry says so to its granter, until
   * `release`.
   *
   * @param mapping false for a copy
   * @returns the grant's state, or a GNTST_* below 0
   */
  acquire(ref: number, user: Domain, readonly: boolean, mapping: boolean): ActiveGrant | number {
    if (!(ref < this.entries)) return GNTST_bad_gntref;
    const present = this.#active.get(ref);
    if (present !== undefined && (present.domid !== user.id || present.readers + present.writers >= MAX_PINS)) {
      return GNTST_general_error;
    }

    const entry = this.#entry(ref);
    // Flags are read once: the granter may change them at any time.
    const flags = entry.flags;
    if (present === undefined) {
      const mask = mapping ? GTF_type_mask | GTF_sub_page : GTF_type_mask;
      if ((flags & mask) !== GTF_permit_access || entry.domid !== user.id) return GNTST_general_error;
    }
    const firstWriter = !readonly && (present === undefined || present.writers === 0);
    if (firstWriter && (flags & GTF_readonly) !== 0) return GNTST_general_error;
    if (present !== undefined) return this.#use(ref, present, readonly);

    const mfn = this.#pageOf(entry.frame, readonly);
    if (mfn === NO_FRAME) return GNTST_bad_page;
    const active = new ActiveGrant(user.id, mfn);
    this.#active.set(ref, active);
    return this.#use(ref, active, readonly);
  }

  /** Ends a use that `acquire` began. */
  release(ref: number, readonly: boolean): void {
    const active = this.#active.get(ref);
    assert(active !== undefined, 'a grant in use has its state');
    if (readonly) active.readers -= 1;
    else active.writers -= 1;
    if (!readonly) this.#domain.xen.frames.written(active.mfn * PAGE_SIZE, PAGE_SIZE);
    const entry = this.#entry(ref);
    if (active.writers === 0) entry.flags &= ~GTF_writing;
    if (active.writers + active.readers === 0) {
      entry.flags &= ~GTF_reading;
      this.#active.delete(ref);
    }
    this.#domain.xen.frames.put(active.mfn);
  }

  /** Notes a mapping of another domain's grant and returns its handle; undefined where there are too many. */
  track(mapping: GrantMapping): number | undefined {
    const handle = this.#freeHandles.pop() ?? this.#mappings.length;
    if (handle >= this.#maxMappings) return undefined;
    this.#mappings[handle] = mapping;
    return handle;
  }

  /** Whether `track` has room. */
  get canTrack(): boolean {
    return this.#freeHandles.length > 0 || this.#mappings.length < this.#maxMappings;
  }

  mapping(handle: number): GrantMapping | undefined {
    return this.#mappings[handle];
  }

  untrack(handle: number): void {
    assert(this.#mappings[handle] !== undefined, 'a mapping is forgotten once');
    this.#mappings[handle] = undefined;
    this.#freeHandles.push(handle);
  }

  /** Undoes all mappings, for a dying domain. */
  releaseMappings(): void {
    this.#mappings.forEach((mapping, handle) => {
      if (mapping === undefined) return;
      unmapMapping(this.#domain, handle, mapping);
    });
  }

  #use(ref: number, active: ActiveGrant, readonly: boolean): ActiveGrant {
    const held = this.#domain.xen.frames.get(active.mfn, this.#domain);
    assert(held, 'the frame of an active grant is held');
    const entry = this.#entry(ref);
    if (readonly) {
      active.readers += 1;
      entry.flags |= GTF_reading;
    } else {
      active.writers += 1;
      entry.flags |= GTF_reading | GTF_writing;
    }
    return active;
  }

  /** The machine frame of a frame the granter owns; NO_FRAME where it may not be granted so. */
  #pageOf(gfn: number, readonly: boolean): number {
    const domain = this.#domain;
    const { p2m } = domain;
    if (p2m === undefined) return domain.xen.frames.owner(gfn) === domain ? gfn : NO_FRAME;
    const type = p2m.type(gfn);
    if (type !== P2M_RAM_RW && !(type === P2M_RAM_RO && readonly)) return NO_FRAME;
    const mfn = p2m.mfn(gfn);
    const usable = domain.xen.frames.owner(mfn) === domain && domain.xen.frames.references(mfn) > 0;
    return usable && !domain.dying ? mfn : NO_FRAME;
  }

  #entry(ref: number): GrantEntryV1 {
    const mfn = this.frames[Math.floor(ref / ENTRIES_PER_FRAME)] as number;
    return new GrantEntryV1(
      this.#domain.xen.memory.view,
      mfn * PAGE_SIZE + (ref % ENTRIES_PER_FRAME) * GrantEntryV1.SIZE,
    );
  }
}

/** Takes a mapping out of the mapper's address space, its table, and the granter's. */
export function unmapMapping(mapper: Domain, handle: number, mapping: GrantMapping): void {
  const granter = mapper.xen.domains.get(mapping.domid);
  assert(granter !== undefined, 'a domain stays while a frame of it is mapped');
  mapper.p2m?.remove(Number(mapping.hostAddress >> 12n));
  mapper.grants.untrack(handle);
  granter.grants.release(mapping.ref, (mapping.flags & GNTMAP_readonly) !== 0);
}
