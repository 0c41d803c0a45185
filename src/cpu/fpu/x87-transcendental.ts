/**
 * FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X, FYL2XP1. Results are computed with 256 bits and rounded once, to 64
 * bits whatever the precision control says. SDM vol. 1, 8.3.8 to 8.3.10; vol. 2A for the tables of special operands.
 */
import type { Scaled } from './constants.ts';
import { HALF_PI, irrational, PI, QUARTER_PI, THREE_QUARTERS_PI } from './constants.ts';
import {
  arctangent,
  cosine,
  exponentialMinusOne,
  FRACTION,
  PI as FIXED_PI,
  LN2,
  logarithm,
  ONE,
  quotient,
  sine,
} from './fixed-point.ts';
import type { Float, FloatContext } from './float.ts';
import {
  bitLength,
  F80,
  FINITE,
  FLAG_PE,
  FLAG_UE,
  FLAG_ZE,
  finite,
  INDEFINITE,
  INFINITY,
  infinity,
  ZERO,
  zero,
} from './float.ts';
import { invalid, nanOfOne, nanOfTwo, stopsAtDenormal } from './nan.ts';
import { jam, roundTo } from './rounding.ts';
import { pushBeside, replaceTop } from './x87-arithmetic.ts';
import { FSW_C2 } from './x87-state.ts';
import type { X87Unit } from './x87-unit.ts';
import { stackOverflow, stackUnderflow, stopped } from './x87-unit.ts';

/**
 * Arguments are reduced by a pi of 66 bits, as the 387 and all its successors do: the result is the true sine of the
 * reduced argument (SDM vol. 1, 8.3.8, "approximation of pi").
 */
const HALF_PI_66: Scaled = { exp: -67, sig: 0xc90fdaa22168c234cn };
/** Below 2^this, the first term of a series decides the 64 bits, and the next one only the direction of rounding. */
const TINY = -80;
/** Bits put below a significand to say "a little more" or "a little less". */
const NUDGE = 66;
const ONE_EXACTLY = finite(0, 0, 1n);

export function fsin(unit: X87Unit): void {
  trigonometric(unit, (ctx, a) => [a.kind === ZERO ? a : sineOf(ctx, reduce(a)), undefined]);
}

export function fcos(unit: X87Unit): void {
  trigonometric(unit, (ctx, a) => [a.kind === ZERO ? ONE_EXACTLY : cosineOf(ctx, reduce(a)), undefined]);
}

/** ST = sine, then the cosine is pushed. */
export function fsincos(unit: X87Unit): void {
  trigonometric(
    unit,
    (ctx, a) => {
      if (a.kind === ZERO) return [a, ONE_EXACTLY];
      const reduced = reduce(a);
      const s = sineOf(ctx, reduced);
      return [s, cosineOf(ctx, reduced)];
    },
    true,
  );
}

/** ST = tangent, then 1.0 is pushed. */
export function fptan(unit: X87Unit): void {
  trigonometric(unit, (ctx, a) => [a.kind === ZERO ? a : tangentOf(ctx, reduce(a)), ONE_EXACTLY], true);
}

/** FPATAN: ST(1) = the angle of (ST, ST(1)), and a pop. */
export function fpatan(unit: X87Unit): void {
  replaceSecondAndPop(unit, angle);
}

/** F2XM1: ST = 2^ST - 1. Outside [-1, 1] the manual leaves the result open; here the argument comes back. */
export function f2xm1(unit: X87Unit): void {
  replaceTop(unit, (ctx, a) => {
    const nan = nanOfOne(ctx, a);
    if (nan !== undefined) return nan;
    if (a.kind === ZERO) return a;
    if (a.kind === INFINITY) return a.sign === 0 ? a : finite(1, 0, 1n);
    if (stopsAtDenormal(ctx, a)) return a;
    return powerMinusOne(ctx, a);
  });
}

/** FYL2X: ST(1) = ST(1) * log2(ST), and a pop. */
export function fyl2x(unit: X87Unit): void {
  replaceSecondAndPop(unit, (ctx, y, x) => {
    const nan = nanOfTwo(ctx, y, x);
    if (nan !== undefined) return nan;
    if (x.kind !== ZERO && x.sign === 1) return invalid(ctx);
    const special = specialLogarithm(ctx, y, x, sideOfOne(x));
    if (special !== undefined) return special;
    return times(ctx, y, logarithmOf(x));
  });
}

