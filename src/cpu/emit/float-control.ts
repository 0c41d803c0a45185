/** What MXCSR must be so that a native floating-point instruction shows all that is to be seen. */
import { OFFSET_MXCSR } from '../state.ts';
import type { Code } from './code.ts';
import * as op from './opcodes.ts';

/** RC, FTZ, DAZ, the masks and PE; and their usual values: to nearest, no FTZ and DAZ, all masked, PE set. */
const CONTROL = 0xffe0;
const USUAL = 0x1fa0;

/** Pushes all ones if inexact results and rounding to nearest are what MXCSR has, else zero. */
export function pushUsualControl(code: Code, vcpu: number): void {
  code.i32(0);
  code.get(vcpu);
  code.memory(op.OP_I32_LOAD, OFFSET_MXCSR);
  code.i32(CONTROL);
  code.op(op.OP_I32_AND);
  code.i32(USUAL);
  code.op(op.OP_I32_EQ);
  code.op(op.OP_I32_SUB);
}
