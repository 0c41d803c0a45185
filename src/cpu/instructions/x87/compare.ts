/** FCOM, FUCOM, FICOM, FTST, FCOMI and FUCOMI of what is no NaN; FXAM. */
import type { Value } from '../../emit/values.ts';
import { FSW_C0, FSW_C1, FSW_C2, FSW_C3 } from '../../fpu/x87-state.ts';
import { ORDER_CF, ORDER_ZF } from '../../emit/flag-semantics.ts';
import { HOW_DESTINATION_SHIFT, HOW_TO_FLAGS } from './operation.ts';
import { source } from './source.ts';
import type { X87Function } from './unit.ts';

const CONDITIONS = FSW_C0 | FSW_C2 | FSW_C3;

/** Compares ST with the source. */
export function compare(x: X87Function): void {
  const { m } = x;
  const a = x.read(x.registerAt(HOW_DESTINATION_SHIFT), { infinite: true });
  const b = source(x, { infinite: true });
  const sameExponent = m.eq(a.exponent, b.exponent);
  const areZero = m.isZero(m.or(a.significand, b.significand));
  const isEqual = m.or(areZero, m.and(m.and(sameExponent, m.eq(a.significand, b.significand)), m.eq(a.sign, b.sign)));
  const isSmaller = m.select(sameExponent, m.below(a.significand, b.significand), m.below(a.exponent, b.exponent));
  // Of two negative numbers the larger magnitude is the less.
  const isLess = m.select(m.eq(a.sign, b.sign), m.xor(m.zext(isSmaller, 32), a.sign), a.sign);
  const less = m.and(isLess, m.zext(m.not(isEqual), 32));
  const equal = m.zext(isEqual, 32);
  m.if(
    x.asks(HOW_TO_FLAGS),
    () => {
      x.result(m.zext(m.or(m.shl(less, ORDER_CF), m.shl(equal, ORDER_ZF)), 64));
      x.finish(undefined, 0);
    },
    () => x.finish(m.or(bitOf(x, less, FSW_C0), bitOf(x, equal, FSW_C3)), CONDITIONS | FSW_C1),
  );
}

/** FXAM of an empty register, a normal number, zero or infinity. */
export function examine(x: X87Function): void {
  const { m, top } = x;
  const word = x.signExponent(top);
  const sign = bitOf(x, m.shr(word, 15), FSW_C1);
  const finishWith = (conditions: number): void => {
    x.finish(m.or(sign, m.const(32, conditions)), CONDITIONS | FSW_C1);
  };
  m.if(m.not(x.isFull(top)), () => finishWith(FSW_C3 | FSW_C0));
  const number = { sign, exponent: m.and(word, m.const(32, 0x7fff)), significand: x.significand(top) };
  m.if(x.isNormal(number), () => finishWith(FSW_C2));
  m.if(x.isZero(number), () => finishWith(FSW_C3));
  x.require(x.isInfinite(number));
  finishWith(FSW_C2 | FSW_C0);
}

function bitOf({ m }: X87Function, truth: Value, bit: number): Value {
  return m.shl(truth, Math.log2(bit));
}
