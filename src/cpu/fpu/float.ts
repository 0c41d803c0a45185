/**
 * Floating-point numbers taken apart: the three formats of the processor, their encodings, and the context
 * (rounding, masks, sticky flags) in which operations run.
 * SDM vol. 1, chapter 4 (formats) and 4.9 (exceptions).
 */

// Exception bits: the same positions in MXCSR and in the x87 status word; the masks are these bits of MXCSR >> 7 and FCW.
export const FLAG_IE = 0x01;
export const FLAG_DE = 0x02;
export const FLAG_ZE = 0x04;
export const FLAG_OE = 0x08;
export const FLAG_UE = 0x10;
export const FLAG_PE = 0x20;
/** Exceptions found by looking at the operands: unmasked, they stop the operation before it computes. */
export const PRE_COMPUTATION = FLAG_IE | FLAG_DE | FLAG_ZE;

// Rounding control: MXCSR.RC and FCW.RC have the same encoding.
export const ROUND_NEAREST = 0;
export const ROUND_DOWN = 1;
export const ROUND_UP = 2;
export const ROUND_ZERO = 3;

/** What an operation is told and what it leaves behind. `flags` and `roundedUp` are outputs; `flags` accumulates. */
export interface FloatContext {
  rounding: number;
  /** Significand bits of x87 arithmetic results: 24, 53 or 64 (FCW.PC). Has no effect on F32 and F64 results. */
  precision: number;
  flags: number;
  /** A set bit is a masked exception. */
  masks: number;
  ftz: boolean;
  daz: boolean;
  /** x87 rules: larger NaN wins, unmasked overflow and underflow deliver a result with a wrapped exponent. */
  x87: boolean;
  /** The last rounding dropped something. */
  inexact: boolean;
  /** The last rounding made the magnitude larger: C1. */
  roundedUp: boolean;
}

/** The context of an SSE operation: MXCSR taken apart, no flags raised yet. */
export function sseContext(mxcsr: number): FloatContext {
  return {
    rounding: (mxcsr >>> 13) & 3,
    precision: 64,
    flags: 0,
    masks: (mxcsr >>> 7) & 0x3f,
    ftz: (mxcsr & 0x8000) !== 0,
    daz: (mxcsr & 0x40) !== 0,
    x87: false,
    inexact: false,
    roundedUp: false,
  };
}

/** The context of an x87 operation. PC = 01 is reserved; processors treat it as 64 bits. */
export function x87Context(fcw: number): FloatContext {
  const pc = (fcw >>> 8) & 3;
  return {
    rounding: (fcw >>> 10) & 3,
    precision: pc === 0 ? 24 : pc === 2 ? 53 : 64,
    flags: 0,
    masks: fcw & 0x3f,
    ftz: false,
    daz: false,
    x87: true,
    inexact: false,
    roundedUp: false,
  };
}

/** True when an exception found before computing is unmasked: the destination must stay as it was. */
export function stoppedBeforeComputing(ctx: FloatContext): boolean {
  return (ctx.flags & ~ctx.masks & PRE_COMPUTATION) !== 0;
}

// Kinds of values.
export const ZERO = 0;
export const FINITE = 1;
export const INFINITY = 2;
export const QNAN = 3;
export const SNAN = 4;
/** f80 encodings that a 387 and later refuse: unnormals, pseudo-infinities, pseudo-NaNs. */
export const UNSUPPORTED = 5;

/**
 * A number taken apart. FINITE: (-1)^sign * sig * 2^exp, sig > 0. NaN: `sig` is the significand as the f80 format
 * has it (integer bit 63, quiet bit 62), whatever the format it came from, so that conversions keep the payload.
 */
export interface Float {
  readonly kind: number;
  readonly sign: number;
  readonly exp: number;
  readonly sig: bigint;
  /** Came from an encoding with a zero exponent field and a non-zero significand. */
  readonly denormal: boolean;
}

export interface Format {
  /** Significand bits, the integer bit included. */
  readonly precision: number;
  /** Exponents of the leading bit of the smallest and largest normal numbers. */
  readonly minExponent: number;
  readonly maxExponent: number;
}

export const F32: Format = { precision: 24, minExponent: -126, maxExponent: 127 };
export const F64: Format = { precision: 53, minExponent: -1022, maxExponent: 1023 };
export const F80: Format = { precision: 64, minExponent: -16382, maxExponent: 16383 };

const INTEGER_BIT = 1n << 63n;
export const QUIET_BIT = 1n << 62n;
const F64_FRACTION = (1n << 52n) - 1n;

/** Real indefinite: the QNaN that masked invalid operations deliver. */
export const INDEFINITE: Float = makeFloat(QNAN, 1, 0, INTEGER_BIT | QUIET_BIT);

export function makeFloat(kind: number, sign: number, exp: number, sig: bigint, denormal = false): Float {
  return { kind, sign, exp, sig, denormal };
}

export function zero(sign: number): Float {
  return makeFloat(ZERO, sign, 0, 0n);
}

export function infinity(sign: number): Float {
  return makeFloat(INFINITY, sign, 0, 0n);
}

export function finite(sign: number, exp: number, sig: bigint): Float {
  return makeFloat(FINITE, sign, exp, sig);
}

