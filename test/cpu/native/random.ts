/** Numbers that are the same for the same seed, and values that instructions trip over. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 random bits (mulberry32). */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  /** 0 to n - 1. */
  below(n: number): number {
    return this.u32() % n;
  }
  /** True once in n times. */
  oneIn(n: number): boolean {
    return this.u32() % n === 0;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** A 64-bit value: random bits, or one at the edge of 8, 16, 32 or 64 bits, or a small number. */
  value(): bigint {
    switch (this.below(4)) {
      case 0:
      case 1:
        return this.u64();
      case 2: {
        const edge = 1n << BigInt(this.pick([7, 8, 15, 16, 31, 32, 63, 64]));
        return BigInt.asUintN(64, edge + BigInt(this.below(5)) - 2n);
      }
      default:
        return BigInt.asUintN(64, BigInt(this.below(64)) - 16n);
    }
  }

  /** Bits of a double: any, or a special one, or a small integer. */
  f64(): bigint {
    const sign = this.oneIn(2) ? 1n << 63n : 0n;
    switch (this.below(8)) {
      case 0:
        return this.u64();
      case 1:
        return sign | this.pick(SPECIAL_F64);
      case 2:
        return sign | (this.u64() & 0xfffffffffffffn);
      case 3:
        return sign | 0x7ff0000000000000n | (this.u64() & 0xfffffffffffffn);
      case 4:
        return sign | (BigInt(0x3ff - 70 + this.below(140)) << 52n) | (this.u64() & 0xfffffffffffffn);
      default:
        return sign | (BigInt(0x3ff - 4 + this.below(12)) << 52n) | (BigInt(this.below(16)) << 48n);
    }
  }

  /** Bits of a single. */
  f32(): number {
    const sign = this.oneIn(2) ? 0x80000000 : 0;
    switch (this.below(8)) {
      case 0:
        return this.u32();
      case 1:
        return (sign | this.pick(SPECIAL_F32)) >>> 0;
      case 2:
        return (sign | (this.u32() & 0x7fffff)) >>> 0;
      case 3:
        return (sign | 0x7f800000 | (this.u32() & 0x7fffff)) >>> 0;
      case 4:
        return (sign | ((0x7f - 40 + this.below(80)) << 23) | (this.u32() & 0x7fffff)) >>> 0;
      default:
        return (sign | ((0x7f - 4 + this.below(12)) << 23) | (this.below(16) << 19)) >>> 0;
    }
  }
}

/** Zero, one, infinity, the largest number, the smallest normal, the smallest and the largest denormal, NaNs. */
const SPECIAL_F64 = [
  0n,
  0x3ff0000000000000n,
  0x7ff0000000000000n,
  0x7fefffffffffffffn,
  0x0010000000000000n,
  1n,
  0x000fffffffffffffn,
  0x7ff8000000000000n,
  0x7ff0000000000001n,
  0x43e0000000000000n,
  0x41e0000000000000n,
  0x41dfffffffc00000n,
];
const SPECIAL_F32 = [
  0, 0x3f800000, 0x7f800000, 0x7f7fffff, 0x00800000, 1, 0x007fffff, 0x7fc00000, 0x7f800001, 0x4f000000, 0x5f000000,
  0x4effffff,
];
