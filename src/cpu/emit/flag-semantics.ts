/** Flags and conditions as generated code sets and reads them; how they are kept is in flags.ts. */
import * as layout from '../state.ts';
import { AUX_CARRIES, RESULT_NEUTRAL } from './flags.ts';
import { GuestAccess } from './guest-access.ts';
import type { Value } from './values.ts';

/** Condition codes (SDM vol. 1, appendix B). The low bit negates. */
export const CONDITIONS = [
  'O',
  'NO',
  'B',
  'AE',
  'E',
  'NE',
  'BE',
  'A',
  'S',
  'NS',
  'P',
  'NP',
  'L',
  'GE',
  'LE',
  'G',
] as const;
export type ConditionCode = number;

/** Shifts whose flags follow from their operand, count and result. */
export type ShiftKind = 'SHL' | 'SHR' | 'SAR' | 'other';

/** The last flags that were set in this handler, for a branch fused to it. */
export interface KnownFlags {
  readonly kind: 'sub' | 'logic' | 'result';
  readonly a: Value;
  readonly b: Value;
  readonly result: Value;
}

/** Bits of `flagsOfOrder`, as EFLAGS has them. */
export const ORDER_CF = 0;
export const ORDER_PF = 2;
export const ORDER_ZF = 6;

export class FlagSemantics extends GuestAccess {
  #known: KnownFlags | undefined;
  /** Nobody sees the flags of this instruction: the next one sets them all. Computing them may be left out. */
  flagsAreDead = false;

  /** The flags last set in this handler, as far as conditions can be computed from them. */
  get knownFlags(): KnownFlags | undefined {
    return this.#known;
  }
  /** Flags that a handler fused before this one has set. */
  assumeFlags(known: KnownFlags | undefined): void {
    this.#known = known;
  }

  /** CF OF AF ZF SF PF of sum = a + b (+ carry). */
  flagsOfAdd(a: Value, b: Value, sum: Value): void {
    if (this.flagsAreDead) return;
    const carries = this.or(this.and(a, b), this.and(this.or(a, b), this.not(sum)));
    this.#setFlags(sum, this.#auxOfCarries(carries));
    this.#known = { kind: 'result', a, b, result: sum };
  }
  /** CF OF AF ZF SF PF of difference = a - b (- borrow). */
  flagsOfSub(a: Value, b: Value, difference: Value): void {
    if (this.flagsAreDead) return;
    const notA = this.not(a);
    const borrows = this.or(this.and(notA, b), this.and(this.or(notA, b), difference));
    this.#setFlags(difference, this.#auxOfCarries(borrows));
    this.#known = { kind: 'sub', a, b, result: difference };
  }
  /** CF = OF = AF = 0, ZF SF PF of the result. */
  flagsOfLogic(result: Value): void {
    if (this.flagsAreDead) return;
    this.#setFlags(result, this.const(64, 0));
    this.#known = { kind: 'logic', a: result, b: result, result };
  }
  /** ZF SF PF of the result, the others as given (truth values). */
  flagsOfResult(result: Value, CF: Value, OF: Value, AF: Value = this.const(1, 0)): void {
    if (this.flagsAreDead) return;
    this.#setFlags(result, this.#auxOfFlags(CF, OF, AF));
    this.#known = undefined;
  }
  /** As `flagsOfAdd`, of a sum with a carry in. */
  flagsOfAddWithCarry(a: Value, b: Value, sum: Value): void {
    this.flagsOfAdd(a, b, sum);
  }
  /** As `flagsOfSub`, of a difference with a borrow in. */
  flagsOfSubWithBorrow(a: Value, b: Value, difference: Value): void {
    this.flagsOfSub(a, b, difference);
  }
  /** INC and DEC: CF stays as it is. `by` is 1 or -1. */
  flagsOfStep(result: Value, by: 1 | -1): void {
    if (this.flagsAreDead) return;
    const carry = this.flag('CF');
    // Only 7F..F + 1 and 80..0 - 1 overflow; the low nibble carries when it wraps.
    const limit = 1n << BigInt(result.bits - 1);
    const overflow = this.eq(result, this.const(result.bits, by === 1 ? limit : limit - 1n));
    const low = this.and(result, this.const(result.bits, 0xf));
    this.flagsOfResult(result, carry, overflow, this.eq(low, this.const(result.bits, by === 1 ? 0 : 0xf)));
  }
  /** Of a product cut to its factors' width: CF = OF = what `overflow` returns. */
  flagsOfProduct(_a: Value, _b: Value, product: Value, overflow: () => Value): void {
    if (this.flagsAreDead) return;
    const lost = overflow();
    this.flagsOfResult(product, lost, lost);
  }
  /** Of a shift by `count`, which is not zero; `out` computes CF and OF. */
  flagsOfShift(_kind: ShiftKind, _a: Value, _count: Value, result: Value, out: () => { CF: Value; OF: Value }): void {
    const { CF, OF } = out();
    this.flagsOfResult(result, CF, OF);
  }
  /** Each flag as given (truth values). */
  /** Flags of a comparison of floats and the like: CF, PF and ZF at their places in a 32-bit value, the others clear. */
  flagsOfOrder(order: Value): void {
    const clear = this.const(1, 0);
    this.flags({
      CF: this.bit(order, ORDER_CF),
      PF: this.bit(order, ORDER_PF),
      ZF: this.bit(order, ORDER_ZF),
      AF: clear,
      SF: clear,
      OF: clear,
    });
  }

