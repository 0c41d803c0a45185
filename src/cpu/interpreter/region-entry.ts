/** How `run` finds hot code, and enters regions. */
import * as op from '../emit/opcodes.ts';
import { EVENT_INTERPRET } from '../mmu/mmu.ts';
import { PROMOTION } from '../region/region-chain.ts';
import { REGION_EXIT } from '../region/region-result.ts';
import * as state from '../state.ts';
import { LONGEST_RUN } from './code-cache.ts';
import { HOT_COUNTERS, HOT_COUNTERS_COUNT, REGION_COUNTS } from './layout.ts';
import { BUDGET, type MainFrame, VCPU } from './main-frame.ts';
import * as record from './record.ts';
import { RUN_EXIT } from './run-result.ts';

/** The table of regions as the interpreter's module numbers it: table 0 has the cold handlers. */
const REGION_TABLE = 1;

/** So often a place is come to before it is called hot, and every so many times again. A power of two. */
export const HOT_TAKEN = 1 << 12;
export const HOT_LOOKED_UP = 1 << 11;

/** Counts a linked branch (at `pc`) that is taken. */
export function emitCountTaken(frame: MainFrame): void {
  const { code } = frame;
  code.get(frame.pc);
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_TAKEN);
  code.i32(1);
  code.op(op.OP_I32_ADD);
  code.tee(frame.counter);
  code.memory(op.OP_I32_STORE, record.RECORD_TAKEN);
  code.get(frame.counter);
  code.i32(HOT_TAKEN - 1);
  code.op(op.OP_I32_AND);
  code.op(op.OP_I32_EQZ);
  code.if();
  code.get(VCPU);
  frame.pushTarget(64);
  code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
  code.call(frame.runtime.hot);
  code.end();
}

/** Counts a look-up of `rip` that found `pc`. */
export function emitCountLookUp(frame: MainFrame): void {
  const { code } = frame;
  code.get(frame.pc);
  code.i32(Math.log2(record.RECORD_SIZE) - 1);
  code.op(op.OP_I32_SHR_U);
  code.i32((HOT_COUNTERS_COUNT - 1) * 2);
  code.op(op.OP_I32_AND);
  code.tee(frame.temporary);
  code.get(frame.temporary);
  code.memory(op.OP_I32_LOAD16_U, HOT_COUNTERS);
  code.i32(1);
  code.op(op.OP_I32_ADD);
  code.tee(frame.counter);
  code.memory(op.OP_I32_STORE16, HOT_COUNTERS);
  code.get(frame.counter);
  code.i32(HOT_LOOKED_UP - 1);
  code.op(op.OP_I32_AND);
  code.op(op.OP_I32_EQZ);
  code.if();
  frame.saveRip();
  code.call(frame.runtime.hot);
  code.end();
}

/** HANDLER_REGION: runs regions until control comes to what has none. */
export function emitRegionEntry(frame: MainFrame): void {
  const { code } = frame;
  frame.charge(0);
  emitWithoutRegion(frame);
  emitPromotion(frame);
  code.get(VCPU);
  code.get(frame.ipBase);
  code.get(BUDGET);
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.byte(op.OP_CALL_INDIRECT);
  code.u32(frame.runtime.regionType);
  code.u32(REGION_TABLE);
  code.set(frame.counter);
  loadState(frame, op.OP_I32_LOAD, state.OFFSET_BUDGET, BUDGET);
  emitSettleFlags(frame);
  code.get(frame.counter);
  code.op(op.OP_I32_EQZ);
  code.if();
  loadState(frame, op.OP_I64_LOAD, state.OFFSET_RIP, frame.rip);
  code.br(frame.lookUp);
  code.end();
  emitAfterRegion(frame);
}

// Near the end of the budget the record that was replaced is executed instead; and where it is a return, which is all of
// the region: links lead on from that one.
function emitWithoutRegion(frame: MainFrame): void {
  const { code } = frame;
  code.get(BUDGET);
  code.i32(LONGEST_RUN);
  code.op(op.OP_I32_LE_S);
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_CHAINED);
  code.op(op.OP_I32_OR);
  code.if();
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_DISPLACEMENT);
  code.tee(frame.pc);
  code.set(frame.start);
  code.br(frame.next);
  code.end();
}

// A region whose count says that it is to be made anew: RIP is where it is entered.
function emitPromotion(frame: MainFrame): void {
  const { code } = frame;
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.i32(2);
  code.op(op.OP_I32_SHL);
  code.tee(frame.counter);
  code.memory(op.OP_I32_LOAD, REGION_COUNTS);
  code.i32(PROMOTION);
  code.op(op.OP_I32_EQ);
  code.if();
  code.get(frame.counter);
  code.i32(PROMOTION + 1);
  code.memory(op.OP_I32_STORE, REGION_COUNTS);
  frame.setRipOfRecord();
  frame.saveRip();
  code.call(frame.runtime.hot);
  code.end();
}

// `counter` is REGION_EVENT or REGION_EXIT.
function emitAfterRegion(frame: MainFrame): void {
  const { code } = frame;
  code.get(frame.counter);
  code.i32(REGION_EXIT);
  code.op(op.OP_I32_EQ);
  code.if();
  frame.return(RUN_EXIT);
  code.end();
  loadState(frame, op.OP_I32_LOAD, state.OFFSET_PC, frame.pc);
  code.get(frame.pc);
  code.set(frame.start);
  loadState(frame, op.OP_I32_LOAD, state.OFFSET_TLB, frame.tlb);
  loadState(frame, op.OP_I64_LOAD, state.OFFSET_IP_BASE, frame.ipBase);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_EVENT);
  code.i32(EVENT_INTERPRET);
  code.op(op.OP_I32_NE);
  code.brIf(frame.leave);
  code.get(VCPU);
  code.i32(0);
  code.memory(op.OP_I32_STORE, state.OFFSET_EVENT);
  code.br(frame.next);
}

// The interpreter knows the pair of words alone (region/lazy-flags.ts).
function emitSettleFlags(frame: MainFrame): void {
  const { code } = frame;
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_FLAGS_KIND);
  code.if();
  code.get(VCPU);
  for (const [opcode, offset] of [
    [op.OP_I32_LOAD, state.OFFSET_FLAGS_KIND],
    [op.OP_I64_LOAD, state.OFFSET_FLAGS_AUX],
    [op.OP_I64_LOAD, state.OFFSET_FLAGS_RESULT],
  ] as const) {
    code.get(VCPU);
    code.memory(opcode, offset);
  }
  code.call(frame.runtime.settleFlags);
  code.end();
}

function loadState({ code }: MainFrame, opcode: number, offset: number, into: number): void {
  code.get(VCPU);
  code.memory(opcode, offset);
  code.set(into);
}
