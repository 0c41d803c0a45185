/**
 * Floating-point values as instructions have them (SS, SD, PS, PD), and when WebAssembly's arithmetic is good enough.
 *
 * A native operation is right in value but shows no flags, knows one rounding mode and leaves NaN bits open. So its
 * result is taken only where nothing of that can be seen: the flags it might raise are already set and masked (or the
 * result is proved to be exact: exactness.ts), rounding is to nearest, no operand is a NaN, an infinity or a denormal,
 * and no result comes near the ends of the range. All else goes the slow way (`slowFloat`), which is right bit for bit.
 */
import { SSE_DOUBLE } from '../../fpu/sse-operations.ts';
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import * as state from '../../state.ts';
import { VECTOR_PACKED, VECTOR_SCALAR } from '../../system/vector-slow.ts';
import type { OperandHandle } from '../define.ts';
import { type OperandKind, xmmM128, xmmM32, xmmM64 } from '../operands.ts';
import { constantSplat, readAligned, vectorAnd, vectorOr } from './lanes.ts';

export interface FloatShape {
  readonly suffix: 'SS' | 'SD' | 'PS' | 'PD';
  readonly prefix: 'F3' | 'F2' | 'NP' | '66';
  readonly kind: OperandKind;
  /** Of the value that instructions compute with: the low element or all of them. */
  readonly bits: 32 | 64 | 128;
  readonly double: boolean;
  readonly packed: boolean;
}

export const SS: FloatShape = { suffix: 'SS', prefix: 'F3', kind: xmmM32, bits: 32, double: false, packed: false };
export const SD: FloatShape = { suffix: 'SD', prefix: 'F2', kind: xmmM64, bits: 64, double: true, packed: false };
export const PS: FloatShape = { suffix: 'PS', prefix: 'NP', kind: xmmM128, bits: 128, double: false, packed: true };
export const PD: FloatShape = { suffix: 'PD', prefix: '66', kind: xmmM128, bits: 128, double: true, packed: true };
export const FLOAT_SHAPES = [PS, PD, SS, SD] as const;

/** The WebAssembly instruction of each shape. */
export interface FloatOpcodes {
  readonly SS: number;
  readonly SD: number;
  readonly PS: number;
  readonly PD: number;
}

/** Whether something holds: a truth value for scalars, a mask of elements for vectors. */
export type Mask = Value & { readonly __brand?: 'Mask' };

export function readFloat(m: Semantics, shape: FloatShape, operand: OperandHandle): Value {
  return shape.packed ? readAligned(m, operand) : m.read(operand, shape.bits);
}

/** A native operation on values that are held as integers or vectors. */
export function native(m: Semantics, shape: FloatShape, opcodes: FloatOpcodes, values: readonly Value[]): Value {
  const opcode = opcodes[shape.suffix];
  if (shape.packed) return m.vector(opcode, 128, values);
  pushFloats(m, shape, values);
  m.code.op(opcode);
  m.code.op(shape.double ? op.OP_I64_REINTERPRET_F64 : op.OP_I32_REINTERPRET_F32);
  return m.pop(shape.bits);
}

/** A native comparison. */
export function nativeCompare(m: Semantics, shape: FloatShape, opcodes: FloatOpcodes, a: Value, b: Value): Mask {
  if (shape.packed) return m.vector(opcodes[shape.suffix], 128, [a, b]);
  pushFloats(m, shape, [a, b]);
  m.code.op(opcodes[shape.suffix]);
  return m.pop(1);
}

/** Puts scalars on the WebAssembly stack as f32 or f64. */
export function pushFloats(m: Semantics, shape: FloatShape, values: readonly Value[]): void {
  for (const value of values) {
    m.push(value);
    if (!value.isFloat) m.code.op(shape.double ? op.OP_F64_REINTERPRET_I64 : op.OP_F32_REINTERPRET_I32);
  }
}

