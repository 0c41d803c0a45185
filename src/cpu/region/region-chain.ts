/** From region to region, without a way through the interpreter. */
import type { Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { LONGEST_RUN } from '../interpreter/code-cache.ts';
import { emitKnownRegion, REGION_NONE } from '../interpreter/find-region.ts';
import { REGION_COUNTS } from '../interpreter/layout.ts';
import * as state from '../state.ts';
import { BUDGET, type RegionFrame, VCPU } from './region-frame.ts';
import type { RegionMeter } from './region-meter.ts';
import { REGION_TABLE } from './region-runtime.ts';

/** A region that was entered so often is made anew, with the functions it calls in it. */
export const PROMOTION = 1 << 11;

/**
 * Goes on in the region that is entered at `frame.rip`, if there is a known one, nobody asked to stop and the budget
 * is not nearly used up; else to `stay`. All registers are in the state. `isWide`: what comes
 * here is 64-bit code, which goes on as such.
 */
export function emitChain(frame: RegionFrame, isWide: boolean, stay: Label, meter?: RegionMeter): void {
  const { code, locals, rip } = frame;
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
  const known = code.block();
  const ask = code.block();
  emitKnownRegion(frame, region, ask);
  code.br(known);
  code.end();
  meter?.because(frame, 'unknown');
  code.get(VCPU);
  code.get(rip);
  code.call(frame.runtime.findRegion);
  code.tee(region);
  meter?.becauseOf(frame, region, REGION_NONE, 'noRegion');
  code.i32(0);
  code.op(op.OP_I32_LT_S);
  code.unlikely();
  code.brIf(stay);
  code.end();
  meter?.chains(frame);
  code.get(VCPU);
  pushPage(frame, isWide);
  code.get(BUDGET);
  code.get(region);
  code.byte(op.OP_RETURN_CALL_INDIRECT);
  code.u32(frame.runtime.regionType);
  code.u32(REGION_TABLE);
}

// Pushes RIP where the page that it is in starts.
function pushPage({ code, rip }: RegionFrame, isWide: boolean): void {
  code.get(rip);
  if (isWide) {
    // RIP is a linear address.
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
    return;
  }
  code.get(rip);
  code.op(op.OP_I32_WRAP_I64);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, CS_BASE);
  code.op(op.OP_I32_ADD);
  code.i32(0xfff);
  code.op(op.OP_I32_AND);
  code.op(op.OP_I64_EXTEND_I32_U);
  code.op(op.OP_I64_SUB);
}

const CS_BASE = state.OFFSET_SEGMENTS + state.CS * state.SEGMENT_SIZE + state.SEGMENT_BASE;

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
