/** Which NaN an operation delivers: SDM vol. 1, 4.8.3.5 and table 4-7; the rules of SSE and of the x87 differ. */
import type { Float, FloatContext } from './float.ts';
import {
  FLAG_DE,
  FLAG_IE,
  INDEFINITE,
  isNotANumber,
  makeFloat,
  QNAN,
  QUIET_BIT,
  SNAN,
  stoppedBeforeComputing,
  UNSUPPORTED,
} from './float.ts';

/** The result of an operation on one operand that is not a number, or undefined when it is one. */
export function nanOfOne(ctx: FloatContext, a: Float): Float | undefined {
  if (a.kind === UNSUPPORTED) return invalid(ctx);
  if (!isNotANumber(a)) return undefined;
  if (a.kind === SNAN) ctx.flags |= FLAG_IE;
  return quieted(a);
}

/** The result of an operation with an operand that is not a number, or undefined when both are. */
export function nanOfTwo(ctx: FloatContext, a: Float, b: Float): Float | undefined {
  if (a.kind === UNSUPPORTED || b.kind === UNSUPPORTED) return invalid(ctx);
  const aIsNaN = isNotANumber(a);
  const bIsNaN = isNotANumber(b);
  if (!aIsNaN && !bIsNaN) return undefined;
  if (a.kind === SNAN || b.kind === SNAN) ctx.flags |= FLAG_IE;
  if (!bIsNaN) return quieted(a);
  if (!aIsNaN) return quieted(b);
  return quieted(ctx.x87 ? chosenByX87(a, b) : a);
}

/** Raises IE; the masked response is the real indefinite. */
export function invalid(ctx: FloatContext): Float {
  ctx.flags |= FLAG_IE;
  return INDEFINITE;
}

/** Raises DE if an operand is denormal. Returns true if the operation must stop before computing. */
export function stopsAtDenormal(ctx: FloatContext, a: Float, b: Float = a): boolean {
  if (a.denormal || b.denormal) ctx.flags |= FLAG_DE;
  return stoppedBeforeComputing(ctx);
}

export function quieted(a: Float): Float {
  return a.kind === QNAN ? a : makeFloat(QNAN, a.sign, 0, a.sig | QUIET_BIT);
}

/** A quiet one before a signalling one, else the larger significand, else the positive one. */
function chosenByX87(a: Float, b: Float): Float {
  if (a.kind !== b.kind) return a.kind === QNAN ? a : b;
  if (a.sig !== b.sig) return a.sig > b.sig ? a : b;
  return a.sign <= b.sign ? a : b;
}
