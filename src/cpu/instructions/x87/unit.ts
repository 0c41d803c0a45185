/**
 * The x87 unit as emitted code has it. The function of an instruction looks at what it needs, and gives up before
 * anything has changed if that is not plain: exceptions that are masked, numbers that are normal or zero. TypeScript does
 * the instruction then, from its start (fpu/x87-slow.ts), and knows all of the manual.
 */
import type { Label } from '../../emit/code.ts';
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import { type Bits, LOADS, STORES, type Value } from '../../emit/values.ts';
import {
  CONTROL_FCS,
  CONTROL_FCW,
  CONTROL_FDP,
  CONTROL_FDS,
  CONTROL_FIP,
  CONTROL_FOP,
  CONTROL_FSW,
  CONTROL_FTW,
  FSW_C1,
  FSW_TOP,
} from '../../fpu/x87-state.ts';
import * as state from '../../state.ts';
import { segmentAt } from '../../emit/system-semantics.ts';
import { VECTOR_X87 } from '../../system/vector-slow.ts';
import { HOW_FOP, HOW_FOP_SHIFT, HOW_MEMORY, HOW_POPS, HOW_REGISTER } from './operation.ts';
import { X87_SLOW_ADDRESS, X87_SLOW_DONE, X87_SLOW_OPERAND, X87_SLOW_RIP } from '../../fpu/x87-slow.ts';

const CONTROL = state.OFFSET_X87_CONTROL;
const ALL_MASKED = 0x3f;
/** From TOP in the status word to 16 times TOP: how far apart registers are. */
const TOP_TO_SLOT = 7;
const SLOT_BYTES = 16;
const TOP_SHIFT = 11;
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

export class X87Function {
  readonly m: Semantics;
  readonly how: Value;
  readonly operand: Value;
  readonly fcw: Value;
  readonly #rip: Value;
  readonly #address: Value;
  readonly #status: Value;
  readonly #tags: Value;
  readonly #slow: Label;

  /**
   * Emits what `body` does, which is over on each way with a `finish` or by giving up, and the way to TypeScript behind it.
   * Returns what the function returns.
   */
  static emit(m: Semantics, parameters: readonly Value[], body: (x: X87Function) => void): Value {
    const slow = m.code.block();
    const x = new X87Function(m, parameters, slow);
    body(x);
    m.code.end();
    return x.#callTypeScript();
  }

