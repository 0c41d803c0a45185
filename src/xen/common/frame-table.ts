import { PAGE_SIZE } from '../../cpu/engine.ts';
import { assert } from '../../lib/assert.ts';
import { Buddy, NO_FRAME } from './buddy.ts';
import type { MachineMemory } from './machine-memory.ts';

/** No guest frame maps this machine frame (Xen's INVALID_M2P_ENTRY). */
export const INVALID_M2P = 0xffffffff;

/** Whoever can own frames: a domain, as far as the frame table is concerned. */
export interface FrameOwner {
  readonly id: number;
  /** Frames of guest memory it owns, Xen's own pages for it not counted. */
  totPages: number;
  maxPages: number;
  /** Frames still promised by XENMEM_claim_pages. */
  outstandingPages: number;
  /** Xen's own pages that live for this owner: shared info, grant table. */
  xenPages: number;
  /** References to those pages besides Xen's own. */
  xenReferences: number;
  readonly dying: boolean;
  /** Xen, or somebody the frame is shared with, wrote to the frame behind a guest frame of the owner's. */
  frameWritten(gfn: number): void;
  /** The owner is dying, its last frame went, and nobody holds one of Xen's pages for it. May be told twice. */
  lastFrameFreed(): void;
}

const ALLOCATED = 1;
const XEN_HEAP = 2;
const WRITTEN = 4;
/** Out of use, or to be so when it is freed (XEN_SYSCTL_page_offline_op). */
const OFFLINED = 8;
const OFFLINING = 16;
const NO_OWNER = 0xffff;

/**
 * What Xen knows of each machine frame (Xen's struct page_info): its owner, how many hold it, the guest frame it backs.
 * A frame goes back to the free ones when the last reference drops; the allocation itself is one of them.
 */
export class FrameTable {
  readonly memory: MachineMemory;
  readonly #buddy: Buddy;
  readonly #first: number;
  readonly #owner: Uint16Array;
  readonly #count: Uint32Array;
  readonly #flags: Uint8Array;
  readonly #m2p: Uint32Array;
  readonly #owners = new Map<number, FrameOwner>();
  readonly #frameWritten: (address: number, length: number) => void;
  /** Frames that were free at the start. */
  readonly total: number;
  #offlined = 0;
  /** Sum of all owners' claims. */
  #claimed = 0;

  /**
   * @param first the lowest frame that may be handed out
   * @param frameWritten told of every frame whose content Xen changes: the processors may have cached code of it
   */
  constructor(memory: MachineMemory, first: number, frameWritten: (address: number, length: number) => void) {
    this.memory = memory;
    this.#frameWritten = frameWritten;
    this.#first = first;
    this.#buddy = new Buddy(first, memory.frameCount);
    this.total = this.#buddy.freeFrames;
    this.#owner = new Uint16Array(memory.frameCount).fill(NO_OWNER);
    this.#count = new Uint32Array(memory.frameCount);
    this.#flags = new Uint8Array(memory.frameCount);
    this.#m2p = new Uint32Array(memory.frameCount).fill(INVALID_M2P);
  }

  get free(): number {
    return this.#buddy.freeFrames;
  }

  /** Frames out of use: neither free nor anybody's. */
  get offlined(): number {
    return this.#offlined;
  }

  get outstanding(): number {
    return this.#claimed;
  }

  register(owner: FrameOwner): void {
    this.#owners.set(owner.id, owner);
  }

  unregister(owner: FrameOwner): void {
    assert(owner.totPages === 0 && owner.xenPages === 0, 'an owner leaves without frames');
    this.#owners.delete(owner.id);
  }

  /** Takes 2^`order` zeroed frames for `owner`, within its limit; NO_FRAME where there are none. */
  allocate(owner: FrameOwner, order: number): number {
    const count = 2 ** order;
    if (owner.dying || owner.totPages + count > owner.maxPages) return NO_FRAME;
    const promisedToOthers = this.#claimed - owner.outstandingPages;
    if (this.free - promisedToOthers < count) return NO_FRAME;
    const first = this.#buddy.take(order);
    if (first === NO_FRAME) return NO_FRAME;

    for (let mfn = first; mfn < first + count; mfn++) this.#assign(mfn, owner.id, ALLOCATED);
    owner.totPages += count;
    const fromClaim = Math.min(owner.outstandingPages, count);
    owner.outstandingPages -= fromClaim;
    this.#claimed -= fromClaim;
    return first;
  }

