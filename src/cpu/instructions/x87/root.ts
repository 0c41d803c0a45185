/** FSQRT: an estimate by the square root of doubles, corrected in 128 bits. */
import * as op from '../../emit/opcodes.ts';
import type { Value } from '../../emit/values.ts';
import { multiplyWide, type Wide } from '../../emit/wide.ts';
import { finishRounded } from './arithmetic.ts';
import { BIAS, type X87Function } from './unit.ts';

/** What rounding tells from nothing and from a half: less, and more. */
const LESS = 1n << 62n;
const MORE = 3n << 62n;
/** The corrected estimate is off by less than two; from below, its remainder is positive. */
const MARGIN = 2;

export function squareRoot(x: X87Function): void {
  const { m, top } = x;
  const { sign, exponent, significand } = x.read(top);
  m.rarely(m.isZero(significand), () => x.finish());
  x.giveUpIf(m.ne(sign, m.const(32, 0)));
  // The exponent is made even; the radicand is such that its root has 64 bits.
  const unbiased = m.sub(exponent, m.const(32, BIAS));
  const isEven = m.xor(m.and(unbiased, m.const(32, 1)), m.const(32, 1));
  const shift = m.zext(isEven, 64);
  const radicand = { high: m.shr(significand, shift), low: m.and(m.shl(significand, 63), m.neg(shift)) };
  const root = m.variable(m.sub(estimate(x, radicand), m.const(64, MARGIN)));
  const first = remainderOf(x, radicand, m.get(root));
  const high = m.variable(first.high);
  const low = m.variable(first.low);
  // (r + 1)^2 is r^2 + 2r + 1.
  const step = (): Wide => ({ high: m.shr(m.get(root), 63), low: m.or(m.shl(m.get(root), 1), m.const(64, 1)) });
  const isBelow = (wide: Wide): Value => {
    const sameHigh = m.eq(m.get(high), wide.high);
    return m.select(sameHigh, m.below(m.get(low), wide.low), m.below(m.get(high), wide.high));
  };
  m.if(m.not(isBelow(step())), () =>
    m.doWhile(() => {
      const next = step();
      const borrow = m.zext(m.below(m.get(low), next.low), 64);
      m.set(high, m.sub(m.sub(m.get(high), next.high), borrow));
      m.set(low, m.sub(m.get(low), next.low));
      m.set(root, m.add(m.get(root), m.const(64, 1)));
      return m.not(isBelow(step()));
    }),
  );
  const isMore = m.or(m.ne(m.get(high), m.const(64, 0)), m.below(m.get(root), m.get(low)));
  const rest = m.select(isMore, m.const(64, MORE), m.const(64, LESS));
  const isExact = m.isZero(m.or(m.get(high), m.get(low)));
  finishRounded(x, top, {
    sign,
    exponent: m.variable(m.add(m.sar(unbiased, 1), m.const(32, BIAS))),
    high: root,
    low: m.variable(m.select(isExact, m.const(64, 0), rest)),
  });
}

// The root within two units.
function estimate(x: X87Function, radicand: Wide): Value {
  const { m } = x;
  const { code } = m;
  pushFloat(x, m.shr(radicand.high, 1));
  code.f64(2);
  code.op(op.OP_F64_MUL);
  code.op(op.OP_F64_SQRT);
  code.f64(2 ** 31);
  code.op(op.OP_F64_MUL);
  code.op(op.OP_I64_TRUNC_SAT_F64_S);
  const first = m.shl(m.pop(64), 1);
  // Newton's method, with a remainder of some 77 bits.
  const { high, low } = remainderOf(x, radicand, first);
  pushFloat(x, high);
  code.f64(2 ** 64);
  code.op(op.OP_F64_MUL);
  pushFloat(x, m.shr(low, 1));
  code.f64(2);
  code.op(op.OP_F64_MUL);
  code.op(op.OP_F64_ADD);
  pushFloat(x, m.shr(first, 1));
  code.f64(4);
  code.op(op.OP_F64_MUL);
  code.op(op.OP_F64_DIV);
  code.op(op.OP_I64_TRUNC_SAT_F64_S);
  return m.add(first, m.pop(64));
}

function remainderOf({ m }: X87Function, { high, low }: Wide, root: Value): Wide {
  const square = multiplyWide(m, root, root);
  const borrow = m.zext(m.below(low, square.low), 64);
  return { high: m.sub(m.sub(high, square.high), borrow), low: m.sub(low, square.low) };
}

function pushFloat({ m }: X87Function, signed: Value): void {
  m.push(signed);
  m.code.op(op.OP_F64_CONVERT_I64_S);
}