  private constructor(m: Semantics, parameters: readonly Value[], slow: Label) {
    this.m = m;
    [this.how, this.#rip, this.operand, this.#address] = parameters as [Value, Value, Value, Value];
    this.#slow = slow;
    this.fcw = this.#control(CONTROL_FCW);
    this.#status = this.#control(CONTROL_FSW);
    this.#tags = this.#control(CONTROL_FTW);
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
    this.m.code.brIf(this.#slow);
  }

  /** Whether a bit of `how` is set. */
  asks(bit: number): Value {
    return this.m.bit(this.how, Math.log2(bit));
  }
  field(shift: number, mask: number): Value {
    return this.m.and(this.m.shr(this.how, shift), this.m.const(32, mask));
  }

  // Registers, by their offsets from OFFSET_X87

  /** ST(i) of the field of `how` at `shift`. */
  registerAt(shift: number): Value {
    return this.m.and(this.m.add(this.top, this.field(shift, HOW_REGISTER)), this.m.const(32, HOW_REGISTER));
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

  /**
   * Ends the instruction with bits of the status word, of which it `clears` some first; with a register `filled`; and
   * pops as `how` says.
   */
  finish(bits?: Value, clears = FSW_C1, filled?: Value): void {
    const { m } = this;
    const pops = m.and(this.how, m.const(32, HOW_POPS));
    const one = m.const(32, 1);
    const freed = m.shl(m.sub(m.shl(one, pops), one), m.shr(this.top, 4));
    const before = filled === undefined ? this.#tags : m.or(this.#tags, this.#tagBit(filled));
    const tags = m.and(before, m.not(m.or(freed, m.shr(freed, 8))));
    this.#finish(this.#moved(this.#with(bits, clears), m.shl(pops, TOP_SHIFT)), tags);
  }
  /** Ends it with a register pushed. */
  finishPush(slot: Value): void {
    const { m } = this;
    const status = this.#moved(this.#with(undefined, FSW_C1), m.const(32, -1 << TOP_SHIFT));
    this.#finish(status, m.or(this.#tags, this.#tagBit(slot)));
  }
  /** Ends it with TOP moved, or a register empty. */
  finishMove(by: number): void {
    this.#finish(this.#moved(this.#with(undefined, FSW_C1), this.m.const(32, by << TOP_SHIFT)), this.#tags);
  }
  finishFree(slot: Value): void {
    const { m } = this;
    this.#finish(this.#with(undefined, FSW_C1), m.and(this.#tags, m.not(this.#tagBit(slot))));
  }

  /** Ends FLDCW, which changes nothing else. */
  finishControl(word: Value): void {
    this.#setControl(CONTROL_FCW, word);
    this.#return();
  }

  #with(bits: Value | undefined, clears: number): Value {
    const { m } = this;
    const kept = m.and(this.#status, m.const(32, 0xffff & ~clears));
    return bits === undefined ? kept : m.or(kept, bits);
  }
  #moved(status: Value, by: Value): Value {
    const { m } = this;
    const top = m.and(m.add(status, by), m.const(32, FSW_TOP));
    return m.or(m.and(status, m.const(32, 0xffff & ~FSW_TOP)), top);
  }

  #finish(status: Value, tags: Value): void {
    const { m } = this;
    this.#setControl(CONTROL_FSW, status);
    this.#setControl(CONTROL_FTW, tags);
    this.#setControl(CONTROL_FOP, this.field(HOW_FOP_SHIFT, HOW_FOP));
    this.#setControl(CONTROL_FCS, m.loadState(segmentAt(state.CS) + state.SEGMENT_SELECTOR, 16));
    m.storeState(CONTROL + CONTROL_FIP, this.#rip);
    m.if(this.asks(HOW_MEMORY), () => {
      m.storeState(CONTROL + CONTROL_FDP, this.#address);
      this.#setControl(CONTROL_FDS, m.loadState(segmentAt(state.DS) + state.SEGMENT_SELECTOR, 16));
    });
    this.#return();
  }

  #return(): void {
    this.m.push(this.m.const(32, X87_SLOW_DONE));
    this.m.code.byte(op.OP_RETURN);
  }

  #callTypeScript(): Value {
    const { m } = this;
    m.storeState(X87_SLOW_OPERAND, this.operand);
    m.storeState(X87_SLOW_RIP, this.#rip);
    m.storeState(X87_SLOW_ADDRESS, this.#address);
    m.push(m.or(this.field(HOW_FOP_SHIFT, HOW_FOP), m.const(32, VECTOR_X87)));
    m.code.call(m.runtime.vectorSlow);
    return m.pop(32);
  }

  #control(offset: number): Value {
    return this.m.zext(this.m.loadState(CONTROL + offset, 16), 32);
  }
  #setControl(offset: number, value: Value): void {
    this.m.storeState(CONTROL + offset, this.m.trunc(value, 16));
  }

  #tagBit(slot: Value): Value {
    return this.m.shl(this.m.const(32, 1), this.m.shr(slot, 4));
  }
  #load(slot: Value, offset: number, bits: Bits): Value {
    this.#pushSlot(slot);
    this.m.code.memory(LOADS[bits], state.OFFSET_X87 + offset);
    return this.m.pop(bits);
  }
  #store(slot: Value, offset: number, value: Value): void {
    this.#pushSlot(slot);
    this.m.push(value);
    this.m.code.memory(STORES[value.bits], state.OFFSET_X87 + offset);
  }
  #pushSlot(slot: Value): void {
    this.m.code.get(this.m.vcpu);
    this.m.push(slot);
    this.m.code.op(op.OP_I32_ADD);
  }
}