/** FYL2XP1: ST(1) = ST(1) * log2(ST + 1), and a pop. Defined for -(1 - sqrt(1/2)) <= ST <= sqrt(1/2). */
export function fyl2xp1(unit: X87Unit): void {
  replaceSecondAndPop(unit, (ctx, y, x) => {
    const nan = nanOfTwo(ctx, y, x);
    if (nan !== undefined) return nan;
    if (x.kind === INFINITY || (x.sign === 1 && x.kind === FINITE && x.exp + bitLength(x.sig) > 0)) return invalid(ctx);
    if (x.kind === ZERO && y.kind === INFINITY) return invalid(ctx);
    if (stopsAtDenormal(ctx, y, x)) return y;
    const sign = y.sign ^ x.sign;
    if (y.kind === INFINITY) return infinity(sign);
    if (x.kind === ZERO || y.kind === ZERO) return zero(sign);
    return times(ctx, y, logarithmOfOnePlus(x));
  });
}

/** The trigonometric ones: C2 and no change for |ST| >= 2^63; `f` gives what replaces ST and what is pushed. */
function trigonometric(
  unit: X87Unit,
  f: (ctx: FloatContext, a: Float) => readonly [Float, Float | undefined],
  pushes = false,
): void {
  const { state, context } = unit;
  const empty = state.isEmpty(0);
  state.fsw = state.fsw & ~FSW_C2;
  if (empty || (pushes && !state.isEmpty(7))) {
    if (!(empty ? stackUnderflow(unit) : stackOverflow(unit))) return;
    pushes ? pushBeside(unit, INDEFINITE, INDEFINITE) : state.write(0, INDEFINITE);
    return;
  }
  const a = state.read(0);
  const special = nanOfOne(context, a) ?? (a.kind === INFINITY ? invalid(context) : undefined);
  if (special === undefined) {
    if (a.kind === FINITE && a.exp + bitLength(a.sig) > 63) {
      state.fsw = state.fsw | FSW_C2;
      return;
    }
    stopsAtDenormal(context, a);
  }
  if (stopped(unit)) return;
  const [replacement, pushed] = special === undefined ? f(context, a) : [special, special];
  if (pushes && pushed !== undefined) pushBeside(unit, replacement, pushed);
  else state.write(0, replacement);
}

function replaceSecondAndPop(unit: X87Unit, f: (ctx: FloatContext, second: Float, top: Float) => Float): void {
  const { state } = unit;
  if (state.isEmpty(0) || state.isEmpty(1)) {
    if (!stackUnderflow(unit)) return;
    state.write(1, INDEFINITE);
  } else {
    const result = f(unit.context, state.read(1), state.read(0));
    if (stopped(unit)) return;
    state.write(1, result);
  }
  state.pop();
}

interface Reduced {
  /** The angle is quadrant * pi/2 + the rest, the rest between -pi/4 and pi/4. */
  readonly quadrant: number;
  readonly rest: Float;
}

function reduce(a: Float): Reduced {
  if (a.exp + bitLength(a.sig) < 0) return { quadrant: 0, rest: a };
  // An f80 of 1/2 and more has no bits below those of HALF_PI_66.
  const angle = a.sig << BigInt(a.exp - HALF_PI_66.exp);
  const turns = (2n * angle + HALF_PI_66.sig) / (2n * HALF_PI_66.sig);
  const rest = angle - turns * HALF_PI_66.sig;
  const quarter = Number(turns & 3n);
  const sign = rest < 0n ? a.sign ^ 1 : a.sign;
  return {
    quadrant: a.sign === 0 ? quarter : (4 - quarter) & 3,
    rest: finite(sign, HALF_PI_66.exp, rest < 0n ? -rest : rest),
  };
}

function sineOf(ctx: FloatContext, { quadrant, rest }: Reduced): Float {
  const sign = quadrant >> 1;
  return (quadrant & 1) === 0 ? sineOfRest(ctx, rest, rest.sign ^ sign) : cosineOfRest(ctx, rest, sign);
}

