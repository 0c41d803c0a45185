/**
 * Pages that instructions were lately fetched from. Unlike the TLBs it knows process-context identifiers (SDM vol. 3A,
 * 4.10.1): each has a context number, and what carries another number than the present one, or than that of global
 * pages, is not found. To forget a context is to give it a new number.
 *
 * It also knows from which pages anything was fetched since the jump targets remembered elsewhere were last dropped.
 */
import { PAGE_1G, PAGE_4K, type PageKind } from './walk.ts';

export class FetchCache {
  /** Linear page number, context number * 4 + privilege, machine page. */
  readonly #entries = new Float64Array(ENTRIES * ENTRY).fill(-1);
  /** Context numbers by PCID; those up to `#void` are of the past. */
  readonly #contexts = new Float64Array(PCIDS);
  #void = 0;
  #next = 2;
  #global = 1;
  #current = 2;
  /** Pages that were fetched from, as in Marks: local ones, global ones. */
  readonly #local = new Uint8Array(MARKS);
  readonly #globals = new Uint8Array(MARKS);
  /** What `find` found, or `insert` put in, is of a global page. */
  isGlobal = false;

  constructor() {
    this.forgetAll();
  }

  /** Machine address of the page, or -1. `page` is the linear page number. */
  find(page: number, privilege: number): number {
    const at = (page & (ENTRIES - 1)) * ENTRY;
    const known = this.#entries;
    if (known[at] !== page) return -1;
    const stamp = known[at + 1] as number;
    if (stamp === this.#current * 4 + privilege) this.isGlobal = false;
    else if (stamp === this.#global * 4 + privilege) this.isGlobal = true;
    else return -1;
    if (!this.isGlobal) this.#local[page & (PAGE_MARKS - 1)] = 1;
    return known[at + 2] as number;
  }

  insert(page: number, privilege: number, machinePage: number, isGlobal: boolean, kind: PageKind): void {
    const at = (page & (ENTRIES - 1)) * ENTRY;
    const known = this.#entries;
    known[at] = page;
    known[at + 1] = (isGlobal ? this.#global : this.#current) * 4 + privilege;
    known[at + 2] = machinePage;
    this.isGlobal = isGlobal;
    // Parts of larger pages are not looked for one by one: their marks stay until all is forgotten.
    if (kind !== PAGE_4K) this.#globals[kind === PAGE_1G ? hugeMark(page) : largeMark(page)] = 1;
    else if (isGlobal) this.#globals[page & (PAGE_MARKS - 1)] = 1;
    else this.#local[page & (PAGE_MARKS - 1)] = 1;
  }

  /** CR3 was loaded. `keeps` says that what is cached for the PCID is still right. */
  load(pcid: number, keeps: boolean): void {
    if (!keeps || (this.#contexts[pcid] as number) <= this.#void) this.#contexts[pcid] = ++this.#next;
    this.#current = this.#contexts[pcid] as number;
    this.#local.fill(0);
  }

  /** Forgets what is not global of one PCID. */
  forgetContext(pcid: number, isCurrent: boolean): void {
    this.#contexts[pcid] = this.#void;
    if (isCurrent) this.load(pcid, false);
  }

  /** Forgets what is not global of every PCID. */
  forgetContexts(): void {
    // Whoever set CR3 behind our back flushes: which PCID is the present one is not known until it is loaded.
    this.#void = ++this.#next;
    this.#current = ++this.#next;
    this.#local.fill(0);
  }

  forgetAll(): void {
    this.#global = ++this.#next;
    this.#globals.fill(0);
    this.forgetContexts();
  }

  /** Forgets one page of the present PCID, and global. False if nothing was fetched from it since the last `load`. */
  forgetPage(page: number): boolean {
    if (this.#globals[largeMark(page)] !== 0 || this.#globals[hugeMark(page)] !== 0) {
      this.forgetAll();
      return true;
    }
    const at = (page & (ENTRIES - 1)) * ENTRY;
    if (this.#entries[at] === page) this.#entries[at] = -1;
    const mark = page & (PAGE_MARKS - 1);
    return this.#local[mark] !== 0 || this.#globals[mark] !== 0;
  }
}

/** Number of a linear page: at most 2^52, so that it is exact. */
export function pageNumber(lo: number, hi: number): number {
  return (lo >>> 12) + (hi >>> 0) * 0x100000;
}

const ENTRIES = 512;
const ENTRY = 3;
const PCIDS = 4096;
// Marks by the low bits of the number of a page: 4 KiB ones, 2 and 4 MiB ones, 1 GiB ones.
const PAGE_MARKS = 4096;
const LARGE_MARKS = 1024;
const HUGE_MARKS = 512;
const MARKS = PAGE_MARKS + LARGE_MARKS + HUGE_MARKS;

function largeMark(page: number): number {
  return PAGE_MARKS + (Math.floor(page / 512) & (LARGE_MARKS - 1));
}

function hugeMark(page: number): number {
  return PAGE_MARKS + LARGE_MARKS + (Math.floor(page / 0x40000) & (HUGE_MARKS - 1));
}
