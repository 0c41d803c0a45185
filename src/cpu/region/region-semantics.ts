/** The definitions' view of a region: registers and flags in locals, what the flags follow from remembered. */
import { ORDER_CF, ORDER_PF, ORDER_ZF, type ShiftKind } from '../emit/flag-semantics.ts';
import * as op from '../emit/opcodes.ts';
import { type Bits, Value } from '../emit/values.ts';
import { OFFSET_FLAGS_AUX, OFFSET_FLAGS_RESULT, OFFSET_GPR, OFFSET_MXCSR, OFFSET_XMM, OFFSET_ZERO } from '../state.ts';
import {
  FLAGS_ADD,
  FLAGS_COUNT_SHIFT,
  FLAGS_DEC,
  FLAGS_INC,
  FLAGS_LOGIC,
  FLAGS_ORDER,
  FLAGS_PAIR,
  FLAGS_PRODUCT,
  FLAGS_SAR,
  FLAGS_SHL,
  FLAGS_SHR,
  FLAGS_STEP_MASK,
  FLAGS_SUB,
  flagsKind,
} from './lazy-flags.ts';
import type { FrameFlags } from './region-frame.ts';
import { RegionMemory } from './region-memory.ts';
import { XMM_FILE_SIZE } from './region-vectors.ts';

const ORDER_BITS: Readonly<Record<string, number | undefined>> = { CF: ORDER_CF, PF: ORDER_PF, ZF: ORDER_ZF };
const SHIFTS = { SHL: FLAGS_SHL, SHR: FLAGS_SHR, SAR: FLAGS_SAR } as const;

export class RegionSemantics extends RegionMemory {
  override loadState(offset: number, bits: Bits): Value {
    if (offset >= OFFSET_GPR && offset < OFFSET_ZERO) return this.frame.readGpr(offset >> 3, bits, offset & 7);
    if (offset === OFFSET_FLAGS_AUX || offset === OFFSET_FLAGS_RESULT) {
      this.#settle();
      this.code.get(offset === OFFSET_FLAGS_AUX ? this.frame.flagsFirst : this.frame.flagsSecond);
      return this.pop(64);
    }
    if (isXmm(offset)) return this.frame.vectors.read((offset - OFFSET_XMM) >> 4, bits);
    return super.loadState(offset, bits);
  }

  override storeState(offset: number, value: Value): void {
    if (offset >= OFFSET_GPR && offset < OFFSET_ZERO) {
      this.frame.writeGpr(offset >> 3, value, offset & 7);
    } else if (offset === OFFSET_FLAGS_AUX || offset === OFFSET_FLAGS_RESULT) {
      // Whoever stores one word of the pair has read the other, or stores it too.
      const isFirst = offset === OFFSET_FLAGS_AUX;
      this.code.i32(FLAGS_PAIR);
      this.frame.setFlags(isFirst ? value : undefined, isFirst ? undefined : value);
      this.frame.isPair = true;
    } else if (isXmm(offset)) {
      this.frame.vectors.write((offset - OFFSET_XMM) >> 4, value);
    } else {
      super.storeState(offset, value);
      if (offset === OFFSET_MXCSR) this.frame.vectors.controlChanged();
    }
  }

  // Vectors

  override get hasVectorLocals(): boolean {
    return true;
  }
  override usualControl(): Value {
    return this.frame.vectors.usualControl();
  }
  override callFloat(name: string, operands: readonly Value[]): void {
    super.callFloat(name, operands);
    this.frame.vectors.controlChanged();
  }
  override vectorSlow(operation: Value): void {
    super.vectorSlow(operation);
    this.frame.vectors.controlChanged();
  }

  // What is known after a branch is what both ways know.
  override if(condition: Value, then: () => void, otherwise?: () => void): void {
    if (condition.isConstant) {
      super.if(condition, then, otherwise);
      return;
    }
    const frame = this.frame;
    const { known, isPair, flagsVersion, putOff } = frame;
    let pairAfter = isPair;
    let putOffAfter = putOff;
    const arm = (body: () => void) => () => {
      frame.known = known;
      frame.isPair = isPair;
      frame.putOff = putOff;
      body();
      pairAfter &&= frame.isPair;
      if (frame.putOff !== putOff) putOffAfter = undefined;
    };
    super.if(condition, arm(then), otherwise && arm(otherwise));
    frame.isPair = pairAfter;
    frame.putOff = putOffAfter;
    frame.known = frame.flagsVersion === flagsVersion ? known : undefined;
  }

