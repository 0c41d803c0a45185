import { NESTED_EXECUTE, NESTED_READ, NESTED_SCALE, NESTED_WRITE, type NestedPaging } from '../../../cpu/engine.ts';

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

export type P2mType = 0 | 1 | 2 | 3 | 4 | 5;

/** Guest-physical addresses have at most this many bits here. */
export const P2M_ADDRESS_BITS = 40;
const GFN_LIMIT = 2 ** (P2M_ADDRESS_BITS - 12);

const PERMISSIONS: readonly number[] = [
  0,
  NESTED_READ | NESTED_WRITE | NESTED_EXECUTE,
  NESTED_READ | NESTED_EXECUTE,
  NESTED_READ | NESTED_WRITE,
  NESTED_READ,
  NESTED_READ | NESTED_WRITE,
];

// An entry is what `lookup` answers in its low 24 bits (a machine has at most 2^20 frames), the type above.
const ANSWER_MASK = 0xffffff;
const TYPE_SHIFT = 24;
const CHUNK_BITS = 13;
const CHUNK_ENTRIES = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK_ENTRIES - 1;
const EMPTY_CHUNK = new Uint32Array(CHUNK_ENTRIES);

/**
 * A domain's guest frames: gfn to machine frame and type. Two levels of flat arrays; a look-up is two loads.
 * Chunks are made on demand and only as many as the domain's size warrants, so that a guest that scatters its frames runs into ENOMEM
 * instead of filling the host.
 */
export class P2m implements NestedPaging {
  readonly #chunks: Uint32Array[] = [];
  #maxChunks = 64;
  #chunkCount = 0;
  #highest = 0;
  /** An entry changed since `flushed`: translations that processors cached may be wrong. */
  #stale = false;

  /** Makes room for a domain that may own `maxPages` frames. */
  reserve(maxPages: number): void {
    this.#maxChunks = Math.max(this.#maxChunks, 64 + 2 * Math.ceil(Math.min(maxPages, GFN_LIMIT) / CHUNK_ENTRIES));
  }

  lookup(gfn: number): number {
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)];
    return chunk === undefined ? 0 : (chunk[gfn & CHUNK_MASK] as number) & ANSWER_MASK;
  }

  /** The machine frame behind a guest frame; 0, which is never a guest's, where there is none. */
  mfn(gfn: number): number {
    return Math.floor(this.lookup(gfn) / NESTED_SCALE);
  }

  type(gfn: number): P2mType {
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)];
    return (chunk === undefined ? P2M_NONE : (chunk[gfn & CHUNK_MASK] as number) >>> TYPE_SHIFT) as P2mType;
  }

  /** Puts `mfn` at `gfn`. False where the guest's physical address space ends before it, or no chunk is left. */
  set(gfn: number, mfn: number, type: P2mType): boolean {
    if (!(gfn >= 0 && gfn < GFN_LIMIT)) return false;
    const chunk = this.#chunkFor(gfn);
    if (chunk === undefined) return false;
    chunk[gfn & CHUNK_MASK] = mfn * NESTED_SCALE + (PERMISSIONS[type] as number) + (type << TYPE_SHIFT);
    this.#stale = true;
    if (gfn > this.#highest) this.#highest = gfn;
    return true;
  }

  /** Leaves a hole at `gfn`. */
  remove(gfn: number): void {
    const chunk = this.#chunks[Math.floor(gfn / CHUNK_ENTRIES)];
    if (chunk === undefined || chunk[gfn & CHUNK_MASK] === 0) return;
    chunk[gfn & CHUNK_MASK] = 0;
    this.#stale = true;
  }

  /** The highest guest frame that was ever mapped (XENMEM_maximum_gpfn). */
  get maximumGfn(): number {
    return this.#highest;
  }

  /** Whether cached translations must be flushed before they are next used. */
  get stale(): boolean {
    return this.#stale;
  }

  flushed(): void {
    this.#stale = false;
  }

  /** Calls back for each mapped guest frame, ascending. */
  forEach(visit: (gfn: number, mfn: number, type: P2mType) => void): void {
    this.#chunks.forEach((chunk, index) => {
      if (chunk === EMPTY_CHUNK) return;
      for (let entry = 0; entry < CHUNK_ENTRIES; entry++) {
        const gfn = index * CHUNK_ENTRIES + entry;
        if (chunk[entry] !== 0) visit(gfn, this.mfn(gfn), this.type(gfn));
      }
    });
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks.length = 0;
    this.#chunkCount = 0;
    this.#stale = true;
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
