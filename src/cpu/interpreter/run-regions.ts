/** From region to region: a function of its own, for in `run` every call would keep its many locals. */
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { LocalPool } from '../emit/values.ts';
import * as state from '../state.ts';
import { LONGEST_RUN } from './code-cache.ts';
import { pushJumpIsKnown } from './jump-probe.ts';
import * as record from './record.ts';

/** The table of regions; table 0 has the cold handlers. */
const REGION_TABLE = 1;
const { TYPE_I32, TYPE_I64 } = op;
// Parameters
const VCPU = 0;
const PC = 1;
const IP_BASE = 2;
const BUDGET = 3;

/**
 * (vcpu, pc, ipBase, budget) -> REGION_*: runs the region whose entry is at `pc`, and those that control comes to by the
 * jump cache, until there is none, or the budget is nearly used up. OFFSET_IP_BASE is the last one's then.
 */
export function emitRunRegions(module: ModuleBuilder, regionType: number): number {
  const index = module.declare([TYPE_I32, TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  const locals = new LocalPool(4);
  const rip = locals.fixed(TYPE_I64);
  const temporary = locals.fixed(TYPE_I32);
  const result = locals.fixed(TYPE_I32);
  const done = code.block();
  const again = code.loop();
  code.get(VCPU);
  code.get(IP_BASE);
  code.get(BUDGET);
  code.get(PC);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.byte(op.OP_CALL_INDIRECT);
  code.u32(regionType);
  code.u32(REGION_TABLE);
  code.tee(result);
  code.brIf(done);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_BUDGET);
  code.tee(BUDGET);
  code.i32(LONGEST_RUN);
  code.op(op.OP_I32_LE_S);
  code.brIf(done);
  code.get(VCPU);
  code.memory(op.OP_I64_LOAD, state.OFFSET_RIP);
  code.set(rip);
  pushJumpIsKnown({ code, locals, rip, pc: PC, temporary });
  code.if();
  code.get(PC);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
  code.i32(record.HANDLER_REGION);
  code.op(op.OP_I32_NE);
  code.brIf(done);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_STOP);
  code.brIf(done);
  code.get(rip);
  code.get(PC);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
  code.i32(0xfff);
  code.op(op.OP_I32_AND);
  code.op(op.OP_I64_EXTEND_I32_U);
  code.op(op.OP_I64_SUB);
  code.set(IP_BASE);
  code.br(again);
  code.end();
  code.end();
  code.end();
  code.get(VCPU);
  code.get(IP_BASE);
  code.memory(op.OP_I64_STORE, state.OFFSET_IP_BASE);
  code.get(result);
  module.define(index, locals.locals(), code);
  return index;
}
