/** FADD to FDIVR and FSQRT of numbers: the exact result in 128 bits, and one rounding. */
import type { Value } from '../../emit/values.ts';
import { divideWide, multiplyWide, normalizeWide, shiftRightSticky, stickyOf } from '../../emit/wide.ts';
import { ROUND_DOWN } from '../../fpu/float.ts';
import { HOW_DESTINATION_SHIFT, HOW_NEGATE_DESTINATION, HOW_NEGATE_SOURCE, HOW_REVERSED } from './operation.ts';
import { round, rounding, type Unrounded } from './rounding.ts';
import { source } from './source.ts';
import { BIAS, type Extended, type X87Function } from './unit.ts';

/** Parts of a unit in the last place that rounding tells from each other: less than a half, and more. */
const SOME = 1n << 62n;
const MOST = 3n << 62n;

/** FADD, FSUB and FSUBR */
export function sum(x: X87Function): void {
  const { m } = x;
  const slot = x.registerAt(HOW_DESTINATION_SHIFT);
  const a = negatedIf(x, x.read(slot), HOW_NEGATE_DESTINATION);
  const b = negatedIf(x, source(x), HOW_NEGATE_SOURCE);
  const [large, small] = byMagnitude(x, a, b);
  const result = {
    sign: large.sign,
    exponent: m.variable(large.exponent),
    high: m.variable(large.significand),
    low: m.variable(m.const(64, 0)),
  };
  const distance = m.sub(large.exponent, small.exponent);
  const limited = m.select(m.below(distance, m.const(32, 127)), distance, m.const(32, 127));
  const { high, low } = shiftRightSticky(m, small.significand, limited);
  m.if(
    m.eq(large.sign, small.sign),
    () => addMagnitudes(x, result, high, low),
    () => subtractMagnitudes(x, slot, result, high, low),
  );
  // Two zeros of one sign.
  m.rarely(m.isZero(m.get(result.high)), () => {
    x.put(slot, x.signExponentOf(large.sign, m.const(32, 0)), m.const(64, 0));
    x.finish();
  });
  finishRounded(x, slot, result);
}

/** FMUL */
export function product(x: X87Function): void {
  const { m } = x;
  const slot = x.registerAt(HOW_DESTINATION_SHIFT);
  const a = x.read(slot);
  const b = source(x);
  const sign = m.xor(a.sign, b.sign);
  const { high, low } = multiplyWide(m, a.significand, b.significand);
  // Both are normalised, so that the product is, or is by one bit not.
  finishIfZero(x, slot, sign, m.or(high, low));
  const isShort = m.xor(m.trunc(m.shr(high, 63), 32), m.const(32, 1));
  const shift = m.zext(isShort, 64);
  const carried = m.and(m.shr(low, 63), shift);
  const exponent = m.sub(m.add(a.exponent, b.exponent), m.add(isShort, m.const(32, BIAS - 1)));
  finishRounded(x, slot, {
    sign,
    exponent: m.variable(exponent),
    high: m.variable(m.or(m.shl(high, shift), carried)),
    low: m.variable(m.shl(low, shift)),
  });
}

/** FDIV and FDIVR */
export function quotient(x: X87Function): void {
  const { m } = x;
  const slot = x.registerAt(HOW_DESTINATION_SHIFT);
  const destination = x.read(slot);
  const other = source(x);
  const isReversed = x.asks(HOW_REVERSED);
  const a = chosen(x, isReversed, other, destination);
  const b = chosen(x, isReversed, destination, other);
  x.giveUpIf(m.isZero(b.significand));
  const sign = m.xor(a.sign, b.sign);
  finishIfZero(x, slot, sign, a.significand);
  // The dividend is shifted so that the quotient has 64 bits.
  const isLarge = m.not(m.below(a.significand, b.significand));
  const shift = m.zext(isLarge, 64);
  const high = m.shr(a.significand, shift);
  const low = m.and(m.shl(a.significand, 63), m.neg(shift));
  const { quotient: whole, remainder } = divideWide(m, { high, low }, b.significand);
  // A quotient of two such significands is never halfway between two others.
  const isMost = m.below(m.sub(b.significand, remainder), remainder);
  const rest = m.select(isMost, m.const(64, MOST), m.const(64, SOME));
  const exponent = m.add(m.sub(a.exponent, b.exponent), m.add(m.zext(isLarge, 32), m.const(32, BIAS - 1)));
  finishRounded(x, slot, {
    sign,
    exponent: m.variable(exponent),
    high: m.variable(whole),
    low: m.variable(m.select(m.isZero(remainder), m.const(64, 0), rest)),
  });
}

