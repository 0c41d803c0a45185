/**
 * What an engine has made of guests' code, for a later engine of the same program with the same options: records of
 * decoded instructions, regions, and what pages hold them. As between domains of one machine, a page of it serves a
 * frame that has the bytes it was made of, and no other. Addresses are those in the engine's part of machine memory.
 */
import type { MachineMemory } from '../mmu/machine-memory.ts';
import type { RegionCache } from '../region/region-cache.ts';
import type { RegionModule } from '../region/region-pages.ts';
import type { CodeHash } from './code-hash.ts';
import type { CodePages } from './code-pages.ts';
import type { CrossingRecords } from './crossing-records.ts';
import { RECORDS } from './layout.ts';
import { RECORD_SIZE } from './record.ts';
import type { RecordRoom } from './record-room.ts';
import { WordReader, WordWriter } from './words.ts';

/** Where code is kept, and how WebAssembly's is. */
export interface CodeShelf {
  /** What `keepCode` gave an engine of the same program and options. */
  readonly found: readonly Uint8Array[] | undefined;
  /** The machine code of a module as far as it is there; undefined where it cannot be had. */
  serialize(module: WebAssembly.Module): Uint8Array | undefined;
  /** The module with its machine code; undefined where that does not fit. */
  deserialize(bytes: Uint8Array<ArrayBuffer>, code: Uint8Array<ArrayBuffer>): WebAssembly.Module | undefined;
}

/** From there on what `keepCode` gave is a module's bytes and its machine code, in turns. */
export const FIRST_MODULE = 2;

/** Parts of the code cache. */
export interface CodeParts {
  readonly pages: CodePages;
  readonly hash: CodeHash;
  readonly crossing: CrossingRecords;
  readonly room: RecordRoom;
}

/** Bytes of records: what a kernel's boot takes, and some programs. */
const MOST_RECORDS = 24 * 1024 * 1024;

/**
 * All that is there, in pieces; undefined if it is very much, or part of it had to make room. No vCPU may be inside
 * generated code.
 */
export function keepCode(
  shelf: Pick<CodeShelf, 'serialize'>,
  memory: MachineMemory,
  { pages, hash, crossing, room }: CodeParts,
  regions: RegionCache | undefined,
): Uint8Array[] | undefined {
  if (!room.isFirstRound || room.used > MOST_RECORDS) return undefined;
  // What changes all the time is found by its frame alone, and frames are others next time.
  const isKept = (id: number): boolean => pages.isFound(id);
  const words = new WordWriter();
  words.add(room.size, room.segment, room.used);
  pages.keep(words);
  hash.keep(words, isKept);
  crossing.keep(words, isKept);
  const { modules = [], others = [] } = regions?.keep(words, isKept) ?? {};
  const records = memory.u8.slice(RECORDS, RECORDS + room.used);
  for (const { pc, original } of others) {
    records.copyWithin(pc - RECORDS, original - RECORDS, original - RECORDS + RECORD_SIZE);
  }
  const code = modules.flatMap((one) => [one.bytes ?? NOTHING, one.code ?? shelf.serialize(one.module) ?? NOTHING]);
  return [words.bytes(), records, ...code];
}

/** Takes up what the shelf has, before any vCPU runs. */
export function restoreCode(
  shelf: CodeShelf,
  memory: MachineMemory,
  { pages, hash, crossing, room }: CodeParts,
  regions: RegionCache | undefined,
): void {
  const [first, records, ...code] = shelf.found ?? [];
  if (first === undefined || records === undefined) return;
  const words = new WordReader(first);
  if (words.next() !== room.size) return;
  room.restore(words.next(), words.next());
  memory.u8.set(records, RECORDS);
  pages.restore(words);
  hash.restore(words);
  crossing.restore(words);
  const modules: RegionModule[] = [];
  for (let i = 0; i < code.length; i += 2) {
    modules.push(
      new KeptModule(shelf, new Uint8Array(code[i] as Uint8Array), new Uint8Array(code[i + 1] as Uint8Array)),
    );
  }
  regions?.restore(words, modules);
}

/** A module that an earlier engine left, made when it is first asked for. */
class KeptModule implements RegionModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  code: Uint8Array<ArrayBuffer> | undefined;
  readonly #shelf: Pick<CodeShelf, 'deserialize'>;
  #module: WebAssembly.Module | undefined;

  constructor(
    { deserialize }: Pick<CodeShelf, 'deserialize'>,
    bytes: Uint8Array<ArrayBuffer>,
    code: Uint8Array<ArrayBuffer>,
  ) {
    // The shelf itself has all that was found.
    this.#shelf = { deserialize };
    this.bytes = bytes;
    this.code = code;
  }

  get module(): WebAssembly.Module {
    this.#module ??= this.#shelf.deserialize(this.bytes, this.code ?? NOTHING) ?? new WebAssembly.Module(this.bytes);
    this.code = undefined;
    return this.#module;
  }
}

const NOTHING = new Uint8Array(0);
