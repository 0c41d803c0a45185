/**
 * The regions of one engine: which places are hot, what was made of them, where it is entered. Regions are made many at
 * a time, for a module costs far more than a function in it, and belong to a page of machine memory: when code of the
 * page changes they are gone.
 */
import { ModuleBuilder } from '../emit/module.ts';
import type { CodeCache, RecordUser } from '../interpreter/code-cache.ts';
import type { HandlerTable } from '../interpreter/handlers.ts';
import { MAX_REGIONS } from '../interpreter/layout.ts';
import { COLD_PARAMETERS } from '../interpreter/runtime.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { MODE_STEP } from '../mode.ts';
import * as op from '../emit/opcodes.ts';
import { type Block, flowGraph } from './flow-graph.ts';
import { REGION_PARAMETERS } from './region-frame.ts';
import { emitRegion } from './region-function.ts';
import { importRegionRuntime } from './region-runtime.ts';

/** A place inside a region of its page is only worth a region of its own if it stays hot. */
const PATIENCE = 3;
/** So many places are waited for, or so many looks at the queue: a module costs as much as many regions. */
const BATCH = 32;
const LOOKS = 400;
/** A page whose code changed so often is left to the interpreter. */
const MOST_DROPS = 16;

/** What regions are made with and call. */
export interface RegionHost {
  readonly memory: MachineMemory;
  readonly wasmMemory: WebAssembly.Memory;
  readonly table: HandlerTable;
  readonly code: CodeCache;
  /** Exports of the interpreter's module, and the import for vector operations. */
  readonly functions: WebAssembly.Exports;
  readonly vectorSlow: (operation: number) => number;
}

interface Region {
  readonly index: number;
  /** Machine address of its first instruction, and the mode. */
  readonly address: number;
  readonly mode: number;
  readonly blocks: readonly Block[];
}

interface RegionPage {
  readonly regions: Region[];
  /** Offsets of instructions in regions, and how often they were called hot since. */
  readonly covered: Map<number, number>;
}

interface Draft {
  readonly address: number;
  readonly mode: number;
  readonly pc: number;
  readonly blocks: readonly Block[];
}

export class RegionCache implements RecordUser {
  readonly isEager: boolean;
  readonly #host: RegionHost;
  readonly #table: WebAssembly.Table;
  readonly #firstCold: number;
  readonly #returnHandler: number;
  readonly #pages = new Map<number, RegionPage>();
  readonly #drops = new Map<number, number>();
  /** Where records that regions replaced went. */
  readonly #originals = new Map<number, number>();
  readonly #queue = new Map<number, { address: number; mode: number }>();
  #looks = 0;
  readonly #free: number[] = [];
  #next = 0;
  /** What was made since the engine began, and how many regions went with their pages. */
  made = { regions: 0, instructions: 0, bytes: 0, modules: 0, dropped: 0 };

  /** With `isEager`, whatever is looked up is made a region of at once: for tests. */
  constructor(host: RegionHost, isEager: boolean) {
    this.#host = host;
    this.isEager = isEager;
    this.#table = host.functions['regions'] as WebAssembly.Table;
    this.#firstCold = host.table.coldStart + host.table.fusedFirsts.length;
    this.#returnHandler = host.table.byKey('RET operandSize=64 stackSize=64')?.id ?? -1;
    host.code.recordUser = this;
  }

