/** FLD, FST, FILD, FIST, FISTTP, FBLD, FBSTP, FXCH, FCMOVcc and the constants. */
import { LN2, LOG2_10, LOG2_E, LOG10_2, PI } from './constants.ts';
import { convert, store, toInt, truncateToInt } from './convert.ts';
import type { Float, FloatContext } from './float.ts';
import {
  F32,
  F64,
  F80,
  FLAG_IE,
  fromInteger,
  INDEFINITE,
  negate,
  packF32,
  packF64,
  unpackF32,
  unpackF64,
  zero,
} from './float.ts';
import { roundTo } from './rounding.ts';
import type { X87Unit } from './x87-unit.ts';
import { push, stackUnderflow, stopped, storeStopped } from './x87-unit.ts';

const BCD_DIGITS = 18;
/** The packed BCD indefinite, sign and top digits, and the rest. */
const BCD_INDEFINITE_HIGH = 0xffff;
const BCD_INDEFINITE_LOW = 0xc000_0000_0000_0000n;

export function operandF32(unit: X87Unit): Float {
  return unpackF32(unit.operand.getUint32(0, true));
}

export function operandF64(unit: X87Unit): Float {
  return unpackF64(unit.operand.getBigUint64(0, true));
}

export function operandInteger(unit: X87Unit, bytes: number): Float {
  return fromInteger(signedOperand(unit.operand, bytes));
}

/** FLD m32 and m64. A signalling NaN is quieted, a denormal raises DE. */
export function loadFloat(unit: X87Unit, source: Float): void {
  if (!unit.state.isEmpty(7)) {
    push(unit, INDEFINITE);
    return;
  }
  const { context } = unit;
  const value = convert(context, F80, source);
  // A denormal is loaded even if DE is unmasked.
  if ((context.flags & ~context.masks & FLAG_IE) === 0) push(unit, value);
}

/** FLD m80: the bits as they are. */
export function loadF80(unit: X87Unit): void {
  pushBits(unit, unit.operand.getUint16(8, true), unit.operand.getBigUint64(0, true));
}

/** FLD ST(i). An empty source is reported before a full stack. */
export function loadRegister(unit: X87Unit, i: number): void {
  const { state } = unit;
  if (!state.isEmpty(i)) {
    pushBits(unit, state.signExponent(i), state.significand(i));
  } else if (stackUnderflow(unit)) {
    state.top = state.top - 1;
    state.write(0, INDEFINITE);
  }
}

export function loadInteger(unit: X87Unit, bytes: number): void {
  push(unit, operandInteger(unit, bytes));
}

/** FBLD: 18 digits, two a byte, and the sign in the top bit of the tenth byte. */
export function loadBcd(unit: X87Unit): void {
  let magnitude = 0n;
  for (let byte = BCD_DIGITS / 2 - 1; byte >= 0; byte--) {
    const pair = unit.operand.getUint8(byte);
    magnitude = magnitude * 100n + BigInt((pair >> 4) * 10 + (pair & 15));
  }
  const value = fromInteger(magnitude);
  push(unit, (unit.operand.getUint8(9) & 0x80) !== 0 ? negate(value) : value);
}

export function loadConstant(unit: X87Unit, name: keyof typeof CONSTANTS): void {
  if (!unit.state.isEmpty(7)) {
    push(unit, INDEFINITE);
    return;
  }
  const { context } = unit;
  const value = constant(context, name);
  // No constant is reported as inexact.
  context.flags = 0;
  context.roundedUp = false;
  push(unit, value);
}

/** A constant, rounded as the context says. */
export function constant(context: FloatContext, name: keyof typeof CONSTANTS): Float {
  const { exp, sig } = CONSTANTS[name];
  return sig === 0n ? zero(0) : roundTo(context, F80, 64, 0, exp, sig);
}

/** FST m32, FSTP m32. */
export function storeF32(unit: X87Unit, pop: boolean): void {
  const value = storable(unit, (a) => store(unit.context, F32, a));
  if (value === undefined) return;
  unit.operand.setUint32(0, packF32(value), true);
  stored(unit, pop);
}

export function storeF64(unit: X87Unit, pop: boolean): void {
  const value = storable(unit, (a) => store(unit.context, F64, a));
  if (value === undefined) return;
  unit.operand.setBigUint64(0, packF64(value), true);
  stored(unit, pop);
}

/** FSTP m80: the bits as they are. */
export function storeF80(unit: X87Unit): void {
  const { state, operand } = unit;
  const empty = state.isEmpty(0);
  if (empty && !stackUnderflow(unit)) return;
  operand.setBigUint64(0, empty ? INDEFINITE.sig : state.significand(0), true);
  operand.setUint16(8, empty ? 0xffff : state.signExponent(0), true);
  stored(unit, true);
}

