/** The x87 unit's control words and pointers in locals while a region runs; its registers stay in the state. */
import type { Code } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { type LocalPool, push, Value } from '../emit/values.ts';
import { CONTROL_FCS, CONTROL_FDP, CONTROL_FDS, CONTROL_FIP } from '../fpu/x87-state.ts';
import { CS, DS, OFFSET_SEGMENTS, OFFSET_X87_CONTROL, SEGMENT_SELECTOR, SEGMENT_SIZE } from '../state.ts';

/** Which selectors are to be kept, beside which pointers: those of the instruction, or of its operand too. */
const HAS_INSTRUCTION = 1;
const HAS_OPERAND = 2;

interface PointerLocals {
  readonly fip: number;
  readonly fdp: number;
  /** HAS_*: what was executed since pointers were in the state. */
  readonly has: number;
}

export class RegionX87 {
  readonly #code: Code;
  readonly #locals: LocalPool;
  readonly #vcpu: number;
  #control: number | undefined;
  #isWritten = false;
  #pointers: PointerLocals | undefined;

  constructor(code: Code, locals: LocalPool, vcpu: number) {
    this.#code = code;
    this.#locals = locals;
    this.#vcpu = vcpu;
  }

  /** See Semantics.x87Control. */
  control(): Value {
    const local = this.#locals.take(op.TYPE_I64);
    this.#code.get(this.#controlLocal());
    this.#code.set(local);
    return new Value(64, local);
  }

  setControl(value: Value): void {
    this.#isWritten = true;
    push(this.#code, value);
    this.#code.set(this.#controlLocal());
  }

  /** See Semantics.setX87Pointers. */
  setPointers(rip: Value, address: Value | undefined): void {
    const { fip, fdp, has } = this.#pointerLocals();
    this.#set(fip, rip);
    if (address !== undefined) this.#set(fdp, address);
    this.#code.i32(address === undefined ? HAS_INSTRUCTION : HAS_INSTRUCTION | HAS_OPERAND);
    if (address === undefined) {
      this.#code.get(has);
      this.#code.op(op.OP_I32_OR);
    }
    this.#code.set(has);
  }

  /** The state has them now. */
  forgetPointers(): void {
    this.#code.i32(0);
    this.#code.set(this.#pointerLocals().has);
  }

  /** Emits the way to the state of what the region changes, and the way back of what it uses. */
  store(to: Code): void {
    if (this.#control !== undefined && this.#isWritten) this.#store(to, this.#control, 0);
    if (this.#pointers === undefined) return;
    const { fip, fdp, has } = this.#pointers;
    to.get(has);
    to.if();
    this.#store(to, fip, CONTROL_FIP);
    this.#storeSelector(to, CS, CONTROL_FCS);
    to.get(has);
    to.i32(HAS_OPERAND);
    to.op(op.OP_I32_AND);
    to.if();
    this.#store(to, fdp, CONTROL_FDP);
    this.#storeSelector(to, DS, CONTROL_FDS);
    to.end();
    to.end();
  }

  load(to: Code): void {
    if (this.#control !== undefined) {
      to.get(this.#vcpu);
      to.memory(op.OP_I64_LOAD, OFFSET_X87_CONTROL);
      to.set(this.#control);
    }
    if (this.#pointers === undefined) return;
    to.i32(0);
    to.set(this.#pointers.has);
  }

  #store(to: Code, local: number, offset: number): void {
    to.get(this.#vcpu);
    to.get(local);
    to.memory(op.OP_I64_STORE, OFFSET_X87_CONTROL + offset);
  }

  #storeSelector(to: Code, segment: number, offset: number): void {
    to.get(this.#vcpu);
    to.get(this.#vcpu);
    to.memory(op.OP_I32_LOAD16_U, OFFSET_SEGMENTS + segment * SEGMENT_SIZE + SEGMENT_SELECTOR);
    to.memory(op.OP_I32_STORE16, OFFSET_X87_CONTROL + offset);
  }

  #set(local: number, value: Value): void {
    push(this.#code, value);
    this.#code.set(local);
  }

  #controlLocal(): number {
    this.#control ??= this.#locals.fixed(op.TYPE_I64);
    return this.#control;
  }

  #pointerLocals(): PointerLocals {
    this.#pointers ??= {
      fip: this.#locals.fixed(op.TYPE_I64),
      fdp: this.#locals.fixed(op.TYPE_I64),
      has: this.#locals.fixed(op.TYPE_I32),
    };
    return this.#pointers;
  }
}