  override doWhile(body: () => Value): void {
    this.frame.needFlags();
    this.frame.known = undefined;
    this.frame.isPair = false;
    super.doWhile(body);
  }

  override flagsOfAdd(a: Value, _b: Value, sum: Value): void {
    if (this.flagsAreDead) return;
    this.frame.keep('add', sum, a);
    this.#setLater(FLAGS_ADD, this.#kept.a, this.#kept.result);
  }
  override flagsOfAddWithCarry(a: Value, b: Value, sum: Value): void {
    if (this.flagsAreDead) return;
    super.flagsOfAdd(a, b, sum);
    this.frame.keep('result', sum);
  }
  override flagsOfSub(a: Value, b: Value, difference: Value): void {
    if (this.flagsAreDead) return;
    this.frame.keep('sub', difference, a, b);
    this.#setLater(FLAGS_SUB, this.#kept.a, this.#kept.b, true);
  }
  override flagsOfSubWithBorrow(a: Value, b: Value, difference: Value): void {
    if (this.flagsAreDead) return;
    super.flagsOfSub(a, b, difference);
    this.frame.keep('result', difference);
  }
  override flagsOfLogic(result: Value): void {
    if (this.flagsAreDead) return;
    this.frame.keep('logic', result);
    this.#setLater(FLAGS_LOGIC, undefined, this.#kept.result);
  }
  override flagsOfStep(result: Value, by: 1 | -1): void {
    if (this.flagsAreDead) return;
    const carry = this.#carryBeforeStep();
    this.frame.keep('result', result, carry);
    this.#setLater(by === 1 ? FLAGS_INC : FLAGS_DEC, this.#kept.a, this.#kept.result);
  }
  override flagsOfProduct(a: Value, b: Value): void {
    if (this.flagsAreDead) return;
    this.#set(flagsKind(FLAGS_PRODUCT, a.bits), this.zext(a, 64), this.zext(b, 64));
  }
  override flagsOfShift(
    shift: ShiftKind,
    a: Value,
    count: Value,
    result: Value,
    out: () => { CF: Value; OF: Value },
  ): void {
    if (this.flagsAreDead) return;
    if (shift === 'other') {
      super.flagsOfShift(shift, a, count, result, out);
      return;
    }
    const operation = this.const(32, flagsKind(SHIFTS[shift], a.bits));
    const kind = this.or(this.#shiftedCount(count), operation);
    if (kind.isConstant) {
      this.frame.keep('result', result, a);
      const { a: first, result: second } = this.#kept;
      this.frame.setLater({ kind: Number(kind.constant), first, second, isDifference: false });
      return;
    }
    this.#setKind(kind, this.zext(a, 64), undefined);
    this.frame.keep('result', result);
  }
  override flagsOfResult(result: Value, CF: Value, OF: Value, AF?: Value): void {
    if (this.flagsAreDead) return;
    super.flagsOfResult(result, CF, OF, AF);
    this.frame.keep('result', result);
  }

  override flagsOfOrder(order: Value): void {
    if (this.flagsAreDead) return;
    this.#set(flagsKind(FLAGS_ORDER, 32), this.zext(order, 64), undefined);
    this.frame.keep('order', order);
  }

  override flag(name: 'CF' | 'PF' | 'AF' | 'ZF' | 'SF' | 'OF'): Value {
    const { known } = this.frame;
    if (known?.kind === 'order') {
      const bit = ORDER_BITS[name];
      return bit === undefined ? this.const(1, 0) : this.bit(known.result, bit);
    }
    if (known !== undefined) {
      if (name === 'ZF') return this.isZero(known.result);
      if (name === 'SF') return this.sign(known.result);
      if (name === 'CF' && known.kind === 'sub') return this.below(known.a, known.b);
      if (name === 'CF' && known.kind === 'add') return this.below(known.result, known.a);
      if ((name === 'CF' || name === 'OF') && known.kind === 'logic') return this.const(1, 0);
    }
    this.#settle();
    return super.flag(name);
  }

  override condition(code: number): Value {
    const holds = this.#knownCondition(code & 0xe);
    if (holds !== undefined) return (code & 1) !== 0 ? this.not(holds) : holds;
    this.#settle();
    return super.condition(code);
  }

  #knownCondition(code: number): Value | undefined {
    const { known } = this.frame;
    if (known === undefined) return undefined;
    const { kind, a, b, result } = known;
    if (kind === 'order') return this.#conditionOfOrder(code, result);
    if (code === 0x4) return this.isZero(result);
    if (code === 0x8) return this.sign(result);
    switch (kind) {
      case 'sub':
        if (code === 0x2) return this.below(a, b);
        if (code === 0x6) return this.belowOrEqual(a, b);
        if (code === 0xc) return this.less(a, b);
        return code === 0xe ? this.lessOrEqual(a, b) : undefined;
      case 'add':
        if (code === 0x2) return this.below(result, a);
        return code === 0x6 ? this.or(this.below(result, a), this.isZero(result)) : undefined;
      case 'logic': {
        const zero = this.const(result.bits, 0);
        if (code === 0x0 || code === 0x2) return this.const(1, 0);
        if (code === 0x6) return this.isZero(result);
        if (code === 0xc) return this.less(result, zero);
        return code === 0xe ? this.lessOrEqual(result, zero) : undefined;
      }
      default:
        return undefined;
    }
  }