  /** Asked between runs of generated code: there is something to make, and it has waited for long enough. */
  get isDue(): boolean {
    if (this.#queue.size === 0) return false;
    return this.isEager || this.#queue.size >= BATCH || ++this.#looks > LOOKS;
  }

  /** Code at a machine address (negative: nowhere) is executed often. Returns whether it waits for a region now. */
  hot(address: number, mode: number): boolean {
    if (address < 0 || (mode & MODE_STEP) !== 0 || this.#isFull) return false;
    const mfn = Math.floor(address / 4096);
    if ((this.#drops.get(mfn) ?? 0) >= MOST_DROPS) return false;
    const page = this.#pages.get(mfn);
    const offset = address % 4096;
    const times = page?.covered.get(offset);
    if (page !== undefined && times !== undefined) {
      page.covered.set(offset, times + 1);
      const isEntry = page.regions.some((region) => region.address === address && region.mode === mode);
      if (isEntry || (times + 1 < PATIENCE && !this.isEager)) return false;
    }
    this.#queue.set(address, { address, mode });
    return true;
  }

  /** Makes regions of all that was called hot. No vCPU may be inside generated code. */
  make(): void {
    const drafts: Draft[] = [];
    for (const { address, mode } of this.#queue.values()) {
      const draft = this.#draft(address, mode);
      if (draft !== undefined) drafts.push(draft);
    }
    this.#queue.clear();
    this.#looks = 0;
    if (drafts.length > 0) this.#install(drafts);
  }

  dropPage(mfn: number): void {
    const page = this.#pages.get(mfn);
    if (page === undefined) return;
    this.#pages.delete(mfn);
    this.#drops.set(mfn, (this.#drops.get(mfn) ?? 0) + 1);
    this.made.dropped += page.regions.length;
    // The function may be running: its place in the table is given to another only.
    for (const { index } of page.regions) this.#free.push(index);
  }

  reset(): void {
    for (let index = 0; index < this.#next; index++) this.#table.set(index, null);
    this.#pages.clear();
    this.#drops.clear();
    this.#originals.clear();
    this.#queue.clear();
    this.#free.length = 0;
    this.#next = 0;
  }

  get #isFull(): boolean {
    return this.#next === MAX_REGIONS && this.#free.length === 0;
  }

  #draft(address: number, mode: number): Draft | undefined {
    const { code, memory, table } = this.#host;
    const offset = address % 4096;
    const page = address - offset;
    const pc = code.known(address, mode);
    if (pc === 0 || this.#originals.has(pc)) return undefined;
    // Before anything is made of it: what executes this instruction goes by the record that stays.
    this.#originals.set(pc, code.copy(pc, page / 4096));
    const blocks = flowGraph(
      offset,
      { find: (at) => code.known(page + at, mode), original: (at) => this.#originals.get(at) ?? at },
      memory.view,
      table,
    );
    // A jump to a lone RET does it by itself: see region-return.ts.
    const isReturn = blocks?.length === 1 && blocks[0]?.instructions[0]?.handler.id === this.#returnHandler;
    return blocks === undefined || isReturn ? undefined : { address, mode, pc, blocks };
  }

  #install(drafts: readonly Draft[]): void {
    const { memory, wasmMemory, functions, vectorSlow, code } = this.#host;
    const pages = wasmMemory.buffer.byteLength / 65536;
    const module = new ModuleBuilder({ initial: pages, maximum: pages, shared: false });
    const runtime = importRegionRuntime(module, COLD_PARAMETERS);
    module.importTable('cold');
    module.importTable('regions');
    for (const [number, { blocks, mode, address }] of drafts.entries()) {
      const index = module.declare(REGION_PARAMETERS, [op.TYPE_I32]);
      const copy = (pc: number): number => code.copy(pc, Math.floor(address / 4096));
      const source = {
        ...{ blocks, mode, view: memory.view, copy },
        firstCold: this.#firstCold,
        returnHandler: this.#returnHandler,
      };
      const { code: body, locals } = emitRegion(source, runtime);
      module.define(index, locals, body);
      module.export(`${number}`, index);
    }
    const bytes = module.bytes();
    const env = { ...functions, memory: wasmMemory, vectorSlow } as WebAssembly.ModuleImports;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
    this.made.modules++;
    this.made.bytes += bytes.length;
    for (const [number, draft] of drafts.entries()) {
      const index = this.#free.pop() ?? this.#next;
      // The table is full: what is hot now stays with the interpreter until all is thrown away.
      if (index === MAX_REGIONS) return;
      if (index === this.#next) this.#next++;
      this.#table.set(index, exports[`${number}`]);
      code.enterRegion(draft.pc, this.#originals.get(draft.pc) as number, index);
      this.#remember({ ...draft, index });
    }
  }

  #remember(region: Region): void {
    const mfn = Math.floor(region.address / 4096);
    const page = this.#pages.get(mfn) ?? { regions: [], covered: new Map<number, number>() };
    this.#pages.set(mfn, page);
    page.regions.push(region);
    this.made.regions++;
    for (const { instructions } of region.blocks) {
      this.made.instructions += instructions.length;
      for (const { offset } of instructions) if (!page.covered.has(offset)) page.covered.set(offset, 0);
    }
  }
}
