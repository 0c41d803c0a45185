/**
 * Elementary functions on fixed-point BigInts with far more bits than the 64 of an f80 significand, so that one final
 * rounding is as good as correct. A value v stands for v * 2^-FRACTION. Series are cut where their terms vanish.
 */
import { integerSquareRoot } from './arithmetic.ts';

export const FRACTION = 256;
export const ONE = 1n << 256n;
const SHIFT = 256n;

/** Machin: pi = 16 atan(1/5) - 4 atan(1/239). */
export const PI = 16n * arctangentOfInverse(5n, -1n) - 4n * arctangentOfInverse(239n, -1n);
/** ln 2 = 2 atanh(1/3) */
export const LN2 = 2n * arctangentOfInverse(3n, 1n);
/** ln 10 = 3 ln 2 + ln 1.25 = 3 ln 2 + 2 atanh(1/9) */
export const LN10 = 3n * LN2 + 2n * arctangentOfInverse(9n, 1n);

export function product(a: bigint, b: bigint): bigint {
  return (a * b) >> SHIFT;
}

export function quotient(a: bigint, b: bigint): bigint {
  return (a << SHIFT) / b;
}

/** sin(x), |x| <= 1 */
export function sine(x: bigint): bigint {
  return alternating(x, product(x, x), 1n);
}

/** cos(x), |x| <= 1 */
export function cosine(x: bigint): bigint {
  return alternating(ONE, product(x, x), 0n);
}

/** 2^x - 1, |x| <= 1 */
export function exponentialMinusOne(x: bigint): bigint {
  const exponent = product(x, LN2);
  let term = exponent;
  let sum = 0n;
  for (let n = 2n; term !== 0n && term !== -1n; n++) {
    sum += term;
    term = product(term, exponent) / n;
  }
  return sum;
}

/** log2(x), 1/2 < x < 2 */
export function logarithm(x: bigint): bigint {
  const z = quotient(x - ONE, x + ONE);
  return quotient(2n * oddSeries(z, 1n), LN2);
}

/** atan(x), 0 <= x <= 1 */
export function arctangent(x: bigint): bigint {
  // atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), thrice, makes the series short.
  let reduced = x;
  for (let i = 0; i < 3; i++) {
    const root = integerSquareRoot((ONE + product(reduced, reduced)) << SHIFT);
    reduced = quotient(reduced, ONE + root);
  }
  return 8n * oddSeries(reduced, -1n);
}

/** first - first*square/((n+1)(n+2)) + ... */
function alternating(first: bigint, square: bigint, n: bigint): bigint {
  let sum = 0n;
  let term = first;
  for (let k = n; term !== 0n && term !== -1n; k += 2n) {
    sum += term;
    term = -product(term, square) / ((k + 1n) * (k + 2n));
  }
  return sum;
}

/** z + sign*z^3/3 + z^5/5 + sign*z^7/7 + ...: atanh for sign 1, atan for sign -1 */
function oddSeries(z: bigint, sign: bigint): bigint {
  const square = sign * product(z, z);
  let power = z;
  let sum = 0n;
  for (let n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n;
    power = product(power, square);
  }
  return sum;
}

/** atanh(1/n) for sign 1, atan(1/n) for sign -1 */
function arctangentOfInverse(n: bigint, sign: bigint): bigint {
  // Guard bits: the constants are used multiplied.
  const guard = 32n;
  let power = (ONE << guard) / n;
  let sum = 0n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k;
    power = (sign * power) / (n * n);
  }
  return sum >> guard;
}
