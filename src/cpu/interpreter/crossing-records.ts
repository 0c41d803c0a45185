/** Records of instructions that end in another page than they begin in, which may be any. */
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { HANDLER_LEAVE } from './record.ts';
import type { WordReader, WordWriter } from './words.ts';

export class CrossingRecords {
  readonly #view: DataView;
  /** By place, then by the second page's place with the mode. */
  readonly #records = new Map<number, Map<number, number>>();

  constructor(memory: MachineMemory) {
    this.#view = memory.view;
  }

  /** The record of the instruction at a place that ends in the page at the place `second`, or 0. */
  find(place: number, second: number, mode: number): number {
    const known = this.#records.get(place)?.get(second + mode) ?? 0;
    return known === 0 || this.#isDead(known) ? 0 : known;
  }

  insert(place: number, second: number, mode: number, pc: number): void {
    const bySecond = this.#records.get(place) ?? new Map<number, number>();
    bySecond.set(second + mode, pc);
    this.#records.set(place, bySecond);
  }

  /** Forgets records that have become HANDLER_LEAVE. After that they may be used for something else. */
  purge(): void {
    for (const [place, bySecond] of this.#records) {
      for (const [key, pc] of bySecond) if (this.#isDead(pc)) bySecond.delete(key);
      if (bySecond.size === 0) this.#records.delete(place);
    }
  }

  /** Writes down, for `restore`, those of which both pages are kept. */
  keep(words: WordWriter, isKept: (id: number) => boolean): void {
    const kept: number[] = [];
    for (const [place, bySecond] of this.#records) {
      for (const [key, pc] of bySecond) {
        const [id, second] = [Math.floor(place / 4096), Math.floor(key / 4096)];
        if (!this.#isDead(pc) && isKept(id) && isKept(second)) kept.push(id, place % 4096, second, key % 4096, pc);
      }
    }
    words.addList(kept);
  }

  /** Takes up what was written down. */
  restore(words: WordReader): void {
    const kept = words.list();
    for (let at = 0; at < kept.length; at += 5) {
      const [id = 0, offset = 0, second = 0, mode = 0, pc = 0] = kept.subarray(at, at + 5);
      this.insert(id * 4096 + offset, second * 4096, mode, pc);
    }
  }

  #isDead(pc: number): boolean {
    return this.#view.getUint16(pc, true) === HANDLER_LEAVE;
  }
}
