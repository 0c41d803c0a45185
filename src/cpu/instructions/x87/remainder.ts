/** FPREM and FPREM1 where one step does it, FSCALE and FXTRACT. */
import type { Value } from '../../emit/values.ts';
import { divideWide } from '../../emit/wide.ts';
import { FSW_C0, FSW_C1, FSW_C2, FSW_C3 } from '../../fpu/x87-state.ts';
import { HOW_NEAREST_QUOTIENT, HOW_SOURCE_SHIFT } from './operation.ts';
import { BIAS, type X87Function } from './unit.ts';

const CONDITIONS = FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3;
/** Exponents this far apart take more than one step. */
const FAR = 64;
/** The largest exponent of a number that FSCALE takes: beyond 2^15 there is no result in range. */
const LARGEST_SCALE = BIAS + 15;

/** FPREM, and FPREM1 with a quotient rounded to nearest. */
export function remainder(x: X87Function): void {
  const { m, top } = x;
  const a = x.read(top);
  const b = x.read(x.registerAt(HOW_SOURCE_SHIFT));
  x.giveUpIf(m.isZero(b.significand));
  const isNearest = x.asks(HOW_NEAREST_QUOTIENT);
  const distance = m.sub(a.exponent, b.exponent);
  // What is less than half of the divisor is its own remainder, with a quotient of zero, and so is a zero.
  const least = m.sub(m.const(32, 0), m.zext(isNearest, 32));
  m.if(m.or(m.less(distance, least), m.isZero(a.significand)), () => x.finish(undefined, CONDITIONS));
  x.require(m.below(distance, m.const(32, FAR)));
  const shift = m.zext(distance, 64);
  const dividend = {
    high: m.shr(m.shr(a.significand, 1), m.xor(shift, m.const(64, 63))),
    low: m.shl(a.significand, shift),
  };
  const divided = divideWide(m, dividend, b.significand);
  const quotient = m.variable(divided.quotient);
  const rest = m.variable(divided.remainder);
  const sign = m.variable(a.sign);
  m.if(isNearest, () => {
    const other = m.sub(b.significand, m.get(rest));
    const isOdd = m.bit(m.get(quotient), 0);
    const isLarge = m.or(m.below(other, m.get(rest)), m.and(m.eq(other, m.get(rest)), isOdd));
    m.if(isLarge, () => {
      m.set(quotient, m.add(m.get(quotient), m.const(64, 1)));
      m.set(rest, other);
      m.set(sign, m.xor(a.sign, m.const(32, 1)));
    });
  });
  const bits = conditionsOf(x, m.trunc(m.get(quotient), 32));
  m.if(m.isZero(m.get(rest)), () => {
    x.put(top, x.signExponentOf(a.sign, m.const(32, 0)), m.const(64, 0));
    x.finish(bits, CONDITIONS);
  });
  const zeros = m.clz(m.get(rest));
  const exponent = m.sub(b.exponent, m.trunc(zeros, 32));
  x.require(x.isInRange(exponent));
  x.put(top, x.signExponentOf(m.get(sign), exponent), m.shl(m.get(rest), zeros));
  x.finish(bits, CONDITIONS);
}

/** FSCALE */
export function scale(x: X87Function): void {
  const { m, top } = x;
  const { sign, exponent, significand } = x.read(top);
  const by = x.read(x.registerAt(HOW_SOURCE_SHIFT));
  x.require(m.belowOrEqual(by.exponent, m.const(32, LARGEST_SCALE)));
  m.if(m.isZero(significand), () => x.finish());
  const bits = m.sub(by.exponent, m.const(32, BIAS));
  const whole = m.trunc(m.shr(by.significand, m.sub(m.const(32, 63), bits)), 32);
  const magnitude = m.select(m.less(bits, m.const(32, 0)), m.const(32, 0), whole);
  const amount = m.select(by.sign, m.neg(magnitude), magnitude);
  const scaled = m.add(exponent, amount);
  x.require(x.isInRange(scaled));
  x.put(top, x.signExponentOf(sign, scaled), significand);
  x.finish();
}

/** FXTRACT */
export function extract(x: X87Function): void {
  const { m, top } = x;
  const { sign, exponent, significand } = x.read(top);
  const pushed = x.pushed();
  x.giveUpIf(m.isZero(significand));
  const unbiased = m.sub(exponent, m.const(32, BIAS));
  const isNegative = m.shr(unbiased, 31);
  const magnitude = m.select(isNegative, m.neg(unbiased), unbiased);
  const zeros = m.clz(m.zext(magnitude, 64));
  const isZero = m.isZero(magnitude);
  const whole = m.select(isZero, m.const(32, 0), m.sub(m.const(32, BIAS + 63), m.trunc(zeros, 32)));
  x.put(top, x.signExponentOf(isNegative, whole), m.shl(m.zext(magnitude, 64), zeros));
  x.put(pushed, x.signExponentOf(sign, m.const(32, BIAS)), significand);
  x.finishPush(pushed);
}

// The three lowest bits of the quotient, in C0, C3 and C1.
function conditionsOf({ m }: X87Function, quotient: Value): Value {
  const bit = (number: number, to: number): Value => m.shl(m.zext(m.bit(quotient, number), 32), Math.log2(to));
  return m.or(m.or(bit(2, FSW_C0), bit(1, FSW_C3)), bit(0, FSW_C1));
}
