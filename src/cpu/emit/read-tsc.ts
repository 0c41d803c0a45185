/** The guest's time-stamp counter, counted on from where TypeScript read it last: see system/tsc.ts. */
import * as state from '../state.ts';
import { Code } from './code.ts';
import type { ModuleBuilder } from './module.ts';
import * as op from './opcodes.ts';

// Parameter
const VCPU = 0;
const PARAMETERS = [op.TYPE_I32] as const;
const ELAPSED = 1;

/**
 * (vcpu) -> i64, for code that no guest of the guest runs. OFFSET_BUDGET is what the instructions before left; `ask`
 * puts the counter into scratch.
 */
export function emitReadTsc(module: ModuleBuilder, ask: number): number {
  const index = module.declare(PARAMETERS, [op.TYPE_I64]);
  const code = new Code();
  load(code, op.OP_I32_LOAD, state.OFFSET_TSC_FROM);
  load(code, op.OP_I32_LOAD, state.OFFSET_BUDGET);
  code.op(op.OP_I32_SUB);
  code.tee(ELAPSED);
  load(code, op.OP_I32_LOAD, state.OFFSET_TSC_WINDOW);
  code.op(op.OP_I32_GE_U);
  code.unlikely();
  code.if();
  code.call(ask);
  load(code, op.OP_I64_LOAD, state.OFFSET_SCRATCH);
  code.byte(op.OP_RETURN);
  code.end();
  code.get(VCPU);
  load(code, op.OP_I32_LOAD, state.OFFSET_TSC_FROM);
  load(code, op.OP_I32_LOAD, state.OFFSET_TSC_READING);
  code.op(op.OP_I32_ADD);
  code.memory(op.OP_I32_STORE, state.OFFSET_TSC_FROM);
  load(code, op.OP_I64_LOAD, state.OFFSET_TSC_BASE);
  load(code, op.OP_I64_LOAD, state.OFFSET_TSC_OFFSET);
  code.op(op.OP_I64_ADD);
  code.get(ELAPSED);
  code.op(op.OP_I64_EXTEND_I32_U);
  load(code, op.OP_I64_LOAD32_U, state.OFFSET_TSC_RATE);
  code.op(op.OP_I64_MUL);
  code.i64(BigInt(Math.log2(state.TSC_RATE_ONE)));
  code.op(op.OP_I64_SHR_U);
  code.op(op.OP_I64_ADD);
  module.define(index, [{ type: op.TYPE_I32, count: 1 }], code);
  return index;
}

function load(code: Code, opcode: number, offset: number): void {
  code.get(VCPU);
  code.memory(opcode, offset);
}
