/** The constants of FLDPI and its kin as sig * 2^exp, with more bits than any rounding looks at and a sticky last one. */
import { FRACTION, LN2 as FIXED_LN2, PI as FIXED_PI, LN10, ONE, quotient } from './fixed-point.ts';

export interface Scaled {
  readonly exp: number;
  readonly sig: bigint;
}

export const PI = irrational(FIXED_PI);
export const HALF_PI = irrational(FIXED_PI >> 1n);
export const QUARTER_PI = irrational(FIXED_PI >> 2n);
export const THREE_QUARTERS_PI = irrational((3n * FIXED_PI) >> 2n);
export const LN2 = irrational(FIXED_LN2);
export const LOG2_E = irrational(quotient(ONE, FIXED_LN2));
export const LOG2_10 = irrational(quotient(LN10, FIXED_LN2));
export const LOG10_2 = irrational(quotient(FIXED_LN2, LN10));

/** A positive fixed-point value that goes on below its last bit. */
export function irrational(fixed: bigint): Scaled {
  return { exp: -FRACTION, sig: fixed | 1n };
}
