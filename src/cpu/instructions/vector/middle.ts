/**
 * Numbers from the middle of the range, which most are: the two highest bits of the exponent differ. That is from 2^-511
 * to 2^513, or 2^-63 to 2^65, and can be told of several numbers at once.
 */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { both, everywhere, type FloatShape, isOrdinary } from './float-shape.ts';
import { vectorAnd, vectorAndNot, vectorXor } from './lanes.ts';

/** Whether all numbers, or all their elements, are in the middle; with `positive`, and the first is not negative. */
export function isInMiddle(m: Semantics, shape: FloatShape, numbers: readonly Value[], positive = false): Value {
  if (shape.packed) return m.eq(middleSigns(m, shape, numbers, positive), m.const(32, allSigns(shape)));
  const differ = numbers.map((bits) => m.xor(bits, m.shl(bits, 1))).reduce((a, b) => m.and(a, b));
  const highest = m.shl(differ, 1);
  const wanted = positive ? m.and(highest, m.not(numbers[0] as Value)) : highest;
  return m.less(wanted, m.const(shape.bits, 0));
}

/** The same of vectors, as a bit for each element; scalars are their low elements. */
export function middleSigns(m: Semantics, shape: FloatShape, numbers: readonly Value[], positive: boolean): Value {
  const [add, bitmask] = shape.double ? [op.OP_I64X2_ADD, op.OP_I64X2_BITMASK] : [op.OP_I32X4_ADD, op.OP_I32X4_BITMASK];
  const doubled = (value: Value): Value => m.vector(add, 128, [value, value]);
  const differ = numbers.map((bits) => vectorXor(m, bits, doubled(bits))).reduce((a, b) => vectorAnd(m, a, b));
  const highest = doubled(differ);
  return m.vector(bitmask, 32, [positive ? vectorAndNot(m, highest, numbers[0] as Value) : highest]);
}

/** `middleSigns` where all elements are in the middle. */
export function allSigns(shape: FloatShape): number {
  return shape.double ? 3 : 15;
}

/**
 * The fast result if both operands are zero, normal or infinite: what only compares raises nothing of them then, whatever
 * MXCSR says.
 */
export function ofNumbersOrSlow(
  m: Semantics,
  shape: FloatShape,
  a: Value,
  b: Value,
  fast: Value,
  slow: () => Value,
): Value {
  const result = m.variable(fast);
  m.push(isInMiddle(m, shape, [a, b]));
  m.code.op(op.OP_I32_EQZ);
  m.code.unlikely();
  m.code.if();
  const ordinary = both(m, shape, isOrdinary(m, shape, a, true), isOrdinary(m, shape, b, true));
  m.rarely(m.not(everywhere(m, shape, ordinary)), () => m.set(result, slow()));
  m.code.end();
  return m.get(result);
}
