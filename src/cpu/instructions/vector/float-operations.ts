/**
 * ADD, SUB, MUL, DIV and SQRT of floating-point numbers in two ways. `quickFloat` is a native instruction and one test,
 * in every handler: numbers from the middle of the range, MXCSR as programs have it. What fails the test goes to a
 * function that all handlers share, which sees to zeros, the ends of the range and a clear MXCSR.PE, and leaves the rest
 * to TypeScript.
 */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import { type Value, wasmType } from '../../emit/values.ts';
import { SSE_ADD, SSE_DIV, SSE_MUL, SSE_SQRT, SSE_SUB } from '../../fpu/sse-operations.ts';
import { isExactDifference, isExactProduct, isExactQuotient, isExactRoot, isExactSum } from './exactness.ts';
import {
  both,
  controlIsUsual,
  either,
  everywhere,
  FLOAT_ADD,
  FLOAT_MUL,
  FLOAT_SHAPES,
  FLOAT_SUB,
  type FloatOpcodes,
  type FloatShape,
  fastOrExactOrSlow,
  hasFiniteBits,
  isBetween,
  isOrdinary,
  isSafe,
  isZero,
  limitsOf,
  type Mask,
  native,
  slowFloat,
} from './float-shape.ts';
import { lane } from './lanes.ts';
import { allSigns, isInMiddle, middleSigns } from './middle.ts';

/** Operands, the last of which is the source, and the native result. */
type Judge = (m: Semantics, shape: FloatShape, operands: readonly Value[], result: Value) => Mask;

export interface FloatOperation {
  readonly name: string;
  readonly operands: 1 | 2;
  readonly opcodes: FloatOpcodes;
  /** Its number on the slow way. */
  readonly slow: number;
  /** From operands in the middle of the range the result is exact where it is tiny, and never overflows. */
  readonly staysInRange: boolean;
  /** Whether the native result can be taken, if MXCSR hides that it is inexact; and whether it is exact too. */
  readonly usable: Judge;
  readonly exact: Judge;
}

export const ADDITION = twoOperands('ADD', FLOAT_ADD, SSE_ADD, {
  staysInRange: true,
  usable: sumIsUsable,
  exact: (m, shape, [a, b], sum) => isExactSum(m, shape, a as Value, b as Value, sum),
});

export const SUBTRACTION = twoOperands('SUB', FLOAT_SUB, SSE_SUB, {
  staysInRange: true,
  usable: sumIsUsable,
  exact: (m, shape, [a, b], difference) => isExactDifference(m, shape, a as Value, b as Value, difference),
});

export const MULTIPLICATION = twoOperands('MUL', FLOAT_MUL, SSE_MUL, {
  staysInRange: false,
  usable: (m, shape, [a, b], result) =>
    isInRange(
      m,
      shape,
      [a as Value, b as Value],
      result,
      either(m, shape, isZero(m, shape, a as Value), isZero(m, shape, b as Value)),
    ),
  exact: (m, shape, [a, b], product) => isExactProduct(m, shape, a as Value, b as Value, product),
});

const DIV: FloatOpcodes = { SS: op.OP_F32_DIV, SD: op.OP_F64_DIV, PS: op.OP_F32X4_DIV, PD: op.OP_F64X2_DIV };
export const DIVISION = twoOperands('DIV', DIV, SSE_DIV, {
  staysInRange: false,
  usable: (m, shape, [a, b], result) =>
    isInRange(m, shape, [a as Value, b as Value], result, isZero(m, shape, a as Value)),
  exact: (m, shape, [a, b], quotient) => isExactQuotient(m, shape, a as Value, b as Value, quotient),
});

const SQRT: FloatOpcodes = { SS: op.OP_F32_SQRT, SD: op.OP_F64_SQRT, PS: op.OP_F32X4_SQRT, PD: op.OP_F64X2_SQRT };
export const SQUARE_ROOT: FloatOperation = {
  name: 'SQRT',
  operands: 1,
  opcodes: SQRT,
  slow: SSE_SQRT,
  staysInRange: true,
  usable(m, shape, [b]) {
    const { normal, infinity } = limitsOf(shape);
    // With the sign in place, negative numbers are out of range too.
    return either(m, shape, isBetween(m, shape, b as Value, normal, infinity), isZero(m, shape, b as Value));
  },
  exact: (m, shape, [b], root) => isExactRoot(m, shape, b as Value, root),
};

function twoOperands(
  name: string,
  opcodes: FloatOpcodes,
  slow: number,
  rest: Pick<FloatOperation, 'staysInRange' | 'usable' | 'exact'>,
): FloatOperation {
  return { name, operands: 2, opcodes, slow, ...rest };
}

/** A function that all handlers share: (vcpu: i32, operands) -> result, of the integer or vector type of the shape. */
export interface FloatFunction {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly result: number;
  emit(m: Semantics, operands: readonly Value[]): Value;
}

