/**
 * Pages that instructions were lately fetched from, and what else is remembered of fetches: jump targets, elsewhere
 * (interpreter/jump-cache.ts). All of it carries a stamp, and holds while that is the stamp of the address space in
 * use, or of global pages. To forget is to take a new stamp: stamps are never used again.
 *
 * Each process-context identifier has its address space here (SDM vol. 3A, 4.10.1).
 */
import { FETCHED_BYTES, FETCHED_GLOBAL, FETCHED_LOCAL, fetchedBit, fetchedLargeBit } from '../emit/fetched-layout.ts';
import { FETCH_STAMPS } from '../emit/nested-layout.ts';
import * as state from '../state.ts';
import type { MachineMemory } from './machine-memory.ts';
import { PAGE_1G, PAGE_2M, PAGE_4K, type PageKind, PRIVILEGE_USER, type Privilege } from './walk.ts';

export class FetchCache {
  readonly #cpu: state.VcpuState;
  readonly #memory: DataView;
  /** What generated code fetched from, in the present address space and of global pages. */
  readonly #local: Uint8Array;
  readonly #shared: Uint8Array;
  /** Linear page number, stamp, privilege, machine page. */
  readonly #entries = new Float64Array(ENTRIES * ENTRY).fill(-1);
  readonly #contexts = new Map<number, Context>();
  readonly #global = new Context();
  #current = new Context();
  /** Address spaces with stamps up to this one are of the past. */
  #void = 0;
  /** What `find` found, or `insert` put in, holds in all address spaces. */
  isGlobal = false;

  constructor(cpu: state.VcpuState, memory: MachineMemory) {
    this.#cpu = cpu;
    this.#memory = memory.view;
    this.#local = memory.u8.subarray(cpu.base + FETCHED_LOCAL, cpu.base + FETCHED_LOCAL + FETCHED_BYTES);
    this.#shared = memory.u8.subarray(cpu.base + FETCHED_GLOBAL, cpu.base + FETCHED_GLOBAL + FETCHED_BYTES);
    this.forgetAll();
  }

