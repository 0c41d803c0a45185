/** The function that forms the address of a record of SHAPE_ANY: any registers, segment, address size and mode. */
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { OFFSET_MODE, OFFSET_SCRATCH, OFFSET_SEGMENTS, SEGMENT_BASE, SEGMENT_SIZE } from '../state.ts';
import { MODE_CODE_64 } from '../mode.ts';
import * as record from './record.ts';

const { TYPE_I32, TYPE_I64 } = op;
// Parameters and locals
const VCPU = 0;
const PC = 1;
const IP_BASE = 2;
const OFFSET = 3;
const FIELD = 4;

/** (vcpu, pc, ipBase) -> linear address of a record of SHAPE_ANY. */
export function emitAddressFunction(module: ModuleBuilder, segmentLinear: number): number {
  const index = module.declare([TYPE_I32, TYPE_I32, TYPE_I64], [TYPE_I64]);
  const code = new Code();
  emitBase(code);
  emitIndex(code);
  emitTruncation(code);
  // No segment: the offset is the address.
  code.get(PC);
  code.memory(op.OP_I32_LOAD8_U, record.RECORD_BASE);
  code.i32(5);
  code.op(op.OP_I32_SHR_U);
  code.tee(FIELD);
  code.i32(record.ANY_NO_SEGMENT);
  code.op(op.OP_I32_EQ);
  code.if();
  code.get(OFFSET);
  code.byte(op.OP_RETURN);
  code.end();
  emitSegment(code, segmentLinear);
  module.define(
    index,
    [
      { type: TYPE_I64, count: 1 },
      { type: TYPE_I32, count: 1 },
    ],
    code,
  );
  return index;
}

function emitBase(to: Code): void {
  to.get(PC);
  to.memory(op.OP_I32_LOAD8_U, record.RECORD_BASE);
  to.i32(0x1f);
  to.op(op.OP_I32_AND);
  to.tee(FIELD);
  to.i32(record.ANY_RIP);
  to.op(op.OP_I32_GE_U);
  to.if(TYPE_I64);
  emitBaseOfNoRegister(to);
  to.else();
  to.get(FIELD);
  to.i32(3);
  to.op(op.OP_I32_SHL);
  to.get(VCPU);
  to.op(op.OP_I32_ADD);
  to.memory(op.OP_I64_LOAD, 0);
  emitPlusDisplacement(to);
  to.end();
}

function emitBaseOfNoRegister(to: Code): void {
  to.get(FIELD);
  to.i32(record.ANY_RIP);
  to.op(op.OP_I32_EQ);
  to.if(TYPE_I64);
  to.get(IP_BASE);
  emitPlusDisplacement(to);
  to.else();
  to.get(PC);
  to.memory(op.OP_I64_LOAD, record.RECORD_DISPLACEMENT);
  to.end();
}

function emitPlusDisplacement(to: Code): void {
  to.get(PC);
  to.memory(op.OP_I64_LOAD32_S, record.RECORD_DISPLACEMENT);
  to.op(op.OP_I64_ADD);
}

function emitIndex(to: Code): void {
  to.get(PC);
  to.memory(op.OP_I32_LOAD8_U, record.RECORD_INDEX);
  to.tee(FIELD);
  to.i32(0xf8);
  to.op(op.OP_I32_AND);
  to.get(VCPU);
  to.op(op.OP_I32_ADD);
  to.memory(op.OP_I64_LOAD, 0);
  to.get(FIELD);
  to.i32(3);
  to.op(op.OP_I32_AND);
  to.op(op.OP_I64_EXTEND_I32_U);
  to.op(op.OP_I64_SHL);
  to.op(op.OP_I64_ADD);
  to.set(OFFSET);
}

// Addresses are 64, 32 or 16 bits wide: the mode's width, or the shorter one of a 67H prefix.
function emitTruncation(to: Code): void {
  to.get(VCPU);
  to.memory(op.OP_I32_LOAD, OFFSET_MODE);
  to.i32(MODE_CODE_64);
  to.op(op.OP_I32_AND);
  to.if();
  to.get(FIELD);
  to.i32(record.ANY_SHORT_ADDRESS);
  to.op(op.OP_I32_AND);
  to.if();
  truncate(to, 0xffffffffn);
  to.end();
  to.else();
  to.get(FIELD);
  to.i32(record.ANY_SHORT_ADDRESS);
  to.op(op.OP_I32_AND);
  to.if();
  truncate(to, 0xffffn);
  to.else();
  truncate(to, 0xffffffffn);
  to.end();
  to.end();
}

function truncate(to: Code, mask: bigint): void {
  to.get(OFFSET);
  to.i64(mask);
  to.op(op.OP_I64_AND);
  to.set(OFFSET);
}

// In 64-bit code only FS and GS come here, and have no limit (SDM vol. 1, 3.4.2.1).
function emitSegment(to: Code, checked: number): void {
  to.get(VCPU);
  to.memory(op.OP_I32_LOAD, OFFSET_MODE);
  to.i32(MODE_CODE_64);
  to.op(op.OP_I32_AND);
  to.if(TYPE_I64);
  to.get(FIELD);
  to.i32(SEGMENT_SIZE);
  to.op(op.OP_I32_MUL);
  to.get(VCPU);
  to.op(op.OP_I32_ADD);
  to.memory(op.OP_I64_LOAD, OFFSET_SEGMENTS + SEGMENT_BASE);
  to.get(OFFSET);
  to.op(op.OP_I64_ADD);
  to.else();
  to.get(PC);
  to.get(FIELD);
  to.get(OFFSET);
  to.op(op.OP_I32_WRAP_I64);
  to.call(checked);
  to.get(VCPU);
  to.memory(op.OP_I64_LOAD, OFFSET_SCRATCH);
  to.end();
}
