/** From region to region, without a way through the interpreter. */
import * as op from '../emit/opcodes.ts';
import { LONGEST_RUN } from '../interpreter/code-cache.ts';
import { REGION_COUNTS } from '../interpreter/layout.ts';
import { pushJumpIsKnown } from '../interpreter/jump-probe.ts';
import * as record from '../interpreter/record.ts';
import * as state from '../state.ts';
import { BUDGET, type RegionFrame, VCPU } from './region-frame.ts';
import type { RegionMeter } from './region-meter.ts';

/** A region that was entered so often is made anew, with the functions it calls in it. */
export const PROMOTION = 1 << 11;
/** The table of regions; table 0 has the cold handlers. */
export const REGION_TABLE = 1;

/**
 * Goes on in the region that is entered at `frame.rip`, if the jump cache knows one, nobody asked to stop and the budget
 * is not nearly used up. All registers are in the state. `isWide`: what comes here is 64-bit code, which goes on as such.
 */
export function emitChain(frame: RegionFrame, isWide: boolean, meter?: RegionMeter): void {
  const { code, locals, rip } = frame;
  const pc = locals.take(op.TYPE_I32);
  const region = locals.take(op.TYPE_I32);
  const count = locals.take(op.TYPE_I32);
  const stay = code.block();
  meter?.because(frame, 'budget');
  code.get(BUDGET);
  code.i32(LONGEST_RUN);
  code.op(op.OP_I32_LE_S);
  code.unlikely();
  code.brIf(stay);
  meter?.because(frame, 'stop');
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_STOP);
  code.unlikely();
  code.brIf(stay);
  meter?.because(frame, 'unknown');
  pushJumpIsKnown({ code, locals, rip, pc, temporary: locals.take(op.TYPE_I32) });
  code.op(op.OP_I32_EQZ);
  code.unlikely();
  code.brIf(stay);
  meter?.because(frame, 'noRegion');
  code.get(pc);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
  code.i32(record.HANDLER_REGION);
  code.op(op.OP_I32_NE);
  code.unlikely();
  code.brIf(stay);
  code.get(pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.tee(region);
  code.i32(2);
  code.op(op.OP_I32_SHL);
  code.tee(count);
  code.get(count);
  code.memory(op.OP_I32_LOAD, REGION_COUNTS);
  code.i32(1);
  code.op(op.OP_I32_ADD);
  code.tee(count);
  code.memory(op.OP_I32_STORE, REGION_COUNTS);
  // The interpreter sees to it.
  meter?.because(frame, 'promotion');
  code.get(count);
  code.i32(PROMOTION);
  code.op(op.OP_I32_EQ);
  code.unlikely();
  code.brIf(stay);
  meter?.chains(frame);
  code.get(VCPU);
  code.get(rip);
  if (isWide) {
    // RIP is a linear address.
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
  } else {
    code.get(pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I64_EXTEND_I32_U);
    code.op(op.OP_I64_SUB);
  }
  code.get(BUDGET);
  code.get(region);
  code.byte(op.OP_RETURN_CALL_INDIRECT);
  code.u32(frame.runtime.regionType);
  code.u32(REGION_TABLE);
  code.end();
}