export function isNotANumber(a: Float): boolean {
  return a.kind === QNAN || a.kind === SNAN;
}

/** The same number with the other sign. */
export function negate(a: Float): Float {
  return makeFloat(a.kind, a.sign ^ 1, a.exp, a.sig, a.denormal);
}

/** A signed integer as a Float, exactly. */
export function fromInteger(value: bigint): Float {
  if (value === 0n) return zero(0);
  return value < 0n ? finite(1, 0, -value) : finite(0, 0, value);
}

export function unpackF32(bits: number): Float {
  const sign = bits >>> 31;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) {
    if (fraction === 0) return infinity(sign);
    return nan(sign, INTEGER_BIT | (BigInt(fraction) << 40n));
  }
  if (exponent === 0) return fraction === 0 ? zero(sign) : makeFloat(FINITE, sign, -149, BigInt(fraction), true);
  return finite(sign, exponent - 150, BigInt(fraction | 0x800000));
}

/** `bits`: 64 bits, unsigned. */
export function unpackF64(bits: bigint): Float {
  const high = Number(bits >> 32n);
  const sign = high >>> 31;
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = bits & F64_FRACTION;
  if (exponent === 0x7ff) {
    if (fraction === 0n) return infinity(sign);
    return nan(sign, INTEGER_BIT | (fraction << 11n));
  }
  if (exponent === 0) return fraction === 0n ? zero(sign) : makeFloat(FINITE, sign, -1074, fraction, true);
  return finite(sign, exponent - 1075, fraction | (1n << 52n));
}

/** `signExponent`: the upper 16 bits of the 80; `significand`: the lower 64, unsigned. */
export function unpackF80(signExponent: number, significand: bigint): Float {
  const sign = (signExponent >>> 15) & 1;
  const exponent = signExponent & 0x7fff;
  if (exponent === 0) {
    return significand === 0n ? zero(sign) : makeFloat(FINITE, sign, -16445, significand, true);
  }
  if ((significand & INTEGER_BIT) === 0n) return makeFloat(UNSUPPORTED, sign, 0, significand);
  if (exponent !== 0x7fff) return finite(sign, exponent - 16446, significand);
  return significand === INTEGER_BIT ? infinity(sign) : nan(sign, significand);
}

/** Encodes a value that is representable in f32 (a rounded result, a zero, an infinity or a NaN). Unsigned. */
export function packF32(a: Float): number {
  const sign = a.sign << 31;
  switch (a.kind) {
    case ZERO:
      return sign >>> 0;
    case INFINITY:
      return (sign | 0x7f800000) >>> 0;
    case FINITE: {
      const { field, sig } = encodeFinite(F32, a);
      return (sign | (field << 23) | (Number(sig) & 0x7fffff)) >>> 0;
    }
    default:
      return (sign | 0x7f800000 | (Number((a.sig >> 40n) & 0x7fffffn) & 0x7fffff)) >>> 0;
  }
}

/** Encodes a value that is representable in f64. Unsigned 64 bits. */
export function packF64(a: Float): bigint {
  const sign = a.sign === 0 ? 0n : INTEGER_BIT;
  switch (a.kind) {
    case ZERO:
      return sign;
    case INFINITY:
      return sign | (0x7ffn << 52n);
    case FINITE: {
      const { field, sig } = encodeFinite(F64, a);
      return sign | (BigInt(field) << 52n) | (sig & F64_FRACTION);
    }
    default:
      return sign | (0x7ffn << 52n) | ((a.sig >> 11n) & F64_FRACTION);
  }
}

/** The upper 16 bits of the f80 encoding of a value representable in f80. */
export function packF80SignExponent(a: Float): number {
  const sign = a.sign << 15;
  switch (a.kind) {
    case ZERO:
      return sign;
    case FINITE:
      return sign | encodeFinite(F80, a).field;
    default:
      return sign | 0x7fff;
  }
}

/** The lower 64 bits of the f80 encoding of a value representable in f80. */
export function packF80Significand(a: Float): bigint {
  switch (a.kind) {
    case ZERO:
      return 0n;
    case INFINITY:
      return INTEGER_BIT;
    case FINITE:
      return encodeFinite(F80, a).sig;
    default:
      return a.sig;
  }
}

const numberView = new Float64Array(1);
const numberWords = new Uint32Array(numberView.buffer);

/** The number of significant bits of `value`, 0 <= value < 2^1023. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  numberView[0] = Number(value);
  const length = (((numberWords[1] as number) >>> 20) & 0x7ff) - 1022;
  // Number() may have rounded 2^n - 1 up to 2^n.
  return length > 53 && value >> BigInt(length - 1) === 0n ? length - 1 : length;
}

function nan(sign: number, sig: bigint): Float {
  return makeFloat((sig & QUIET_BIT) === 0n ? SNAN : QNAN, sign, 0, sig);
}

function encodeFinite(format: Format, a: Float): { field: number; sig: bigint } {
  const top = a.exp + bitLength(a.sig) - 1;
  const normal = top >= format.minExponent;
  const lsb = (normal ? top : format.minExponent) - format.precision + 1;
  const sig = a.exp >= lsb ? a.sig << BigInt(a.exp - lsb) : a.sig >> BigInt(lsb - a.exp);
  return { field: normal ? top + format.maxExponent : 0, sig };
}
