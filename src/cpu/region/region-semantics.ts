/** The definitions' view of a region: registers and flags in locals, what the flags follow from remembered. */
import type { ShiftKind } from '../emit/flag-semantics.ts';
import * as op from '../emit/opcodes.ts';
import { Semantics } from '../emit/semantics.ts';
import type { ControlFlow, HandlerContext, OperandAccess } from '../emit/tier.ts';
import { TLB_ENTRY_ADDEND, TLB_WRITE_OFFSET } from '../emit/tlb-layout.ts';
import { type Bits, LOADS, STORES, Value, wasmType } from '../emit/values.ts';
import { OFFSET_FLAGS_AUX, OFFSET_FLAGS_RESULT, OFFSET_GPR, OFFSET_ZERO, RSP } from '../state.ts';
import {
  FLAGS_ADD,
  FLAGS_COUNT_SHIFT,
  FLAGS_DEC,
  FLAGS_INC,
  FLAGS_LOGIC,
  FLAGS_PAIR,
  FLAGS_PRODUCT,
  FLAGS_SAR,
  FLAGS_SHL,
  FLAGS_SHR,
  FLAGS_STEP_MASK,
  FLAGS_SUB,
  flagsKind,
} from './lazy-flags.ts';
import { type PageLocals, type RegionFrame, VCPU } from './region-frame.ts';

const SHIFTS = { SHL: FLAGS_SHL, SHR: FLAGS_SHR, SAR: FLAGS_SAR } as const;

export interface RegionControl extends ControlFlow {
  /** Leaves if OFFSET_EVENT describes an exception; see `fault`. */
  faultOnEvent(): void;
}

export class RegionSemantics extends Semantics {
  readonly #frame: RegionFrame;
  readonly #control: RegionControl;

  constructor(frame: RegionFrame, operands: OperandAccess, control: RegionControl, context: HandlerContext) {
    super(frame.code, frame.locals, { vcpu: VCPU, tlb: frame.tlb }, frame.runtime, operands, control, context);
    this.#frame = frame;
    this.#control = control;
  }

  override leaveOnEvent(): void {
    this.#control.faultOnEvent();
  }

