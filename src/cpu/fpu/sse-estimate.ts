/**
 * RCPSS and RSQRTSS on the bits of an f32. They look at no control bit of MXCSR and raise nothing; denormals count as
 * zeros, tiny results become zeros. The manual promises a relative error of at most 1.5 * 2^-12 and each processor has
 * its own table; here the quotient is rounded to 13 bits.
 */

const F32_INFINITY = 0x7f800000;
const F32_INDEFINITE = 0xffc00000;
const F32_QUIET = 0x00400000;
/** From here on the reciprocal is tiny, and becomes a zero. */
const TWO_TO_126 = 0x7e800000;
const SIGN = 0x80000000;

const scratch = new DataView(new ArrayBuffer(4));

/** 1 / x */
export function reciprocalEstimate(bits: number): number {
  const magnitude = bits & ~SIGN;
  const sign = bits & SIGN;
  if (magnitude > F32_INFINITY) return (bits | F32_QUIET) >>> 0;
  if (magnitude < 0x00800000) return (sign | F32_INFINITY) >>> 0;
  if (magnitude >= TWO_TO_126) return sign >>> 0;
  return (sign | rounded(1 / floatOf(magnitude))) >>> 0;
}

/** 1 / sqrt(x) */
export function reciprocalSquareRootEstimate(bits: number): number {
  const magnitude = bits & ~SIGN;
  const sign = bits & SIGN;
  if (magnitude > F32_INFINITY) return (bits | F32_QUIET) >>> 0;
  if (magnitude < 0x00800000) return (sign | F32_INFINITY) >>> 0;
  if (sign !== 0) return F32_INDEFINITE;
  return rounded(1 / Math.sqrt(floatOf(magnitude))) >>> 0;
}

function floatOf(magnitude: number): number {
  scratch.setUint32(0, magnitude);
  return scratch.getFloat32(0);
}

function rounded(value: number): number {
  scratch.setFloat32(0, value);
  return (scratch.getUint32(0) + 0x400) & ~0x7ff;
}
