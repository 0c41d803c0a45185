/**
 * What every part of `run` shares: its locals, and the small pieces of code that keep RIP and the budget.
 *
 * Instructions are counted at taken branches: records of a run are contiguous, so the distance from where the run was
 * entered is the count.
 */
import { Code, type Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { LocalPool } from '../emit/values.ts';
import * as state from '../state.ts';
import * as record from './record.ts';
import type { RuntimeFunctions } from './runtime.ts';

// Parameters of `run`
export const VCPU = 0;
export const BUDGET = 1;
const PARAMETERS = 2;

export class MainFrame {
  readonly code = new Code();
  readonly locals = new LocalPool(PARAMETERS);
  readonly runtime: RuntimeFunctions;
  /** The record that is executed, and the one at which its run was entered. */
  readonly pc = this.locals.fixed(op.TYPE_I32);
  readonly start = this.locals.fixed(op.TYPE_I32);
  readonly tlb = this.locals.fixed(op.TYPE_I32);
  /** The branch to link to what is looked up, or 0. */
  readonly link = this.locals.fixed(op.TYPE_I32);
  readonly temporary = this.locals.fixed(op.TYPE_I32);
  readonly counter = this.locals.fixed(op.TYPE_I32);
  /** RIP of the first byte of the page that is executed. */
  readonly ipBase = this.locals.fixed(op.TYPE_I64);
  /** What is to be looked up. */
  readonly rip = this.locals.fixed(op.TYPE_I64);
  /** Where to branch: out with an event, to the look-up of `rip`, to the dispatch of `pc`. */
  leave = 0 as Label;
  lookUp = 0 as Label;
  next = 0 as Label;
  /** Records from `pc` to the one being emitted: 1 in the second half of a fused pair. */
  ahead = 0;

  /** Branches and look-ups are counted, to find what is worth a region. */
  readonly findsHotCode: boolean;

  constructor(runtime: RuntimeFunctions, findsHotCode: boolean) {
    this.runtime = runtime;
    this.findsHotCode = findsHotCode;
  }

  // In the second half of a pair `pc` still names the first record.
  catchUp(): void {
    if (this.ahead === 0) return;
    this.code.get(this.pc);
    this.code.i32(this.ahead * record.RECORD_SIZE);
    this.code.op(op.OP_I32_ADD);
    this.code.set(this.pc);
  }

  // budget -= records since the run was entered, and `extra`.
  charge(extra: number): void {
    this.#pushCharged(extra);
    this.code.set(BUDGET);
  }

  /** Stores which record is executed, `ahead` of `pc`, and what its predecessors left of the budget. */
  settleAt(ahead: number): void {
    const { code } = this;
    code.get(VCPU);
    this.#pushCharged(ahead);
    code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
    code.get(VCPU);
    code.get(this.pc);
    if (ahead !== 0) {
      code.i32(ahead * record.RECORD_SIZE);
      code.op(op.OP_I32_ADD);
    }
    code.memory(op.OP_I32_STORE, state.OFFSET_PC);
  }

  /** Pushes whether the budget is used up or something asked to stop. */
  pushMustStop(): void {
    const { code } = this;
    code.get(BUDGET);
    code.i32(0);
    code.op(op.OP_I32_LE_S);
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_STOP);
    code.op(op.OP_I32_OR);
  }

  #pushCharged(extra: number): void {
    const { code } = this;
    code.get(BUDGET);
    if (extra !== 0) {
      code.i32(extra);
      code.op(op.OP_I32_SUB);
    }
    code.get(this.pc);
    code.get(this.start);
    code.op(op.OP_I32_SUB);
    code.i32(Math.log2(record.RECORD_SIZE));
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I32_SUB);
  }

  /** Pushes the RIP at the record's displacement in the page. */
  pushTarget(operandSize: 16 | 32 | 64): void {
    const { code } = this;
    code.get(this.ipBase);
    code.get(this.pc);
    code.memory(op.OP_I64_LOAD32_S, record.RECORD_DISPLACEMENT);
    code.op(op.OP_I64_ADD);
    if (operandSize === 64) return;
    code.i64(operandSize === 32 ? 0xffffffffn : 0xffffn);
    code.op(op.OP_I64_AND);
  }

  /** `rip` is that of the record. */
  setRipOfRecord(): void {
    const { code } = this;
    code.get(this.ipBase);
    code.get(this.pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I64_EXTEND_I32_U);
    code.op(op.OP_I64_ADD);
    code.set(this.rip);
  }

  /** `ipBase` is that of the record `pc`, to which `rip` led. */
  setIpBase(): void {
    const { code } = this;
    code.get(this.rip);
    code.get(this.pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I64_EXTEND_I32_U);
    code.op(op.OP_I64_SUB);
    code.set(this.ipBase);
  }

  /** The state's RIP is `rip`. */
  saveRip(): void {
    this.code.get(VCPU);
    this.code.get(this.rip);
    this.code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
  }

  /** Returns from `run` with what is left of the budget in the state. */
  return(result: number): void {
    this.code.get(VCPU);
    this.code.get(BUDGET);
    this.code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
    this.code.i32(result);
    this.code.byte(op.OP_RETURN);
  }
}