export const FLOAT_FUNCTIONS: readonly FloatFunction[] = [
  ADDITION,
  SUBTRACTION,
  MULTIPLICATION,
  DIVISION,
  SQUARE_ROOT,
].flatMap((operation) =>
  FLOAT_SHAPES.map((shape) => ({
    name: functionName(operation, shape),
    parameters: [op.TYPE_I32, ...Array.from({ length: operation.operands }, () => wasmType(shape.bits))],
    result: wasmType(shape.bits),
    emit: (m, operands) => carefulFloat(m, shape, operation, operands),
  })),
);

function functionName(operation: FloatOperation, shape: FloatShape): string {
  return operation.name + shape.suffix;
}

/** The operation on scalars as integers, or on vectors. */
export function quickFloat(
  m: Semantics,
  shape: FloatShape,
  operation: FloatOperation,
  operands: readonly Value[],
): Value {
  const result = m.variable(native(m, shape, operation.opcodes, operands));
  const looked = operation.staysInRange ? operands : [...operands, m.get(result)];
  if (shape.packed) pushMiddleVectors(m, shape, operation, looked);
  else m.push(m.and(isInMiddle(m, shape, looked, operation === SQUARE_ROOT), controlIsUsual(m)));
  elseCarefully(m, () => {
    m.callFloat(functionName(operation, shape), operands);
    m.code.set(result.local);
  });
  return m.get(result);
}

/** A scalar operation on low elements of vectors; what it computes replaces that of `into`. */
export function quickLowFloat(
  m: Semantics,
  shape: FloatShape,
  operation: FloatOperation,
  operands: readonly Value[],
  into: Value,
): Value {
  const [extract, replace] = shape.double
    ? [op.OP_F64X2_EXTRACT_LANE, op.OP_F64X2_REPLACE_LANE]
    : [op.OP_F32X4_EXTRACT_LANE, op.OP_F32X4_REPLACE_LANE];
  m.push(into);
  for (const operand of operands) pushLane(m, extract, operand);
  m.code.op(operation.opcodes[shape.suffix]);
  m.code.op(replace);
  m.code.byte(0);
  const result = m.pop(128);
  pushMiddleVectors(m, shape, operation, operation.staysInRange ? operands : [...operands, result]);
  elseCarefully(m, () => {
    const bits = shape.double ? 64 : 32;
    m.push(into);
    m.callFloat(
      functionName(operation, shape),
      operands.map((operand) => lane(m, operand, bits, 0)),
    );
    m.code.op(shape.double ? op.OP_I64X2_REPLACE_LANE : op.OP_I32X4_REPLACE_LANE);
    m.code.byte(0);
    m.code.set(result.local);
  });
  return result;
}

function pushLane(m: Semantics, extract: number, vector: Value): void {
  m.push(vector);
  m.code.op(extract);
  m.code.byte(0);
}

// What to do unless the truth on the stack holds. It may have raised an exception.
function elseCarefully(m: Semantics, call: () => void): void {
  m.code.op(op.OP_I32_EQZ);
  m.code.unlikely();
  m.code.if();
  call();
  m.leaveOnEvent();
  m.code.end();
}

function carefulFloat(m: Semantics, shape: FloatShape, operation: FloatOperation, operands: readonly Value[]): Value {
  const result = native(m, shape, operation.opcodes, operands);
  const b = operands[operands.length - 1] as Value;
  return fastOrExactOrSlow(
    m,
    everywhere(m, shape, operation.usable(m, shape, operands, result)),
    result,
    () => everywhere(m, shape, operation.exact(m, shape, operands, result)),
    () => slowFloat(m, shape, operation.slow, operands.length === 1 ? { b } : { a: operands[0] as Value, b }),
  );
}

/** Pushes whether they are in the middle, all elements or the low ones if the operation is on scalars, and MXCSR is as usual. */
function pushMiddleVectors(
  m: Semantics,
  shape: FloatShape,
  operation: FloatOperation,
  numbers: readonly Value[],
): void {
  const signs = m.and(middleSigns(m, shape, numbers, operation === SQUARE_ROOT), m.usualControl());
  if (!shape.packed) m.push(m.and(signs, m.const(32, 1)));
  else m.push(m.eq(signs, m.const(32, allSigns(shape))));
}

/** A sum that comes out tiny is exact, and so raises nothing. */
function sumIsUsable(m: Semantics, shape: FloatShape, [a, b]: readonly Value[], result: Value): Mask {
  const ordinary = both(m, shape, isOrdinary(m, shape, a as Value), isOrdinary(m, shape, b as Value));
  return both(m, shape, ordinary, hasFiniteBits(m, shape, result));
}

/** Ordinary operands, and a safe result, or a zero where `hasZero` allows one. */
function isInRange(m: Semantics, shape: FloatShape, [a, b]: readonly Value[], result: Value, hasZero: Mask): Mask {
  const ordinary = both(m, shape, isOrdinary(m, shape, a as Value), isOrdinary(m, shape, b as Value));
  const zeros = both(m, shape, hasZero, isZero(m, shape, result));
  return both(m, shape, ordinary, either(m, shape, zeros, isSafe(m, shape, result)));
}