  /** Machine address of the page, or -1. `page` is the linear page number. */
  find(page: number, privilege: Privilege): number {
    const at = (page & (ENTRIES - 1)) * ENTRY;
    const known = this.#entries;
    if (known[at] !== page || known[at + 2] !== privilege) return -1;
    const stamp = known[at + 1];
    this.isGlobal = stamp === this.#global.stamp;
    if (!this.isGlobal && stamp !== this.#current.stamp) return -1;
    return known[at + 3] as number;
  }

  insert(page: number, privilege: Privilege, machinePage: number, isGlobal: boolean, kind: PageKind): void {
    if (this.#global.pages.size >= MOST_PAGES) this.forgetAll();
    else if (this.#current.pages.size >= MOST_PAGES) this.#renew(this.#current);
    // Users' jump targets are found by the address space too: see `bias`.
    this.isGlobal = isGlobal && privilege !== PRIVILEGE_USER;
    const context = this.isGlobal ? this.#global : this.#current;
    // A global page counts as one whoever fetches: other address spaces may know it too.
    const { pages } = isGlobal ? this.#global : context;
    pages.add(keyOf(page, kind));
    const at = (page & (ENTRIES - 1)) * ENTRY;
    const known = this.#entries;
    known[at] = page;
    known[at + 1] = context.stamp;
    known[at + 2] = privilege;
    known[at + 3] = machinePage;
  }

  /** CR3 was loaded. `keeps` says that what is cached for the PCID is still right. */
  load(pcid: number, keeps: boolean): void {
    let context = this.#contexts.get(pcid);
    if (context === undefined) {
      if (this.#contexts.size >= MOST_CONTEXTS) this.#contexts.clear();
      context = new Context(biasOf(pcid + 1));
      this.#contexts.set(pcid, context);
    }
    if (context !== this.#current) this.#current.keep(this.#local);
    this.#current = context;
    this.#cpu.setU32(state.OFFSET_USER_BIAS, context.bias);
    if (!keeps || context.stamp <= this.#void) {
      this.#renew(context);
      return;
    }
    this.#setStamp(state.OFFSET_FETCH_LOCAL, context.stamp);
    context.giveBack(this.#local);
  }

  /** Forgets what is not global of one PCID. */
  forgetContext(pcid: number, isCurrent: boolean): void {
    const context = this.#contexts.get(pcid);
    if (context !== undefined) context.stamp = 0;
    if (isCurrent) this.#renew(this.#current);
  }

  /** Forgets what is not global of every PCID. */
  forgetContexts(): void {
    // Whoever set CR3 behind our back flushes: which PCID is the present one is not known until it is loaded. The bias
    // stays: while a user runs it is in OFFSET_MODE_TAG, and targets found by two biases must not share a stamp.
    this.#current = new Context(this.#current.bias);
    this.#cpu.setU32(state.OFFSET_USER_BIAS, this.#current.bias);
    this.#renew(this.#current);
    this.#void = this.#current.stamp - 1;
  }

  forgetAll(): void {
    this.#renew(this.#global);
    this.forgetContexts();
  }

  /** Forgets one page of the present address space, and global. */
  forgetPage(page: number): void {
    if (this.#global.has(page) || has(this.#shared, page)) this.forgetAll();
    else if (this.#current.has(page) || has(this.#local, page)) this.#renew(this.#current);
  }

  #renew(context: Context): void {
    const stamp = this.#memory.getFloat64(FETCH_STAMPS, true) + 1;
    this.#memory.setFloat64(FETCH_STAMPS, stamp, true);
    context.stamp = stamp;
    if (context.pages.size !== 0) context.pages.clear();
    context.dropFetched();
    if (context === this.#global) {
      this.#setStamp(state.OFFSET_FETCH_GLOBAL, stamp);
      this.#shared.fill(0);
    } else if (context === this.#current) {
      this.#setStamp(state.OFFSET_FETCH_LOCAL, stamp);
      this.#local.fill(0);
    }
  }

  #setStamp(offset: number, stamp: number): void {
    const high = Math.floor(stamp / 2 ** (32 - state.FETCH_STAMP_SHIFT));
    this.#cpu.setHalves(offset, (stamp << state.FETCH_STAMP_SHIFT) >>> 0, high);
  }
}

/** Number of a linear page: of all bits of its address, so that one which is not canonical is never known. */
export function pageNumber(lo: number, hi: number): number {
  return (lo >>> 12) + (hi >>> 0) * 0x100000;
}

class Context {
  stamp = 0;
  /** Users' jump targets are looked for in a place of the address space's own. Not 0. */
  readonly bias: number;
  /** Pages fetched from since the stamp is in use, by `keyOf`. */
  readonly pages = new Set<number>();
  /** Those that generated code fetched from, while it is not the present address space. */
  #fetched: Uint8Array | undefined;
  #hasFetched = false;

  constructor(bias = 1) {
    this.bias = bias;
  }

  keep(fetched: Uint8Array): void {
    this.#fetched ??= new Uint8Array(fetched.length);
    this.#fetched.set(fetched);
    this.#hasFetched = true;
  }

  giveBack(fetched: Uint8Array): void {
    if (this.#hasFetched) fetched.set(this.#fetched as Uint8Array);
    this.#hasFetched = false;
  }

  dropFetched(): void {
    this.#hasFetched = false;
  }

  has(page: number): boolean {
    const { pages } = this;
    if (pages.size === 0) return false;
    return pages.has(keyOf(page, PAGE_4K)) || pages.has(keyOf(page, PAGE_2M)) || pages.has(keyOf(page, PAGE_1G));
  }
}

function has(fetched: Uint8Array, page: number): boolean {
  return [fetchedBit(page), fetchedLargeBit(page)].some((bit) => {
    return ((fetched[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
  });
}

const ENTRIES = 2048;
const ENTRY = 4;
/** A guest that keeps contexts, or fetches from everywhere, does not fill the host's memory. */
const MOST_CONTEXTS = 64;
const MOST_PAGES = 4096;
const KINDS = 4;
const SPREAD = 0x9e3779b1;
const BIAS_SHIFT = 17;

function biasOf(number: number): number {
  return (Math.imul(number, SPREAD) >>> BIAS_SHIFT) | 1;
}

function keyOf(page: number, kind: PageKind): number {
  const within = kind === PAGE_4K ? 1 : kind === PAGE_1G ? 0x40000 : 512;
  return Math.floor(page / within) * KINDS + kind;
}
