/** FLD, FILD, constants, FXCH, FST to registers and memory, FCMOVcc, and what moves TOP or empties registers. */
import type { Value } from '../../emit/values.ts';
import { ROUND_NEAREST } from '../../fpu/float.ts';
import { FCW_FIXED, FCW_WRITABLE, FSW_C1 } from '../../fpu/x87-state.ts';
import {
  HOW_DESTINATION_SHIFT,
  HOW_TO_NEAREST,
  HOW_SOURCE_SHIFT,
  KIND_F32,
  KIND_F80,
  KIND_REGISTER,
  X87_EXPONENT,
} from './operation.ts';
import { roundingBits, roundsUp, rounding } from './rounding.ts';
import { F32, F64, type Ieee, source } from './source.ts';
import type { Extended, X87Function } from './unit.ts';

/** FLD of all formats, FLD ST(i), FILD, constants: what is pushed is exact. */
export function load(x: X87Function): void {
  const { m } = x;
  m.if(
    x.isKind(KIND_REGISTER),
    () => {
      const from = x.registerAt(HOW_SOURCE_SHIFT);
      x.require(x.isFull(from));
      pushBits(x, x.signExponent(from), x.significand(from));
    },
    () =>
      m.if(
        x.isKind(KIND_F80),
        () => loadF80(x),
        () => loadNumber(x),
      ),
  );
}

function loadF80(x: X87Function): void {
  const { m } = x;
  m.if(x.asks(HOW_TO_NEAREST), () => x.require(m.eq(rounding(x), m.const(32, ROUND_NEAREST))));
  pushBits(x, x.signExponentGiven ?? m.zext(m.loadState(X87_EXPONENT, 16), 32), x.operand);
}

function loadNumber(x: X87Function): void {
  const { sign, exponent, significand } = source(x);
  pushBits(x, x.signExponentOf(sign, exponent), significand);
}

function pushBits(x: X87Function, signExponent: Value, significand: Value): void {
  const slot = x.pushed();
  x.put(slot, signExponent, significand);
  x.finishPush(slot);
}

/** FST ST(i) */
export function storeRegister(x: X87Function): void {
  const { top } = x;
  x.require(x.isFull(top));
  const to = x.registerAt(HOW_DESTINATION_SHIFT);
  x.put(to, x.signExponent(top), x.significand(top));
  x.finish(undefined, FSW_C1, to);
}

/** FXCH */
export function exchange(x: X87Function): void {
  const { m, top } = x;
  const other = x.registerAt(HOW_DESTINATION_SHIFT);
  x.require(m.and(x.isFull(top), x.isFull(other)));
  const [signExponent, significand] = [x.signExponent(top), x.significand(top)];
  x.put(top, x.signExponent(other), x.significand(other));
  x.put(other, signExponent, significand);
  x.finish();
}

/** FCMOVcc: the operand says whether the condition holds. */
export function conditionalMove(x: X87Function): void {
  const { m, top } = x;
  const from = x.registerAt(HOW_SOURCE_SHIFT);
  x.require(m.and(x.isFull(top), x.isFull(from)));
  m.if(m.ne(x.operand, m.const(64, 0)), () => x.put(top, x.signExponent(from), x.significand(from)));
  x.finish(undefined, 0);
}

/** FCHS, FABS: the operand is what the sign is kept of, and changed by. */
export function changeSign(x: X87Function): void {
  const { m, top } = x;
  x.require(x.isFull(top));
  const masks = m.trunc(x.operand, 32);
  const changed = m.xor(m.and(x.signExponent(top), masks), m.shr(masks, 16));
  x.put(top, changed, x.significand(top));
  x.finish();
}

/** FFREE */
export function free(x: X87Function): void {
  x.finishFree(x.registerAt(HOW_DESTINATION_SHIFT));
}

/** FINCSTP, and FDECSTP with an operand that is not zero. */
export function moveTop(x: X87Function): void {
  const { m } = x;
  m.if(
    m.ne(x.operand, m.const(64, 0)),
    () => x.finishMove(-1),
    () => x.finishMove(1),
  );
}

/** FLDCW: nothing becomes pending, or stops to be, if all exceptions are masked before and after. */
export function loadControl(x: X87Function): void {
  const { m } = x;
  const word = m.trunc(x.operand, 32);
  x.requireMasked(word);
  x.finishControl(m.or(m.and(word, m.const(32, FCW_WRITABLE)), m.const(32, FCW_FIXED)));
}

/** FST m32, m64 and m80 */
export function storeFloat(x: X87Function): void {
  const { m, top } = x;
  m.if(
    x.isKind(KIND_F80),
    () => {
      x.require(x.isFull(top));
      x.result(x.significand(top), x.signExponent(top));
      x.finish();
    },
    () => {
      const number = x.read(top);
      m.if(
        x.isKind(KIND_F32),
        () => narrow(x, number, F32),
        () => narrow(x, number, F64),
      );
    },
  );
}

function narrow(
  x: X87Function,
  { sign, exponent, significand }: Extended,
  { bits, fraction, special, rebias }: Ieee,
): void {
  const { m } = x;
  const dropped = 63 - fraction;
  const signBit = m.shl(m.zext(sign, 64), bits - 1);
  m.rarely(m.isZero(significand), () => {
    x.result(signBit);
    x.finish();
  });
  const field = m.sub(exponent, m.const(32, rebias));
  x.require(m.below(m.sub(field, m.const(32, 1)), m.const(32, special - 1)));
  const whole = m.shr(significand, dropped);
  const rest = m.shl(significand, 64 - dropped);
  const up = roundsUp(x, rounding(x), sign, rest, m.and(whole, m.const(64, 1)));
  // The integer bit is not stored: it is one more in the exponent.
  const biased = m.shl(m.zext(m.sub(field, m.const(32, 1)), 64), fraction);
  const magnitude = m.add(m.add(biased, whole), m.zext(up, 64));
  x.require(m.below(magnitude, m.const(64, BigInt(special) << BigInt(fraction))));
  x.result(m.or(magnitude, signBit));
  x.finish(roundingBits(x, rest, up));
}
