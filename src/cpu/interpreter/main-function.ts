/**
 * `run`, the interpreter's one big function: look up a RIP, then dispatch records with a `br_table` until control
 * leaves the page, something faults, or the budget is used up.
 */
import type { Code, Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import type { KnownFlags } from '../emit/flag-semantics.ts';
import { Semantics } from '../emit/semantics.ts';
import type { ControlFlow } from '../emit/tier.ts';
import { push, Value } from '../emit/values.ts';
import type { OperandHandle } from '../instructions/define.ts';
import { EVENT_HAS_ERROR } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import { mayStore } from './fusion.ts';
import { type Handler, isEmitted, SETS_ALL_FLAGS } from './handlers.ts';
import { PROFILE_SIDE, PROFILE_SINGLES } from './layout.ts';
import { emitLookUp } from './look-up.ts';
import { BUDGET, MainFrame, VCPU } from './main-frame.ts';
import { emitCountTaken, emitRegionEntry } from './region-entry.ts';
import { emitEnd, emitGoto, emitLeave, emitRaiseRecord, emitStop } from './pseudo-handlers.ts';
import * as record from './record.ts';
import { RecordOperands } from './record-operands.ts';
import { emitNoteCall, emitReturn } from './return-links.ts';
import { COLD_FAULT, COLD_JUMP, RUN_EVENT, RUN_EXIT } from './run-result.ts';
import type { RuntimeFunctions } from './runtime.ts';

/** Two hot handlers whose records follow one another, executed with one dispatch. */
export interface FusedPair {
  readonly first: Handler;
  readonly second: Handler;
}

export function emitMainFunction(
  hot: readonly Handler[],
  fused: readonly FusedPair[],
  runtime: RuntimeFunctions,
  options: { readonly profile: number | undefined; readonly regions: boolean },
): { code: Code; locals: { type: number; count: number }[] } {
  const main = new MainFunction(runtime, options.profile, options.regions);
  main.emit(hot, fused);
  return { code: main.code, locals: main.locals.locals() };
}

class MainFunction extends MainFrame implements ControlFlow {
  /** Address of the pair counters, in a build that profiles. */
  readonly #profile: number | undefined;
  readonly #previous = this.locals.fixed(op.TYPE_I32);
  readonly #counter = this.locals.fixed(op.TYPE_I32);

  constructor(runtime: RuntimeFunctions, profile: number | undefined, findsHotCode: boolean) {
    super(runtime, findsHotCode);
    this.#profile = profile;
  }

  emit(hot: readonly Handler[], fused: readonly FusedPair[]): void {
    const { code } = this;
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, state.OFFSET_RIP);
    code.set(this.rip);
    this.leave = code.block();
    this.lookUp = code.loop();
    emitLookUp(this);
    this.next = code.loop();
    this.#emitDispatch(hot, fused);
    code.end();
    code.end();
    code.end();
    this.#emitEvent();
  }

  // ControlFlow

  fault(): void {
    this.catchUp();
    this.code.br(this.leave);
  }

  raise(vector: number, errorCode: number): void {
    emitRaise(this.code, VCPU, vector, errorCode);
    this.fault();
  }

  jump(target: Value): void {
    this.catchUp();
    if (this.#is('CALL')) this.#noteCall();
    this.charge(1);
    if (this.#is('RET')) emitReturn(this, target);
    push(this.code, target);
    this.code.set(this.rip);
    this.code.br(this.lookUp);
  }

  jumpRelative(_handle: OperandHandle): void {
    const { code } = this;
    const context = this.#context as Handler;
    this.catchUp();
    if (this.#is('CALL')) this.#noteCall();
    this.charge(1);
    if (context.context.operandSize === 64) {
      // Linked and within the budget: on to the target's record.
      code.get(this.pc);
      code.memory(op.OP_I32_LOAD, record.RECORD_LINK);
      code.tee(this.temporary);
      code.i32(0);
      code.op(op.OP_I32_NE);
      code.get(BUDGET);
      code.i32(0);
      code.op(op.OP_I32_GT_S);
      code.op(op.OP_I32_AND);
      code.if();
      if (this.findsHotCode) emitCountTaken(this);
      code.get(this.temporary);
      code.tee(this.pc);
      code.set(this.start);
      code.br(this.next);
      code.end();
      code.get(this.pc);
      code.set(this.link);
    }
    this.pushTarget(context.context.operandSize);
    code.set(this.rip);
    code.br(this.lookUp);
  }

  instructionRip(): Value {
    this.#pushRecordPlace();
    this.code.i32(0xfff);
    this.code.op(op.OP_I32_AND);
    return this.#popRip();
  }

  // Of 64-bit code, whose instruction it is.
  #is(mnemonic: string): boolean {
    const { instruction, context } = this.#context as Handler;
    return instruction.mnemonic === mnemonic && context.stackSize === 64 && context.operandSize === 64;
  }

  // `pc` is its record.
  #noteCall(): void {
    const { ahead } = this;
    this.ahead = 0;
    emitNoteCall(this, this.nextRip());
    this.ahead = ahead;
  }

  nextRip(): Value {
    const { code } = this;
    const place = this.locals.take(op.TYPE_I32);
    this.#pushRecordPlace();
    code.tee(place);
    code.i32(12);
    code.op(op.OP_I32_SHR_U);
    code.get(place);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_ADD);
    return this.#popRip();
  }

  again(): void {
    this.catchUp();
    this.setRipOfRecord();
    this.charge(1);
    this.code.br(this.lookUp);
  }

  settle(): void {
    this.settleAt(this.ahead);
  }

  #pushRecordPlace(): void {
    this.code.get(this.pc);
    this.code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE + this.ahead * record.RECORD_SIZE);
  }

  // RIP from an offset in the page.
  #popRip(): Value {
    const { code } = this;
    const result = this.locals.take(op.TYPE_I64);
    code.op(op.OP_I64_EXTEND_I32_U);
    code.get(this.ipBase);
    code.op(op.OP_I64_ADD);
    code.set(result);
    return new Value(64, result);
  }

  #context: Handler | undefined;

  #emitDispatch(hot: readonly Handler[], fused: readonly FusedPair[]): void {
    const { code } = this;
    const count = record.PSEUDO_HANDLERS + hot.length + fused.length;
    const cold = code.block();
    const labels: Label[] = [];
    for (let i = count - 1; i >= 0; i--) labels[i] = code.block();
    if (this.#profile !== undefined) this.#emitProfile(this.#profile);
    code.get(this.pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
    code.brTable(labels, cold);
    const bodies = [
      () => emitLeave(this),
      () => emitGoto(this),
      () => emitEnd(this),
      () => emitStop(this),
      () => emitRaiseRecord(this),
      () => emitRegionEntry(this),
      ...hot.map((handler) => () => this.#emitHandlers([handler])),
      ...fused.map(
        ({ first, second }) =>
          () =>
            this.#emitHandlers([first, second]),
      ),
    ];
    for (const body of bodies) {
      code.end();
      body();
      this.locals.releaseAll();
    }
    code.end();
    this.#emitCold(count);
  }

  // Counts the handler, and the pair it makes with the one before.
  #emitProfile(counters: number): void {
    const { code } = this;
    code.get(this.pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
    code.tee(this.temporary);
    code.i32(2);
    code.op(op.OP_I32_SHL);
    this.#emitIncrement(counters + PROFILE_SINGLES);
    code.get(this.#previous);
    code.i32(PROFILE_SIDE);
    code.op(op.OP_I32_MUL);
    // Handlers past the square count as number 0.
    code.get(this.temporary);
    code.i32(0);
    code.get(this.temporary);
    code.i32(PROFILE_SIDE);
    code.op(op.OP_I32_LT_U);
    code.op(op.OP_SELECT);
    code.tee(this.#previous);
    code.op(op.OP_I32_ADD);
    code.i32(2);
    code.op(op.OP_I32_SHL);
    this.#emitIncrement(counters);
  }

  // The counter's offset is on the stack.
  #emitIncrement(counters: number): void {
    const { code } = this;
    code.tee(this.#counter);
    code.get(this.#counter);
    code.memory(op.OP_I32_LOAD, counters);
    code.i32(1);
    code.op(op.OP_I32_ADD);
    code.memory(op.OP_I32_STORE, counters);
  }

  #emitHandlers(handlers: readonly Handler[]): void {
    let previous: KnownFlags | undefined;
    for (const [ahead, handler] of handlers.entries()) {
      this.ahead = ahead;
      this.#context = handler;
      const operands = new RecordOperands(this.code, this.locals, handler.operands, this.#places(), () => this.fault());
      const places = { vcpu: VCPU, tlb: this.tlb };
      const m = new Semantics(this.code, this.locals, places, this.runtime, operands, this, handler.context, previous);
      const next = handlers[ahead + 1];
      const isStore = mayStore(handler);
      m.flagsAreDead = next !== undefined && !isStore && setsAllFlags(next);
      if (!isEmitted(handler.instruction)) throw new Error(`${handler.key} is not emitted code`);
      handler.instruction.execute(m, ...handler.operands.map((_, index) => ({ index })));
      previous = m.knownFlags;
      if (next !== undefined && isStore) this.#emitUnlessGone(ahead + 1);
    }
    this.#advance(handlers.length);
    this.ahead = 0;
  }

  // A store may change the very next instruction, or ask for the run to end: its record is then no instruction's.
  #emitUnlessGone(records: number): void {
    const { code } = this;
    code.get(this.pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER + records * record.RECORD_SIZE);
    code.i32(record.PSEUDO_HANDLERS);
    code.op(op.OP_I32_LT_U);
    code.unlikely();
    code.if();
    this.#advance(records);
    code.end();
  }

  #places(): { vcpu: number; pc: number; ipBase: number; addressFunction: number; ahead: number } {
    return {
      vcpu: VCPU,
      pc: this.pc,
      ipBase: this.ipBase,
      addressFunction: this.runtime.address,
      ahead: this.ahead,
    };
  }

  #advance(records: number): void {
    const { code } = this;
    code.get(this.pc);
    code.i32(records * record.RECORD_SIZE);
    code.op(op.OP_I32_ADD);
    code.set(this.pc);
    code.br(this.next);
  }

  #emitCold(hotCount: number): void {
    const { code } = this;
    const status = this.temporary;
    this.settleAt(0);
    code.get(VCPU);
    code.get(this.pc);
    code.get(this.ipBase);
    code.get(this.pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
    code.i32(hotCount);
    code.op(op.OP_I32_SUB);
    code.byte(op.OP_CALL_INDIRECT);
    code.u32(this.runtime.coldType);
    code.u32(0);
    code.tee(status);
    code.op(op.OP_I32_EQZ);
    code.if();
    this.#advance(1);
    code.end();
    code.get(status);
    code.i32(COLD_FAULT);
    code.op(op.OP_I32_EQ);
    code.brIf(this.leave);
    this.charge(1);
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, state.OFFSET_RIP);
    code.set(this.rip);
    code.get(status);
    code.i32(COLD_JUMP);
    code.op(op.OP_I32_EQ);
    code.brIf(this.lookUp);
    this.return(RUN_EXIT);
  }

  // Past the dispatch loops: something faulted at `pc`.
  #emitEvent(): void {
    const { code } = this;
    this.charge(0);
    code.get(VCPU);
    code.get(this.pc);
    code.memory(op.OP_I32_STORE, state.OFFSET_PC);
    code.get(VCPU);
    code.get(this.ipBase);
    code.memory(op.OP_I64_STORE, state.OFFSET_IP_BASE);
    code.get(VCPU);
    code.get(BUDGET);
    code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
    code.i32(RUN_EVENT);
  }
}

/** It sets every status flag, reads none, and cannot fault before it does. */
function setsAllFlags({ instruction, operands }: Handler): boolean {
  return SETS_ALL_FLAGS.has(instruction.mnemonic) && !operands.some(({ type }) => type === 'memory');
}

/** Emits the store of an exception into OFFSET_EVENT. */
export function emitRaise(code: Code, vcpu: number, vector: number, errorCode: number): void {
  code.get(vcpu);
  code.i32((vector + 1) | (errorCode >= 0 ? EVENT_HAS_ERROR : 0));
  code.memory(op.OP_I32_STORE, state.OFFSET_EVENT);
  code.get(vcpu);
  code.i32(Math.max(errorCode, 0));
  code.memory(op.OP_I32_STORE, state.OFFSET_EVENT_DATA);
}
