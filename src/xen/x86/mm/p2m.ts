import {
  NESTED_EXECUTE,
  NESTED_READ,
  NESTED_REFUSED,
  NESTED_SCALE,
  NESTED_WRITE,
  type NestedPaging,
} from '../../../cpu/engine.ts';
import { XENMEM_access_rwx } from '../../../abi/memory-tools.ts';
import { assert } from '../../../lib/assert.ts';
import { INVALID_MFN, type P2mOwner, recordP2mEntry, recordViolation } from '../../trace/memory-records.ts';
import type { LogDirty } from './log-dirty.ts';
import type { PopulateOnDemand } from './p2m-pod.ts';

/** Nothing backs the guest frame: an access is MMIO, or reads all ones (Xen's p2m_mmio_dm and p2m_invalid). */
export const P2M_NONE = 0;
/** Memory of the domain itself, or a page of Xen's that it may see. */
export const P2M_RAM_RW = 1;
/** Memory that the guest may only read: ROMs. */
export const P2M_RAM_RO = 2;
/** A frame another domain granted. */
export const P2M_GRANT_MAP_RW = 3;
export const P2M_GRANT_MAP_RO = 4;
/** A frame of another domain, mapped by privilege. */
export const P2M_MAP_FOREIGN = 5;
/** Memory that comes when it is first touched. */
export const P2M_POPULATE_ON_DEMAND = 6;

export type P2mType = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Guest-physical addresses have at most this many bits here. */
export const P2M_ADDRESS_BITS = 40;
const GFN_LIMIT = 2 ** (P2M_ADDRESS_BITS - 12);

const RWX = NESTED_READ | NESTED_WRITE | NESTED_EXECUTE;
const PERMISSIONS: readonly number[] = [
  0,
  RWX,
  NESTED_READ | NESTED_EXECUTE,
  NESTED_READ | NESTED_WRITE,
  NESTED_READ,
  NESTED_READ | NESTED_WRITE,
  0,
];

/** By XENMEM_access_*. A processor cannot write what it cannot read, so that w means rw. */
const ACCESS_PERMISSIONS: readonly number[] = [
  0,
  NESTED_READ,
  NESTED_READ | NESTED_WRITE,
  NESTED_READ | NESTED_WRITE,
  NESTED_EXECUTE,
  NESTED_READ | NESTED_EXECUTE,
  RWX,
  RWX,
  NESTED_READ | NESTED_EXECUTE,
  0,
];

// An entry is what `lookup` answers in its low 24 bits (a machine has at most 2^20 frames), the type above, and above
// that how mem access restricts it, as XENMEM_access_* with rwx being 0.
const ANSWER_MASK = 0xffffff;
const TYPE_SHIFT = 24;
const TYPE_MASK = 0xf;
const ACCESS_SHIFT = 28;
const CHUNK_BITS = 13;
const CHUNK_ENTRIES = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK_ENTRIES - 1;
/** Pages one instruction may be about to write, a power of two. */
const LAST_WRITES = 4;
/** Beyond so many words of `gone` it is quicker to forget everything. */
const MOST_GONE = 64;
const EMPTY_CHUNK = new Uint32Array(CHUNK_ENTRIES);

/**
 * A domain's guest frames: gfn to machine frame and type. Two levels of flat arrays; a look-up is two loads.
 * Chunks are made on demand and only as many as the domain's size warrants, so that a guest that scatters its frames runs into ENOMEM
 * instead of filling the host.
 *
 * What the processor asks for (`lookup`), and what Xen does for the guest (`mfn`, `type`), gives populate-on-demand
 * entries their memory. `peekType` and `peekMfn` tell what is there and change nothing.
 */
export class P2m implements NestedPaging {
  readonly #chunks: Uint32Array[] = [];
  #maxChunks = 64;
  #chunkCount = 0;
  #highest = 0;
  /** An entry changed since `flushed`: translations that processors cached may be wrong. */
  #stale = false;
  readonly #gone: number[] = [];
  readonly #lastWrites = new Float64Array(LAST_WRITES).fill(-1);
  #writes = 0;
  /** Whose it is, for whoever traces. */
  owner: P2mOwner | undefined;
  /** Where populate-on-demand entries get their memory. */
  pod: PopulateOnDemand | undefined;
  /** Set while pages that are written are noted. */
  logDirty: LogDirty | undefined;
  /** One instruction goes by mem access unhindered. */
  isUnrestricted = false;
  /** What mem access (XENMEM_access_*) new entries get. */
  defaultAccess: number = XENMEM_access_rwx;

  /** Makes room for a domain that may own `maxPages` frames. */
  reserve(maxPages: number): void {
    this.#maxChunks = Math.max(this.#maxChunks, 64 + 2 * Math.ceil(Math.min(maxPages, GFN_LIMIT) / CHUNK_ENTRIES));
  }

