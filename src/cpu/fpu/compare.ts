/** Comparisons, and the minimum and maximum of SSE. */
import type { Float, FloatContext } from './float.ts';
import { FLAG_IE, INFINITY, isNotANumber, SNAN, UNSUPPORTED, ZERO } from './float.ts';
import { stopsAtDenormal } from './nan.ts';

export const LESS = -1;
export const EQUAL = 0;
export const GREATER = 1;
export const UNORDERED = 2;

/** LESS, EQUAL, GREATER or UNORDERED. `signalling`: quiet NaNs raise IE too (COMISS, FCOM and CMPLTPS do, UCOMISS, FUCOM do not). */
export function compare(ctx: FloatContext, a: Float, b: Float, signalling: boolean): number {
  if (a.kind === UNSUPPORTED || b.kind === UNSUPPORTED) {
    ctx.flags |= FLAG_IE;
    return UNORDERED;
  }
  if (isNotANumber(a) || isNotANumber(b)) {
    if (signalling || a.kind === SNAN || b.kind === SNAN) ctx.flags |= FLAG_IE;
    return UNORDERED;
  }
  // The outcome is delivered even if DE is unmasked: FCOM sets its conditions, and then faults.
  stopsAtDenormal(ctx, a, b);
  return order(a, b);
}

/** MINSS and MAXSS: the second operand, bit for bit, if either is a NaN or the two are equal. Returns true to take `a`. */
export function minimumIsFirst(ctx: FloatContext, a: Float, b: Float): boolean {
  return compare(ctx, a, b, true) === LESS;
}

export function maximumIsFirst(ctx: FloatContext, a: Float, b: Float): boolean {
  return compare(ctx, a, b, true) === GREATER;
}

/** The order of two numbers, infinities included. */
export function order(a: Float, b: Float): number {
  if (a.kind === ZERO && b.kind === ZERO) return EQUAL;
  if (a.kind === ZERO) return b.sign === 1 ? GREATER : LESS;
  if (b.kind === ZERO || a.sign !== b.sign) return a.sign === 1 ? LESS : GREATER;
  const magnitude = orderOfMagnitudes(a, b);
  return magnitude === EQUAL ? EQUAL : a.sign === 0 ? magnitude : -magnitude;
}

function orderOfMagnitudes(a: Float, b: Float): number {
  if (a.kind === INFINITY || b.kind === INFINITY) {
    return a.kind === b.kind ? EQUAL : a.kind === INFINITY ? GREATER : LESS;
  }
  // Significands have at most 64 bits.
  if (a.exp > b.exp + 64) return GREATER;
  if (b.exp > a.exp + 64) return LESS;
  const exp = Math.min(a.exp, b.exp);
  const x = a.sig << BigInt(a.exp - exp);
  const y = b.sig << BigInt(b.exp - exp);
  return x < y ? LESS : x > y ? GREATER : EQUAL;
}
