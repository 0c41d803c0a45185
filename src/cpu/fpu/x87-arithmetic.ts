/** FADD to FDIVR, FSQRT, FABS, FCHS, FRNDINT, FSCALE, FXTRACT, FPREM, FPREM1. */

import { add, divide, multiply, squareRoot, subtract } from './arithmetic.ts';
import { roundToIntegral } from './convert.ts';
import type { Float, FloatContext, Format } from './float.ts';
import {
  bitLength,
  F80,
  FINITE,
  FLAG_ZE,
  finite,
  fromInteger,
  INDEFINITE,
  INFINITY,
  infinity,
  ZERO,
  zero,
} from './float.ts';
import { invalid, nanOfOne, nanOfTwo, stopsAtDenormal } from './nan.ts';
import { roundTo } from './rounding.ts';
import { FSW_C0, FSW_C1, FSW_C2, FSW_C3 } from './x87-state.ts';
import type { X87Unit } from './x87-unit.ts';
import { stackOverflow, stackUnderflow, stopped } from './x87-unit.ts';

export type Operation = (ctx: FloatContext, format: Format, a: Float, b: Float) => Float;

/** FSUBR and FDIVR: the operands change places. */
export const subtractReversed: Operation = (ctx, format, a, b) => subtract(ctx, format, b, a);
export const divideReversed: Operation = (ctx, format, a, b) => divide(ctx, format, b, a);
export { add, divide, multiply, subtract };

/** ST = ST op source, the source coming from memory. */
export function arithmeticWithMemory(unit: X87Unit, operation: Operation, source: Float): void {
  const { state } = unit;
  if (state.isEmpty(0)) {
    indefiniteAt(unit, 0);
    return;
  }
  const result = operation(unit.context, F80, state.read(0), source);
  if (!stopped(unit)) state.write(0, result);
}

/** ST(destination) = ST(destination) op ST(source), with a pop for the P forms. */
export function arithmetic(
  unit: X87Unit,
  operation: Operation,
  destination: number,
  source: number,
  pop: boolean,
): void {
  const { state } = unit;
  if (state.isEmpty(destination) || state.isEmpty(source)) {
    indefiniteAt(unit, destination);
  } else {
    const result = operation(unit.context, F80, state.read(destination), state.read(source));
    if (!stopped(unit)) state.write(destination, result);
  }
  if (pop && !stopped(unit)) state.pop();
}

export function fsqrt(unit: X87Unit): void {
  replaceTop(unit, (ctx, a) => squareRoot(ctx, F80, a));
}

export function frndint(unit: X87Unit): void {
  replaceTop(unit, (ctx, a) => (stopsAtDenormal(ctx, a) ? a : roundToIntegral(ctx, a)));
}

export function fabs(unit: X87Unit): void {
  changeSign(unit, (signExponent) => signExponent & 0x7fff);
}

export function fchs(unit: X87Unit): void {
  changeSign(unit, (signExponent) => signExponent ^ 0x8000);
}

/** FSCALE: ST = ST * 2^trunc(ST(1)). */
export function fscale(unit: X87Unit): void {
  replaceTopByTwo(unit, scale);
}

/** FXTRACT: ST becomes the exponent, and the significand is pushed. */
export function fxtract(unit: X87Unit): void {
  const { state, context } = unit;
  const empty = state.isEmpty(0);
  const full = !state.isEmpty(7);
  if (empty || full) {
    if (!(empty ? stackUnderflow(unit) : stackOverflow(unit))) return;
    pushBeside(unit, INDEFINITE, INDEFINITE);
    return;
  }
  const a = state.read(0);
  const nan = nanOfOne(context, a);
  if (a.kind === ZERO) context.flags |= FLAG_ZE;
  else if (nan === undefined) stopsAtDenormal(context, a);
  if (stopped(unit)) return;
  if (nan !== undefined) {
    pushBeside(unit, nan, nan);
    return;
  }
  if (a.kind === ZERO) {
    pushBeside(unit, infinity(1), a);
    return;
  }
  if (a.kind === INFINITY) {
    pushBeside(unit, infinity(0), a);
    return;
  }
  const length = bitLength(a.sig);
  pushBeside(unit, fromInteger(BigInt(a.exp + length - 1)), finite(a.sign, 1 - length, a.sig));
}

/** Results of two: the first replaces ST, the second is pushed. */
export function pushBeside(unit: X87Unit, replacement: Float, pushed: Float): void {
  const { state } = unit;
  state.write(0, replacement);
  state.top = state.top - 1;
  state.write(0, pushed);
}

/** FPREM: the remainder of a truncating division. */
export function fprem(unit: X87Unit): void {
  remainder(unit, false);
}

/** FPREM1: the remainder of IEEE 754, of a division rounded to nearest. */
export function fprem1(unit: X87Unit): void {
  remainder(unit, true);
}

/** ST = f(ST), with the stack and the exceptions looked after. */
export function replaceTop(unit: X87Unit, f: (ctx: FloatContext, a: Float) => Float): void {
  const { state } = unit;
  if (state.isEmpty(0)) {
    indefiniteAt(unit, 0);
    return;
  }
  const result = f(unit.context, state.read(0));
  if (!stopped(unit)) state.write(0, result);
}

