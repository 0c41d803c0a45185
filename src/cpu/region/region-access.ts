/** The slow half of a region's accesses to guest memory: see `Mmu.memoryOnly`. */
import type { Mmu } from '../mmu/mmu.ts';

export class RegionAccess {
  readonly #mmu: Mmu;

  constructor(mmu: Mmu) {
    this.#mmu = mmu;
  }

  read(lo: number, hi: number, bytes: number): void {
    this.#mmu.memoryOnly = true;
    this.#mmu.slowRead(lo, hi, bytes);
    this.#mmu.memoryOnly = false;
  }

  write(lo: number, hi: number, bytes: number): void {
    this.#mmu.memoryOnly = true;
    this.#mmu.slowWrite(lo, hi, bytes);
    this.#mmu.memoryOnly = false;
  }

  probeWrite(lo: number, hi: number, bytes: number): number {
    this.#mmu.memoryOnly = true;
    const host = this.#mmu.probeWrite(lo, hi, bytes);
    this.#mmu.memoryOnly = false;
    return host;
  }
}
