/** The interpreter tier as one WebAssembly module, made at start from the instruction definitions. */
import { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { COLD_PARAMETERS, emitColdHandlers } from './cold.ts';
import type { HandlerTable } from './handlers.ts';
import { emitMainFunction, type FusedPair } from './main-function.ts';
import { emitRuntime } from './runtime.ts';

export interface MemoryLimits {
  /** Pages of 64 KiB. */
  readonly initial: number;
  readonly maximum: number;
  readonly shared: boolean;
}

export function generateInterpreter(
  table: HandlerTable,
  fused: readonly FusedPair[],
  memory: MemoryLimits,
  profile?: number,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(memory);
  const coldType = module.type(COLD_PARAMETERS, [op.TYPE_I32]);
  const runtime = emitRuntime(module);
  const cold = emitColdHandlers(module, table.cold, runtime);
  module.table(cold);
  const run = module.declare([op.TYPE_I32, op.TYPE_I32], [op.TYPE_I32]);
  const { code, locals } = emitMainFunction(table.hot, fused, coldType, runtime, profile);
  module.define(run, locals, code);
  module.export('run', run);
  return module.bytes();
}
