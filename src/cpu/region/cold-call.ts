/** An instruction that a region has the interpreter's function do, with the registers in the state block meanwhile. */
import * as op from '../emit/opcodes.ts';
import { push } from '../emit/values.ts';
import { COLD_FAULT, COLD_JUMP } from '../interpreter/run-result.ts';
import * as state from '../state.ts';
import type { RegionExits } from './region-exits.ts';
import { BUDGET, IP_BASE, type RegionFrame, VCPU } from './region-frame.ts';
import type { RegionInstruction } from './region-operands.ts';
import { COLD_TABLE } from './region-runtime.ts';
import { REGION_EVENT, REGION_EXIT, REGION_JUMP } from './region-result.ts';

/**
 * Calls function `cold` of COLD_TABLE for an instruction that came after `done` others of its block, with a copy `pc` of its
 * record. Where control goes on after it, all that was known of flags, mappings and registers is forgotten.
 */
export function emitColdCall(
  frame: RegionFrame,
  exits: RegionExits,
  instruction: RegionInstruction,
  { cold, pc, done }: { cold: number; pc: number; done: number },
): void {
  const { code } = frame;
  const { offset, length, page } = instruction;
  exits.meter?.cold(frame, instruction);
  frame.settleFlags();
  frame.markStore();
  frame.storeFlags();
  code.get(VCPU);
  code.get(BUDGET);
  code.i32(done);
  code.op(op.OP_I32_SUB);
  code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
  exits.storePc(pc);
  code.get(VCPU);
  code.i32(pc);
  exits.pushIpBase(page);
  code.i32(cold);
  code.byte(op.OP_CALL_INDIRECT);
  code.u32(frame.runtime.coldType);
  code.u32(COLD_TABLE);
  code.tee(frame.result);
  code.unlikely();
  code.if();
  emitLeave(frame, exits, page, done);
  code.end();
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_STOP);
  code.unlikely();
  code.if();
  code.get(VCPU);
  push(code, exits.rip(offset + length));
  code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
  exits.charge(done + 1);
  exits.leave(REGION_JUMP);
  code.end();
  frame.markLoad();
  frame.loadFlagWords();
  frame.loadTlb();
  frame.known = undefined;
  frame.flagsVersion++;
  frame.accesses.goOn(undefined);
}

// `result` is what the cold handler returned, not COLD_NEXT.
function emitLeave(frame: RegionFrame, exits: RegionExits, page: number, done: number): void {
  const { code } = frame;
  code.get(frame.result);
  code.i32(COLD_FAULT);
  code.op(op.OP_I32_EQ);
  code.if();
  exits.charge(done);
  exits.pushIpBase(page);
  code.set(IP_BASE);
  exits.leave(REGION_EVENT);
  code.end();
  exits.charge(done + 1);
  code.get(frame.result);
  code.i32(COLD_JUMP);
  code.op(op.OP_I32_EQ);
  code.if();
  code.get(VCPU);
  code.memory(op.OP_I64_LOAD, state.OFFSET_RIP);
  code.set(frame.rip);
  code.br(exits.chainStored);
  code.end();
  exits.leave(REGION_EXIT);
}
