/** Rounding an exact result into a format: overflow, underflow, precision. SDM vol. 1, 4.8.4 and 4.9.1. */
import type { Float, FloatContext, Format } from './float.ts';
import {
  bitLength,
  F80,
  FLAG_OE,
  FLAG_PE,
  FLAG_UE,
  finite,
  infinity,
  ROUND_DOWN,
  ROUND_NEAREST,
  ROUND_UP,
  ROUND_ZERO,
  zero,
} from './float.ts';

/** What unmasked x87 overflow and underflow take from or add to the exponent (SDM vol. 1, 8.5.4). */
const WRAP = 24576;

/**
 * Rounds (-1)^sign * sig * 2^exp, sig > 0, into `format`; raises OE, UE, PE and sets `roundedUp`.
 * An inexact `sig` must have a sticky lowest bit and at least two bits more than the precision (see `jam`).
 * x87 results obey the precision control.
 */
export function round(ctx: FloatContext, format: Format, sign: number, exp: number, sig: bigint): Float {
  return roundTo(ctx, format, format === F80 ? ctx.precision : format.precision, sign, exp, sig);
}

/** `round` with `precision` significand bits, for instructions that the precision control has no power over. */
export function roundTo(
  ctx: FloatContext,
  format: Format,
  precision: number,
  sign: number,
  exp: number,
  sig: bigint,
): Float {
  const top = exp + bitLength(sig) - 1;
  const lsb = top - precision + 1;
  const unbounded = roundAt(ctx, sign, exp, sig, lsb);
  const unboundedTop = lsb + bitLength(unbounded) - 1;
  if (unboundedTop < format.minExponent) return underflow(ctx, format, precision, sign, exp, sig);
  if (unboundedTop > format.maxExponent) return overflow(ctx, format, precision, sign, lsb, unbounded);
  if (top < format.minExponent) {
    // Rounded up to the smallest normal number: not tiny, but rounded one place higher than `unbounded` was.
    const subnormalLsb = format.minExponent - precision + 1;
    const kept = roundAt(ctx, sign, exp, sig, subnormalLsb);
    if (ctx.inexact) ctx.flags |= FLAG_PE;
    return finite(sign, subnormalLsb, kept);
  }
  if (ctx.inexact) ctx.flags |= FLAG_PE;
  return finite(sign, lsb, unbounded);
}

/** Folds "there was something below" into a sticky bit under the lowest one; the exponent of the result is one less. */
export function jam(sig: bigint, sticky: boolean): bigint {
  return (sig << 1n) | (sticky ? 1n : 0n);
}

/** sig * 2^exp in units of 2^lsb, rounded as the context says; sets ctx.inexact and ctx.roundedUp. */
export function roundAt(ctx: FloatContext, sign: number, exp: number, sig: bigint, lsb: number): bigint {
  ctx.roundedUp = false;
  ctx.inexact = false;
  if (lsb <= exp) return sig << BigInt(exp - lsb);
  const drop = BigInt(lsb - exp);
  const kept = sig >> drop;
  const rest = sig - (kept << drop);
  if (rest === 0n) return kept;
  ctx.inexact = true;
  if (!roundsAway(ctx.rounding, sign, kept, rest, 1n << (drop - 1n))) return kept;
  ctx.roundedUp = true;
  return kept + 1n;
}

function roundsAway(rounding: number, sign: number, kept: bigint, rest: bigint, half: bigint): boolean {
  switch (rounding) {
    case ROUND_NEAREST:
      return rest > half || (rest === half && (kept & 1n) === 1n);
    case ROUND_DOWN:
      return sign === 1;
    case ROUND_UP:
      return sign === 0;
    default:
      return false;
  }
}

function overflow(ctx: FloatContext, format: Format, precision: number, sign: number, lsb: number, sig: bigint): Float {
  const inexact = ctx.inexact;
  ctx.flags |= FLAG_OE;
  if ((ctx.masks & FLAG_OE) === 0) {
    if (ctx.x87 && format !== F80) return notStored(ctx);
    if (inexact) ctx.flags |= FLAG_PE;
    return wrapped(ctx, format, sign, lsb - WRAP, sig);
  }
  ctx.flags |= FLAG_PE;
  const towardZero = ctx.rounding === ROUND_ZERO || ctx.rounding === (sign === 0 ? ROUND_DOWN : ROUND_UP);
  ctx.roundedUp = !towardZero;
  if (!towardZero) return infinity(sign);
  return finite(sign, format.maxExponent - precision + 1, (1n << BigInt(precision)) - 1n);
}

function underflow(
  ctx: FloatContext,
  format: Format,
  precision: number,
  sign: number,
  exp: number,
  sig: bigint,
): Float {
  if ((ctx.masks & FLAG_UE) === 0) {
    ctx.flags |= FLAG_UE;
    if (ctx.x87 && format !== F80) return notStored(ctx);
    const lsb = exp + bitLength(sig) - precision;
    const kept = roundAt(ctx, sign, exp, sig, lsb);
    if (ctx.inexact) ctx.flags |= FLAG_PE;
    return wrapped(ctx, format, sign, lsb + WRAP, kept);
  }
  if (ctx.ftz) {
    ctx.flags |= FLAG_UE | FLAG_PE;
    return zero(sign);
  }
  const lsb = format.minExponent - precision + 1;
  const kept = roundAt(ctx, sign, exp, sig, lsb);
  if (ctx.inexact) ctx.flags |= FLAG_UE | FLAG_PE;
  return kept === 0n ? zero(sign) : finite(sign, lsb, kept);
}

/** FST m32 and m64 with OE or UE unmasked: there is no result that could be inexact. */
function notStored(ctx: FloatContext): Float {
  ctx.roundedUp = false;
  return zero(0);
}

/** An f80 result whose exponent was wrapped into range; narrower formats only note the exception, nothing is stored. */
function wrapped(ctx: FloatContext, format: Format, sign: number, lsb: number, sig: bigint): Float {
  const top = lsb + bitLength(sig) - 1;
  if (format !== F80 || (top >= format.minExponent && top <= format.maxExponent)) return finite(sign, lsb, sig);
  // FSCALE can miss the range by more than the wrap.
  ctx.flags |= FLAG_PE;
  ctx.roundedUp = top > format.maxExponent;
  return ctx.roundedUp ? infinity(sign) : zero(sign);
}
