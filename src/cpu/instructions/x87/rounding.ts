/** Rounding of exact results as the control word says. SDM vol. 1, 4.8.4; 8.1.5. */
import type { Variable } from '../../emit/arithmetic.ts';
import type { Value } from '../../emit/values.ts';
import { stickyOf } from '../../emit/wide.ts';
import { FLAG_PE, ROUND_DOWN, ROUND_NEAREST, ROUND_UP } from '../../fpu/float.ts';
import { FSW_C1 } from '../../fpu/x87-state.ts';
import { INTEGER_BIT, type X87Function } from './unit.ts';

const CONTROL = 0xf00;
/** To nearest, with 64 bits. */
const USUAL = 0x300;
const ROUNDING_SHIFT = 10;
const PRECISION_SHIFT = 8;
/** What PC has for 24 and for 53 bits. */
const PRECISION_24 = 0;
const PRECISION_53 = 2;

/** A number under way: its sign, biased exponent and significand, and the 64 bits that follow. */
export interface Unrounded {
  readonly sign: Value;
  readonly exponent: Variable;
  readonly high: Variable;
  readonly low: Variable;
}

/** Rounds a normalised significand to what PC and RC say. Returns the bits of the status word that tell how: C1 and PE. */
export function round(x: X87Function, { sign, exponent, high, low }: Unrounded): Value {
  const { m } = x;
  // What is added, if anything is. Nobody could foretell a branch on that.
  const increment = m.variable(m.const(64, 0));
  const up = m.variable(m.const(1, 0));
  const wants = m.and(x.fcw, m.const(32, CONTROL));
  m.if(
    m.eq(wants, m.const(32, USUAL)),
    () => {
      m.set(up, roundsToNearest(x, m.get(low), m.get(high)));
      m.set(increment, m.zext(m.get(up), 64));
    },
    () => {
      const unit = m.variable(m.const(64, 1));
      const precision = m.and(m.shr(x.fcw, PRECISION_SHIFT), m.const(32, 3));
      m.if(m.eq(precision, m.const(32, PRECISION_24)), () => cut(x, 24, high, low, unit));
      m.if(m.eq(precision, m.const(32, PRECISION_53)), () => cut(x, 53, high, low, unit));
      m.set(up, roundsUp(x, rounding(x), sign, m.get(low), m.and(m.get(high), m.get(unit))));
      m.set(increment, m.select(m.get(up), m.get(unit), m.const(64, 0)));
    },
  );
  const rounded = m.add(m.get(high), m.get(increment));
  m.set(high, rounded);
  m.rarely(m.isZero(rounded), () => {
    m.set(high, m.const(64, INTEGER_BIT));
    m.set(exponent, m.add(m.get(exponent), m.const(32, 1)));
  });
  return roundingBits(x, m.get(low), m.get(up));
}

/** RC */
export function rounding(x: X87Function): Value {
  return x.m.and(x.m.shr(x.fcw, ROUNDING_SHIFT), x.m.const(32, 3));
}

/** Whether a magnitude becomes larger that is followed by the 64 bits `rest`, and is odd if `odd` is not zero. */
export function roundsUp(x: X87Function, mode: Value, sign: Value, rest: Value, odd: Value): Value {
  const { m } = x;
  const up = m.variable(m.const(1, 0));
  m.if(
    m.eq(mode, m.const(32, ROUND_NEAREST)),
    () => m.set(up, roundsToNearest(x, rest, m.zext(m.ne(odd, m.const(64, 0)), 64))),
    () => {
      const away = m.select(sign, m.const(32, ROUND_DOWN), m.const(32, ROUND_UP));
      m.set(up, m.and(m.eq(mode, away), m.ne(rest, m.const(64, 0))));
    },
  );
  return m.get(up);
}

/** C1 and PE of a result that was rounded up, or not, and from which `rest` fell off. */
export function roundingBits(x: X87Function, rest: Value, up: Value): Value {
  const { m } = x;
  const inexact = m.shl(m.zext(m.ne(rest, m.const(64, 0)), 32), Math.log2(FLAG_PE));
  return m.or(inexact, m.shl(m.zext(up, 32), Math.log2(FSW_C1)));
}

// More than a half, or a half of an odd number: `odd` in its lowest bit.
function roundsToNearest({ m }: X87Function, rest: Value, odd: Value): Value {
  const below = m.or(m.shl(rest, 1), m.and(odd, m.const(64, 1)));
  return m.and(m.less(rest, m.const(64, 0)), m.ne(below, m.const(64, 0)));
}

// Moves what is beyond so many bits of a significand to the rest.
function cut({ m }: X87Function, bits: number, high: Variable, low: Variable, unit: Variable): void {
  const lowest = 1n << BigInt(64 - bits);
  const whole = m.get(high);
  m.set(low, m.or(m.shl(whole, bits), stickyOf(m, m.get(low))));
  m.set(high, m.and(whole, m.const(64, -lowest)));
  m.set(unit, m.const(64, lowest));
}
