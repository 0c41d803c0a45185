/**
 * The x87 unit as emitted code has it. The function of an instruction looks at what it needs, and gives up before
 * anything has changed if that is not plain: exceptions that are masked, numbers that are normal or zero. TypeScript does
 * the instruction then, from its start (fpu/x87-slow.ts), and knows all of the manual.
 */
import type { Label } from '../../emit/code.ts';
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import { type Bits, LOADS, STORES, type Value } from '../../emit/values.ts';
import { FSW_C1, FSW_TOP, FSW_TOP_SHIFT } from '../../fpu/x87-state.ts';
import { OFFSET_X87 } from '../../state.ts';
import { HOW_FOP, HOW_FOP_SHIFT, HOW_KIND, HOW_KIND_SHIFT, HOW_POPS, HOW_REGISTER } from './operation.ts';

const ALL_MASKED = 0x3f;
/** From TOP in the status word to 16 times TOP: how far apart registers are. */
const TOP_TO_SLOT = 7;
const SLOT_BYTES = 16;
export const INTEGER_BIT = 1n << 63n;
/** The largest biased exponent of a number, and that of an infinity. */
const LARGEST = 0x7ffe;
const INFINITE = 0x7fff;
export const BIAS = 0x3fff;

/** A number taken apart: its sign (0 or 1) and biased exponent as 32 bits, and its significand. */
export interface Extended {
  readonly sign: Value;
  readonly exponent: Value;
  readonly significand: Value;
}

/** What an instruction is given: see operation.ts; `control` is what `Semantics.x87Control` says. */
export interface Given {
  readonly how: Value;
  readonly control: Value;
  readonly operand: Value;
  /** The upper 16 bits of an m80, where they are at hand and not in X87_EXPONENT. */
  readonly signExponent?: Value | undefined;
}

/** Where control goes: to `slow` with nothing changed, or as `done` says, with the control words after the instruction. */
export interface Leave {
  readonly slow: Label;
  done(control: Value): void;
  /** What is to be written to memory; of an m80 the upper 16 bits too. */
  result(value: Value, signExponent?: Value): void;
}

export class X87Function {
  readonly m: Semantics;
  readonly operand: Value;
  /** Of an m80. */
  readonly signExponentGiven: Value | undefined;
  readonly fcw: Value;
  readonly #how: Value;
  readonly #leave: Leave;
  readonly #control: Value;
  readonly #status: Value;
  readonly #tags: Value;

  constructor(m: Semantics, { how, control, operand, signExponent }: Given, leave: Leave) {
    this.m = m;
    this.operand = operand;
    this.signExponentGiven = signExponent;
    this.#how = how;
    this.#leave = leave;
    this.#control = control;
    const words = m.trunc(control, 32);
    this.fcw = m.and(words, m.const(32, 0xffff));
    this.#status = m.shr(words, 16);
    this.#tags = m.and(m.trunc(m.shr(control, 32), 32), m.const(32, 0xff));
    this.requireMasked(this.fcw);
  }

