/**
 * How an x87 instruction tells the function that executes it (shared by all handlers and regions) what to do. Such a
 * function is (vcpu, how: i32, control: i64, operand: i64) -> i64: from the control words (`Semantics.x87Control`) before
 * to those after it, with HOLDS_BACK in them if an exception is pending, or keeps a result from memory. `operand` is what
 * a memory operand holds.
 */
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { X87_SLOW_OPERAND, X87_SLOW_RESULT } from '../../fpu/x87-slow.ts';

/** Above what FOP has. */
export const HOLDS_BACK = 1n << 63n;

/** Pops of the stack when all is done, 0 to 2. */
export const HOW_POPS = 3;
/** Of a sum: the sign of the destination or of the source is changed. Of a quotient: the operands change places. */
export const HOW_NEGATE_SOURCE = 1 << 2;
export const HOW_NEGATE_DESTINATION = 1 << 3;
export const HOW_REVERSED = 1 << 2;
/** Of a comparison: quiet NaNs raise nothing; the outcome goes to EFLAGS. */
export const HOW_TO_FLAGS = 1 << 3;
/** Of a remainder: the quotient is rounded to nearest. */
export const HOW_NEAREST_QUOTIENT = 1 << 2;
/** Of a load of a constant: it is as it is where RC is to nearest. */
export const HOW_TO_NEAREST = 1 << 2;
/** Of a store of an integer: rounds toward zero. Its size: the source's kind. */
export const HOW_TRUNCATES = 1 << 2;
/** Registers, as 16 times the i of ST(i). */
export const HOW_DESTINATION_SHIFT = 0;
export const HOW_SOURCE_SHIFT = 4;
export const HOW_REGISTER = 0x70;
/** What the operand is. */
export const HOW_KIND_SHIFT = 12;
export const HOW_KIND = 7;
/** The 11 bits of the opcode that FOP keeps. */
export const HOW_FOP_SHIFT = 16;
export const HOW_FOP = 0x7ff;
export const KIND_REGISTER = 0;
export const KIND_F32 = 1;
export const KIND_F64 = 2;
/** Integers come with their sign extended. */
export const KIND_INTEGER = 3;
/** Exponent and sign are in X87_EXPONENT. */
export const KIND_F80 = 4;
/** 0.0 */
export const KIND_ZERO = 5;

/** Sizes of integers that are stored, in place of a kind. */
export const KIND_INT16 = 1;
export const KIND_INT32 = 2;
export const KIND_INT64 = 3;

/** Where the upper 16 bits of an m80 operand are, and the results of what stores and of what compares to EFLAGS. */
export const X87_EXPONENT = X87_SLOW_OPERAND + 8;
export const X87_RESULT = X87_SLOW_RESULT;
export const X87_RESULT_EXPONENT = X87_SLOW_RESULT + 8;

/** The constant part of `how`. */
export function howOf(opcode: number, modRm: number, rest: number): number {
  return ((((opcode & 7) << 8) | modRm) << HOW_FOP_SHIFT) | rest;
}

/** The same with the register of an operand, `number` being what `Semantics.registerNumber` says. */
export function withRegister(m: Semantics, how: number, number: Value, shift: number): Value {
  // 16 times i, to where FOP has the register.
  const opcode = m.shl(number, HOW_FOP_SHIFT - 4);
  return m.or(m.or(opcode, m.shl(number, shift)), m.const(32, how));
}