  // OF and SF are clear, and so never differ.
  #conditionOfOrder(code: number, order: Value): Value | undefined {
    switch (code) {
      case 0x2:
        return this.bit(order, ORDER_CF);
      case 0x4:
      case 0xe:
        return this.bit(order, ORDER_ZF);
      case 0x6:
        return this.ne(this.and(order, this.const(32, (1 << ORDER_CF) | (1 << ORDER_ZF))), this.const(32, 0));
      case 0xa:
        return this.bit(order, ORDER_PF);
      default:
        return this.const(1, 0);
    }
  }

  // CF as a 64-bit value. A loop that only counts keeps it where the last count left it.
  #carryBeforeStep(): Value {
    const frame = this.frame;
    const kind = frame.known?.kind;
    if (kind === 'add' || kind === 'sub' || kind === 'logic') return this.zext(this.flag('CF'), 64);
    const { putOff } = frame;
    const isStep = putOff !== undefined && (putOff.kind & FLAGS_STEP_MASK) === (FLAGS_INC & FLAGS_DEC);
    if (isStep) return putOff.first as Value;
    frame.needFlags();
    const carry = this.locals.take(op.TYPE_I64);
    this.code.get(frame.flagsKind);
    this.code.i32(FLAGS_STEP_MASK);
    this.code.op(op.OP_I32_AND);
    this.code.i32(FLAGS_INC & FLAGS_DEC);
    this.code.op(op.OP_I32_EQ);
    this.code.if(op.TYPE_I64);
    this.code.get(frame.flagsFirst);
    this.code.else();
    const { isPair } = frame;
    frame.settleFlags();
    this.code.get(frame.flagsFirst);
    this.code.i64(63n);
    this.code.op(op.OP_I64_SHR_U);
    this.code.end();
    frame.isPair = isPair;
    this.code.set(carry);
    return new Value(64, carry);
  }

  // To the pair, in place where it is known what the flags follow from and that is little.
  #settle(): void {
    const { frame } = this;
    const { known } = frame;
    if (!frame.isPair && (known?.kind === 'logic' || known?.kind === 'sub')) {
      const dead = this.flagsAreDead;
      this.flagsAreDead = false;
      if (known.kind === 'logic') super.flagsOfLogic(known.result);
      else super.flagsOfSub(known.a, known.b, known.result);
      this.flagsAreDead = dead;
      frame.known = known;
    }
    frame.settleFlags();
  }

  #shiftedCount(count: Value): Value {
    return this.shl(this.trunc(count, 32), FLAGS_COUNT_SHIFT);
  }

  get #kept(): FrameFlags {
    return this.frame.known as FrameFlags;
  }

  #setLater(operation: number, first: Value | undefined, second: Value, isDifference = false): void {
    this.frame.setLater({ kind: flagsKind(operation, second.bits), first, second, isDifference });
  }

  #set(kind: number, first: Value | undefined, second: Value | undefined): void {
    this.code.i32(kind);
    this.frame.setFlags(first, second);
  }
  #setKind(kind: Value, first: Value | undefined, second: Value | undefined): void {
    this.push(kind);
    this.frame.setFlags(first, second);
  }
}

// Whole registers, or low elements: definitions name no others.
function isXmm(offset: number): boolean {
  return offset >= OFFSET_XMM && offset < OFFSET_XMM + XMM_FILE_SIZE;
}
