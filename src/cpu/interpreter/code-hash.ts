/**
 * From a place in code to its record: a hash in machine memory with open addressing. Entries are two u32: the code
 * page's id with the mode, and the record, 0 where the entry is free. The offset in the page is in the record itself.
 * Entries of records that have become HANDLER_LEAVE are dead: they are replaced, or go when the table is made anew.
 */
import { CODE_HASH_MASK } from '../emit/nested-layout.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { CODE_HASH, CODE_HASH_ENTRIES, CODE_HASH_FIRST_ENTRIES } from './layout.ts';
import { HANDLER_LEAVE } from './record.ts';
import { type WordReader, WordWriter } from './words.ts';

/** Ids of code pages have so many bits: the mode takes the others. */
export const PAGE_ID_BITS = 21;
export const MODES = 1 << (32 - PAGE_ID_BITS);

export class CodeHash {
  readonly #u32: Uint32Array;
  #mask = CODE_HASH_FIRST_ENTRIES - 1;
  /** Entries that are not free, dead ones among them. */
  #used = 0;
  /** What `find` did not find last, and where it would be. */
  #missingKey = 0;
  #missingOffset = 0;
  #missingSlot = -1;

  constructor(memory: MachineMemory) {
    this.#u32 = memory.u32;
    this.#publish();
  }

  /** How full it is; more than 1 is too full. */
  get load(): number {
    return this.#used / (CODE_HASH_ENTRIES * LOAD);
  }

  /** The record of the instruction at an offset in a page, or 0. */
  find(id: number, offset: number, mode: number): number {
    const u32 = this.#u32;
    const key = keyOf(id, mode);
    for (let slot = this.#slot(key, offset); ; slot = (slot + 1) & this.#mask) {
      const at = ENTRIES + slot * 2;
      const pc = u32[at + 1] as number;
      if (pc === 0) return this.#isMissing(key, offset, slot);
      if (u32[at] !== key) continue;
      const head = u32[pc >>> 2] as number;
      if (offsetIn(head) === offset) return handlerIn(head) === HANDLER_LEAVE ? this.#isMissing(key, offset, slot) : pc;
    }
  }

  /** Remembers the record at `pc`, which has been written. */
  insert(id: number, offset: number, mode: number, pc: number): void {
    this.#put(keyOf(id, mode), offset, pc);
    if (this.#used > (this.#mask + 1) * LOAD && this.#mask + 1 < CODE_HASH_ENTRIES) this.#remake(2 * this.#mask + 1);
  }

  // Whoever looked in vain decodes and comes back with a record.
  #isMissing(key: number, offset: number, slot: number): 0 {
    this.#missingKey = key;
    this.#missingOffset = offset;
    this.#missingSlot = slot;
    return 0;
  }

  /** Forgets dead entries. After that their records may be used for something else. */
  purge(): void {
    this.#remake(this.#mask);
  }

  /** Writes down, for `restore`, the entries of pages that are kept, as a table of them alone. */
  keep(words: WordWriter, isKept: (id: number) => boolean): void {
    const u32 = this.#u32;
    const table = new Uint32Array((this.#mask + 1) * 2);
    for (let at = ENTRIES; at < ENTRIES + table.length; at += 2) {
      const [key, pc] = [u32[at] as number, u32[at + 1] as number];
      const head = u32[pc >>> 2] as number;
      if (pc === 0 || handlerIn(head) === HANDLER_LEAVE || !isKept(idIn(key))) continue;
      let slot = this.#slot(key, offsetIn(head));
      while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
      table[slot * 2] = key;
      table[slot * 2 + 1] = pc;
    }
    const taken = new Uint32Array((this.#mask + 1) / 32);
    const entries = new WordWriter();
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (table[slot * 2 + 1] === 0) continue;
      taken[slot >>> 5] = (taken[slot >>> 5] as number) | (1 << (slot & 31));
      entries.add(table[slot * 2] as number, table[slot * 2 + 1] as number);
    }
    words.addList(taken);
    words.addList(entries.words());
  }

  /** Takes up what was written down, while there are no others. */
  restore(words: WordReader): void {
    const u32 = this.#u32;
    const [taken, entries] = [words.list(), words.list()];
    this.#mask = taken.length * 32 - 1;
    this.#used = entries.length / 2;
    this.#publish();
    let from = 0;
    for (let word = 0; word < taken.length; word++) {
      for (let bits = taken[word] as number; bits !== 0; bits &= bits - 1) {
        const at = ENTRIES + (word * 32 + 31 - Math.clz32(bits & -bits)) * 2;
        u32[at] = entries[from++] as number;
        u32[at + 1] = entries[from++] as number;
      }
    }
  }

  clear(): void {
    this.#u32.fill(0, ENTRIES, ENTRIES + (this.#mask + 1) * 2);
    this.#used = 0;
    this.#missingSlot = -1;
  }

  #put(key: number, offset: number, pc: number): void {
    const u32 = this.#u32;
    const isMissing = key === this.#missingKey && offset === this.#missingOffset && this.#missingSlot >= 0;
    const first = isMissing ? this.#missingSlot : this.#slot(key, offset);
    this.#missingSlot = -1;
    for (let slot = first; ; slot = (slot + 1) & this.#mask) {
      const at = ENTRIES + slot * 2;
      const there = u32[at + 1] as number;
      if (there !== 0 && (u32[at] !== key || offsetIn(u32[there >>> 2] as number) !== offset)) continue;
      if (there === 0) this.#used++;
      u32[at] = key;
      u32[at + 1] = pc;
      return;
    }
  }

  #remake(mask: number): void {
    const u32 = this.#u32;
    const before = u32.slice(ENTRIES, ENTRIES + (this.#mask + 1) * 2);
    this.clear();
    this.#mask = mask;
    this.#publish();
    for (let at = 0; at < before.length; at += 2) {
      const pc = before[at + 1] as number;
      if (pc === 0) continue;
      const head = u32[pc >>> 2] as number;
      if (handlerIn(head) !== HANDLER_LEAVE) this.#put(before[at] as number, offsetIn(head), pc);
    }
  }

  // For generated code (find-function.ts).
  #publish(): void {
    this.#u32[CODE_HASH_MASK / 4] = this.#mask;
  }

  // A page's instructions are near each other.
  #slot(key: number, offset: number): number {
    return ((Math.imul(key, SPREAD) >>> SPREAD_SHIFT) + offset) & this.#mask;
  }
}

const ENTRIES = CODE_HASH / 4;
const LOAD = 0.6;
export const SPREAD = 0x9e3779b1;
export const SPREAD_SHIFT = 11;

function keyOf(id: number, mode: number): number {
  return (id * MODES + mode) >>> 0;
}

function idIn(key: number): number {
  return Math.floor(key / MODES);
}

// Of a record's first word.
function handlerIn(head: number): number {
  return head & 0xffff;
}
function offsetIn(head: number): number {
  return (head >>> 16) & 0xfff;
}