  /**
   * The processor's look-up.
   *
   * @param intent NESTED_* bit of the access: what it lacks may be given on the way
   */
  lookup(gfn: number, intent: number = NESTED_READ): number {
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)];
    if (chunk === undefined) return 0;
    if (intent === NESTED_WRITE) this.#lastWrites[this.#writes++ & (LAST_WRITES - 1)] = gfn;
    const entry = chunk[gfn & CHUNK_MASK] as number;
    if ((entry & intent) !== 0 || entry === 0) return entry & ANSWER_MASK;
    return this.#violation(gfn, entry, intent);
  }

  /** What is there for accesses that mem access does not restrict: Xen's own. */
  lookupUnrestricted(gfn: number, intent: number): number {
    const entry = this.#populated(gfn);
    const type = typeOf(entry);
    if (intent === NESTED_WRITE && type === P2M_RAM_RW) this.markDirty(gfn);
    return mfnOf(entry) * NESTED_SCALE + (PERMISSIONS[type] as number);
  }

  /** The instruction in flight may be about to write a frame: it was looked up for that a moment ago. */
  mayBeWrittenNow(gfn: number): boolean {
    return this.#lastWrites.includes(gfn);
  }

  /** The machine frame behind a guest frame; 0, which is never a guest's, where there is none. */
  mfn(gfn: number): number {
    return mfnOf(this.#populated(gfn));
  }

  type(gfn: number): P2mType {
    return typeOf(this.#populated(gfn));
  }

  /** The machine frame behind a guest frame of RAM, or of RAM to read where that will do; 0 where there is none. */
  ram(gfn: number, readonly: boolean): number {
    const entry = this.#populated(gfn);
    const type = typeOf(entry);
    return type === P2M_RAM_RW || (type === P2M_RAM_RO && readonly) ? mfnOf(entry) : 0;
  }

  peekMfn(gfn: number): number {
    return mfnOf(this.#entry(gfn));
  }

  peekType(gfn: number): P2mType {
    return typeOf(this.#entry(gfn));
  }

  /** Puts `mfn` at `gfn`. False where the guest's physical address space ends before it, or no chunk is left. */
  set(gfn: number, mfn: number, type: P2mType): boolean {
    if (!(gfn >= 0 && gfn < GFN_LIMIT)) return false;
    const chunk = this.#chunkFor(gfn);
    if (chunk === undefined) return false;
    // What permitted nothing is in no processor's caches.
    if (((chunk[gfn & CHUNK_MASK] as number) & RWX) !== 0) this.#stale = true;
    this.#put(chunk, gfn, mfn, type, this.defaultAccess);
    if (this.owner?.xen.traceBuffer !== undefined) recordP2mEntry(this.owner, gfn, mfn, type);
    if (gfn > this.#highest) this.#highest = gfn;
    if (type === P2M_RAM_RW) this.markDirty(gfn);
    return true;
  }

  /** Leaves a hole at `gfn`. */
  remove(gfn: number): void {
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)];
    if (chunk === undefined || chunk[gfn & CHUNK_MASK] === 0) return;
    chunk[gfn & CHUNK_MASK] = 0;
    if (this.owner?.xen.traceBuffer !== undefined) recordP2mEntry(this.owner, gfn, INVALID_MFN, P2M_NONE);
    this.logDirty?.clean(gfn);
    this.#stale = true;
  }

  /** Leaves a hole at `gfn`, where a grant was mapped. */
  removeGrant(gfn: number): void {
    const before = this.#stale;
    const mfn = this.peekMfn(gfn);
    this.remove(gfn);
    if (before || this.#gone.length >= MOST_GONE) return;
    this.#stale = false;
    this.#gone.push(gfn, mfn);
  }

  /** The mem access of a guest frame, XENMEM_access_*; undefined where nothing is there. */
  access(gfn: number): number | undefined {
    const entry = this.#entry(gfn);
    return entry === 0 ? undefined : accessOf(entry);
  }

  /** Restricts a guest frame; false where nothing is there. */
  setAccess(gfn: number, access: number): boolean {
    const entry = this.#entry(gfn);
    if (entry === 0) return false;
    this.#put(this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)] as Uint32Array, gfn, mfnOf(entry), typeOf(entry), access);
    this.#stale = true;
    return true;
  }

  /** Notes that a page was written, by whomever; nothing while nobody wants to know. */
  markDirty(gfn: number): void {
    if (this.logDirty === undefined || !this.logDirty.mark(gfn)) return;
    this.#refresh(gfn);
  }

  /** The log was switched on, emptied or switched off: what may be written without being noted is another set now. */
  logDirtyChanged(): void {
    this.forEach((gfn) => this.#refresh(gfn));
    this.#stale = true;
  }

  /** A page's note was taken away: its next write is to be noted again. */
  cleaned(gfn: number): void {
    this.#refresh(gfn);
    this.#stale = true;
  }

  /** The highest guest frame that was ever mapped (XENMEM_maximum_gpfn). */
  get maximumGfn(): number {
    return this.#highest;
  }

  /** Whether cached translations must be flushed before they are next used: all, or those of `gone` alone. */
  get stale(): boolean {
    return this.#stale || this.#gone.length > 0;
  }

  /** Guest frames, each with the machine frame it had, of which translations must be forgotten; undefined: of all. */
  get gone(): readonly number[] | undefined {
    return this.#stale ? undefined : this.#gone;
  }

  flushed(): void {
    this.#stale = false;
    if (this.#gone.length > 0) this.#gone.length = 0;
  }

  /** Calls back for each entry, ascending; the machine frame is 0 for populate on demand. */
  forEach(visit: (gfn: number, mfn: number, type: P2mType) => void): void {
    this.#chunks.forEach((chunk, index) => {
      if (chunk === EMPTY_CHUNK) return;
      for (let at = 0; at < CHUNK_ENTRIES; at++) {
        const entry = chunk[at] as number;
        if (entry !== 0) visit(index * CHUNK_ENTRIES + at, mfnOf(entry), typeOf(entry));
      }
    });
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks.length = 0;
    this.#chunkCount = 0;
    this.#stale = true;
  }

  #entry(gfn: number): number {
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)];
    return chunk === undefined ? 0 : (chunk[gfn & CHUNK_MASK] as number);
  }

  #populated(gfn: number): number {
    const entry = this.#entry(gfn);
    if (typeOf(entry) !== P2M_POPULATE_ON_DEMAND) return entry;
    return this.#populate(gfn) ? this.#entry(gfn) : 0;
  }

  #populate(gfn: number): boolean {
    assert(this.pod !== undefined, 'populate-on-demand entries are made by populate on demand');
    return this.pod.populate(gfn);
  }

  /** An entry that does not permit an access: populates it, notes the write, or leaves it. */
  #violation(gfn: number, entry: number, intent: number): number {
    const type = typeOf(entry);
    if (this.owner?.xen.traceBuffer !== undefined) recordViolation(this.owner, gfn, mfnOf(entry), type, intent);
    if (type === P2M_POPULATE_ON_DEMAND) {
      return this.#populate(gfn) ? this.lookup(gfn, intent) : 0;
    }
    if (((PERMISSIONS[type] as number) & intent) === 0) return entry & ANSWER_MASK;
    if (((ACCESS_PERMISSIONS[accessOf(entry)] as number) & intent) === 0) {
      return this.isUnrestricted ? this.lookupUnrestricted(gfn, intent) : NESTED_REFUSED;
    }
    if (intent === NESTED_WRITE) this.markDirty(gfn);
    return this.#entry(gfn) & ANSWER_MASK;
  }

  #refresh(gfn: number): void {
    const entry = this.#entry(gfn);
    if (typeOf(entry) !== P2M_RAM_RW) return;
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)] as Uint32Array;
    this.#put(chunk, gfn, mfnOf(entry), P2M_RAM_RW, accessOf(entry));
  }

  #put(chunk: Uint32Array, gfn: number, mfn: number, type: P2mType, access: number): void {
    let permissions = (PERMISSIONS[type] as number) & (ACCESS_PERMISSIONS[access] as number);
    if (type === P2M_RAM_RW && this.logDirty?.isDirty(gfn) === false) permissions &= ~NESTED_WRITE;
    const restriction = (access ^ XENMEM_access_rwx) << ACCESS_SHIFT;
    chunk[gfn & CHUNK_MASK] = mfn * NESTED_SCALE + permissions + (type << TYPE_SHIFT) + (restriction >>> 0);
  }

  #chunkFor(gfn: number): Uint32Array | undefined {
    const index = Math.floor(gfn / CHUNK_ENTRIES);
    const present = this.#chunks[index];
    if (present !== undefined && present !== EMPTY_CHUNK) return present;
    if (this.#chunkCount >= this.#maxChunks) return undefined;
    this.#chunkCount += 1;
    while (this.#chunks.length <= index) this.#chunks.push(EMPTY_CHUNK);
    const chunk = new Uint32Array(CHUNK_ENTRIES);
    this.#chunks[index] = chunk;
    return chunk;
  }
}

function mfnOf(entry: number): number {
  return Math.floor((entry & ANSWER_MASK) / NESTED_SCALE);
}

function typeOf(entry: number): P2mType {
  return ((entry >>> TYPE_SHIFT) & TYPE_MASK) as P2mType;
}

function accessOf(entry: number): number {
  return (entry >>> ACCESS_SHIFT) ^ XENMEM_access_rwx;
}
