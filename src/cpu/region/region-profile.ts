/** What tools are told of an engine's regions (EngineOptions.regionProfile, which is an option of tools and tests): what each is made of, and what it did. */
import { Code } from '../emit/code.ts';
import { CODE_PAGE_IDS } from '../emit/nested-layout.ts';
import { REGION_PROFILE, RECORDS_END } from '../interpreter/layout.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { type Block, contextOf } from './block.ts';
import { type RegionCounter, RegionMeter, WAYS_OUT, type WayOut } from './region-meter.ts';
import type { RegionInstruction } from './region-operands.ts';

/** Functions of regions have names, by which samples of a profiler tell them: this, and the region's number. */
export const REGION_NAME = 'region-';

export interface ProfiledInstruction {
  /** From the page of the region's entry on. */
  readonly offset: number;
  /** Its code; undefined where no frame had it any more when the region was made. */
  readonly bytes: Uint8Array | undefined;
  /** A function of the interpreter does it. */
  readonly isCold: boolean;
}

export interface ProfiledBlock {
  readonly offset: number;
  /** 0: the code that was hot; others: a number for each function that the region calls and has, and each turn of a loop. */
  readonly context: number;
  readonly instructions: readonly ProfiledInstruction[];
  readonly entries: number;
}

export interface ProfiledRegion {
  readonly number: number;
  /** Its entry, as it was mapped last. */
  readonly rip: bigint;
  readonly mode: number;
  /** What it calls was made part of it. */
  readonly followsCalls: boolean;
  readonly fate: 'in use' | 'made anew' | 'dropped';
  /** How often there was a region for this place of this code, and how often that was dropped. */
  readonly made: number;
  readonly dropped: number;
  readonly entries: number;
  readonly instructions: number;
  readonly coldCalls: number;
  readonly waysOut: Readonly<Record<WayOut, number>>;
  /** Where there was no region the last time that it was left for that, if it ever was. */
  readonly noRegionAt: bigint | undefined;
  readonly blocks: readonly ProfiledBlock[];
  /** Its WebAssembly module, with others' functions in it, and which one its own is. */
  readonly module: Uint8Array;
  readonly functionIndex: number;
}

interface Place {
  made: number;
  dropped: number;
}

interface Known {
  readonly number: number;
  readonly address: number;
  readonly mode: number;
  readonly followsCalls: boolean;
  readonly meter: RegionMeter;
  readonly code: ReadonlyMap<RegionInstruction, Uint8Array>;
  readonly place: Place;
  fate: ProfiledRegion['fate'];
  module: Uint8Array;
  functionIndex: number;
}

/** What there is of a region before it has a place in the table. */
export interface ProfiledDraft {
  readonly address: number;
  readonly mode: number;
  readonly followsCalls: boolean;
  readonly blocks: readonly Block[];
}

export class RegionProfile {
  readonly #memory: MachineMemory;
  readonly #known: Known[] = [];
  /** By index in the table. */
  readonly #inUse = new Map<number, Known>();
  readonly #drafts = new Map<ProfiledDraft, Known>();
  readonly #places = new Map<string, Place>();
  #next = REGION_PROFILE;
  /** Regions for whose counters there was no room. */
  uncounted = 0;

  constructor(memory: MachineMemory) {
    this.#memory = memory;
    memory.u8.fill(0, REGION_PROFILE, RECORDS_END);
  }