  flags(all: { CF: Value; PF: Value; AF: Value; ZF: Value; SF: Value; OF: Value }): void {
    const aux = this.or(
      this.#auxOfFlags(all.CF, all.OF, all.AF),
      this.or(this.shl(this.zext(this.not(all.PF), 64), 8), this.zext(all.SF, 64)),
    );
    this.storeState(layout.OFFSET_FLAGS_RESULT, this.select(all.ZF, this.const(64, 0), this.const(64, RESULT_NEUTRAL)));
    this.storeState(layout.OFFSET_FLAGS_AUX, aux);
    this.#known = undefined;
  }
  /** Changes CF alone. */
  setCarry(CF: Value): void {
    if (this.flagsAreDead) return;
    this.setCarryAndOverflow(CF, this.flag('OF'));
  }
  /** Changes CF and OF alone: the rotates. */
  setCarryAndOverflow(CF: Value, OF: Value): void {
    if (this.flagsAreDead) return;
    const kept = this.and(this.loadState(layout.OFFSET_FLAGS_AUX, 64), this.const(64, 0x3fffffffffffffffn));
    this.storeState(layout.OFFSET_FLAGS_AUX, this.or(kept, this.#auxOfFlags(CF, OF, this.const(1, 0))));
    this.#known = undefined;
  }

  flag(name: 'CF' | 'PF' | 'AF' | 'ZF' | 'SF' | 'OF'): Value {
    const aux = (): Value => this.loadState(layout.OFFSET_FLAGS_AUX, 64);
    const result = (): Value => this.loadState(layout.OFFSET_FLAGS_RESULT, 64);
    switch (name) {
      case 'CF':
        return this.less(aux(), this.const(64, 0));
      case 'ZF':
        return this.isZero(result());
      case 'SF':
        return this.less(this.xor(result(), this.shl(aux(), 63)), this.const(64, 0));
      case 'OF': {
        const word = aux();
        return this.less(this.xor(word, this.shl(word, 1)), this.const(64, 0));
      }
      case 'AF':
        return this.bit(aux(), 3);
      case 'PF': {
        const byte = this.trunc(this.xor(result(), this.shr(aux(), 8)), 8);
        const ones = this.popcnt(this.zext(byte, 32));
        return this.not(this.bit(ones, 0));
      }
    }
  }

  /** Whether a condition code holds. After flags set in this same handler it is computed from their operands. */
  condition(code: ConditionCode): Value {
    const known = this.#knownCondition(code & 0xe);
    const holds = known ?? this.#storedCondition(code & 0xe);
    return (code & 1) !== 0 ? this.not(holds) : holds;
  }

  #storedCondition(code: number): Value {
    const aux = (): Value => this.loadState(layout.OFFSET_FLAGS_AUX, 64);
    const result = (): Value => this.loadState(layout.OFFSET_FLAGS_RESULT, 64);
    const signNotOverflow = (): Value => {
      const word = aux();
      const overflow = this.xor(word, this.shl(word, 1));
      const sign = this.xor(result(), this.shl(word, 63));
      return this.less(this.xor(sign, overflow), this.const(64, 0));
    };
    switch (code) {
      case 0x0:
        return this.flag('OF');
      case 0x2:
        return this.flag('CF');
      case 0x4:
        return this.flag('ZF');
      case 0x6:
        return this.or(this.flag('CF'), this.flag('ZF'));
      case 0x8:
        return this.flag('SF');
      case 0xa:
        return this.flag('PF');
      case 0xc:
        return signNotOverflow();
      default:
        return this.or(this.flag('ZF'), signNotOverflow());
    }
  }

  #knownCondition(code: number): Value | undefined {
    const known = this.#known;
    if (known === undefined) return undefined;
    if (code === 0x4) return this.isZero(known.result);
    if (code === 0x8) return this.sign(known.result);
    if (known.kind === 'sub') {
      if (code === 0x2) return this.below(known.a, known.b);
      if (code === 0x6) return this.belowOrEqual(known.a, known.b);
      if (code === 0xc) return this.less(known.a, known.b);
      if (code === 0xe) return this.lessOrEqual(known.a, known.b);
    }
    if (known.kind === 'logic') {
      const zero = this.const(known.result.bits, 0);
      if (code === 0x0 || code === 0x2) return this.const(1, 0);
      if (code === 0x6) return this.isZero(known.result);
      if (code === 0xc) return this.less(known.result, zero);
      if (code === 0xe) return this.lessOrEqual(known.result, zero);
    }
    return undefined;
  }

  #setFlags(result: Value, aux: Value): void {
    this.storeState(layout.OFFSET_FLAGS_RESULT, this.sext(result, 64));
    this.storeState(layout.OFFSET_FLAGS_AUX, aux);
  }

  #auxOfCarries(carries: Value): Value {
    const mask = this.const(64, AUX_CARRIES);
    if (carries.bits === 64) return this.and(carries, mask);
    const wide = this.zext(carries, 64);
    const top = this.shl(wide, 64 - carries.bits);
    // The shifted word has nothing at bit 3, the unshifted one nothing at 63 and 62.
    return this.and(this.or(top, wide), mask);
  }

  #auxOfFlags(CF: Value, OF: Value, AF: Value): Value {
    const top = this.or(this.shl(this.zext(CF, 64), 63), this.shl(this.zext(this.xor(CF, OF), 64), 62));
    if (AF.isConstant && AF.constant === 0n) return top;
    return this.or(top, this.shl(this.zext(AF, 64), 3));
  }
}
