/** Handlers that are no instruction. */
import * as op from '../emit/opcodes.ts';
import * as state from '../state.ts';
import { type MainFrame, VCPU } from './main-frame.ts';
import * as record from './record.ts';
import { RUN_BUDGET } from './run-result.ts';

export function emitLeave(frame: MainFrame): void {
  frame.setRipOfRecord();
  frame.charge(0);
  frame.code.br(frame.lookUp);
}

export function emitGoto(frame: MainFrame): void {
  const { code } = frame;
  frame.charge(0);
  // A chain of runs in a page must not outrun the budget.
  frame.pushMustStop();
  code.if();
  frame.pushTarget(64);
  code.set(frame.rip);
  code.br(frame.lookUp);
  code.end();
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_LINK);
  code.tee(frame.pc);
  code.set(frame.start);
  code.br(frame.next);
}

export function emitEnd(frame: MainFrame): void {
  frame.pushTarget(64);
  frame.code.set(frame.rip);
  frame.charge(0);
  frame.code.br(frame.lookUp);
}

export function emitStop(frame: MainFrame): void {
  frame.pushTarget(64);
  frame.code.set(frame.rip);
  frame.charge(0);
  frame.saveRip();
  frame.return(RUN_BUDGET);
}

export function emitRaiseRecord(frame: MainFrame): void {
  const { code } = frame;
  code.get(VCPU);
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.memory(op.OP_I32_STORE, state.OFFSET_EVENT);
  code.get(VCPU);
  code.i32(0);
  code.memory(op.OP_I32_STORE, state.OFFSET_EVENT_DATA);
  frame.code.br(frame.leave);
}