function cosineOf(ctx: FloatContext, { quadrant, rest }: Reduced): Float {
  const sign = quadrant === 1 || quadrant === 2 ? 1 : 0;
  return (quadrant & 1) === 0 ? cosineOfRest(ctx, rest, sign) : sineOfRest(ctx, rest, rest.sign ^ sign);
}

function tangentOf(ctx: FloatContext, { quadrant, rest }: Reduced): Float {
  // What is left after a reduction is never tiny: no f80 is that close to a multiple of HALF_PI_66.
  if (isTiny(rest)) return rounded(ctx, rest.sign, nudged(rest, 1n));
  const angle = fixed(rest);
  const s = sine(angle);
  const c = cosine(angle);
  return (quadrant & 1) === 0
    ? rounded(ctx, rest.sign, irrational(quotient(s, c)))
    : rounded(ctx, rest.sign ^ 1, irrational(quotient(c, s)));
}

function sineOfRest(ctx: FloatContext, rest: Float, sign: number): Float {
  return rounded(ctx, sign, isTiny(rest) ? nudged(rest, -1n) : irrational(sine(fixed(rest))));
}

function cosineOfRest(ctx: FloatContext, rest: Float, sign: number): Float {
  return rounded(ctx, sign, irrational(isTiny(rest) ? ONE - 1n : cosine(fixed(rest))));
}

function angle(ctx: FloatContext, y: Float, x: Float): Float {
  const nan = nanOfTwo(ctx, y, x);
  if (nan !== undefined) return nan;
  if (stopsAtDenormal(ctx, y, x)) return y;
  if (y.kind === INFINITY) {
    const value = x.kind !== INFINITY ? HALF_PI : x.sign === 0 ? QUARTER_PI : THREE_QUARTERS_PI;
    return rounded(ctx, y.sign, value);
  }
  if (y.kind === ZERO || x.kind === INFINITY) return x.sign === 0 ? zero(y.sign) : rounded(ctx, y.sign, PI);
  if (x.kind === ZERO) return rounded(ctx, y.sign, HALF_PI);
  return rounded(ctx, y.sign, angleOfFinite(y, x));
}

/** The magnitude of the angle of (x, y), both finite and not zero. */
function angleOfFinite(y: Float, x: Float): Scaled {
  const difference = y.exp + bitLength(y.sig) - (x.exp + bitLength(x.sig));
  if (difference < TINY) return x.sign === 1 ? PI : smallQuotient(y, x);
  if (difference > -TINY) return HALF_PI;
  const exp = Math.min(y.exp, x.exp);
  const height = y.sig << BigInt(y.exp - exp);
  const width = x.sig << BigInt(x.exp - exp);
  const acute =
    height <= width ? arctangent(quotient(height, width)) : (FIXED_PI >> 1n) - arctangent(quotient(width, height));
  return irrational(x.sign === 0 ? acute : FIXED_PI - acute);
}

/** y / x, and a little less. */
function smallQuotient(y: Float, x: Float): Scaled {
  const dividend = y.sig << 256n;
  const q = dividend / x.sig;
  const exact = q * x.sig === dividend;
  return { exp: y.exp - x.exp - 257, sig: exact ? (q << 1n) - 1n : jam(q, true) };
}

function powerMinusOne(ctx: FloatContext, a: Float): Float {
  const top = a.exp + bitLength(a.sig);
  if (top > 1 || (top === 1 && a.sig !== 1n << BigInt(-a.exp))) return a;
  if (top === 1) {
    // 2^1 - 1 and 2^-1 - 1 are exact, and reported as inexact all the same.
    ctx.flags |= FLAG_PE;
    return finite(a.sign, a.sign === 0 ? 0 : -1, 1n);
  }
  if (isTiny(a)) return rounded(ctx, a.sign, { exp: a.exp - FRACTION, sig: (a.sig * LN2) | 1n });
  const value = exponentialMinusOne(a.sign === 0 ? fixed(a) : -fixed(a));
  return rounded(ctx, a.sign, irrational(value < 0n ? -value : value));
}

/** -1 below one, 0 at one, 1 above, for a positive number. */
function sideOfOne(x: Float): number {
  if (x.kind === INFINITY) return 1;
  const top = x.exp + bitLength(x.sig);
  if (x.kind === ZERO || top < 1) return -1;
  return top === 1 && x.sig === 1n << BigInt(-x.exp) ? 0 : 1;
}