  /** Takes a zeroed frame for Xen's own use on behalf of `owner`, which may see it but not free it. */
  allocateXen(owner: FrameOwner): number {
    if (this.free <= this.#claimed) return NO_FRAME;
    const mfn = this.#buddy.take(0);
    if (mfn === NO_FRAME) return NO_FRAME;
    this.#assign(mfn, owner.id, ALLOCATED | XEN_HEAP);
    owner.xenPages += 1;
    return mfn;
  }

  /** XENMEM_claim_pages: promises `owner` frames up to a total of `pages`; 0 ends the claim. False: not that many. */
  claim(owner: FrameOwner, pages: number): boolean {
    if (pages === 0) {
      this.#claimed -= owner.outstandingPages;
      owner.outstandingPages = 0;
      return true;
    }
    const wanted = pages - owner.totPages;
    if (wanted > this.free - this.#claimed) return false;
    this.#claimed += wanted;
    owner.outstandingPages += wanted;
    return true;
  }

  /** Whether the number names a frame of this machine that is handed out. */
  valid(mfn: number): boolean {
    return Number.isInteger(mfn) && mfn >= 0 && mfn < this.memory.frameCount && this.#owner[mfn] !== NO_OWNER;
  }

  /** The domain that owns a frame; undefined where it is free or the engine's. */
  owner(mfn: number): FrameOwner | undefined {
    return this.#owners.get(this.#owner[mfn] ?? NO_OWNER);
  }

  /** A page of Xen's own, such as shared info: unhooked from a guest frame, but not freed. */
  isXen(mfn: number): boolean {
    return ((this.#flags[mfn] ?? 0) & XEN_HEAP) !== 0;
  }

  /** The guest frame of its owner that a frame backs, or INVALID_M2P. */
  m2p(mfn: number): number {
    return this.#m2p[mfn] ?? INVALID_M2P;
  }

  setM2p(mfn: number, gfn: number): void {
    this.#m2p[mfn] = gfn;
  }

  /** References to a frame, the allocation's among them. */
  references(mfn: number): number {
    return this.#count[mfn] ?? 0;
  }

  /** Whether `owner` could hold a frame. */
  has(mfn: number, owner: FrameOwner): boolean {
    return this.#owner[mfn] === owner.id && this.#count[mfn] !== 0;
  }

  /** Holds a frame of `owner`; false where it is not the owner's, or about to be freed. */
  get(mfn: number, owner: FrameOwner): boolean {
    if (!this.has(mfn, owner)) return false;
    this.#count[mfn] = (this.#count[mfn] as number) + 1;
    if (this.isXen(mfn)) owner.xenReferences += 1;
    return true;
  }

  /** Drops a reference that `get` gave; the last one frees the frame. */
  put(mfn: number): void {
    const owner = this.owner(mfn);
    assert(owner !== undefined, 'a frame that is held has an owner');
    if (this.isXen(mfn)) owner.xenReferences -= 1;
    this.#drop(mfn, owner);
    this.#maybeGone(owner);
  }

  /** Drops the allocation's own reference; again is nothing. */
  putAllocation(mfn: number): void {
    const flags = this.#flags[mfn] as number;
    if ((flags & ALLOCATED) === 0) return;
    this.#flags[mfn] = flags & ~ALLOCATED;
    this.#drop(mfn, this.owner(mfn) as FrameOwner);
  }

  /**
   * Drops every allocation of `owner` but Xen's own pages, which live as long as the owner does. What others still
   * map stays until they unmap it.
   */
  relinquish(owner: FrameOwner): void {
    for (let mfn = this.#first; mfn < this.#owner.length; mfn++) {
      if (this.#owner[mfn] !== owner.id || this.isXen(mfn)) continue;
      const end = this.#endOfRun(mfn, owner.id);
      if (end === mfn) this.putAllocation(mfn);
      else this.#freeRun(mfn, end, owner);
      mfn = Math.max(mfn, end - 1);
    }
    this.#maybeGone(owner);
  }

  /** A frame that is handed out, now or at some time; the others are the engine's, or no frames. */
  isConventional(mfn: number): boolean {
    return mfn >= this.#first && mfn < this.memory.frameCount;
  }

  /** Takes a frame out of use: 'offlined', or 'pending' until whoever has it frees it. */
  offline(mfn: number): 'offlined' | 'pending' {
    const flags = this.#flags[mfn] as number;
    if ((flags & OFFLINED) !== 0) return 'offlined';
    const isFree = this.#owner[mfn] === NO_OWNER && this.#buddy.takeFrame(mfn);
    this.#flags[mfn] = flags | (isFree ? OFFLINED : OFFLINING);
    if (isFree) this.#offlined += 1;
    return isFree ? 'offlined' : 'pending';
  }

  /** Undoes `offline`; false where there was nothing to undo. */
  online(mfn: number): boolean {
    const flags = this.#flags[mfn] as number;
    this.#flags[mfn] = flags & ~(OFFLINED | OFFLINING);
    if ((flags & OFFLINED) !== 0) {
      this.#offlined -= 1;
      this.#buddy.give(mfn, 0);
    }
    return (flags & (OFFLINED | OFFLINING)) !== 0;
  }

  offlineState(mfn: number): 'online' | 'pending' | 'offlined' {
    const flags = this.#flags[mfn] as number;
    return (flags & OFFLINED) !== 0 ? 'offlined' : (flags & OFFLINING) !== 0 ? 'pending' : 'online';
  }

  /** Calls back for each frame of guest memory that `owner` has. */
  forEachOf(owner: FrameOwner, visit: (mfn: number) => void): void {
    for (let mfn = 0; mfn < this.#owner.length; mfn++) {
      if (this.#owner[mfn] === owner.id && !this.isXen(mfn)) visit(mfn);
    }
  }

  /** Fills a frame with zeros. */
  clear(mfn: number): void {
    this.memory.bytes.fill(0, mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
    this.#frameWritten(mfn * PAGE_SIZE, PAGE_SIZE);
  }

  /** `length` bytes at a machine address, all in one frame, changed: tells the processors, and the frame's owner. */
  written(address: number, length: number): void {
    this.#frameWritten(address, length);
    const mfn = Math.floor(address / PAGE_SIZE);
    const gfn = this.m2p(mfn);
    if (gfn !== INVALID_M2P) this.owner(mfn)?.frameWritten(gfn);
  }

  #assign(mfn: number, owner: number, flags: number): void {
    if ((this.#flags[mfn] as number) & WRITTEN) {
      // A frame nobody has had yet is still zero, and leaving it untouched leaves it out of the host's memory.
      this.clear(mfn);
    }
    this.#owner[mfn] = owner;
    this.#count[mfn] = 1;
    this.#flags[mfn] = flags | WRITTEN;
  }

  /** Where frames end, from one on, that an owner has and nobody else holds: with them there is nothing to look at. */
  #endOfRun(mfn: number, owner: number): number {
    let end = mfn;
    while (this.#owner[end] === owner && this.#flags[end] === (ALLOCATED | WRITTEN) && this.#count[end] === 1) end += 1;
    return end;
  }

  #freeRun(first: number, end: number, owner: FrameOwner): void {
    owner.totPages -= end - first;
    this.#owner.fill(NO_OWNER, first, end);
    this.#count.fill(0, first, end);
    this.#flags.fill(WRITTEN, first, end);
    this.#m2p.fill(INVALID_M2P, first, end);
    this.#buddy.giveRange(first, end);
  }

  #drop(mfn: number, owner: FrameOwner): void {
    const count = (this.#count[mfn] as number) - 1;
    assert(count >= 0, 'a reference is dropped once');
    this.#count[mfn] = count;
    if (count > 0) return;
    if (this.isXen(mfn)) owner.xenPages -= 1;
    else owner.totPages -= 1;
    this.#owner[mfn] = NO_OWNER;
    const isOffline = ((this.#flags[mfn] as number) & OFFLINING) !== 0;
    this.#flags[mfn] = isOffline ? WRITTEN | OFFLINED : WRITTEN;
    this.#m2p[mfn] = INVALID_M2P;
    if (isOffline) this.#offlined += 1;
    else this.#buddy.give(mfn, 0);
  }

  #maybeGone(owner: FrameOwner): void {
    if (owner.dying && owner.totPages === 0 && owner.xenReferences === 0) owner.lastFrameFreed();
  }
}