  /** All exceptions are masked by a control word, so that none is pending. */
  requireMasked(control: Value): void {
    const masks = this.m.const(32, ALL_MASKED);
    this.require(this.m.eq(this.m.and(control, masks), masks));
  }
  require(condition: Value): void {
    this.giveUpIf(this.m.not(condition));
  }
  giveUpIf(condition: Value): void {
    this.m.push(condition);
    this.m.code.unlikely();
    this.m.code.brIf(this.#leave.slow);
  }

  // What is asked for, known here and now where the whole of it is

  /** Whether a bit of `how` is set. */
  asks(bit: number): Value {
    return this.#how.isConstant
      ? this.m.const(1, this.#known(bit) === 0 ? 0 : 1)
      : this.m.bit(this.#how, Math.log2(bit));
  }
  isKind(kind: number): Value {
    const { m } = this;
    const field = this.field(HOW_KIND_SHIFT, HOW_KIND);
    return field.isConstant ? m.const(1, field.constant === BigInt(kind) ? 1 : 0) : m.eq(field, m.const(32, kind));
  }
  field(shift: number, mask: number): Value {
    const { m } = this;
    if (this.#how.isConstant) return m.const(32, this.#known(mask << shift) >>> shift);
    return m.and(m.shr(this.#how, shift), m.const(32, mask));
  }
  #known(mask: number): number {
    return Number(this.#how.constant) & mask;
  }

  // Registers, by their offsets from OFFSET_X87

  /** ST(i) of the field of `how` at `shift`. */
  registerAt(shift: number): Value {
    const { m } = this;
    const number = this.field(shift, HOW_REGISTER);
    if (number.isConstant && number.constant === 0n) return this.top;
    return m.and(m.add(this.top, number), m.const(32, HOW_REGISTER));
  }
  get top(): Value {
    return this.m.and(this.m.shr(this.#status, TOP_TO_SLOT), this.m.const(32, HOW_REGISTER));
  }
  /** The register that a push fills; gives up if it is not empty. */
  pushed(): Value {
    const { m } = this;
    const slot = m.and(m.sub(this.top, m.const(32, SLOT_BYTES)), m.const(32, HOW_REGISTER));
    this.giveUpIf(this.isFull(slot));
    return slot;
  }
  isFull(slot: Value): Value {
    const { m } = this;
    return m.ne(m.and(this.#tags, this.#tagBit(slot)), m.const(32, 0));
  }

  /** Sign and exponent, and significand, as they are. */
  signExponent(slot: Value): Value {
    return this.m.zext(this.#load(slot, 8, 16), 32);
  }
  significand(slot: Value): Value {
    return this.#load(slot, 0, 64);
  }
  put(slot: Value, signExponent: Value, significand: Value): void {
    this.#store(slot, 0, significand);
    this.#store(slot, 8, this.m.trunc(signExponent, 16));
  }

  /** The number in a register, taken apart. Gives up where there is none. */
  read(slot: Value, { infinite = false } = {}): Extended {
    const { m } = this;
    this.require(this.isFull(slot));
    const word = this.signExponent(slot);
    const exponent = m.and(word, m.const(32, INFINITE));
    const number = { sign: m.shr(word, 15), exponent, significand: this.significand(slot) };
    m.rarely(m.not(this.isNormal(number)), () => {
      const zero = this.isZero(number);
      this.require(infinite ? m.or(zero, this.isInfinite(number)) : zero);
    });
    return number;
  }
  isNormal({ exponent, significand }: Extended): Value {
    return this.m.and(this.isInRange(exponent), this.m.less(significand, this.m.const(64, 0)));
  }
  isZero({ exponent, significand }: Extended): Value {
    return this.m.isZero(this.m.or(this.m.zext(exponent, 64), significand));
  }
  isInfinite({ exponent, significand }: Extended): Value {
    const { m } = this;
    return m.and(m.eq(exponent, m.const(32, INFINITE)), m.eq(significand, m.const(64, INTEGER_BIT)));
  }
  /** That of a normal number. */
  isInRange(exponent: Value): Value {
    return this.m.below(this.m.sub(exponent, this.m.const(32, 1)), this.m.const(32, LARGEST));
  }

  /** Sign and exponent as a register has them. */
  signExponentOf(sign: Value, exponent: Value): Value {
    return this.m.or(exponent, this.m.shl(sign, 15));
  }

  // The end

  /** What the instruction is to write to memory. */
  result(value: Value, signExponent?: Value): void {
    this.#leave.result(value, signExponent);
  }

  /**
   * Ends the instruction with bits of the status word, of which it `clears` some first; with a register `filled`; and
   * pops as `how` says.
   */
  finish(bits?: Value, clears = FSW_C1, filled?: Value): void {
    const { m } = this;
    const status = this.#with(bits, clears);
    const before = filled === undefined ? this.#tags : m.or(this.#tags, this.#tagBit(filled));
    const pops = this.field(0, HOW_POPS);
    if (pops.isConstant && pops.constant === 0n) {
      this.#finish(status, before);
      return;
    }
    const one = m.const(32, 1);
    const freed = m.shl(m.sub(m.shl(one, pops), one), m.shr(this.top, 4));
    const tags = m.and(before, m.not(m.or(freed, m.shr(freed, 8))));
    this.#finish(this.#moved(status, m.shl(pops, FSW_TOP_SHIFT)), tags);
  }
  /** Ends it with a register pushed. */
  finishPush(slot: Value): void {
    const { m } = this;
    const status = this.#moved(this.#with(undefined, FSW_C1), m.const(32, -1 << FSW_TOP_SHIFT));
    this.#finish(status, m.or(this.#tags, this.#tagBit(slot)));
  }
  /** Ends it with TOP moved, or a register empty. */
  finishMove(by: number): void {
    this.#finish(this.#moved(this.#with(undefined, FSW_C1), this.m.const(32, by << FSW_TOP_SHIFT)), this.#tags);
  }
  finishFree(slot: Value): void {
    const { m } = this;
    this.#finish(this.#with(undefined, FSW_C1), m.and(this.#tags, m.not(this.#tagBit(slot))));
  }
  /** Ends FLDCW, which changes nothing else. */
  finishControl(word: Value): void {
    const { m } = this;
    this.#leave.done(m.or(m.and(this.#control, m.const(64, ~0xffffn)), m.zext(word, 64)));
  }

  #with(bits: Value | undefined, clears: number): Value {
    const { m } = this;
    const kept = clears === 0 ? this.#status : m.and(this.#status, m.const(32, 0xffff & ~clears));
    return bits === undefined ? kept : m.or(kept, bits);
  }
  #moved(status: Value, by: Value): Value {
    const { m } = this;
    const top = m.and(m.add(status, by), m.const(32, FSW_TOP));
    return m.or(m.and(status, m.const(32, 0xffff & ~FSW_TOP)), top);
  }

  #finish(status: Value, tags: Value): void {
    const { m } = this;
    const low = m.or(this.fcw, m.shl(status, 16));
    const high = m.or(tags, m.shl(this.field(HOW_FOP_SHIFT, HOW_FOP), 16));
    this.#leave.done(m.or(m.zext(low, 64), m.shl(m.zext(high, 64), 32)));
  }

  #tagBit(slot: Value): Value {
    return this.m.shl(this.m.const(32, 1), this.m.shr(slot, 4));
  }
  #load(slot: Value, offset: number, bits: Bits): Value {
    this.#pushSlot(slot);
    this.m.code.memory(LOADS[bits], OFFSET_X87 + offset);
    return this.m.pop(bits);
  }
  #store(slot: Value, offset: number, value: Value): void {
    this.#pushSlot(slot);
    this.m.push(value);
    this.m.code.memory(STORES[value.bits], OFFSET_X87 + offset);
  }
  #pushSlot(slot: Value): void {
    this.m.code.get(this.m.vcpu);
    this.m.push(slot);
    this.m.code.op(op.OP_I32_ADD);
  }
}