/** y * log2(x), x >= 0, where an operand or the logarithm is zero or infinite; undefined elsewhere. */
function specialLogarithm(ctx: FloatContext, y: Float, x: Float, side: number): Float | undefined {
  const sign = side < 0 ? y.sign ^ 1 : y.sign;
  const infinite = x.kind === ZERO || x.kind === INFINITY;
  if (infinite && y.kind === ZERO) return invalid(ctx);
  if (side === 0 && y.kind === INFINITY) return invalid(ctx);
  if (x.kind === ZERO && y.kind === FINITE) {
    ctx.flags |= FLAG_ZE;
    return infinity(sign);
  }
  if (stopsAtDenormal(ctx, y, x)) return y;
  if (infinite || y.kind === INFINITY) return infinity(sign);
  if (side === 0 || y.kind === ZERO) return zero(sign);
  return undefined;
}

interface Logarithm extends Scaled {
  readonly sign: number;
  readonly exact: boolean;
}

/** log2(x), x finite, positive and not one. */
function logarithmOf(x: Float): Logarithm {
  const length = bitLength(x.sig);
  // x = mantissa * 2^power with the mantissa between about 0.7 and 1.4, so that nothing cancels.
  let power = x.exp + length - 1;
  let mantissa = x.sig << BigInt(FRACTION - length + 1);
  if (2n * mantissa > 3n * ONE - (ONE >> 3n)) {
    mantissa >>= 1n;
    power++;
  }
  const exact = mantissa === ONE;
  const value = (BigInt(power) << BigInt(FRACTION)) + (exact ? 0n : logarithm(mantissa));
  return { sign: value < 0n ? 1 : 0, exp: -FRACTION, sig: value < 0n ? -value : value, exact };
}

/** log2(1 + x), x finite, not zero, above -1. */
function logarithmOfOnePlus(x: Float): Logarithm {
  if (isTiny(x)) return { sign: x.sign, exp: x.exp - FRACTION, sig: x.sig * quotient(ONE, LN2), exact: false };
  const top = x.exp + bitLength(x.sig);
  if (top > 0) return logarithmOf(sumWithOne(x));
  // Down to 0 the series for arguments near one takes for ever: scaled, as any other logarithm.
  if (top === 0 && x.sign === 1) return logarithmOf(finite(0, x.exp, (1n << BigInt(-x.exp)) - x.sig));
  const value = logarithm(x.sign === 0 ? ONE + fixed(x) : ONE - fixed(x));
  return { sign: x.sign, exp: -FRACTION, sig: value < 0n ? -value : value, exact: false };
}

/** 1 + x for x >= 1. Past 2^80 the one is not missed. */
function sumWithOne(x: Float): Float {
  if (x.exp > -TINY) return x;
  const exp = Math.min(x.exp, 0);
  return finite(0, exp, (x.sig << BigInt(x.exp - exp)) + (1n << BigInt(-exp)));
}

function times(ctx: FloatContext, y: Float, log: Logarithm): Float {
  const sig = jam(y.sig * log.sig, !log.exact);
  const result = rounded(ctx, y.sign ^ log.sign, { exp: y.exp + log.exp - 1, sig });
  // Reported as inexact even where the logarithm is an integer; and if so, tiny results as underflow.
  ctx.flags |= FLAG_PE;
  if (result.kind === FINITE && result.exp + bitLength(result.sig) <= F80.minExponent) ctx.flags |= FLAG_UE;
  return result;
}

function rounded(ctx: FloatContext, sign: number, value: Scaled): Float {
  return roundTo(ctx, F80, 64, sign, value.exp, value.sig);
}

function isTiny(a: Float): boolean {
  return a.exp + bitLength(a.sig) < TINY;
}

/** A number's magnitude with its last bit a hair up or down. */
function nudged(a: Float, direction: bigint): Scaled {
  return { exp: a.exp - NUDGE, sig: (a.sig << BigInt(NUDGE)) + direction };
}

/** The magnitude in fixed point, exact for what is not tiny. */
function fixed(a: Float): bigint {
  return a.sig << BigInt(a.exp + FRACTION);
}
