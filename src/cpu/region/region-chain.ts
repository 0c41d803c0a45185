/** From region to region, without a way through the interpreter. */
import type { Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { LONGEST_RUN } from '../interpreter/code-cache.ts';
import { REGION_COUNTS } from '../interpreter/layout.ts';
import { emitFindJump } from '../interpreter/jump-probe.ts';
import * as record from '../interpreter/record.ts';
import * as state from '../state.ts';
import { BUDGET, type RegionFrame, VCPU } from './region-frame.ts';
import type { RegionMeter } from './region-meter.ts';
import { REGION_TABLE } from './region-runtime.ts';

/** A region that was entered so often is made anew, with the functions it calls in it. */
export const PROMOTION = 1 << 11;

/**
 * Goes on in the region that is entered at `frame.rip`, if the jump cache knows one, nobody asked to stop and the budget
 * is not nearly used up; else to `stay`. All registers are in the state. `isWide`: what comes here is 64-bit code, which goes on as such.
 */
export function emitChain(frame: RegionFrame, isWide: boolean, stay: Label, meter?: RegionMeter): void {
  const { code, locals, rip } = frame;
  const pc = locals.take(op.TYPE_I32);
  const region = locals.take(op.TYPE_I32);
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
  emitFindJump({ code, locals, rip, pc, temporary: locals.take(op.TYPE_I32) }, stay);
  meter?.because(frame, 'noRegion');
  code.get(pc);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
  code.i32(record.HANDLER_REGION);
  code.op(op.OP_I32_NE);
  code.unlikely();
  code.brIf(stay);
  code.get(pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.set(region);
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
}

/** Counts that the region is entered. To `stay`, once, when that is often: the interpreter sees to it. */
export function emitCountEntry(frame: RegionFrame, index: number, stay: Label, meter?: RegionMeter): void {
  const { code, locals } = frame;
  const count = locals.take(op.TYPE_I32);
  meter?.because(frame, 'promotion');
  code.i32(REGION_COUNTS + index * 4);
  code.i32(REGION_COUNTS + index * 4);
  code.memory(op.OP_I32_LOAD, 0);
  code.i32(1);
  code.op(op.OP_I32_ADD);
  code.tee(count);
  code.memory(op.OP_I32_STORE, 0);
  code.get(count);
  code.i32(PROMOTION);
  code.op(op.OP_I32_EQ);
  code.unlikely();
  code.brIf(stay);
}
