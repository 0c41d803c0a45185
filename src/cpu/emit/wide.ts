/** 128-bit integers as pairs of 64-bit values: what the arithmetic of extended precision is made of. */
import type { Arithmetic } from './arithmetic.ts';
import type { Value } from './values.ts';

export interface Wide {
  readonly high: Value;
  readonly low: Value;
}

const LOW_HALF = 0xffffffffn;

/** The whole product of two 64-bit values. */
export function multiplyWide(m: Arithmetic, a: Value, b: Value): Wide {
  const half = m.const(64, LOW_HALF);
  const [aLow, aHigh] = [m.and(a, half), m.shr(a, 32)];
  const [bLow, bHigh] = [m.and(b, half), m.shr(b, 32)];
  const lowest = m.mul(aLow, bLow);
  const middle = m.add(m.mul(aHigh, bLow), m.shr(lowest, 32));
  const other = m.add(m.mul(aLow, bHigh), m.and(middle, half));
  return {
    high: m.add(m.add(m.mul(aHigh, bHigh), m.shr(middle, 32)), m.shr(other, 32)),
    low: m.or(m.shl(other, 32), m.and(lowest, half)),
  };
}

/**
 * Quotient and remainder of a 128-bit value by a divisor whose highest bit is set, and whose value is above the high
 * half. Knuth, The Art of Computer Programming, vol. 2, 4.3.1, algorithm D, with digits of 32 bits.
 */
export function divideWide(m: Arithmetic, dividend: Wide, divisor: Value): { quotient: Value; remainder: Value } {
  const half = m.const(64, LOW_HALF);
  const first = digitOfQuotient(m, dividend.high, m.shr(dividend.low, 32), divisor);
  const second = digitOfQuotient(m, first.remainder, m.and(dividend.low, half), divisor);
  return { quotient: m.add(m.shl(first.digit, 32), second.digit), remainder: second.remainder };
}

// One digit of 32 bits of (high, next) / divisor, `next` being a digit, and what remains of it.
function digitOfQuotient(m: Arithmetic, high: Value, next: Value, divisor: Value): { digit: Value; remainder: Value } {
  const divisorHigh = m.shr(divisor, 32);
  const divisorLow = m.and(divisor, m.const(64, LOW_HALF));
  const digit = m.variable(m.divU(high, divisorHigh));
  const rest = m.variable(m.sub(high, m.mul(m.get(digit), divisorHigh)));
  const isTooLarge = (): Value => {
    const guess = m.get(digit);
    const wanted = m.or(m.shl(m.get(rest), 32), next);
    return m.or(m.ne(m.shr(guess, 32), m.const(64, 0)), m.below(wanted, m.mul(guess, divisorLow)));
  };
  const lower = (): void => {
    m.set(digit, m.sub(m.get(digit), m.const(64, 1)));
    m.set(rest, m.add(m.get(rest), divisorHigh));
  };
  // The guess is too large by two at most.
  m.if(isTooLarge(), () => {
    lower();
    m.if(m.isZero(m.shr(m.get(rest), 32)), () => m.if(isTooLarge(), lower));
  });
  const dividend = m.or(m.shl(high, 32), next);
  return { digit: m.get(digit), remainder: m.sub(dividend, m.mul(m.get(digit), divisor)) };
}

/** A 64-bit value followed by 64 zeros, shifted right by 0 to 127; a bit that falls out stays as the lowest one. */
export function shiftRightSticky(m: Arithmetic, value: Value, count: Value): Wide {
  const high = m.variable(m.const(64, 0));
  const low = m.variable(m.const(64, 0));
  const wide = m.zext(count, 64);
  const toTop = m.shl(m.shl(value, 1), m.xor(m.and(wide, m.const(64, 63)), m.const(64, 63)));
  m.if(
    m.below(count, m.const(32, 64)),
    () => {
      m.set(high, m.shr(value, wide));
      m.set(low, toTop);
    },
    () => m.set(low, m.or(m.shr(value, m.and(wide, m.const(64, 63))), stickyOf(m, toTop))),
  );
  return { high: m.get(high), low: m.get(low) };
}

/** 1 if any bit is set, else 0. */
export function stickyOf(m: Arithmetic, value: Value): Value {
  return m.zext(m.ne(value, m.const(64, 0)), 64);
}

/** A value that is not zero, shifted left until its highest bit is set, and by how much (32 bits). */
export function normalizeWide(m: Arithmetic, { high, low }: Wide): Wide & { readonly shift: Value } {
  const isLow = m.isZero(high);
  const top = m.select(isLow, low, high);
  const rest = m.select(isLow, m.const(64, 0), low);
  const zeros = m.clz(top);
  const carried = m.shr(m.shr(rest, 1), m.xor(zeros, m.const(64, 63)));
  return {
    high: m.or(m.shl(top, zeros), carried),
    low: m.shl(rest, zeros),
    shift: m.add(m.trunc(zeros, 32), m.shl(m.zext(isLow, 32), 6)),
  };
}