/** FST ST(i), FSTP ST(i). */
export function storeRegister(unit: X87Unit, i: number, pop: boolean): void {
  const { state } = unit;
  const empty = state.isEmpty(0);
  if (empty && !stackUnderflow(unit)) return;
  if (empty) state.write(i, INDEFINITE);
  else state.put(i, state.signExponent(0), state.significand(0));
  if (pop) state.pop();
}

/** FSTP ST(i) as D9 D8+i: the bits move even from an empty register, and nothing is raised. */
export function moveAndPop(unit: X87Unit, i: number): void {
  const { state } = unit;
  state.put(i, state.signExponent(0), state.significand(0));
  state.pop();
}

/** FIST, FISTP and, truncating, FISTTP. */
export function storeInteger(unit: X87Unit, bytes: number, pop: boolean, truncating = false): void {
  const { state, context, operand } = unit;
  let value = -(1n << BigInt(bytes * 8 - 1));
  if (state.isEmpty(0)) stackUnderflow(unit);
  else value = (truncating ? truncateToInt : toInt)(context, state.read(0), bytes * 8);
  if (stopped(unit)) return;
  if (bytes === 2) operand.setInt16(0, Number(value), true);
  else if (bytes === 4) operand.setInt32(0, Number(value), true);
  else operand.setBigInt64(0, value, true);
  stored(unit, pop);
}

/** FBSTP. */
export function storeBcd(unit: X87Unit): void {
  const { state, context, operand } = unit;
  let value = 0n;
  if (state.isEmpty(0)) {
    stackUnderflow(unit);
  } else {
    value = toInt(context, state.read(0), 64);
    if (value <= -(10n ** 18n) || value >= 10n ** 18n) {
      context.flags = FLAG_IE;
      context.roundedUp = false;
    }
  }
  if (stopped(unit)) return;
  if ((context.flags & FLAG_IE) !== 0) {
    operand.setBigUint64(0, BCD_INDEFINITE_LOW, true);
    operand.setUint16(8, BCD_INDEFINITE_HIGH, true);
  } else {
    writeBcd(operand, value < 0n ? -value : value, state.read(0).sign);
  }
  stored(unit, true);
}

/** FXCH ST(i). An empty register takes part as the indefinite. */
export function exchange(unit: X87Unit, i: number): void {
  const { state } = unit;
  if (state.isEmpty(0) || state.isEmpty(i)) {
    if (!stackUnderflow(unit)) return;
    if (state.isEmpty(0)) state.write(0, INDEFINITE);
    if (state.isEmpty(i)) state.write(i, INDEFINITE);
  }
  const signExponent = state.signExponent(0);
  const significand = state.significand(0);
  state.put(0, state.signExponent(i), state.significand(i));
  state.put(i, signExponent, significand);
}

/** FCMOVcc: moves when any of the EFLAGS bits `mask` is set, or with `negated` when none is. */
export function conditionalMove(unit: X87Unit, i: number, mask: number, negated: boolean): void {
  unit.keepsCondition1 = true;
  const { state } = unit;
  if (state.isEmpty(0) || state.isEmpty(i)) {
    if (stackUnderflow(unit)) state.write(0, INDEFINITE);
    return;
  }
  if (((unit.eflags & mask) !== 0) !== negated) state.put(0, state.signExponent(i), state.significand(i));
}

const CONSTANTS = {
  one: { exp: 0, sig: 1n },
  log2of10: LOG2_10,
  log2ofE: LOG2_E,
  pi: PI,
  log10of2: LOG10_2,
  lnOf2: LN2,
  zero: { exp: 0, sig: 0n },
};

function pushBits(unit: X87Unit, signExponent: number, significand: bigint): void {
  const { state } = unit;
  if (!state.isEmpty(7)) {
    push(unit, INDEFINITE);
    return;
  }
  state.top = state.top - 1;
  state.put(0, signExponent, significand);
}

/** ST as it is to be stored, or undefined when it is not to be. */
function storable(unit: X87Unit, narrow: (a: Float) => Float): Float | undefined {
  const { state } = unit;
  if (state.isEmpty(0)) return stackUnderflow(unit) ? INDEFINITE : undefined;
  const value = narrow(state.read(0));
  return storeStopped(unit) ? undefined : value;
}

function stored(unit: X87Unit, pop: boolean): void {
  unit.stored = true;
  if (pop) unit.state.pop();
}

function signedOperand(operand: DataView, bytes: number): bigint {
  switch (bytes) {
    case 2:
      return BigInt(operand.getInt16(0, true));
    case 4:
      return BigInt(operand.getInt32(0, true));
    default:
      return operand.getBigInt64(0, true);
  }
}

function writeBcd(operand: DataView, magnitude: bigint, sign: number): void {
  let rest = magnitude;
  for (let byte = 0; byte < BCD_DIGITS / 2; byte++) {
    const pair = Number(rest % 100n);
    rest /= 100n;
    operand.setUint8(byte, (Math.floor(pair / 10) << 4) | (pair % 10));
  }
  operand.setUint8(9, sign << 7);
}
