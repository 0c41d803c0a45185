/** Conversions between the floating-point formats and integers, and rounding to an integral value. */
import type { Float, FloatContext, Format } from './float.ts';
import { bitLength, FINITE, FLAG_IE, FLAG_PE, finite, fromInteger, INFINITY, ROUND_ZERO, ZERO, zero } from './float.ts';
import { nanOfOne, stopsAtDenormal } from './nan.ts';
import { roundAt, roundTo } from './rounding.ts';

/** CVTSS2SD, CVTSD2SS, FLD m32/m64: to `format`, with DE for a denormal operand. */
export function convert(ctx: FloatContext, format: Format, a: Float): Float {
  const nan = nanOfOne(ctx, a);
  if (nan !== undefined) return nan;
  if (stopsAtDenormal(ctx, a)) return a;
  return narrow(ctx, format, a);
}

/** FST m32/m64: as `convert`, but a denormal operand raises nothing by itself. */
export function store(ctx: FloatContext, format: Format, a: Float): Float {
  return nanOfOne(ctx, a) ?? narrow(ctx, format, a);
}

/** A signed integer to `format`; x87 loads of integers are exact and need no context. */
export function fromInt(ctx: FloatContext, format: Format, value: bigint): Float {
  return narrow(ctx, format, fromInteger(value));
}

/**
 * To a signed integer of `bits` bits, rounded as the context says. Out of range, infinite and NaN: IE and the
 * integer indefinite, -2^(bits-1).
 */
export function toInt(ctx: FloatContext, a: Float, bits: number): bigint {
  const indefinite = -(1n << BigInt(bits - 1));
  if (a.kind === ZERO) return 0n;
  // A number of 2^64 and more fits no integer, and needs no shifting by thousands of bits to tell.
  if (a.kind !== FINITE || a.exp + bitLength(a.sig) > 64) return outOfRange(ctx, indefinite);
  const magnitude = roundAt(ctx, a.sign, a.exp, a.sig, 0);
  const value = a.sign === 1 ? -magnitude : magnitude;
  if (value < indefinite || value >= -indefinite) return outOfRange(ctx, indefinite);
  if (ctx.inexact) ctx.flags |= FLAG_PE;
  return value;
}

/** As `toInt`, rounding toward zero whatever the context says: CVTTSS2SI, FISTTP. */
export function truncateToInt(ctx: FloatContext, a: Float, bits: number): bigint {
  const rounding = ctx.rounding;
  ctx.rounding = ROUND_ZERO;
  const value = toInt(ctx, a, bits);
  ctx.rounding = rounding;
  return value;
}

/** ROUNDSS and FRNDINT: the integral value in the same format. DE is FRNDINT's alone: the caller raises it. */
export function roundToIntegral(ctx: FloatContext, a: Float): Float {
  const nan = nanOfOne(ctx, a);
  if (nan !== undefined) return nan;
  if (a.kind === ZERO || a.kind === INFINITY || a.exp >= 0) return a;
  const magnitude = roundAt(ctx, a.sign, a.exp, a.sig, 0);
  if (ctx.inexact) ctx.flags |= FLAG_PE;
  return magnitude === 0n ? zero(a.sign) : finite(a.sign, 0, magnitude);
}

function narrow(ctx: FloatContext, format: Format, a: Float): Float {
  if (a.kind !== FINITE) return a;
  return roundTo(ctx, format, format.precision, a.sign, a.exp, a.sig);
}

function outOfRange(ctx: FloatContext, indefinite: bigint): bigint {
  ctx.flags |= FLAG_IE;
  ctx.roundedUp = false;
  return indefinite;
}
