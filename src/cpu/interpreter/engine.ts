/** The software processor: the generated module, the code cache, and the vCPUs of one machine. */
import { Decoder } from '../decode/decoder.ts';
import { OpcodeTable } from '../decode/table.ts';
import type { Engine, EngineVcpu, Intercepts, NestedPaging, TscSource } from '../engine.ts';

import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import type { Instruction } from '../instructions/define.ts';
import { MachineMemory } from '../mmu/machine-memory.ts';
import { RegionCache } from '../region/region-cache.ts';
import type { RegionProfile } from '../region/region-profile.ts';
import { CodeCache } from './code-cache.ts';
import { fusedPairs } from './fusion.ts';
import { type Compile, generateInterpreter } from './generate.ts';
import { type FormEntry, HandlerTable } from './handlers.ts';
import { HOT_HANDLERS } from './hot-handlers.ts';
import { HOT_PAIRS } from './hot-pairs.ts';
import { type CodeShelf, keepCode, restoreCode } from './kept-code.ts';
import { type Current, type CurrentVcpu, type Interrupt, instantiate, type Run, type Shared } from './instance.ts';
import { MAX_VCPUS, PROFILE, RECORDS, RECORDS_END, REGION_PROFILE, VCPU_AREA_SIZE, VCPU_AREAS } from './layout.ts';
import { RecordWriter } from './record-writer.ts';

import { InterpreterVcpu } from './vcpu.ts';

/** Which one it is shows when the module is instantiated: generated code is for all. */
const ANY_MEMORY = { initial: 1, maximum: 65536, shared: false };
/** Before any vCPU runs, nothing calls. */
const NO_VCPU = {} as CurrentVcpu;

export interface EngineOptions {
  readonly profile?: boolean;
  readonly regions?: boolean | 'eager';
  readonly compile?: Compile | undefined;
  readonly shortcuts?: boolean;
  readonly recordRoom?: number;
  readonly regionProfile?: RegionProfile;
  readonly shelf?: CodeShelf | undefined;
}

export class InterpreterEngine implements Engine {
  readonly #shared: Shared;
  /** For tools and tests: which handlers there are. */
  readonly table: HandlerTable;
  /** For tools and tests: what was translated. */
  readonly regions: RegionCache | undefined;
  /** For tools and tests: what was decoded. */
  readonly code: CodeCache;
  readonly #serialize: CodeShelf['serialize'] | undefined;
  readonly #slots: (InterpreterVcpu | undefined)[] = [];

  /**
   * Generates and compiles the interpreter. `wasmMemory` is all of machine memory and must never grow. With `profile`,
   * all handlers that may be hot are, alone, and it counts how often each runs and which follows which. Without
   * `regions` nothing is translated, with 'eager' all at once. Without `shortcuts` TypeScript does all that it can.
   * `compile` may know the interpreter from earlier. `recordRoom` is for less room for decoded code than there is, in
   * bytes. With `regionProfile`, regions count there what they do. `shelf` has what an engine with the same options made
   * of guests' code, and is where `keep` puts what this one has made.
   */
  constructor(
    wasmMemory: WebAssembly.Memory,
    instructions: readonly Instruction[] = ALL_INSTRUCTIONS,
    {
      profile = false,
      regions = true,
      shortcuts = true,
      compile = atOnce,
      recordRoom = RECORDS_END - RECORDS,
      regionProfile,
      shelf,
    }: EngineOptions = {},
  ) {
    const memory = new MachineMemory(wasmMemory.buffer);
    const table = new HandlerTable(instructions, profile ? undefined : new Set(HOT_HANDLERS));
    this.table = table;
    const fused = profile ? [] : fusedPairs(table, HOT_PAIRS);
    table.fusedFirsts = fused.map(({ first }) => first);
    const options = {
      profile: profile ? PROFILE : undefined,
      regions: regions === true,
      eager: regions === 'eager',
      shortcuts,
    };
    const module = compile(`interpreter ${JSON.stringify(options)}`, () =>
      generateInterpreter(table, fused, ANY_MEMORY, options),
    );
    const decoder = new Decoder<FormEntry>(new OpcodeTable(table.forms));
    const writer = new RecordWriter(memory, table, fused);
    const end = profile ? PROFILE : regionProfile === undefined ? RECORDS_END : REGION_PROFILE;
    const code = new CodeCache(memory, decoder, writer, Math.min(end - RECORDS, recordRoom));
    this.code = code;
    const current: Current = { vcpu: NO_VCPU };
    const functions = instantiate(module, wasmMemory, current);
    const vectorSlow = (operation: number): number => current.vcpu.vectorSlow(operation);
    if (regions !== false) {
      const isKept = shelf !== undefined;
      const shared = { memory, wasmMemory, table, code, functions, vectorSlow };
      this.regions = new RegionCache({ ...shared, profile: regionProfile, isKept }, regions === 'eager');
    }
    this.#serialize = shelf?.serialize;
    if (shelf?.found !== undefined) restoreCode(shelf, memory, code.parts, this.regions);
    const run = functions['run'] as Run;
    const interrupt = functions['interrupt'] as Interrupt | undefined;
    this.#shared = { memory, table, code, writer, run, interrupt, regions: this.regions, current };
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    let slot = this.#slots.indexOf(undefined);
    if (slot < 0) slot = this.#slots.length;
    if (slot >= MAX_VCPUS) throw new Error(`no room for another vCPU: the engine has ${MAX_VCPUS}`);
    const vcpu = new InterpreterVcpu(this.#shared, VCPU_AREAS + slot * VCPU_AREA_SIZE, nested, intercepts, tsc);
    this.#slots[slot] = vcpu;
    return vcpu;
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    const slot = this.#slots.indexOf(vcpu as InterpreterVcpu);
    if (slot < 0) return;
    this.#slots[slot]?.destroy();
    this.#slots[slot] = undefined;
  }

  /** That its vCPUs have executed. */
  get instructions(): number {
    return this.#slots.reduce((sum, vcpu) => sum + (vcpu?.instructions ?? 0), 0);
  }

  /**
   * What was made of guests' code, for a later engine; undefined where that is too much, or no longer all there. No vCPU
   * may be running.
   */
  keep(): Uint8Array[] | undefined {
    const { memory, code } = this.#shared;
    const serialize = this.#serialize;
    return serialize && keepCode({ serialize }, memory, code.parts, this.regions);
  }

  memoryWritten(address: number, length: number): void {
    this.#shared.code.written(address, length);
  }
}

function atOnce(_name: string, generate: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
  return new WebAssembly.Module(generate());
}