/** ST = f(ST, ST(1)). */
export function replaceTopByTwo(unit: X87Unit, f: (ctx: FloatContext, a: Float, b: Float) => Float): void {
  const { state } = unit;
  if (state.isEmpty(0) || state.isEmpty(1)) {
    indefiniteAt(unit, 0);
    return;
  }
  const result = f(unit.context, state.read(0), state.read(1));
  if (!stopped(unit)) state.write(0, result);
}

export function indefiniteAt(unit: X87Unit, i: number): void {
  if (stackUnderflow(unit)) unit.state.write(i, INDEFINITE);
}

function changeSign(unit: X87Unit, change: (signExponent: number) => number): void {
  const { state } = unit;
  if (state.isEmpty(0)) {
    indefiniteAt(unit, 0);
    return;
  }
  state.put(0, change(state.signExponent(0)), state.significand(0));
}

function scale(ctx: FloatContext, a: Float, b: Float): Float {
  const nan = nanOfTwo(ctx, a, b);
  if (nan !== undefined) return nan;
  if (b.kind === INFINITY && (b.sign === 0 ? a.kind === ZERO : a.kind === INFINITY)) return invalid(ctx);
  if (stopsAtDenormal(ctx, a, b)) return a;
  if (b.kind === INFINITY) return b.sign === 0 ? infinity(a.sign) : zero(a.sign);
  if (a.kind !== FINITE) return a;
  return roundTo(ctx, F80, 64, a.sign, a.exp + clampedInteger(b), a.sig);
}

/** trunc(b), or what is as good beyond twice the range of exponents. */
function clampedInteger(b: Float): number {
  const limit = 0x10000;
  const top = b.exp + bitLength(b.sig);
  if (top <= 0) return 0;
  const magnitude = top > 17 ? limit : Number(b.exp >= 0 ? b.sig << BigInt(b.exp) : b.sig >> BigInt(-b.exp));
  return b.sign === 1 ? -magnitude : magnitude;
}

function remainder(unit: X87Unit, nearest: boolean): void {
  const { state, context } = unit;
  state.fsw = state.fsw & ~FSW_C2;
  if (state.isEmpty(0) || state.isEmpty(1)) {
    indefiniteAt(unit, 0);
    return;
  }
  const a = state.read(0);
  const b = state.read(1);
  const special = specialRemainder(context, a, b);
  if (stopped(unit)) return;
  if (special !== undefined) {
    // A quotient of zero, unless there is none.
    if (special.kind <= INFINITY) state.fsw = state.fsw & ~(FSW_C0 | FSW_C3);
    state.write(0, special);
    return;
  }
  const difference = a.exp + bitLength(a.sig) - (b.exp + bitLength(b.sig));
  if (difference >= 64) {
    partialRemainder(unit, a, b, difference);
    return;
  }
  const exp = Math.min(a.exp, b.exp);
  const divisor = b.sig << BigInt(b.exp - exp);
  const dividend = a.sig << BigInt(a.exp - exp);
  let quotient = dividend / divisor;
  let rest = dividend - quotient * divisor;
  let sign = a.sign;
  if (nearest && (rest * 2n > divisor || (rest * 2n === divisor && (quotient & 1n) === 1n))) {
    quotient += 1n;
    rest = divisor - rest;
    sign ^= 1;
  }
  const bits = Number(quotient & 7n);
  const conditions = ((bits & 4) !== 0 ? FSW_C0 : 0) | ((bits & 2) !== 0 ? FSW_C3 : 0);
  state.fsw = (state.fsw & ~(FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3)) | conditions;
  unit.condition1 = (bits & 1) !== 0;
  state.write(0, rest === 0n ? zero(a.sign) : roundTo(context, F80, 64, sign, exp, rest));
}

/** The operand pairs that need no division, or undefined. */
function specialRemainder(ctx: FloatContext, a: Float, b: Float): Float | undefined {
  const nan = nanOfTwo(ctx, a, b);
  if (nan !== undefined) return nan;
  if (a.kind === INFINITY || b.kind === ZERO) return invalid(ctx);
  if (stopsAtDenormal(ctx, a, b)) return a;
  if (a.kind === ZERO) return a;
  return b.kind === INFINITY ? roundTo(ctx, F80, 64, a.sign, a.exp, a.sig) : undefined;
}

/** The exponents are 64 and more apart: takes 32 to 63 bits off the difference, and says with C2 that there is more to do. */
function partialRemainder(unit: X87Unit, a: Float, b: Float, difference: number): void {
  const { state } = unit;
  const taken = 32 + (difference & 31);
  const exp = b.exp + difference - taken;
  const divisor = b.sig << BigInt(Math.max(0, exp - a.exp));
  const dividend = a.sig << BigInt(Math.max(0, a.exp - exp));
  const rest = dividend % divisor;
  const lsb = Math.min(a.exp, exp);
  state.fsw = (state.fsw & ~(FSW_C0 | FSW_C3)) | FSW_C2;
  state.write(0, rest === 0n ? zero(a.sign) : roundTo(unit.context, F80, 64, a.sign, lsb, rest));
}
