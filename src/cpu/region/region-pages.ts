/** Which regions there are, by the pages of code that they lie in. */
import type { WordReader, WordWriter } from '../interpreter/words.ts';

/** A module with regions, and its bytes where somebody is going to ask for them. */
export interface RegionModule {
  readonly module: WebAssembly.Module;
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Machine code that an earlier engine left of it, where nobody has asked for the module yet. */
  readonly code?: Uint8Array | undefined;
}

export interface Region {
  /** Place of its first instruction (CodeCache.placeOf), and the mode. */
  readonly address: number;
  readonly mode: number;
  /** The record where it is entered, and where what that was went. */
  readonly pc: number;
  readonly original: number;
  readonly followsCalls: boolean;
  /** In the table of regions. */
  readonly index: number;
  /** Pages that it has code of. */
  readonly pages: ReadonlySet<number>;
  readonly module: RegionModule;
  /** Under which the module exports it. */
  readonly number: number;
}

export interface RegionPage {
  readonly regions: Set<Region>;
  /** Offsets of instructions in regions, and how often they were called hot since. */
  readonly covered: Map<number, number>;
}

export class RegionPages {
  readonly #pages = new Map<number, RegionPage>();

  known(id: number): RegionPage | undefined {
    return this.#pages.get(id);
  }

  page(id: number): RegionPage {
    const known = this.#pages.get(id);
    if (known !== undefined) return known;
    const page = { regions: new Set<Region>(), covered: new Map<number, number>() };
    this.#pages.set(id, page);
    return page;
  }

  /** The page is gone; its regions are still in other pages. */
  remove(id: number): void {
    this.#pages.delete(id);
  }

  regionAt(address: number, mode: number): Region | undefined {
    const regions = this.#pages.get(Math.floor(address / 4096))?.regions ?? [];
    for (const region of regions) if (region.address === address && region.mode === mode) return region;
    return undefined;
  }

  add(region: Region): void {
    for (const id of region.pages) this.page(id).regions.add(region);
  }

  forget(region: Region): void {
    for (const id of region.pages) this.#pages.get(id)?.regions.delete(region);
  }

  /** Regions that lie in pages that are kept, and those that do not, or not altogether. */
  apart(keepsPage: (id: number) => boolean): { kept: Region[]; others: Region[] } {
    const all = [...new Set([...this.#pages.values()].flatMap(({ regions }) => [...regions]))];
    const isKept = ({ pages }: Region): boolean => [...pages].every(keepsPage);
    return { kept: all.filter(isKept), others: all.filter((region) => !isKept(region)) };
  }

  /** Writes down what lies in pages that are kept, for `restore`; returns the modules that the regions are in. */
  keep(words: WordWriter, keepsPage: (id: number) => boolean): RegionModule[] {
    const { kept } = this.apart(keepsPage);
    const modules = [...new Set(kept.map(({ module }) => module))];
    words.add(kept.length);
    for (const { address, mode, pc, original, followsCalls, index, pages, module, number } of kept) {
      words.add(Math.floor(address / 4096), address % 4096, mode, pc, original, followsCalls ? 1 : 0, index);
      words.add(modules.indexOf(module), number);
      words.addList([...pages]);
    }
    const covered = [...this.#pages].filter(([id]) => keepsPage(id));
    words.add(covered.length);
    for (const [id, page] of covered) {
      words.add(id);
      words.addList([...page.covered.keys()]);
    }
    return modules;
  }

  /** Takes up what was written down; returns the regions. */
  restore(words: WordReader, modules: readonly RegionModule[]): Region[] {
    const regions = Array.from({ length: words.next() }, () => {
      const region = readRegion(words, modules);
      this.add(region);
      return region;
    });
    for (let left = words.next(); left > 0; left--) {
      const { covered } = this.page(words.next());
      for (const offset of words.list()) covered.set(offset, 0);
    }
    return regions;
  }
}

function readRegion(words: WordReader, modules: readonly RegionModule[]): Region {
  const address = words.next() * 4096 + words.next();
  const [mode, pc, original] = [words.next(), words.next(), words.next()];
  const followsCalls = words.next() !== 0;
  const [index, module, number] = [words.next(), modules[words.next()] as RegionModule, words.next()];
  return { address, mode, pc, original, followsCalls, index, pages: new Set(words.list()), module, number };
}
