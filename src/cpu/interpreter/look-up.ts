/** The head of `run`: from RIP to a record, through the jump cache or TypeScript. */
import * as op from '../emit/opcodes.ts';
import * as state from '../state.ts';
import { emitFindJump } from './jump-probe.ts';
import { type MainFrame, VCPU } from './main-frame.ts';
import { emitCountLookUp } from './region-entry.ts';
import * as record from './record.ts';
import { RUN_BUDGET, RUN_EVENT } from './run-result.ts';

export function emitLookUp(frame: MainFrame): void {
  const { code } = frame;
  // Out of budget, or asked to stop: leave with RIP in the state.
  frame.pushMustStop();
  code.if();
  frame.saveRip();
  frame.return(RUN_BUDGET);
  code.end();
  emitJumpCache(frame);
  if (frame.findsHotCode) emitCountLookUp(frame);
  emitLink(frame);
  frame.setIpBase();
  code.get(frame.pc);
  code.set(frame.start);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_TLB);
  code.set(frame.tlb);
}

export function emitJumpCache(frame: MainFrame): void {
  const { code } = frame;
  const known = code.block();
  const unknown = code.block();
  emitFindJump(frame, unknown);
  code.br(known);
  code.end();
  frame.saveRip();
  code.get(VCPU);
  code.call(frame.runtime.find);
  code.tee(frame.pc);
  code.op(op.OP_I32_EQZ);
  code.if();
  // The fetch faulted: no record was entered.
  code.get(VCPU);
  code.i32(0);
  code.memory(op.OP_I32_STORE, state.OFFSET_PC);
  frame.return(RUN_EVENT);
  code.end();
  code.end();
}

// Remembers the target in the branch that came here, if both are in one page and the target's bytes too: of the same
// code, for others execute that branch as well, and a frame may have got another page since it was entered.
export function emitLink(frame: MainFrame): void {
  const { code } = frame;
  code.get(frame.link);
  code.if();
  code.get(frame.link);
  code.memory(op.OP_I32_LOAD, record.RECORD_DISPLACEMENT);
  code.i32(0x1000);
  code.op(op.OP_I32_LT_U);
  code.get(frame.pc);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
  code.tee(frame.temporary);
  code.i32(0xfff);
  code.op(op.OP_I32_AND);
  code.get(frame.temporary);
  code.i32(12);
  code.op(op.OP_I32_SHR_U);
  code.op(op.OP_I32_ADD);
  code.i32(0x1000);
  code.op(op.OP_I32_LE_U);
  code.op(op.OP_I32_AND);
  code.if();
  frame.saveRip();
  code.get(frame.link);
  code.call(frame.runtime.isOfPage);
  code.if();
  code.get(frame.link);
  code.get(frame.pc);
  code.memory(op.OP_I32_STORE, record.RECORD_LINK);
  code.end();
  code.end();
  code.i32(0);
  code.set(frame.link);
  code.end();
}
