/** FIST, FISTTP and FRNDINT. */
import type { Value } from '../../emit/values.ts';
import { shiftRightSticky } from '../../emit/wide.ts';
import { ROUND_ZERO } from '../../fpu/float.ts';
import { HOW_TRUNCATES, KIND_INT16, KIND_INT32 } from './operation.ts';
import { rounding, roundingBits, roundsUp } from './rounding.ts';
import { BIAS, type Extended, type X87Function } from './unit.ts';

/** The exponent of a number whose significand is its integer part. */
const WHOLE = BIAS + 63;

/** FIST, FISTP, FISTTP: the result is for the instruction to write. */
export function storeInteger(x: X87Function): void {
  const { m } = x;
  const number = x.read(x.top);
  x.require(m.belowOrEqual(number.exponent, m.const(32, WHOLE)));
  const mode = m.select(x.asks(HOW_TRUNCATES), m.const(32, ROUND_ZERO), rounding(x));
  const { magnitude, rest, up } = rounded(x, number, mode);
  const limits = [15, 31, 63].map((bits) => m.const(64, 1n << BigInt(bits))) as [Value, Value, Value];
  const limit = m.select(x.isKind(KIND_INT16), limits[0], m.select(x.isKind(KIND_INT32), limits[1], limits[2]));
  // The least integer has no positive one beside it.
  const largest = m.sub(limit, m.zext(m.xor(number.sign, m.const(32, 1)), 64));
  x.require(m.belowOrEqual(magnitude, largest));
  const sign = m.zext(number.sign, 64);
  x.result(m.add(m.xor(magnitude, m.neg(sign)), sign));
  x.finish(roundingBits(x, rest, up));
}

/** FRNDINT */
export function roundToIntegral(x: X87Function): void {
  const { m, top } = x;
  const number = x.read(top);
  const isWhole = m.belowOrEqual(m.const(32, WHOLE), number.exponent);
  m.if(m.or(isWhole, m.isZero(number.significand)), () => x.finish());
  const { magnitude, rest, up } = rounded(x, number, rounding(x));
  const zeros = m.clz(magnitude);
  const isZero = m.isZero(magnitude);
  const exponent = m.select(isZero, m.const(32, 0), m.sub(m.const(32, WHOLE), m.trunc(zeros, 32)));
  x.put(top, x.signExponentOf(number.sign, exponent), m.shl(magnitude, zeros));
  x.finish(roundingBits(x, rest, up));
}

// The exponent is at most WHOLE.
function rounded(
  x: X87Function,
  { sign, exponent, significand }: Extended,
  mode: Value,
): { magnitude: Value; rest: Value; up: Value } {
  const { m } = x;
  const distance = m.sub(m.const(32, WHOLE), exponent);
  const limited = m.select(m.below(distance, m.const(32, 127)), distance, m.const(32, 127));
  const { high, low } = shiftRightSticky(m, significand, limited);
  const up = roundsUp(x, mode, sign, low, m.and(high, m.const(64, 1)));
  return { magnitude: m.add(high, m.zext(up, 64)), rest: low, up };
}
