/**
 * Flags that a region has not yet put where it keeps them: mostly nobody sees them, and what they follow from is in locals
 * anyway. V8 computes a value where it is written, not where it is used; so it is written where control leaves with it.
 */
import type { Code } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { push, type Value } from '../emit/values.ts';

/** What the kind and the two words are to be (see lazy-flags.ts). With `isDifference` the second is `first - second`. */
export interface PutOffFlags {
  readonly kind: number;
  readonly first: Value | undefined;
  readonly second: Value;
  readonly isDifference: boolean;
}

/** Sets the locals of the kind and of the words. */
export function emitPutOff(
  to: Code,
  { kind, first, second, isDifference }: PutOffFlags,
  locals: { readonly kind: number; readonly first: number; readonly second: number },
): void {
  to.i32(kind);
  to.set(locals.kind);
  if (first !== undefined) {
    pushWide(to, first);
    to.set(locals.first);
  }
  if (first !== undefined && isDifference) pushDifference(to, first, second);
  else pushWide(to, second);
  to.set(locals.second);
}

function pushWide(to: Code, value: Value): void {
  if (value.isConstant) {
    to.i64(value.constant);
    return;
  }
  push(to, value);
  if (value.bits !== 64) to.op(op.OP_I64_EXTEND_I32_U);
}

function pushDifference(to: Code, a: Value, b: Value): void {
  push(to, a);
  push(to, b);
  if (a.bits === 64) {
    to.op(op.OP_I64_SUB);
    return;
  }
  to.op(op.OP_I32_SUB);
  if (a.bits < 32) {
    to.i32(a.bits === 8 ? 0xff : 0xffff);
    to.op(op.OP_I32_AND);
  }
  to.op(op.OP_I64_EXTEND_I32_U);
}
