/** MUL, IMUL, DIV, IDIV. */
import type { Arithmetic } from '../emit/arithmetic.ts';
import type { Semantics } from '../emit/semantics.ts';
import type { Bits, Value } from '../emit/values.ts';
import { EXCEPTION_DE, RAX, RDX } from '../state.ts';
import { form, type Instruction, instruction, type OperandHandle } from './define.ts';
import { imm8sx, immz, r, reg, rm, rm8, rw, w } from './operands.ts';

export const MUL = instruction('MUL', {
  manual: 'SDM vol. 2B, MUL',
  hot: true,
  undefinedFlags: ['SF', 'ZF', 'AF', 'PF'],
  forms: [form('F6 /4', [r(rm8)]), form('F7 /4', [r(rm)])],
  execute(m, src) {
    const b = m.read(src);
    const a = m.readGpr(RAX, b.bits);
    const { low, high } = product(m, a, b, false);
    writePair(m, low, high);
    const overflow = m.not(m.isZero(high));
    m.flagsOfResult(low, overflow, overflow);
  },
});

export const IMUL_WIDE = instruction('IMUL', {
  manual: 'SDM vol. 2A, IMUL',
  hot: true,
  undefinedFlags: ['SF', 'ZF', 'AF', 'PF'],
  forms: [form('F6 /5', [r(rm8)]), form('F7 /5', [r(rm)])],
  execute(m, src) {
    const b = m.read(src);
    const a = m.readGpr(RAX, b.bits);
    const { low, high } = product(m, a, b, true);
    writePair(m, low, high);
    const overflow = m.ne(high, m.sar(low, low.bits - 1));
    m.flagsOfResult(low, overflow, overflow);
  },
});

export const IMUL = instruction('IMUL', {
  manual: 'SDM vol. 2A, IMUL',
  hot: true,
  undefinedFlags: ['SF', 'ZF', 'AF', 'PF'],
  forms: [form('0F AF /r', [rw(reg), r(rm)])],
  execute(m, dst, src) {
    const b = m.read(src);
    multiply(m, dst, m.read(dst), b);
  },
});

export const IMUL_IMMEDIATE = instruction('IMUL', {
  manual: 'SDM vol. 2A, IMUL',
  hot: true,
  undefinedFlags: ['SF', 'ZF', 'AF', 'PF'],
  forms: [form('6B /r ib', [w(reg), r(rm), r(imm8sx)]), form('69 /r iz', [w(reg), r(rm), r(immz)])],
  execute(m, dst, src, immediate) {
    const a = m.read(src);
    multiply(m, dst, a, m.read(immediate));
  },
});

export const DIV = instruction('DIV', {
  manual: 'SDM vol. 2A, DIV',
  undefinedFlags: ['CF', 'OF', 'SF', 'ZF', 'AF', 'PF'],
  forms: [form('F6 /6', [r(rm8)]), form('F7 /6', [r(rm)])],
  execute(m, src) {
    const divisor = m.read(src);
    m.raiseIf(m.isZero(divisor), EXCEPTION_DE);
    if (divisor.bits === 32 || divisor.bits === 64) divide(m, divisor, divisor.bits);
    else divideWide(m, divisor, divisor.bits);
  },
});

export const IDIV = instruction('IDIV', {
  manual: 'SDM vol. 2A, IDIV',
  undefinedFlags: ['CF', 'OF', 'SF', 'ZF', 'AF', 'PF'],
  forms: [form('F6 /7', [r(rm8)]), form('F7 /7', [r(rm)])],
  execute(m, src) {
    const divisor = m.read(src);
    m.raiseIf(m.isZero(divisor), EXCEPTION_DE);
    if (divisor.bits === 32 || divisor.bits === 64) divideSigned(m, divisor, divisor.bits);
    else divideWideSigned(m, divisor, divisor.bits);
  },
});

export const MULTIPLY_DIVIDE: readonly Instruction[] = [MUL, IMUL_WIDE, IMUL, IMUL_IMMEDIATE, DIV, IDIV];

