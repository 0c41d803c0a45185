/** From RIP to machine memory, and to the record of the instruction there. */
import { MODE_CODE_64 } from '../mode.ts';
import { pageNumber } from '../mmu/fetch-cache.ts';
import type { Mmu } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import type { CodeCache } from './code-cache.ts';

/** What `translateRip` says in place of an address: a fault was raised; no memory backs the page. */
export const FETCH_FAULTED = -1;
export const FETCH_NOWHERE = -2;

export class InstructionFetch {
  readonly #cpu: SystemCpu;
  readonly #mmu: Mmu;
  readonly #code: CodeCache;
  /** What `find` found holds in all address spaces. */
  isGlobal = false;
  #linearLo = 0;
  #linearHi = 0;

  constructor(cpu: SystemCpu, mmu: Mmu, code: CodeCache) {
    this.#cpu = cpu;
    this.#mmu = mmu;
    this.#code = code;
  }

  /** Machine address of the instruction at RIP, or FETCH_*. `csBaseLo` counts outside 64-bit code. */
  translateRip(mode: number, csBaseLo: number): number {
    const registers = this.#cpu.state;
    const ripLo = registers.u32(state.OFFSET_RIP);
    this.#linearLo = ripLo;
    this.#linearHi = registers.u32(state.OFFSET_RIP + 4);
    if ((mode & MODE_CODE_64) === 0) {
      if (ripLo > registers.segmentLimit(state.CS)) {
        this.#cpu.generalProtection(0);
        return FETCH_FAULTED;
      }
      this.#linearLo = (ripLo + csBaseLo) >>> 0;
      this.#linearHi = 0;
    }
    return this.#mmu.translateFetch(this.#linearLo, this.#linearHi);
  }

  /** The same where that was fetched before, and does not fault now. */
  fetchedRip(mode: number, csBaseLo: number): number {
    const { state: registers } = this.#cpu;
    const cr2 = registers.u64(state.OFFSET_CR2);
    const machine = this.translateRip(mode, csBaseLo);
    this.#mmu.refused = undefined;
    registers.setU32(state.OFFSET_EVENT, 0);
    registers.setU64(state.OFFSET_CR2, cr2);
    return machine;
  }

  /** Whether a record is of the page of code that a machine address is in. */
  hasRecord(machine: number, pc: number): boolean {
    return this.#code.parts.pages.hasRecord(Math.floor(machine / 4096), pc);
  }

  /** The place in code (CodeCache.placeOf) of a machine address that `translateRip` gave; below 0 where none is known. */
  placeOf(machine: number): number {
    return machine < 0 ? machine : this.#code.placeOf(machine);
  }

  /** The place of a page so many pages from where RIP was, if code was fetched there lately; else below 0. */
  readonly near = (distance: number): number => {
    return this.placeOf(this.#mmu.fetchedPage(pageNumber(this.#linearLo, this.#linearHi) + distance));
  };

  /** The record of the instruction at a machine address that `translateRip` gave, or 0 after a fault was raised. */
  find(machine: number, mode: number): number {
    if (machine < 0) return this.#none(machine);
    this.isGlobal = this.#mmu.fetchIsGlobal;
    const pc = this.#code.find(machine, mode);
    return pc !== 0 ? pc : this.#findCrossing(machine, mode);
  }

  // An instruction that goes on in the next page, which must be fetchable too.
  #findCrossing(machine: number, mode: number): number {
    const nextLo = ((this.#linearLo & 0xfffff000) + 4096) >>> 0;
    const nextHi = nextLo === 0 ? (this.#linearHi + 1) >>> 0 : this.#linearHi;
    const second = this.#mmu.translateFetch(nextLo, nextHi);
    if (second < 0) return this.#none(second);
    this.isGlobal &&= this.#mmu.fetchIsGlobal;
    return this.#code.findCrossing(machine, second, mode);
  }

  // Fetching where there is no memory: the bus gives all ones, which is no instruction.
  #none(machine: number): number {
    if (machine === FETCH_NOWHERE) this.#cpu.invalidOpcode();
    return 0;
  }
}
