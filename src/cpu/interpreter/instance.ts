import type { MachineMemory } from '../mmu/machine-memory.ts';
import type { CodeCache } from './code-cache.ts';
import type { HandlerTable } from './handlers.ts';
import type { RecordWriter } from './record-writer.ts';
import type { InterpreterImports } from './runtime.ts';

/** The generated `run`: RUN_*, with what is left of the budget in OFFSET_BUDGET. */
export type Run = (vcpu: number, budget: number) => number;

/** What all vCPUs of an engine share. */
export interface Shared {
  readonly memory: MachineMemory;
  readonly wasmMemory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly table: HandlerTable;
  readonly code: CodeCache;
  readonly writer: RecordWriter;
}

/** An instance of the generated module that calls out to one vCPU. */
export function instantiate(shared: Shared, vcpu: InterpreterImports): Run {
  const { slowRead, slowWrite, probeWrite, segmentLinear, offsetLinear, find, system } = vcpu;
  const { vectorSlow } = vcpu;
  const env = {
    memory: shared.wasmMemory,
    slowRead,
    slowWrite,
    probeWrite,
    segmentLinear,
    offsetLinear,
    find,
    system,
    vectorSlow,
  };
  return new WebAssembly.Instance(shared.module, { env }).exports.run as Run;
}
