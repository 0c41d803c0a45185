/** The interpreter tier as one WebAssembly module, made at start from the instruction definitions. */
import { Code } from '../emit/code.ts';
import { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { emitColdHandlers } from './cold.ts';
import type { HandlerTable } from './handlers.ts';
import { emitInterrupt, emitRunAndDeliver } from './deliver-function.ts';
import { emitMainFunction, type FusedPair } from './main-function.ts';
import { REGION_PARAMETERS } from '../region/region-frame.ts';
import { regionTable } from '../region/region-runtime.ts';
import { emitRuntime, exportRegionRuntime } from './runtime.ts';

/**
 * Compiles what `generate` returns. It is always the same for a name, so that it may be kept, with what came of it, for
 * as long as the program does not change.
 */
export type Compile = (name: string, generate: () => Uint8Array<ArrayBuffer>) => WebAssembly.Module;

export interface MemoryLimits {
  /** Pages of 64 KiB. */
  readonly initial: number;
  readonly maximum: number;
  readonly shared: boolean;
}

export interface GeneratorOptions {
  /** The address of counters. */
  readonly profile: number | undefined;
  /** Hot code is looked for; or all code is hot, which TypeScript notes. */
  readonly regions: boolean;
  readonly eager: boolean;
  /** See InterpreterEngine. */
  readonly shortcuts: boolean;
}

export function generateInterpreter(
  table: HandlerTable,
  fused: readonly FusedPair[],
  memory: MemoryLimits,
  options: GeneratorOptions,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(memory);
  const runtime = emitRuntime(module, options.shortcuts && !options.eager);
  exportRegionRuntime(module, runtime);
  const cold = emitColdHandlers(module, table.cold, runtime, options.shortcuts);
  module.table('cold', cold.length, cold);
  module.typedTable(regionTable(runtime.regionType), noRegion(module));
  const run = module.declare([op.TYPE_I32, op.TYPE_I32], [op.TYPE_I32]);
  const { code, locals } = emitMainFunction(table.hot, fused, runtime, options);
  module.define(run, locals, code);
  module.export('run', options.shortcuts ? emitRunAndDeliver(module, run, runtime) : run);
  if (options.shortcuts) module.export('interrupt', emitInterrupt(module, runtime));
  return module.bytes();
}

// In places of the table of regions where there is none, which nobody calls.
function noRegion(module: ModuleBuilder): number {
  const index = module.declare(REGION_PARAMETERS, [op.TYPE_I32]);
  const body = new Code();
  body.byte(op.OP_UNREACHABLE);
  module.define(index, [], body);
  return index;
}
