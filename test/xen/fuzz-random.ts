/** Numbers that look random and repeat with their seed (xorshift128, Marsaglia 2003). */
export class SeededRandom {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    this.#state.set([seed | 1, 0x9e3779b9 ^ seed, 0x243f6a88, 0xb7e15162]);
    for (let warm = 0; warm < 16; warm++) this.u32();
  }

  u32(): number {
    const s = this.#state;
    let t = s[3] as number;
    const first = s[0] as number;
    s[3] = s[2] as number;
    s[2] = s[1] as number;
    s[1] = first;
    t ^= t << 11;
    t ^= t >>> 8;
    s[0] = t ^ first ^ (first >>> 19);
    return s[0] >>> 0;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return this.u32() % limit;
  }

  /** True once in `odds` times. */
  oneIn(odds: number): boolean {
    return this.below(odds) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
}
