/**
 * Whether a native result is exact: then it raises nothing, and a clear MXCSR.PE may stay clear.
 *
 * All of these suppose what sse-arithmetic.ts has checked before: ordinary operands, a result within range. Where that
 * does not hold they answer anything.
 */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import {
  both,
  either,
  FLOAT_ADD,
  FLOAT_EQ,
  FLOAT_MUL,
  FLOAT_SUB,
  type FloatShape,
  isZero,
  limitsOf,
  type Mask,
  native,
  nativeCompare,
} from './float-shape.ts';
import { constantSplat, shiftLanes, vectorAndNot, vectorOr } from './lanes.ts';

/**
 * sum = a + b, if sum - a is b and sum - b is a. Taking the larger operand from a rounded sum is exact (Dekker, 1971),
 * so that one of the two comparisons proves it, and an exact sum passes both.
 */
export function isExactSum(m: Semantics, shape: FloatShape, a: Value, b: Value, sum: Value): Mask {
  const first = nativeCompare(m, shape, FLOAT_EQ, native(m, shape, FLOAT_SUB, [sum, a]), b);
  return both(m, shape, first, nativeCompare(m, shape, FLOAT_EQ, native(m, shape, FLOAT_SUB, [sum, b]), a));
}

/** The same of a - b. */
export function isExactDifference(m: Semantics, shape: FloatShape, a: Value, b: Value, difference: Value): Mask {
  const first = nativeCompare(m, shape, FLOAT_EQ, native(m, shape, FLOAT_SUB, [a, difference]), b);
  return both(m, shape, first, nativeCompare(m, shape, FLOAT_EQ, native(m, shape, FLOAT_ADD, [difference, b]), a));
}

/**
 * The product of two significands of n bits, as integers, has 2n - 1 or 2n bits. It is exact with n bits if the low n of
 * it are zero; or if it has one bit less and all but the highest of these are. That bit is then the lowest of the
 * result, while of 2n bits it is half a unit, which rounding to even leaves as a zero.
 */
export function isExactProduct(m: Semantics, shape: FloatShape, a: Value, b: Value, product: Value): Mask {
  const { exponent } = limitsOf(shape);
  const fraction = Number(exponent);
  const unused = (shape.double ? 64 : 32) - fraction - 1;
  let left: Value;
  if (shape.packed) {
    const [shl, mul] = shape.double ? [op.OP_I64X2_SHL, op.OP_I64X2_MUL] : [op.OP_I32X4_SHL, op.OP_I32X4_MUL];
    const one = constantSplat(m, shape.double ? 8 : 4, 1n << exponent);
    const significands = m.vector(mul, 128, [vectorOr(m, a, one), vectorOr(m, b, one)]);
    left = shiftLanes(m, shl, vectorAndNot(m, significands, shiftLanes(m, shl, product, fraction)), unused);
    const zero = m.vector(shape.double ? op.OP_I64X2_EQ : op.OP_I32X4_EQ, 128, [left, m.vectorBytes([])]);
    return either(m, shape, isZero(m, shape, product), zero);
  }
  const one = m.const(shape.bits, 1n << exponent);
  const significands = m.mul(m.or(a, one), m.or(b, one));
  left = m.shl(m.and(significands, m.not(m.shl(product, fraction))), unused);
  return either(m, shape, isZero(m, shape, product), m.isZero(left));
}

/** quotient = a / b, if quotient * b is a and exact. */
export function isExactQuotient(m: Semantics, shape: FloatShape, a: Value, b: Value, quotient: Value): Mask {
  const product = native(m, shape, FLOAT_MUL, [quotient, b]);
  const same = nativeCompare(m, shape, FLOAT_EQ, product, a);
  return both(m, shape, same, isExactProduct(m, shape, quotient, b, a));
}

/** root = the square root of b, if root * root is b and exact. */
export function isExactRoot(m: Semantics, shape: FloatShape, b: Value, root: Value): Mask {
  return isExactQuotient(m, shape, b, root, root);
}
