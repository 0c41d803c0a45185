/** The tables of emit/tlb-layout.ts: filling them, and the flushes, which cost what was filled. */
import * as layout from '../emit/tlb-layout.ts';
import type { MachineMemory } from './machine-memory.ts';
import { PAGE_1G, PAGE_4K, type PageKind } from './walk.ts';

export class Tlb {
  /** Where the tables are in machine memory. */
  readonly address: number;
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;

  constructor(memory: MachineMemory, address: number) {
    this.address = address;
    this.#u8 = memory.u8;
    this.#u16 = new Uint16Array(memory.buffer);
    this.#u32 = memory.u32;
    this.#u8.fill(0, address, address + layout.TLB_AREA_SIZE);
    const words = address / 4;
    for (let at = words; at < words + layout.TLB_LIST_LENGTHS / 4; at += ENTRY_WORDS) this.#u32[at] = INVALID;
  }

  /**
   * Caches a page for one TLB.
   *
   * @param machinePage machine address of the 4 KiB that `lo` is in
   * @param writable whether it may be written without another look
   * @param holdsCode whether that is so only beside the code in it
   */
  fill(
    table: number,
    lo: number,
    hi: number,
    machinePage: number,
    writable: boolean,
    holdsCode: boolean,
    isGlobal: boolean,
    kind: PageKind,
  ): void {
    const u32 = this.#u32;
    const index = layout.tlbIndex(lo);
    const at = this.#entry(table, index);
    this.#note(at, table * layout.TLB_ENTRIES + index, isGlobal);
    if (kind !== PAGE_4K) {
      this.#u8[this.#mark(lo, hi, isGlobal, kind)] = 1;
      u32[(this.address + layout.TLB_MARKED) / 4 + (isGlobal ? 1 : 0)] = 1;
    }
    const pageLo = (lo & 0xfffff000) >>> 0;
    u32[at] = pageLo;
    u32[at + 1] = hi;
    u32[at + ADDEND] = machinePage - pageLo;
    const write = at + WRITE;
    u32[write] = !writable ? INVALID : holdsCode ? pageLo | layout.TLB_BESIDE_CODE : pageLo;
    u32[write + 1] = hi;
    u32[write + ADDEND] = machinePage - pageLo;
  }

  /** Machine address behind a linear one that may be read, or written, without another look; -1 where none is cached. */
  find(table: number, lo: number, hi: number, isWrite: boolean): number {
    const u32 = this.#u32;
    const at = this.#entry(table, layout.tlbIndex(lo)) + (isWrite ? WRITE : 0);
    if (u32[at] !== (lo & 0xfffff000) >>> 0 || u32[at + 1] !== hi >>> 0) return -1;
    return ((lo >>> 0) + (u32[at + ADDEND] as number)) >>> 0;
  }

  /** Forgets all that is not global. */
  flushLocal(): void {
    const lengths = (this.address + layout.TLB_LIST_LENGTHS) / 4;
    this.#flushList(0, layout.TLB_ENTRY_LISTED_LOCAL, true);
    this.#u32[lengths] = 0;
    this.#clearMarks(0);
  }

  flushAll(): void {
    this.#flushList(0, layout.TLB_ENTRY_LISTED_LOCAL, false);
    this.#flushList(1, layout.TLB_ENTRY_LISTED_GLOBAL, false);
    const lengths = (this.address + layout.TLB_LIST_LENGTHS) / 4;
    this.#u32[lengths] = 0;
    this.#u32[lengths + 1] = 0;
    this.#clearMarks(0);
    this.#clearMarks(1);
  }

  /** Forgets the page at an address, whatever its size. */
  flushPage(lo: number, hi: number): void {
    if (this.#isMarked(lo, hi)) {
      this.flushAll();
      return;
    }
    const u32 = this.#u32;
    const pageLo = (lo & 0xfffff000) >>> 0;
    for (let table = 0; table < layout.TLB_FILLED_COUNT; table++) {
      const at = this.#entry(table, layout.tlbIndex(lo));
      if (u32[at] !== pageLo || u32[at + 1] !== hi >>> 0) continue;
      u32[at] = INVALID;
      u32[at + WRITE] = INVALID;
    }
  }

  /** Forgets all that leads to a frame. */
  flushFrame(mfn: number): void {
    const u32 = this.#u32;
    for (let list = 0; list < 2; list++) {
      const first = this.#list(list);
      const end = first + this.#length(list);
      for (let i = first; i < end; i++) {
        const at = this.#place(this.#u16[i] as number);
        const tag = u32[at] as number;
        if (tag === INVALID || (tag + (u32[at + ADDEND] as number)) >>> 0 !== mfn * 4096) continue;
        u32[at] = INVALID;
        u32[at + WRITE] = INVALID;
      }
    }
  }

