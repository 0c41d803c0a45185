/**
 * The regions of one engine: which places are hot, what was made of them, where it is entered. Regions are made many at
 * a time, for a module costs far more than a function in it, and belong to a page of machine memory: when code of the
 * page changes they are gone.
 */
import { ModuleBuilder } from '../emit/module.ts';
import type { CodeCache } from '../interpreter/code-cache.ts';
import type { RecordUser } from '../interpreter/code-user.ts';
import type { HandlerTable } from '../interpreter/handlers.ts';
import { MAX_REGIONS, REGION_COUNTS } from '../interpreter/layout.ts';
import { COLD_PARAMETERS } from '../interpreter/runtime.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { MODE_CODE_64, MODE_STEP } from '../mode.ts';
import * as op from '../emit/opcodes.ts';
import type { Block } from './block.ts';
import { flowGraph } from './flow-graph.ts';
import { PROMOTION } from './region-chain.ts';
import { REGION_PARAMETERS } from './region-frame.ts';
import { emitRegion } from './region-function.ts';
import { type Region, type RegionModule, RegionPages } from './region-pages.ts';
import type { RegionProfile } from './region-profile.ts';
import { importRegionRuntime } from './region-runtime.ts';
import type { WordReader, WordWriter } from '../interpreter/words.ts';

/** A place inside a region of its page is only worth a region of its own if it stays hot. */
const PATIENCE = 3;
/** So many places are waited for, or so many looks at the queue: a module costs as much as many regions. */
const BATCH = 32;
const LOOKS = 400;
/** A place that is called hot while it waits counts for so many: a loop that goes on would wait for many milliseconds. */
const LOOKS_OF_HOT = LOOKS / 2;
/** A place is hot that is called so a second time within so many runs of generated code. */
const HOT_WINDOW = 2048;
const MOST_PLACES = 1 << 16;
/** A page whose code changed so often is left to the interpreter. */
const MOST_DROPS = 16;

/** Of an instruction. */
const MOST_BYTES = 15;
/** Which one it is shows when a module is instantiated, so that machines of other sizes can have it too. */
const ANY_MEMORY = { initial: 1, maximum: 65536, shared: false };

/** What regions are made with and call. */
export interface RegionHost {
  readonly memory: MachineMemory;
  readonly wasmMemory: WebAssembly.Memory;
  readonly table: HandlerTable;
  readonly code: CodeCache;
  /** Exports of the interpreter's module, and the import for vector operations. */
  readonly functions: WebAssembly.Exports;
  readonly vectorSlow: (operation: number) => number;
  /** Where a tool asked for counts. */
  readonly profile?: RegionProfile | undefined;
  /** `keep` may be called. */
  readonly isKept: boolean;
}

interface Draft {
  /** Machine address of its first instruction, and the mode. */
  readonly address: number;
  readonly mode: number;
  /** The record where it is entered. */
  readonly pc: number;
  readonly followsCalls: boolean;
  /** In the table of regions. */
  readonly index: number;
  readonly blocks: readonly Block[];
}

/** A place that is hot, and what pages were found around it. */
interface Hot {
  readonly address: number;
  readonly mode: number;
  readonly followsCalls: boolean;
  readonly near: ReadonlyMap<number, number>;
}

export class RegionCache implements RecordUser {
  readonly isEager: boolean;
  readonly #host: RegionHost;
  readonly #table: WebAssembly.Table;
  readonly #firstCold: number;
  readonly #pages = new RegionPages();
  readonly #drops = new Map<number, number>();
  /** Where records that regions replaced went. */
  readonly #originals = new Map<number, number>();
  readonly #queue = new Map<number, Hot>();
  #looks = 0;
  /** Times `isDue` was asked, and when a place was last called hot. */
  #now = 0;
  readonly #lastHot = new Map<number, number>();
  readonly #free: number[] = [];
  /** Modules from earlier with their regions, until a page is there that has one. */
  readonly #waiting = new Map<RegionModule, readonly Region[]>();
  #next = 0;
  /** What was made since the engine began, and how many regions went with their pages. */
  made = { regions: 0, instructions: 0, bytes: 0, modules: 0, dropped: 0, promoted: 0 };

  /** With `isEager`, whatever is looked up is made a region of at once: for tests. */
  constructor(host: RegionHost, isEager: boolean) {
    this.#host = host;
    this.isEager = isEager;
    this.#table = host.functions['regions'] as WebAssembly.Table;
    this.#firstCold = host.table.coldStart + host.table.fusedFirsts.length;
    host.code.recordUser = this;
  }