  override loadState(offset: number, bits: Bits): Value {
    if (offset >= OFFSET_GPR && offset < OFFSET_ZERO) return this.#frame.readGpr(offset >> 3, bits, offset & 7);
    if (offset === OFFSET_FLAGS_AUX || offset === OFFSET_FLAGS_RESULT) {
      this.#frame.settleFlags();
      this.code.get(offset === OFFSET_FLAGS_AUX ? this.#frame.flagsFirst : this.#frame.flagsSecond);
      return this.pop(64);
    }
    return super.loadState(offset, bits);
  }

  override storeState(offset: number, value: Value): void {
    if (offset >= OFFSET_GPR && offset < OFFSET_ZERO) {
      this.#frame.writeGpr(offset >> 3, value, offset & 7);
    } else if (offset === OFFSET_FLAGS_AUX || offset === OFFSET_FLAGS_RESULT) {
      // Whoever stores one word of the pair has read the other, or stores it too.
      const isFirst = offset === OFFSET_FLAGS_AUX;
      this.code.i32(FLAGS_PAIR);
      this.#frame.setFlags(isFirst ? value : undefined, isFirst ? undefined : value);
      this.#frame.isPair = true;
    } else {
      super.storeState(offset, value);
    }
  }

  // Guest memory. In a loop the page of the last access is tried first, which needs no memory of our own.

  override stackAddress(offset: Value, bits: Bits, write: boolean): Value {
    const address = super.stackAddress(offset, bits, write);
    this.#frame.group = RSP;
    return address;
  }

  override load(address: Value, bits: Bits): Value {
    const page = this.#frame.page(false);
    if (page === undefined) return super.load(address, bits);
    const { code } = this;
    const result = this.locals.take(wasmType(bits));
    const out = code.block();
    const offset = this.#offsetInPage(address, bits, page, 0, () => {
      this.callReadSlow(address, bits, result);
      code.br(out);
    });
    this.#pushInPage(page, offset);
    code.memory(LOADS[bits], 0);
    code.set(result);
    code.end();
    return new Value(bits, result);
  }

  override store(address: Value, value: Value): void {
    const page = this.#frame.page(true);
    if (page === undefined) {
      super.store(address, value);
      return;
    }
    const { code } = this;
    const out = code.block();
    const offset = this.#offsetInPage(address, value.bits, page, TLB_WRITE_OFFSET, () => {
      this.callWriteSlow(address, value);
      code.br(out);
    });
    this.#pushInPage(page, offset);
    this.push(value);
    code.memory(STORES[value.bits], 0);
    code.end();
  }

  override probe(address: Value, bits: Bits): number {
    const page = this.#frame.page(true);
    if (page === undefined) return super.probe(address, bits);
    const { code } = this;
    const host = this.locals.take(op.TYPE_I32);
    const out = code.block();
    const offset = this.#offsetInPage(address, bits, page, TLB_WRITE_OFFSET, () => {
      code.get(VCPU);
      this.push(address);
      code.i32(bits / 8);
      code.call(this.runtime.probeWrite);
      code.set(host);
      this.leaveOnEvent();
      code.br(out);
    });
    this.#pushInPage(page, offset);
    code.set(host);
    code.end();
    return host;
  }
  // What a region may not touch it has left for: a probe that comes back has an address.
  override loadProbed(_address: Value, host: number, bits: Bits): Value {
    this.code.get(host);
    this.code.memory(LOADS[bits], 0);
    return this.pop(bits);
  }
  override storeProbed(_address: Value, host: number, value: Value): void {
    this.code.get(host);
    this.push(value);
    this.code.memory(STORES[value.bits], 0);
  }

  // Offset in the page that is remembered then, as a local; `slow` is for what the TLB does not have, and leaves.
  #offsetInPage(address: Value, bits: Bits, page: PageLocals, table: number, slow: () => void): number {
    const { code } = this;
    const offset = this.locals.take(op.TYPE_I64);
    this.push(address);
    code.get(page.base);
    code.op(op.OP_I64_SUB);
    code.tee(offset);
    code.i64(BigInt(4096 - bits / 8));
    code.op(op.OP_I64_GT_U);
    code.unlikely();
    code.if();
    const entry = this.lookUp(address, bits, table);
    code.likely();
    code.if(op.TYPE_I32);
    this.push(address);
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
    code.op(op.OP_I32_WRAP_I64);
    code.get(entry);
    code.memory(op.OP_I32_LOAD, table + TLB_ENTRY_ADDEND);
    code.op(op.OP_I32_ADD);
    code.else();
    // What else is in that place of the TLB may come back before this page is accessed again.
    code.get(VCPU);
    this.push(address);
    code.i32(bits / 8);
    code.i32(table === 0 ? 0 : 1);
    code.call(this.#frame.runtime.reachPage);
    code.tee(entry);
    code.op(op.OP_I32_EQZ);
    code.unlikely();
    code.if();
    slow();
    code.end();
    code.get(entry);
    code.end();
    code.set(page.host);
    this.push(address);
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
    code.set(page.base);
    this.push(address);
    code.i64(4095n);
    code.op(op.OP_I64_AND);
    code.set(offset);
    code.end();
    return offset;
  }

  #pushInPage(page: PageLocals, offset: number): void {
    const { code } = this;
    code.get(offset);
    code.op(op.OP_I32_WRAP_I64);
    code.get(page.host);
    code.op(op.OP_I32_ADD);
  }

  // What is known after a branch is what both ways know.
  override if(condition: Value, then: () => void, otherwise?: () => void): void {
    if (condition.isConstant) {
      super.if(condition, then, otherwise);
      return;
    }
    const frame = this.#frame;
    const { known, isPair, flagsVersion } = frame;
    let pairAfter = isPair;
    const arm = (body: () => void) => () => {
      frame.known = known;
      frame.isPair = isPair;
      body();
      pairAfter &&= frame.isPair;
    };
    super.if(condition, arm(then), otherwise && arm(otherwise));
    frame.isPair = pairAfter;
    frame.known = frame.flagsVersion === flagsVersion ? known : undefined;
  }

  override doWhile(body: () => Value): void {
    this.#frame.known = undefined;
    this.#frame.isPair = false;
    super.doWhile(body);
  }

  override flagsOfAdd(a: Value, _b: Value, sum: Value): void {
    if (this.flagsAreDead) return;
    this.#set(flagsKind(FLAGS_ADD, sum.bits), this.zext(a, 64), this.zext(sum, 64));
    this.#frame.keep('add', sum, a);
  }
  override flagsOfAddWithCarry(a: Value, b: Value, sum: Value): void {
    if (this.flagsAreDead) return;
    super.flagsOfAdd(a, b, sum);
    this.#frame.keep('result', sum);
  }
  override flagsOfSub(a: Value, b: Value, difference: Value): void {
    if (this.flagsAreDead) return;
    this.#set(flagsKind(FLAGS_SUB, difference.bits), this.zext(a, 64), this.zext(difference, 64));
    this.#frame.keep('sub', difference, a, b);
  }
  override flagsOfSubWithBorrow(a: Value, b: Value, difference: Value): void {
    if (this.flagsAreDead) return;
    super.flagsOfSub(a, b, difference);
    this.#frame.keep('result', difference);
  }
  override flagsOfLogic(result: Value): void {
    if (this.flagsAreDead) return;
    this.#set(flagsKind(FLAGS_LOGIC, result.bits), undefined, this.zext(result, 64));
    this.#frame.keep('logic', result);
  }
  override flagsOfStep(result: Value, by: 1 | -1): void {
    if (this.flagsAreDead) return;
    const kind = flagsKind(by === 1 ? FLAGS_INC : FLAGS_DEC, result.bits);
    const carry = this.#carryBeforeStep();
    this.#set(kind, carry, this.zext(result, 64));
    this.#frame.keep('result', result);
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
    this.#setKind(this.or(this.#shiftedCount(count), operation), this.zext(a, 64), undefined);
    this.#frame.keep('result', result);
  }
  override flagsOfResult(result: Value, CF: Value, OF: Value, AF?: Value): void {
    if (this.flagsAreDead) return;
    super.flagsOfResult(result, CF, OF, AF);
    this.#frame.keep('result', result);
  }

  override flag(name: 'CF' | 'PF' | 'AF' | 'ZF' | 'SF' | 'OF'): Value {
    const { known } = this.#frame;
    if (known !== undefined) {
      if (name === 'ZF') return this.isZero(known.result);
      if (name === 'SF') return this.sign(known.result);
      if (name === 'CF' && known.kind === 'sub') return this.below(known.a, known.b);
      if (name === 'CF' && known.kind === 'add') return this.below(known.result, known.a);
      if ((name === 'CF' || name === 'OF') && known.kind === 'logic') return this.const(1, 0);
    }
    this.#frame.settleFlags();
    return super.flag(name);
  }

  override condition(code: number): Value {
    const holds = this.#knownCondition(code & 0xe);
    if (holds !== undefined) return (code & 1) !== 0 ? this.not(holds) : holds;
    this.#frame.settleFlags();
    return super.condition(code);
  }

  #knownCondition(code: number): Value | undefined {
    const { known } = this.#frame;
    if (known === undefined) return undefined;
    const { kind, a, b, result } = known;
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

  // CF as a 64-bit value. A loop that only counts keeps it where the last count left it.
  #carryBeforeStep(): Value {
    const frame = this.#frame;
    const kind = frame.known?.kind;
    if (kind === 'add' || kind === 'sub' || kind === 'logic') return this.zext(this.flag('CF'), 64);
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

  #shiftedCount(count: Value): Value {
    return this.shl(this.trunc(count, 32), FLAGS_COUNT_SHIFT);
  }

  #set(kind: number, first: Value | undefined, second: Value | undefined): void {
    this.code.i32(kind);
    this.#frame.setFlags(first, second);
  }
  #setKind(kind: Value, first: Value | undefined, second: Value | undefined): void {
    this.push(kind);
    this.#frame.setFlags(first, second);
  }
}