  /** Takes the fast way to write a frame from all tables: it holds code. */
  protectFrame(mfn: number): void {
    this.protectFrames((frame) => frame === mfn);
  }

  /** The same for all frames of which it is so. */
  protectFrames(holdsCode: (mfn: number) => boolean): void {
    const u32 = this.#u32;
    for (let list = 0; list < 2; list++) {
      const first = this.#list(list);
      const end = first + this.#length(list);
      for (let i = first; i < end; i++) {
        const at = this.#place(this.#u16[i] as number) + WRITE;
        const tag = u32[at] as number;
        if (tag === INVALID) continue;
        const page = (tag + (u32[at + ADDEND] as number)) >>> 0;
        if (holdsCode(page >>> 12)) u32[at] = tag | layout.TLB_BESIDE_CODE;
      }
    }
  }

  // Puts an entry's place into the list it will be flushed by, and its state to what is about to be cached there.
  #note(at: number, place: number, isGlobal: boolean): void {
    const u32 = this.#u32;
    const before = u32[at + STATE] as number;
    const listed = isGlobal ? layout.TLB_ENTRY_LISTED_GLOBAL : layout.TLB_ENTRY_LISTED_LOCAL;
    if ((before & listed) === 0) {
      const list = isGlobal ? 1 : 0;
      const length = this.#length(list);
      this.#u16[this.#list(list) + length] = place;
      u32[(this.address + layout.TLB_LIST_LENGTHS) / 4 + list] = length + 1;
    }
    u32[at + STATE] = (before & ~layout.TLB_ENTRY_GLOBAL) | listed | (isGlobal ? layout.TLB_ENTRY_GLOBAL : 0);
  }

  #flushList(list: number, listed: number, keepsGlobal: boolean): void {
    const u32 = this.#u32;
    const first = this.#list(list);
    const end = first + this.#length(list);
    for (let i = first; i < end; i++) {
      const at = this.#place(this.#u16[i] as number);
      const before = u32[at + STATE] as number;
      u32[at + STATE] = before & ~listed;
      if (keepsGlobal && (before & layout.TLB_ENTRY_GLOBAL) !== 0) continue;
      u32[at] = INVALID;
      u32[at + WRITE] = INVALID;
    }
  }

  #clearMarks(list: number): void {
    const marked = (this.address + layout.TLB_MARKED) / 4 + list;
    if (this.#u32[marked] === 0) return;
    this.#u32[marked] = 0;
    const marks = this.address + layout.TLB_MARKS + list * layout.TLB_MARKS_SIZE;
    this.#u8.fill(0, marks, marks + layout.TLB_MARKS_SIZE);
  }

  #length(list: number): number {
    return this.#u32[(this.address + layout.TLB_LIST_LENGTHS) / 4 + list] as number;
  }

  // Index into `u16` of a list.
  #list(list: number): number {
    return (this.address + layout.TLB_LISTS + list * layout.TLB_LIST_SIZE) / 2;
  }

  // Index into `u32` of an entry of the read table.
  #place(place: number): number {
    return this.#entry(place >>> PLACE_SHIFT, place & (layout.TLB_ENTRIES - 1));
  }

  #entry(table: number, index: number): number {
    return (this.address + table * layout.TLB_SIZE + index * layout.TLB_ENTRY_SIZE) >>> 2;
  }

  #mark(lo: number, hi: number, isGlobal: boolean, kind: PageKind): number {
    const marks = this.address + layout.TLB_MARKS + (isGlobal ? layout.TLB_MARKS_SIZE : 0);
    return marks + (kind === PAGE_1G ? hugeMark(lo, hi) : largeMark(lo));
  }

  #isMarked(lo: number, hi: number): boolean {
    const local = this.address + layout.TLB_MARKS;
    const large = local + largeMark(lo);
    const huge = local + hugeMark(lo, hi);
    const u8 = this.#u8;
    return (
      u8[large] !== 0 ||
      u8[huge] !== 0 ||
      u8[large + layout.TLB_MARKS_SIZE] !== 0 ||
      u8[huge + layout.TLB_MARKS_SIZE] !== 0
    );
  }
}

const ENTRY_WORDS = layout.TLB_ENTRY_SIZE / 4;
const ADDEND = layout.TLB_ENTRY_ADDEND / 4;
const STATE = layout.TLB_ENTRY_STATE / 4;
const WRITE = layout.TLB_WRITE_OFFSET / 4;
const PLACE_SHIFT = Math.log2(layout.TLB_ENTRIES);
const INVALID = 0xffffffff;

function largeMark(lo: number): number {
  return lo >>> 21;
}

function hugeMark(lo: number, hi: number): number {
  return layout.TLB_MARKS_LARGE + (((hi << 2) | (lo >>> 30)) & (layout.TLB_MARKS_HUGE - 1));
}