/** Both halves of a product, each as wide as the operands. */
function product(m: Semantics, a: Value, b: Value, signed: boolean): { low: Value; high: Value } {
  const { bits } = a;
  if (bits === 64) return { low: m.mul(a, b), high: highProduct64(m, a, b, signed) };
  const extend = (value: Value): Value => (signed ? m.sext(value, 64) : m.zext(value, 64));
  const wide = m.mul(extend(a), extend(b));
  return { low: m.trunc(wide, bits), high: m.trunc(m.shr(wide, bits), bits) };
}

/** The upper 64 bits of a 128-bit product, by 32-bit halves. */
function highProduct64(m: Arithmetic, a: Value, b: Value, signed: boolean): Value {
  const low32 = m.const(64, 0xffffffffn);
  const [a0, a1] = [m.and(a, low32), m.shr(a, 32)];
  const [b0, b1] = [m.and(b, low32), m.shr(b, 32)];
  const cross = m.add(m.mul(a1, b0), m.shr(m.mul(a0, b0), 32));
  const middle = m.add(m.mul(a0, b1), m.and(cross, low32));
  const high = m.add(m.add(m.mul(a1, b1), m.shr(cross, 32)), m.shr(middle, 32));
  if (!signed) return high;
  // A negative factor was counted 2^64 too high.
  const correction = m.add(m.and(m.sar(a, 63), b), m.and(m.sar(b, 63), a));
  return m.sub(high, correction);
}

function multiply(m: Semantics, dst: OperandHandle, a: Value, b: Value): void {
  const low = m.mul(a, b);
  m.write(dst, low);
  m.flagsOfProduct(a, b, low, () => productOverflows(m, a, b, low));
}

/** Whether a signed product cut to the factors' width lost anything. */
export function productOverflows(m: Arithmetic, a: Value, b: Value, low: Value): Value {
  if (a.bits !== 64) return m.ne(m.mul(m.sext(a, 64), m.sext(b, 64)), m.sext(low, 64));
  // Factors of 32 bits, the usual case, have no upper half: their product overflows where it looks negative.
  const high = m.variable(m.const(64, 0));
  m.if(m.not(m.isZero(m.shr(m.or(a, b), 32))), () => m.set(high, highProduct64(m, a, b, true)));
  return m.ne(m.get(high), m.sar(low, 63));
}

/** AX, DX:AX or EDX:EAX as 64 bits. */
function readPair(m: Semantics, bits: Bits): Value {
  if (bits === 8) return m.zext(m.readGpr(RAX, 16), 64);
  return m.or(m.zext(m.readGpr(RAX, bits), 64), m.shl(m.zext(m.readGpr(RDX, bits), 64), bits));
}

/** AL and AH, or rAX and rDX. */
function writePair(m: Semantics, low: Value, high: Value): void {
  m.writeGpr(RAX, low);
  if (low.bits === 8) m.writeHighByte(RAX, high);
  else m.writeGpr(RDX, high);
}

/** The usual case first: the upper half of the dividend is zero, and the division one of the operands' own width. */
function divide(m: Semantics, divisor: Value, bits: 32 | 64): void {
  const [low, high] = [m.readGpr(RAX, bits), m.readGpr(RDX, bits)];
  m.if(
    m.isZero(high),
    () => {
      const quotient = m.divU(low, divisor);
      writePair(m, quotient, m.sub(low, m.mul(quotient, divisor)));
    },
    () => {
      if (bits === 32) divideWide(m, divisor, bits);
      else divide128(m, low, high, divisor, false);
    },
  );
}

/** The same, where the upper half repeats the sign of the lower. */
function divideSigned(m: Semantics, divisor: Value, bits: 32 | 64): void {
  const [low, high] = [m.readGpr(RAX, bits), m.readGpr(RDX, bits)];
  m.if(
    m.eq(high, m.sar(low, bits - 1)),
    () => {
      // The one quotient that is out of range, at which wasm traps.
      const minimum = m.eq(low, m.const(bits, 1n << BigInt(bits - 1)));
      m.raiseIf(m.and(minimum, m.eq(divisor, m.const(bits, -1n))), EXCEPTION_DE);
      const quotient = m.divS(low, divisor);
      writePair(m, quotient, m.sub(low, m.mul(quotient, divisor)));
    },
    () => {
      if (bits === 32) divideWideSigned(m, divisor, bits);
      else divide128(m, low, high, divisor, true);
    },
  );
}

