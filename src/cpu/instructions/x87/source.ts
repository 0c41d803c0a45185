/** What an instruction takes from memory, or from another register: numbers of all formats as extended ones. */
import type { Variable } from '../../emit/arithmetic.ts';
import type { Value } from '../../emit/values.ts';
import { HOW_SOURCE_SHIFT, KIND_F32, KIND_F64, KIND_INTEGER, KIND_REGISTER } from './operation.ts';
import { BIAS, type Extended, INTEGER_BIT, type X87Function } from './unit.ts';

/** A format of IEEE 754. */
export interface Ieee {
  readonly bits: 32 | 64;
  readonly fraction: number;
  /** The largest exponent, that of infinities. */
  readonly special: number;
  /** From its bias to that of extended numbers. */
  readonly rebias: number;
}

export const F32: Ieee = { bits: 32, fraction: 23, special: 0xff, rebias: BIAS - 0x7f };
export const F64: Ieee = { bits: 64, fraction: 52, special: 0x7ff, rebias: BIAS - 0x3ff };

/** The source operand, as `how` says; gives up where it is no number. What has no kind is zero. */
export function source(x: X87Function, { infinite = false } = {}): Extended {
  const { m } = x;
  const number: Parts = {
    sign: m.variable(m.const(32, 0)),
    exponent: m.variable(m.const(32, 0)),
    significand: m.variable(m.const(64, 0)),
  };
  m.if(
    x.isKind(KIND_REGISTER),
    () => set(x, number, x.read(x.registerAt(HOW_SOURCE_SHIFT), { infinite })),
    () =>
      m.if(
        x.isKind(KIND_F64),
        () => widen(x, F64, number),
        () =>
          m.if(
            x.isKind(KIND_F32),
            () => widen(x, F32, number),
            () => m.if(x.isKind(KIND_INTEGER), () => fromInteger(x, number)),
          ),
      ),
  );
  return { sign: m.get(number.sign), exponent: m.get(number.exponent), significand: m.get(number.significand) };
}

interface Parts {
  readonly sign: Variable;
  readonly exponent: Variable;
  readonly significand: Variable;
}

function set({ m }: X87Function, to: Parts, number: Extended): void {
  m.set(to.sign, number.sign);
  m.set(to.exponent, number.exponent);
  m.set(to.significand, number.significand);
}

// A single is in the low half of the operand.
function widen(x: X87Function, { bits, fraction, special, rebias }: Ieee, to: Parts): void {
  const { m } = x;
  const word = x.operand;
  const field = m.trunc(m.and(m.shr(word, fraction), m.const(64, special)), 32);
  const magnitude = m.shl(word, 65 - bits);
  m.set(to.sign, m.and(m.trunc(m.shr(word, bits - 1), 32), m.const(32, 1)));
  m.if(m.ne(magnitude, m.const(64, 0)), () => {
    x.require(m.below(m.sub(field, m.const(32, 1)), m.const(32, special - 1)));
    m.set(to.exponent, m.add(field, m.const(32, rebias)));
    m.set(to.significand, m.or(m.shl(word, 63 - fraction), m.const(64, INTEGER_BIT)));
  });
}

function fromInteger({ m, operand }: X87Function, to: Parts): void {
  m.if(m.ne(operand, m.const(64, 0)), () => {
    const sign: Value = m.shr(operand, 63);
    const magnitude = m.add(m.xor(operand, m.neg(sign)), sign);
    const zeros = m.clz(magnitude);
    m.set(to.sign, m.trunc(sign, 32));
    m.set(to.exponent, m.sub(m.const(32, BIAS + 63), m.trunc(zeros, 32)));
    m.set(to.significand, m.shl(magnitude, zeros));
  });
}