  /** Asked between runs of generated code: there is something to make, and it has waited for long enough. */
  get isDue(): boolean {
    this.#now++;
    if (this.#queue.size === 0) return false;
    return this.isEager || this.#queue.size >= BATCH || ++this.#looks > LOOKS;
  }

  /**
   * Code at a place (CodeCache.placeOf; negative: nowhere) is executed often. `near` tells the place of a page that is
   * so many pages from it, -1 where it does not know. Returns whether it waits for a region now.
   */
  hot(address: number, mode: number, near: (distance: number) => number): boolean {
    if (address < 0 || (mode & MODE_STEP) !== 0 || this.#isFull) return false;
    const mfn = Math.floor(address / 4096);
    if ((this.#drops.get(mfn) ?? 0) >= MOST_DROPS) return false;
    const page = this.#pages.known(mfn);
    const offset = address % 4096;
    let followsCalls = this.isEager;
    const times = page?.covered.get(offset);
    if (page !== undefined && times !== undefined) {
      page.covered.set(offset, times + 1);
      const known = this.#pages.regionAt(address, mode);
      if (known !== undefined && (known.followsCalls || !this.#isOften(known))) return false;
      if (known === undefined && times + 1 < PATIENCE && !this.isEager) return false;
      followsCalls ||= known !== undefined;
    }
    if (!followsCalls && !this.#isHotAgain(address)) return false;
    if (this.#queue.has(address)) this.#looks += LOOKS_OF_HOT;
    this.#queue.set(address, { address, mode, followsCalls, near: this.#around(address, mode, followsCalls, near) });
    return true;
  }

  // What is executed now and then, for hours, is not hot.
  #isHotAgain(address: number): boolean {
    const last = this.#lastHot.get(address);
    if (this.#lastHot.size > MOST_PLACES) this.#lastHot.clear();
    this.#lastHot.set(address, this.#now);
    return last !== undefined && this.#now - last < HOT_WINDOW;
  }

  /** Makes regions of all that was called hot. No vCPU may be inside generated code. */
  make(): void {
    const drafts: Draft[] = [];
    for (const hot of this.#queue.values()) {
      const draft = this.#draft(hot);
      if (draft !== undefined) drafts.push(draft);
    }
    this.#queue.clear();
    this.#looks = 0;
    if (drafts.length > 0) this.#install(drafts);
  }

  dropPage(id: number, hasChanged: boolean): void {
    const page = this.#pages.known(id);
    if (page === undefined) return;
    this.#pages.remove(id);
    if (hasChanged) this.#drops.set(id, (this.#drops.get(id) ?? 0) + 1);
    else this.#drops.delete(id);
    this.made.dropped += page.regions.size;
    for (const region of page.regions) this.#drop(region, id);
    // One of them may be running.
    this.#host.code.stopRuns();
  }

  #drop(region: Region, gone: number): void {
    this.#host.profile?.dropped(region.index);
    this.#free.push(region.index);
    this.#pages.forget(region);
    if (Math.floor(region.address / 4096) === gone) return;
    // Its entry is in another page, whose records stay.
    const { pc } = region;
    this.#host.code.leaveRegion(pc, this.#originals.get(pc) as number);
    this.#originals.delete(pc);
  }

  // Entered from other regions again and again: see region-chain.ts.
  #isOften({ index }: Region): boolean {
    return (this.#host.memory.u32[REGION_COUNTS / 4 + index] as number) >= PROMOTION;
  }

  /** Writes down regions of pages that are kept, for `restore`; returns their modules, and the other regions. */
  keep(words: WordWriter, keepsPage: (id: number) => boolean): { modules: RegionModule[]; others: Region[] } {
    words.add(this.#next);
    return { modules: this.#pages.keep(words, keepsPage), others: this.#pages.apart(keepsPage).others };
  }

  /** Takes up what was written down, before there are any others: the records are there, with the regions' entries. */
  restore(words: WordReader, modules: readonly RegionModule[]): void {
    this.#next = words.next();
    const free = new Set(Array.from({ length: this.#next }, (_, index) => index));
    for (const region of this.#pages.restore(words, modules)) {
      this.#originals.set(region.pc, region.original);
      this.#waiting.set(region.module, [...(this.#waiting.get(region.module) ?? []), region]);
      free.delete(region.index);
    }
    this.#free.push(...free);
  }

  // What was written down of other programs is not needed.
  enterPage(id: number): void {
    if (this.#waiting.size === 0) return;
    for (const { address, module } of this.#pages.known(id)?.regions ?? []) {
      if (Math.floor(address / 4096) === id) this.#load(module);
    }
  }

  #load(module: RegionModule): void {
    const regions = this.#waiting.get(module);
    if (regions === undefined) return;
    this.#waiting.delete(module);
    const exports = this.#instantiate(module);
    for (const region of regions) {
      // Its place may be another one's by now.
      if (this.#pages.regionAt(region.address, region.mode) !== region) continue;
      this.#table.set(region.index, exports[`${region.number}`]);
    }
  }

  reuseRecords(from: number, to: number): void {
    for (const pc of this.#originals.keys()) if (pc >= from && pc < to) this.#originals.delete(pc);
  }

  renewPage(id: number): void {
    this.#drops.delete(id);
  }

  get #isFull(): boolean {
    return this.#next === MAX_REGIONS && this.#free.length === 0;
  }

  // Pages that the code at a place leads to.
  #around(
    address: number,
    mode: number,
    followsCalls: boolean,
    near: (distance: number) => number,
  ): Map<number, number> {
    const found = new Map([[0, address - (address % 4096)]]);
    const pages = (distance: number): number => {
      const known = found.get(distance);
      if (known !== undefined) return known;
      const page = near(distance);
      if (page >= 0) found.set(distance, page);
      return page;
    };
    this.#blocks({ address, mode, followsCalls }, pages);
    return found;
  }

  #draft(hot: Hot): Draft | undefined {
    const { address, mode, followsCalls, near } = hot;
    const { code } = this.#host;
    const pc = code.known(address, mode);
    const replaced = this.#pages.regionAt(address, mode);
    if (pc === 0 || (replaced === undefined && this.#originals.has(pc))) return undefined;
    // Before anything is made of it: what executes this instruction goes by the record that stays.
    if (replaced === undefined) this.#originals.set(pc, code.copy(pc, Math.floor(address / 4096)));
    const blocks = this.#blocks(hot, (distance) => near.get(distance) ?? -1);
    // Where the table is full, what is hot now stays with the interpreter until all is thrown away.
    if (blocks === undefined || (replaced === undefined && this.#isFull)) return undefined;
    const index = replaced?.index ?? this.#free.pop() ?? this.#next++;
    return { address, mode, followsCalls, pc, index, blocks };
  }

  #blocks(
    { address, mode, followsCalls }: Omit<Hot, 'near'>,
    pages: (distance: number) => number,
  ): readonly Block[] | undefined {
    const { code, memory, table } = this.#host;
    const isWide = (mode & MODE_CODE_64) !== 0;
    const machine = (offset: number): number => {
      const distance = Math.floor(offset / 4096);
      const page = distance === 0 || isWide ? pages(distance) : -1;
      return page < 0 ? -1 : page + (offset & 0xfff);
    };
    const source = {
      find: (offset: number) => {
        const here = machine(offset);
        if (here < 0) return 0;
        const known = code.known(here, mode);
        if (known !== 0 || here % 4096 <= 4096 - MOST_BYTES) return known;
        const next = machine(offset - (here % 4096) + 4096);
        return next < 0 ? 0 : code.knownCrossing(here, next, mode);
      },
      frame: (offset: number) => Math.floor(machine(offset) / 4096),
      original: (pc: number) => this.#originals.get(pc) ?? pc,
      isCounted: !this.isEager,
      followsCalls: followsCalls && isWide,
    };
    return flowGraph(address % 4096, source, memory.view, table);
  }

  #install(drafts: readonly Draft[]): void {
    const { memory, profile } = this.#host;
    const module = new ModuleBuilder(ANY_MEMORY);
    const runtime = importRegionRuntime(module, COLD_PARAMETERS);
    const functions = new Map<Draft, number>();
    for (const [number, draft] of drafts.entries()) {
      const { blocks, mode, followsCalls, index } = draft;
      const place = module.declare(REGION_PARAMETERS, [op.TYPE_I32]);
      functions.set(draft, place);
      const copy = (pc: number, frame: number): number => this.#host.code.copy(pc, frame);
      const source = {
        ...{ blocks, mode, followsCalls, view: memory.view, copy },
        ...{ counted: followsCalls ? undefined : index },
        ...{ firstCold: this.#firstCold, meter: profile?.meter(draft) },
      };
      const { code: body, locals } = emitRegion(source, runtime);
      module.define(place, locals, body);
      module.export(`${number}`, place);
    }
    const bytes = profile?.named(module.bytes(), functions) ?? module.bytes();
    const made = { module: new WebAssembly.Module(bytes), bytes: this.#host.isKept ? bytes : undefined };
    const exports = this.#instantiate(made);
    this.made.modules++;
    this.made.bytes += bytes.length;
    for (const [number, draft] of drafts.entries()) {
      const { address, mode, pc, followsCalls, index, blocks } = draft;
      const replaced = this.#pages.regionAt(address, mode);
      if (replaced !== undefined) {
        this.#pages.forget(replaced);
        this.made.promoted++;
      }
      this.#table.set(index, exports[`${number}`]);
      memory.u32[REGION_COUNTS / 4 + index] = 0;
      const original = this.#originals.get(pc) as number;
      this.#host.code.enterRegion(pc, original, index);
      const place = { address, mode, pc, original, followsCalls };
      this.#pages.add({ ...place, index, pages: pagesOf(blocks), module: made, number });
      this.#cover(blocks);
      profile?.installed(draft, index);
    }
  }

  #instantiate({ module }: RegionModule): WebAssembly.Exports {
    const { functions, wasmMemory, vectorSlow } = this.#host;
    const env = { ...functions, memory: wasmMemory, vectorSlow } as WebAssembly.ModuleImports;
    return new WebAssembly.Instance(module, { env }).exports;
  }

  #cover(blocks: readonly Block[]): void {
    this.made.regions++;
    for (const { instructions } of blocks) {
      this.made.instructions += instructions.length;
      for (const { offset, frame } of instructions) {
        const { covered } = this.#pages.page(frame);
        if (!covered.has(offset & 0xfff)) covered.set(offset & 0xfff, 0);
      }
    }
  }
}

/** Pages that a region has code of. */
function pagesOf(blocks: readonly Block[]): Set<number> {
  return new Set(blocks.flatMap(({ instructions }) => instructions.flatMap(({ frame, last }) => [frame, last])));
}
