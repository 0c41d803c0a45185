/** One element of an SSE operation, and how the exceptions of several elements become one answer. */
import { assert } from '../../lib/assert.ts';
import { add, divide, multiply, squareRoot, subtract } from './arithmetic.ts';
import { compare, EQUAL, LESS, maximumIsFirst, minimumIsFirst, UNORDERED } from './compare.ts';
import { convert, fromInt, roundToIntegral, toInt, truncateToInt } from './convert.ts';
import type { Float, FloatContext, Format } from './float.ts';
import {
  F32,
  F64,
  packF32,
  packF64,
  PRE_COMPUTATION,
  FLAG_PE,
  stoppedBeforeComputing,
  unpackF32,
  unpackF64,
  zero,
} from './float.ts';
import {
  SSE_ADD,
  SSE_CMP,
  SSE_COMI,
  SSE_CVT_FLOAT,
  SSE_CVT_SI32_TO,
  SSE_CVT_SI64_TO,
  SSE_CVT_TO_SI32,
  SSE_CVT_TO_SI64,
  SSE_CVTT_TO_SI32,
  SSE_CVTT_TO_SI64,
  SSE_DIV,
  SSE_DOUBLE,
  SSE_MAX,
  SSE_MIN,
  SSE_MUL,
  SSE_ROUND,
  SSE_SQRT,
  SSE_SUB,
  SSE_UCOMI,
} from './sse-operations.ts';

const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const EFLAGS_CF = 0x01n;
const EFLAGS_PF = 0x04n;
const EFLAGS_ZF = 0x40n;

/**
 * The result of `op` (see sse-operations.ts) on one element, as unsigned bits; flags are raised in ctx, whose own
 * flags must be clear. Without meaning when the exception turns out to be unmasked.
 */
export function sseLane(ctx: FloatContext, op: number, aBits: bigint, bBits: bigint): bigint {
  const double = (op & SSE_DOUBLE) !== 0;
  const operation = op & 0x1f;
  if (operation >= SSE_CVT_FLOAT) return convertLane(ctx, operation, double, bBits);
  const format = double ? F64 : F32;
  const b = operand(ctx, double, bBits);
  switch (operation) {
    case SSE_SQRT:
      return pack(double, squareRoot(ctx, format, b));
    case SSE_ROUND:
      return pack(double, roundLane(ctx, op >>> 8, b));
  }
  const a = operand(ctx, double, aBits);
  switch (operation) {
    case SSE_MIN:
      return minimumIsFirst(ctx, a, b) ? pack(double, a) : asSource(ctx, b, double, bBits);
    case SSE_MAX:
      return maximumIsFirst(ctx, a, b) ? pack(double, a) : asSource(ctx, b, double, bBits);
    case SSE_CMP:
      return comparison(ctx, op >>> 8, a, b) ? (double ? ALL_ONES : 0xffff_ffffn) : 0n;
    case SSE_UCOMI:
      return comparisonFlags(compare(ctx, a, b, false));
    case SSE_COMI:
      return comparisonFlags(compare(ctx, a, b, true));
    default:
      return pack(double, arithmetic(ctx, operation, format, a, b));
  }
}

/** The flags that several elements raise together: an unmasked IE, DE or ZE in any hides OE, UE and PE of all (SDM vol. 1, 11.5.3). */
export function gatheredFlags(flags: number, masks: number): number {
  return (flags & ~masks & PRE_COMPUTATION) === 0 ? flags : flags & PRE_COMPUTATION;
}

function arithmetic(ctx: FloatContext, operation: number, format: Format, a: Float, b: Float): Float {
  switch (operation) {
    case SSE_ADD:
      return add(ctx, format, a, b);
    case SSE_SUB:
      return subtract(ctx, format, a, b);
    case SSE_MUL:
      return multiply(ctx, format, a, b);
    case SSE_DIV:
      return divide(ctx, format, a, b);
    default:
      assert(false, `operation 0x${operation.toString(16)} is one of sse-operations.ts`);
  }
}

/** imm8 of CMPSS: bits 0-1 are EQ, LT, LE, UNORD; bit 2 negates. LT and LE are signalling. */
function comparison(ctx: FloatContext, predicate: number, a: Float, b: Float): boolean {
  const base = predicate & 3;
  const outcome = compare(ctx, a, b, base === 1 || base === 2);
  const negated = (predicate & 4) !== 0;
  switch (base) {
    case 0:
      return (outcome === EQUAL) !== negated;
    case 1:
      return (outcome === LESS) !== negated;
    case 2:
      return (outcome === LESS || outcome === EQUAL) !== negated;
    default:
      return (outcome === UNORDERED) !== negated;
  }
}

function comparisonFlags(outcome: number): bigint {
  switch (outcome) {
    case UNORDERED:
      return EFLAGS_ZF | EFLAGS_PF | EFLAGS_CF;
    case LESS:
      return EFLAGS_CF;
    case EQUAL:
      return EFLAGS_ZF;
    default:
      return 0n;
  }
}

/** imm8 of ROUNDSS: bits 0-1 rounding, bit 2 take MXCSR.RC instead, bit 3 no precision exception. */
function roundLane(ctx: FloatContext, imm8: number, b: Float): Float {
  const rounding = ctx.rounding;
  if ((imm8 & 4) === 0) ctx.rounding = imm8 & 3;
  const result = roundToIntegral(ctx, b);
  ctx.rounding = rounding;
  if ((imm8 & 8) !== 0) ctx.flags &= ~FLAG_PE;
  return result;
}

function convertLane(ctx: FloatContext, operation: number, double: boolean, bits: bigint): bigint {
  const format = double ? F64 : F32;
  switch (operation) {
    case SSE_CVT_FLOAT:
      return pack(!double, convert(ctx, double ? F32 : F64, operand(ctx, double, bits)));
    case SSE_CVT_SI32_TO:
      return pack(double, fromInt(ctx, format, BigInt.asIntN(32, bits)));
    case SSE_CVT_SI64_TO:
      return pack(double, fromInt(ctx, format, BigInt.asIntN(64, bits)));
    case SSE_CVT_TO_SI32:
      return BigInt.asUintN(32, toInt(ctx, operand(ctx, double, bits), 32));
    case SSE_CVT_TO_SI64:
      return BigInt.asUintN(64, toInt(ctx, operand(ctx, double, bits), 64));
    case SSE_CVTT_TO_SI32:
      return BigInt.asUintN(32, truncateToInt(ctx, operand(ctx, double, bits), 32));
    case SSE_CVTT_TO_SI64:
      return BigInt.asUintN(64, truncateToInt(ctx, operand(ctx, double, bits), 64));
    default:
      assert(false, `conversion 0x${operation.toString(16)} is one of sse-operations.ts`);
  }
}

/** An operand, with denormals taken for zeros under MXCSR.DAZ. */
function operand(ctx: FloatContext, double: boolean, bits: bigint): Float {
  const value = double ? unpackF64(bits) : unpackF32(Number(bits));
  return ctx.daz && value.denormal ? zero(value.sign) : value;
}

/** The second operand of MIN and MAX: a signalling NaN is not quieted. */
function asSource(ctx: FloatContext, b: Float, double: boolean, bits: bigint): bigint {
  return stoppedBeforeComputing(ctx) ? bits : b.sig === 0n ? pack(double, b) : bits;
}

function pack(double: boolean, value: Float): bigint {
  return double ? packF64(value) : BigInt(packF32(value));
}
