/** Add, subtract, multiply, divide, square root: exact result first, then one rounding. */
import type { Float, FloatContext, Format } from './float.ts';
import {
  bitLength,
  FLAG_ZE,
  INFINITY,
  infinity,
  isNotANumber,
  makeFloat,
  negate,
  ROUND_DOWN,
  ZERO,
  zero,
} from './float.ts';
import { invalid, nanOfOne, nanOfTwo, stopsAtDenormal } from './nan.ts';
import { jam, round } from './rounding.ts';

// Every operation raises flags in ctx. When `stoppedBeforeComputing(ctx)` holds afterwards, what it returned has no meaning.

/** a + b */
export function add(ctx: FloatContext, format: Format, a: Float, b: Float): Float {
  const nan = nanOfTwo(ctx, a, b);
  if (nan !== undefined) return nan;
  if (a.kind === INFINITY && b.kind === INFINITY && a.sign !== b.sign) return invalid(ctx);
  if (stopsAtDenormal(ctx, a, b)) return a;
  if (a.kind === INFINITY || b.kind === INFINITY) return a.kind === INFINITY ? a : b;
  return addNumbers(ctx, format, a, b);
}

/** a - b; a NaN keeps its sign. */
export function subtract(ctx: FloatContext, format: Format, a: Float, b: Float): Float {
  return add(ctx, format, a, isNotANumber(b) ? b : negate(b));
}

/** a * b */
export function multiply(ctx: FloatContext, format: Format, a: Float, b: Float): Float {
  const nan = nanOfTwo(ctx, a, b);
  if (nan !== undefined) return nan;
  const sign = a.sign ^ b.sign;
  const hasZero = a.kind === ZERO || b.kind === ZERO;
  const hasInfinity = a.kind === INFINITY || b.kind === INFINITY;
  if (hasZero && hasInfinity) return invalid(ctx);
  if (stopsAtDenormal(ctx, a, b)) return a;
  if (hasInfinity) return infinity(sign);
  if (hasZero) return zero(sign);
  return round(ctx, format, sign, a.exp + b.exp, a.sig * b.sig);
}

/** a / b */
export function divide(ctx: FloatContext, format: Format, a: Float, b: Float): Float {
  const nan = nanOfTwo(ctx, a, b);
  if (nan !== undefined) return nan;
  const sign = a.sign ^ b.sign;
  if (a.kind === b.kind && (a.kind === ZERO || a.kind === INFINITY)) return invalid(ctx);
  if (b.kind === ZERO && a.kind !== INFINITY) {
    // ZE comes before DE: a denormal dividend goes unreported.
    ctx.flags |= FLAG_ZE;
    return infinity(sign);
  }
  if (stopsAtDenormal(ctx, a, b)) return a;
  if (a.kind === INFINITY) return infinity(sign);
  if (a.kind === ZERO || b.kind === INFINITY) return zero(sign);
  const shift = Math.max(0, 66 + bitLength(b.sig) - bitLength(a.sig));
  const dividend = a.sig << BigInt(shift);
  const quotient = dividend / b.sig;
  return round(ctx, format, sign, a.exp - b.exp - shift - 1, jam(quotient, quotient * b.sig !== dividend));
}

/** The square root of a. */
export function squareRoot(ctx: FloatContext, format: Format, a: Float): Float {
  const nan = nanOfOne(ctx, a);
  if (nan !== undefined) return nan;
  if (a.kind === ZERO) return a;
  if (a.sign === 1) return invalid(ctx);
  if (stopsAtDenormal(ctx, a)) return a;
  if (a.kind === INFINITY) return a;
  // 134 bits and more under the root give 67 bits of it; the exponent must be even.
  let shift = Math.max(0, 134 - bitLength(a.sig));
  if (((a.exp - shift) & 1) !== 0) shift++;
  const radicand = a.sig << BigInt(shift);
  const root = integerSquareRoot(radicand);
  return round(ctx, format, 0, (a.exp - shift) / 2 - 1, jam(root, root * root !== radicand));
}

/** The largest integer whose square is at most `value`. */
export function integerSquareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function addNumbers(ctx: FloatContext, format: Format, a: Float, b: Float): Float {
  if (a.kind === ZERO && b.kind === ZERO) return a.sign === b.sign ? a : zero(signOfExactZero(ctx));
  if (a.kind === ZERO) return round(ctx, format, b.sign, b.exp, b.sig);
  if (b.kind === ZERO) return round(ctx, format, a.sign, a.exp, a.sig);
  const aTop = a.exp + bitLength(a.sig);
  const bTop = b.exp + bitLength(b.sig);
  if (aTop < bTop) return addNumbers(ctx, format, b, a);
  const small = aTop - bTop > FAR ? speck(b, aTop) : b;
  const exp = Math.min(a.exp, small.exp);
  const aligned = a.sig << BigInt(a.exp - exp);
  const smallAligned = small.sig << BigInt(small.exp - exp);
  if (a.sign === b.sign) return round(ctx, format, a.sign, exp, aligned + smallAligned);
  const difference = aligned - smallAligned;
  if (difference === 0n) return zero(signOfExactZero(ctx));
  return difference < 0n ? round(ctx, format, b.sign, exp, -difference) : round(ctx, format, a.sign, exp, difference);
}

/** Leading bits farther apart than this: the smaller number only says "a little more" or "a little less". */
const FAR = 140;

/** A number of b's sign so small beside one below 2^top that it rounds as b does. */
function speck(b: Float, top: number): Float {
  return makeFloat(b.kind, b.sign, top - FAR, 1n);
}

function signOfExactZero(ctx: FloatContext): number {
  return ctx.rounding === ROUND_DOWN ? 1 : 0;
}
