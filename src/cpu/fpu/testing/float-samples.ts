/** Operands for the comparison with the host: the boundaries of each format, numbers near one another, and anything. */

export type Random = () => number;

export function below(random: Random, limit: number): number {
  return random() % limit;
}

export function random64(random: Random): bigint {
  return (BigInt(random()) << 32n) | BigInt(random());
}

/** Bits of an f32. */
export function sampleF32(random: Random): number {
  return Number(sampleIeee(random, 8, 23));
}

/** Bits of an f64. */
export function sampleF64(random: Random): bigint {
  return sampleIeee(random, 11, 52);
}

/** Sign and exponent, and significand, of an f80, unsupported encodings included. */
export function sampleF80(random: Random): { signExponent: number; significand: bigint } {
  const bits = sampleIeee(random, 15, 63);
  const signExponent = Number(bits >> 63n);
  const exponent = signExponent & 0x7fff;
  const odd = below(random, 16) === 0;
  const integerBit = exponent === 0 ? odd : !odd;
  return { signExponent, significand: (bits & ((1n << 63n) - 1n)) | (integerBit ? 1n << 63n : 0n) };
}

function sampleIeee(random: Random, exponentBits: number, fractionBits: number): bigint {
  const exponents = 1 << exponentBits;
  const sign = BigInt(random() & 1) << BigInt(exponentBits + fractionBits);
  return sign | (BigInt(exponentField(random, exponents)) << BigInt(fractionBits)) | fraction(random, fractionBits);
}

/** Fields: specials, near the ends, near 1, near the sizes of integers, or anything. */
function exponentField(random: Random, exponents: number): number {
  const bias = exponents / 2 - 1;
  switch (below(random, 10)) {
    case 0:
      return 0;
    case 1:
      return exponents - 1;
    case 2:
      return 1 + below(random, 3);
    case 3:
      return exponents - 2 - below(random, 3);
    case 4:
    case 5:
    case 6:
      return bias - 4 + below(random, 9);
    case 7:
      return Math.min(exponents - 1, bias + below(random, 70));
    case 8:
      return Math.max(0, (bias >> 1) - 2 + below(random, 5));
    default:
      return below(random, exponents);
  }
}

function fraction(random: Random, bits: number): bigint {
  const mask = (1n << BigInt(bits)) - 1n;
  switch (below(random, 8)) {
    case 0:
      return 0n;
    case 1:
      return mask;
    case 2:
      return BigInt(below(random, 4)) & mask;
    case 3:
      return (mask - BigInt(below(random, 4))) & mask;
    case 4:
      return 1n << BigInt(below(random, bits));
    case 5:
      // A few leading bits: products and quotients come out exact or halfway.
      return (BigInt(random() & 0xff) << BigInt(bits - 8)) & mask;
    default:
      return random64(random) & mask;
  }
}