/** A dividend of at most 64 bits. */
function divideWide(m: Semantics, divisor: Value, bits: Bits): void {
  const dividend = readPair(m, bits);
  const by = m.zext(divisor, 64);
  const quotient = m.divU(dividend, by);
  m.raiseIf(m.not(m.isZero(m.shr(quotient, bits))), EXCEPTION_DE);
  writePair(m, m.trunc(quotient, bits), m.trunc(m.remU(dividend, by), bits));
}

function divideWideSigned(m: Semantics, divisor: Value, bits: Bits): void {
  const pair = readPair(m, bits);
  const dividend = bits === 32 ? pair : m.sext(m.trunc(pair, bits === 16 ? 32 : 16), 64);
  const by = m.sext(divisor, 64);
  // -2^63 / -1 would trap in wasm; it is out of range here anyway.
  const minimum = m.eq(dividend, m.const(64, 1n << 63n));
  m.raiseIf(m.and(minimum, m.eq(by, m.const(64, -1n))), EXCEPTION_DE);
  const quotient = m.divS(dividend, by);
  const narrow = m.trunc(quotient, bits);
  m.raiseIf(m.ne(quotient, m.sext(narrow, 64)), EXCEPTION_DE);
  writePair(m, narrow, m.trunc(m.remS(dividend, by), bits));
}

/** RDX:RAX divided by a 64-bit divisor, bit by bit: compilers have the upper half repeat the lower's sign. */
function divide128(m: Semantics, low: Value, high: Value, divisor: Value, signed: boolean): void {
  const zero = m.const(64, 0);
  const negative = signed ? m.less(high, zero) : m.const(1, 0);
  const negativeDivisor = signed ? m.less(divisor, zero) : m.const(1, 0);
  const magnitudeOf = (value: Value, isNegative: Value): Value =>
    signed ? m.select(isNegative, m.neg(value), value) : value;
  const by = magnitudeOf(divisor, negativeDivisor);
  const absLow = magnitudeOf(low, negative);
  const borrow = m.zext(m.not(m.isZero(low)), 64);
  const absHigh = signed ? m.select(negative, m.sub(m.neg(high), borrow), high) : high;
  m.raiseIf(m.belowOrEqual(by, absHigh), EXCEPTION_DE);
  const quotient = m.variable(absLow);
  const remainder = m.variable(absHigh);
  longDivision(m, quotient, remainder, by);
  const magnitude = m.get(quotient);
  const negativeQuotient = m.xor(negative, negativeDivisor);
  const result = magnitudeOf(magnitude, negativeQuotient);
  if (signed) {
    // The sign must come out right: only -2^63 has a magnitude of 2^63.
    const wrongSign = m.ne(m.less(result, zero), m.and(negativeQuotient, m.not(m.isZero(magnitude))));
    m.raiseIf(wrongSign, EXCEPTION_DE);
  }
  writePair(m, result, magnitudeOf(m.get(remainder), negative));
}

/** Shifts the dividend (remainder:quotient) left through the divisor 64 times; the divisor exceeds the upper half. */
function longDivision(
  m: Semantics,
  quotient: ReturnType<Semantics['variable']>,
  remainder: ReturnType<Semantics['variable']>,
  by: Value,
): void {
  const left = m.variable(m.const(32, 64));
  m.doWhile(() => {
    const q = m.get(quotient);
    const rest = m.get(remainder);
    const carried = m.sign(rest);
    const shifted = m.or(m.shl(rest, 1), m.shr(q, 63));
    const fits = m.or(carried, m.belowOrEqual(by, shifted));
    m.set(remainder, m.select(fits, m.sub(shifted, by), shifted));
    m.set(quotient, m.or(m.shl(q, 1), m.zext(fits, 64)));
    m.set(left, m.sub(m.get(left), m.const(32, 1)));
    return m.get(left);
  });
}