/** Rounds a result into a register, and ends the instruction. */
export function finishRounded(x: X87Function, slot: Value, result: Unrounded): void {
  const { m } = x;
  // Tiny before it is rounded: underflow is for TypeScript to tell.
  x.require(m.less(m.const(32, 0), m.get(result.exponent)));
  const bits = round(x, result);
  const exponent = m.get(result.exponent);
  x.require(x.isInRange(exponent));
  x.put(slot, x.signExponentOf(result.sign, exponent), m.get(result.high));
  x.finish(bits);
}

function finishIfZero(x: X87Function, slot: Value, sign: Value, significand: Value): void {
  const { m } = x;
  m.rarely(m.isZero(significand), () => {
    x.put(slot, x.signExponentOf(sign, m.const(32, 0)), m.const(64, 0));
    x.finish();
  });
}

// Without branches: half of all sums carry.
function addMagnitudes({ m }: X87Function, result: Unrounded, high: Value, low: Value): void {
  const whole = m.add(m.get(result.high), high);
  const carries = m.below(whole, high);
  const carry = m.zext(carries, 64);
  const out = m.and(m.shl(whole, 63), m.neg(carry));
  m.set(result.low, m.or(m.or(out, m.shr(low, carry)), m.and(low, carry)));
  m.set(result.high, m.or(m.shr(whole, carry), m.shl(carry, 63)));
  m.set(result.exponent, m.add(m.get(result.exponent), m.zext(carries, 32)));
}

// The magnitude of the result's is not less than the other's.
function subtractMagnitudes(x: X87Function, slot: Value, result: Unrounded, high: Value, low: Value): void {
  const { m } = x;
  const difference = { high: m.sub(m.sub(m.get(result.high), high), stickyOf(m, low)), low: m.neg(low) };
  m.rarely(m.isZero(m.or(difference.high, difference.low)), () => {
    const sign = m.zext(m.eq(rounding(x), m.const(32, ROUND_DOWN)), 32);
    x.put(slot, x.signExponentOf(sign, m.const(32, 0)), m.const(64, 0));
    x.finish();
  });
  const normal = normalizeWide(m, difference);
  m.set(result.high, normal.high);
  m.set(result.low, normal.low);
  m.set(result.exponent, m.sub(m.get(result.exponent), normal.shift));
}

function negatedIf(x: X87Function, number: Extended, bit: number): Extended {
  return { ...number, sign: x.m.xor(number.sign, x.m.zext(x.asks(bit), 32)) };
}

function byMagnitude(x: X87Function, a: Extended, b: Extended): [Extended, Extended] {
  const { m } = x;
  const isLess = m.select(
    m.eq(a.exponent, b.exponent),
    m.below(a.significand, b.significand),
    m.below(a.exponent, b.exponent),
  );
  return [chosen(x, isLess, b, a), chosen(x, isLess, a, b)];
}

function chosen({ m }: X87Function, condition: Value, a: Extended, b: Extended): Extended {
  return {
    sign: m.select(condition, a.sign, b.sign),
    exponent: m.select(condition, a.exponent, b.exponent),
    significand: m.select(condition, a.significand, b.significand),
  };
}
