/**
 * Calls and returns from record to record: a call notes the record behind it, its return goes on at what that is linked
 * to. Three of ten look-ups are returns, and what a look-up reads of the jump cache is seldom in a near cache.
 */
import * as op from '../emit/opcodes.ts';
import { push, type Value } from '../emit/values.ts';
import * as state from '../state.ts';
import { RETURN_RECORD, RETURN_SIZE, RETURN_STAMP, RETURNS, RETURNS_COUNT } from './layout.ts';
import { BUDGET, type MainFrame, VCPU } from './main-frame.ts';
import { emitCountTaken } from './region-entry.ts';
import * as record from './record.ts';

const STACK_SLOT = 8;
const RSP = state.OFFSET_GPR + state.RSP * 8;

/** A call, whose record is `pc`, has pushed where it returns to. */
export function emitNoteCall(frame: MainFrame, returnsTo: Value): void {
  const { code, temporary } = frame;
  emitPlace(frame, 0);
  code.get(temporary);
  push(code, returnsTo);
  loadState(frame, state.OFFSET_MODE_TAG);
  code.op(op.OP_I64_XOR);
  code.memory(op.OP_I64_STORE, RETURNS);
  code.get(temporary);
  loadState(frame, state.OFFSET_FETCH_LOCAL);
  code.memory(op.OP_I64_STORE, RETURNS + RETURN_STAMP);
  code.get(temporary);
  code.get(frame.pc);
  code.i32(record.RECORD_SIZE);
  code.op(op.OP_I32_ADD);
  code.memory(op.OP_I32_STORE, RETURNS + RETURN_RECORD);
}

/** A return, which is charged for, goes to `target`: on there if the call is known; or it is known from then on. */
export function emitReturn(frame: MainFrame, target: Value): void {
  const { code, temporary } = frame;
  // RET has dropped the address.
  emitPlace(frame, STACK_SLOT);
  code.get(temporary);
  code.memory(op.OP_I64_LOAD, RETURNS);
  push(code, target);
  loadState(frame, state.OFFSET_MODE_TAG);
  code.op(op.OP_I64_XOR);
  code.op(op.OP_I64_EQ);
  code.get(temporary);
  code.memory(op.OP_I64_LOAD, RETURNS + RETURN_STAMP);
  loadState(frame, state.OFFSET_FETCH_LOCAL);
  code.op(op.OP_I64_EQ);
  code.op(op.OP_I32_AND);
  code.if();
  code.get(temporary);
  code.memory(op.OP_I32_LOAD, RETURNS + RETURN_RECORD);
  code.set(frame.pc);
  emitGoOn(frame, target);
  code.get(frame.pc);
  code.set(frame.link);
  code.end();
}

// `pc` is the record behind the call.
function emitGoOn(frame: MainFrame, target: Value): void {
  const { code, temporary } = frame;
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_LINK);
  code.tee(temporary);
  code.i32(0);
  code.op(op.OP_I32_NE);
  code.get(BUDGET);
  code.i32(0);
  code.op(op.OP_I32_GT_S);
  code.op(op.OP_I32_AND);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_STOP);
  code.op(op.OP_I32_EQZ);
  code.op(op.OP_I32_AND);
  code.if();
  push(code, target);
  code.get(frame.pc);
  code.memory(op.OP_I64_LOAD32_S, record.RECORD_DISPLACEMENT);
  code.op(op.OP_I64_SUB);
  code.set(frame.ipBase);
  if (frame.findsHotCode) emitCountTaken(frame);
  code.get(temporary);
  code.tee(frame.pc);
  code.set(frame.start);
  code.br(frame.next);
  code.end();
}

// `temporary` is the offset of the entry for an address that many bytes below the stack's top.
function emitPlace({ code, temporary }: MainFrame, below: number): void {
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, RSP);
  if (below !== 0) {
    code.i32(below);
    code.op(op.OP_I32_SUB);
  }
  code.i32(Math.log2(RETURN_SIZE / STACK_SLOT));
  code.op(op.OP_I32_SHL);
  code.i32((RETURNS_COUNT - 1) * RETURN_SIZE);
  code.op(op.OP_I32_AND);
  code.set(temporary);
}

function loadState({ code }: MainFrame, offset: number): void {
  code.get(VCPU);
  code.memory(op.OP_I64_LOAD, offset);
}
