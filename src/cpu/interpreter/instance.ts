import { readTscIntoScratch } from '../system/tsc.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import type { CodeCache } from './code-cache.ts';
import type { HandlerTable } from './handlers.ts';
import type { RegionCache } from '../region/region-cache.ts';
import type { RecordWriter } from './record-writer.ts';
import type { InterpreterImports } from './runtime.ts';

/** The generated `run`: RUN_*, with what is left of the budget in OFFSET_BUDGET. */
export type Run = (vcpu: number, budget: number) => number;
/** The generated delivery of an interrupt, OFFSET_EVENT - 1: 0 where nothing was done. */
export type Interrupt = (vcpu: number) => number;

/** What all vCPUs of an engine share. */
export interface Shared {
  readonly memory: MachineMemory;
  readonly table: HandlerTable;
  readonly code: CodeCache;
  readonly writer: RecordWriter;
  readonly run: Run;
  /** Undefined where TypeScript does all that it can. */
  readonly interrupt: Interrupt | undefined;
  /** Undefined where the interpreter works alone. */
  readonly regions: RegionCache | undefined;
  /** Whose run the generated code is in: its imports are that vCPU's. */
  readonly current: Current;
}

export interface Current {
  vcpu: CurrentVcpu;
}

/** What generated code calls of a vCPU, and the processor for what is called of that. */
export interface CurrentVcpu extends Omit<InterpreterImports, 'readTsc'> {
  readonly cpu: SystemCpu;
}

/** An instance of the generated module. One serves all vCPUs, for they run one at a time. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  current: Current,
): WebAssembly.Exports {
  const env: InterpreterImports = {
    slowRead: (lo, hi, bytes) => asked(current).slowRead(lo, hi, bytes),
    slowWrite: (lo, hi, bytes) => asked(current).slowWrite(lo, hi, bytes),
    probeWrite: (lo, hi, bytes) => asked(current).probeWrite(lo, hi, bytes),
    regionRead: (lo, hi, bytes) => asked(current).regionRead(lo, hi, bytes),
    regionWrite: (lo, hi, bytes) => asked(current).regionWrite(lo, hi, bytes),
    regionProbe: (lo, hi, bytes) => asked(current).regionProbe(lo, hi, bytes),
    segmentLinear: (pc, segment, offset) => asked(current).segmentLinear(pc, segment, offset),
    offsetLinear: (segment, offset, bytes, write) => asked(current).offsetLinear(segment, offset, bytes, write),
    find: () => asked(current).find(),
    hot: () => asked(current).hot(),
    isOfPage: (pc) => current.vcpu.isOfPage(pc),
    vectorSlow: (operation) => asked(current).vectorSlow(operation),
    readTsc: () => readTscIntoScratch(current.vcpu.cpu),
    system: (handler, pc) => asked(current).system(handler, pc),
  };
  return new WebAssembly.Instance(module, { env: { ...env, memory } }).exports;
}

// Whose run it is. What is done for it now takes its time, and may tell the guest what time it is.
function asked(current: Current): CurrentVcpu {
  current.vcpu.cpu.tsc.settle();
  return current.vcpu;
}