export const FLOAT_ADD: FloatOpcodes = {
  SS: op.OP_F32_ADD,
  SD: op.OP_F64_ADD,
  PS: op.OP_F32X4_ADD,
  PD: op.OP_F64X2_ADD,
};
export const FLOAT_SUB: FloatOpcodes = {
  SS: op.OP_F32_SUB,
  SD: op.OP_F64_SUB,
  PS: op.OP_F32X4_SUB,
  PD: op.OP_F64X2_SUB,
};
export const FLOAT_MUL: FloatOpcodes = {
  SS: op.OP_F32_MUL,
  SD: op.OP_F64_MUL,
  PS: op.OP_F32X4_MUL,
  PD: op.OP_F64X2_MUL,
};
export const FLOAT_EQ: FloatOpcodes = { SS: op.OP_F32_EQ, SD: op.OP_F64_EQ, PS: op.OP_F32X4_EQ, PD: op.OP_F64X2_EQ };
export const FLOAT_LT: FloatOpcodes = { SS: op.OP_F32_LT, SD: op.OP_F64_LT, PS: op.OP_F32X4_LT, PD: op.OP_F64X2_LT };

/** MXCSR hides what a native operation does not show: PE is set, all exceptions are masked, rounding is to nearest. */
export function controlIsUsual(m: Semantics): Value {
  return m.bit(m.usualControl(), 0);
}

/** The same with PE clear. */
function controlWantsExact(m: Semantics): Value {
  return m.eq(m.and(m.loadState(state.OFFSET_MXCSR, 32), m.const(32, 0xffe0)), m.const(32, 0x1f80));
}

/** An inexact result changes nothing: PE is set and masked. With `nearest`, rounding is to nearest too. */
export function inexactIsHidden(m: Semantics, nearest: boolean): Value {
  const mask = nearest ? 0x7020 : 0x1020;
  return m.eq(m.and(m.loadState(state.OFFSET_MXCSR, 32), m.const(32, mask)), m.const(32, 0x1020));
}

// Bit patterns of the least normal number, of infinity and of all but the sign.
const LIMITS = {
  single: { normal: 0x00800000n, infinity: 0x7f800000n, magnitude: 0x7fffffffn, exponent: 23n },
  double: { normal: 0x0010000000000000n, infinity: 0x7ff0000000000000n, magnitude: 0x7fffffffffffffffn, exponent: 52n },
} as const;

export function limitsOf(shape: FloatShape): (typeof LIMITS)['single' | 'double'] {
  return shape.double ? LIMITS.double : LIMITS.single;
}

/** The value without its sign. */
export function magnitude(m: Semantics, shape: FloatShape, value: Value): Value {
  const bits = limitsOf(shape).magnitude;
  return shape.packed ? vectorAnd(m, value, splatOf(m, shape, bits)) : m.and(value, m.const(shape.bits, bits));
}

/** Normal or zero; with `infinite`, or infinite. */
export function isOrdinary(m: Semantics, shape: FloatShape, value: Value, infinite = false): Mask {
  const { normal, infinity } = limitsOf(shape);
  const bits = magnitude(m, shape, value);
  return either(
    m,
    shape,
    isBetween(m, shape, bits, normal, infinity + (infinite ? 1n : 0n)),
    isZeroMagnitude(m, shape, bits),
  );
}

/** A normal number well away from both ends of the range: nothing overflowed, nothing was tiny. */
export function isSafe(m: Semantics, shape: FloatShape, value: Value): Mask {
  const { normal, infinity } = limitsOf(shape);
  // The least normal binade is left out: a result there may have been tiny before it was rounded up.
  return isBetween(m, shape, magnitude(m, shape, value), 2n * normal, infinity);
}

export function hasFiniteBits(m: Semantics, shape: FloatShape, value: Value): Mask {
  const bits = magnitude(m, shape, value);
  return isBetween(m, shape, bits, 0n, limitsOf(shape).infinity);
}

export function isZero(m: Semantics, shape: FloatShape, value: Value): Mask {
  return isZeroMagnitude(m, shape, magnitude(m, shape, value));
}