  /** For a region that is about to be emitted; undefined where there is no room for its counters. */
  meter(draft: ProfiledDraft): RegionMeter | undefined {
    const row = this.#next;
    const size = RegionMeter.rowSize(draft.blocks.length);
    if (row + size > RECORDS_END) {
      this.uncounted++;
      return undefined;
    }
    this.#next += size;
    const meter = new RegionMeter(row);
    const { address, mode, followsCalls } = draft;
    const known: Known = {
      ...{ number: this.#known.length, address, mode, followsCalls, meter, code: this.#codeOf(draft.blocks) },
      ...{ place: this.#place(`${address} ${mode}`), fate: 'in use', module: new Uint8Array(0), functionIndex: 0 },
    };
    this.#known.push(known);
    this.#drafts.set(draft, known);
    return meter;
  }

  /** The module that regions are in, by the indices of their functions, with their names in it. */
  named(bytes: Uint8Array<ArrayBuffer>, functions: ReadonlyMap<ProfiledDraft, number>): Uint8Array<ArrayBuffer> {
    const names: (readonly [index: number, name: string])[] = [];
    for (const [draft, index] of functions) {
      const known = this.#drafts.get(draft);
      if (known === undefined) continue;
      known.functionIndex = index;
      names.push([index, `${REGION_NAME}${known.number}`]);
    }
    const section = nameSection(names);
    const module = new Uint8Array(bytes.length + section.length);
    module.set(bytes);
    module.set(section, bytes.length);
    for (const draft of functions.keys()) {
      const known = this.#drafts.get(draft);
      if (known !== undefined) known.module = module;
    }
    return module;
  }

  /** It is entered from now on, by its index in the table. */
  installed(draft: ProfiledDraft, index: number): void {
    const before = this.#inUse.get(index);
    if (before !== undefined) before.fate = 'made anew';
    this.#inUse.delete(index);
    const known = this.#drafts.get(draft);
    this.#drafts.delete(draft);
    if (known === undefined) return;
    known.place.made++;
    this.#inUse.set(index, known);
  }

  dropped(index: number): void {
    const known = this.#inUse.get(index);
    if (known === undefined) return;
    known.fate = 'dropped';
    known.place.dropped++;
    this.#inUse.delete(index);
  }

  /** All regions that were ever entered. Those that no vCPU is inside of have all their instructions counted. */
  regions(): ProfiledRegion[] {
    return this.#known.map((known) => this.#read(known)).filter(({ entries }) => entries > 0);
  }

  #read(known: Known): ProfiledRegion {
    const { number, address, mode, followsCalls, meter, place, fate, module, functionIndex } = known;
    const { view } = this.#memory;
    const count = (counter: RegionCounter) => Number(meter.read(view, counter));
    return {
      ...{ number, mode, followsCalls, fate, module, functionIndex, made: place.made, dropped: place.dropped },
      rip: BigInt.asUintN(64, meter.read(view, 'ipBase') + BigInt(address % 4096)),
      entries: count('entries'),
      instructions: count('instructions'),
      coldCalls: count('coldCalls'),
      waysOut: Object.fromEntries(WAYS_OUT.map((way) => [way, count(way)])) as Record<WayOut, number>,
      noRegionAt: count('noRegion') === 0 ? undefined : meter.read(view, 'target'),
      blocks: meter.blocks.map((block) => ({
        offset: block.offset,
        context: contextOf(block.key),
        entries: meter.readBlock(view, block),
        instructions: block.instructions.map((instruction) => ({
          offset: instruction.offset,
          bytes: known.code.get(instruction),
          isCold: meter.coldOnes.has(instruction),
        })),
      })),
    };
  }

  #place(key: string): Place {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = { made: 0, dropped: 0 };
    this.#places.set(key, place);
    return place;
  }

  // From frames that have it: instructions name pages of code (interpreter/code-pages.ts).
  #codeOf(blocks: readonly Block[]): Map<RegionInstruction, Uint8Array> {
    const { u8, u32, frames } = this.#memory;
    const first = CODE_PAGE_IDS / 4;
    const ids = u32.subarray(first, first + frames);
    const mfns = new Map<number, number>();
    const start = (id: number): number => {
      const mfn = mfns.get(id) ?? ids.indexOf(id + 1);
      mfns.set(id, mfn);
      return mfn * 4096;
    };
    const code = new Map<RegionInstruction, Uint8Array>();
    for (const instruction of blocks.flatMap(({ instructions }) => instructions)) {
      const { offset, length, frame, last } = instruction;
      if (start(frame) < 0 || start(last) < 0) continue;
      const from = offset & 0xfff;
      const bytes = Array.from({ length }, (_, i) => {
        const at = from + i;
        return u8[at < 4096 ? start(frame) + at : start(last) + at - 4096] as number;
      });
      code.set(instruction, Uint8Array.from(bytes));
    }
    return code;
  }
}

/** The custom section with functions' names (core specification, 7.4.1). */
function nameSection(names: readonly (readonly [index: number, name: string])[]): Uint8Array {
  const functions = new Code();
  functions.u32(names.length);
  for (const [index, text] of names.toSorted(([a], [b]) => a - b)) {
    functions.u32(index);
    writeName(functions, text);
  }
  const content = new Code();
  writeName(content, 'name');
  content.byte(1);
  content.u32(functions.length);
  content.append(functions.bytes());
  const section = new Code();
  section.byte(0);
  section.u32(content.length);
  section.append(content.bytes());
  return section.bytes();
}

function writeName(code: Code, text: string): void {
  code.u32(text.length);
  for (let i = 0; i < text.length; i++) code.byte(text.charCodeAt(i));
}