/** least <= bits < limit, for bits without sign. */
export function isBetween(m: Semantics, shape: FloatShape, bits: Value, least: bigint, limit: bigint): Mask {
  if (!shape.packed) {
    const span = m.const(shape.bits, limit - least);
    return m.below(m.sub(bits, m.const(shape.bits, least)), span);
  }
  if (!shape.double) {
    const above = m.vector(op.OP_I32X4_SUB, 128, [bits, splatOf(m, shape, least)]);
    return m.vector(op.OP_I32X4_LT_U, 128, [above, splatOf(m, shape, limit - least)]);
  }
  const enough = m.vector(op.OP_I64X2_GT_S, 128, [bits, splatOf(m, shape, least - 1n)]);
  return vectorAnd(m, enough, m.vector(op.OP_I64X2_GT_S, 128, [splatOf(m, shape, limit), bits]));
}

function isZeroMagnitude(m: Semantics, shape: FloatShape, bits: Value): Mask {
  if (!shape.packed) return m.isZero(bits);
  return m.vector(shape.double ? op.OP_I64X2_EQ : op.OP_I32X4_EQ, 128, [bits, m.vectorBytes([])]);
}

export function both(m: Semantics, shape: FloatShape, a: Mask, b: Mask): Mask {
  return shape.packed ? vectorAnd(m, a, b) : m.and(a, b);
}

export function either(m: Semantics, shape: FloatShape, a: Mask, b: Mask): Mask {
  return shape.packed ? vectorOr(m, a, b) : m.or(a, b);
}

/** Whether the mask holds for every element. */
export function everywhere(m: Semantics, shape: FloatShape, mask: Mask): Value {
  if (!shape.packed) return mask;
  return m.vector(shape.double ? op.OP_I64X2_ALL_TRUE : op.OP_I32X4_ALL_TRUE, 1, [mask]);
}

/** The fast result where `usable` holds, else what the slow way computes. */
export function fastOrSlow(m: Semantics, usable: Value, fast: Value, slow: () => Value): Value {
  const result = m.variable(fast);
  m.rarely(m.not(usable), () => m.set(result, slow()));
  return m.get(result);
}

/**
 * The fast result of an operation where it fits (ordinary operands, a result within range), if MXCSR is as usual, or
 * would be were PE not clear, and the result is `exact`. What tells that is emitted where PE is clear only.
 */
export function fastOrExactOrSlow(
  m: Semantics,
  fits: Value,
  fast: Value,
  exact: () => Value,
  slow: () => Value,
): Value {
  const result = m.variable(fast);
  m.rarely(m.not(m.and(controlIsUsual(m), fits)), () => {
    const unseen = m.and(m.and(controlWantsExact(m), fits), exact());
    m.rarely(m.not(unseen), () => m.set(result, slow()));
  });
  return m.get(result);
}

/**
 * The fast result of a conversion where it fits, if inexact results are hidden, or this one is exact: exact ones raise
 * nothing and know no rounding mode. What tells that is emitted where they are not hidden only.
 */
export function convertedOrSlow(
  m: Semantics,
  fits: Value,
  hidden: Value,
  fast: Value,
  exact: () => Value,
  slow: () => Value,
): Value {
  const result = m.variable(fast);
  m.rarely(m.not(m.and(fits, hidden)), () => {
    m.rarely(m.not(m.and(fits, exact())), () => m.set(result, slow()));
  });
  return m.get(result);
}

/** An operation of sse-operations.ts, computed by TypeScript. Unmasked exceptions leave the handler. */
export function slowFloat(
  m: Semantics,
  shape: FloatShape,
  operation: number | Value,
  operands: { readonly a?: Value; readonly b: Value },
  resultBits: 32 | 64 | 128 = shape.bits,
): Value {
  if (operands.a !== undefined) m.storeState(state.OFFSET_VECTOR_A, operands.a);
  m.storeState(state.OFFSET_VECTOR_B, operands.b);
  const always = (shape.packed ? VECTOR_PACKED : VECTOR_SCALAR) | (shape.double ? SSE_DOUBLE : 0);
  const number = typeof operation === 'number' ? m.const(32, operation | always) : m.or(operation, m.const(32, always));
  m.vectorSlow(number);
  return m.loadState(state.OFFSET_VECTOR_RESULT, resultBits);
}

function splatOf(m: Semantics, shape: FloatShape, value: bigint): Value {
  return constantSplat(m, shape.double ? 8 : 4, value);
}
