/** The ways out of a region's function. */
import type { Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { push, Value } from '../emit/values.ts';
import * as record from '../interpreter/record.ts';
import * as state from '../state.ts';
import { emitChain } from './region-chain.ts';
import { BUDGET, IP_BASE, type RegionFrame, VCPU } from './region-frame.ts';
import type { RegionMeter } from './region-meter.ts';
import type { RegionInstruction } from './region-operands.ts';
import { REGION_EVENT, REGION_JUMP } from './region-result.ts';

/** Bits for the instructions of a block in what says where a fault was. */
const DONE_BITS = 6;

export class RegionExits {
  readonly #frame: RegionFrame;
  /** To what `frame.rip` has: with registers and flags to store, and when they are in the state. */
  chain = 0 as Label;
  chainStored = 0 as Label;
  /** To the interpreter at `frame.rip`: all else is in the state. */
  stay = 0 as Label;
  /** Out with `frame.result`: all is in the state. */
  stored = 0 as Label;
  #fault = 0 as Label;
  /** Where a fault was: its record, and how many instructions of the block came before; its page. */
  readonly #site: number;
  readonly #page: number;
  readonly #hasPages: boolean;
  readonly #isWide: boolean;
  /** Where a tool asked for counts. */
  readonly meter: RegionMeter | undefined;

  /** `hasPages`: the region's instructions are in more than one page. `isWide`: they are 64-bit code. */
  constructor(frame: RegionFrame, hasPages: boolean, isWide: boolean, meter?: RegionMeter) {
    this.#frame = frame;
    this.#isWide = isWide;
    this.meter = meter;
    this.#site = frame.locals.fixed(op.TYPE_I32);
    this.#page = frame.locals.fixed(op.TYPE_I32);
    this.#hasPages = hasPages;
  }

  /** Emits what `body` does, and where control goes when it leaves. */
  around(body: () => void): void {
    const frame = this.#frame;
    const { code } = frame;
    this.meter?.begin(frame);
    this.stored = code.block();
    this.#fault = code.block();
    this.stay = code.block();
    this.chainStored = code.block();
    this.chain = code.block();
    body();
    code.end();
    frame.markStore();
    frame.storeFlags();
    code.end();
    emitChain(frame, this.#isWide, this.stay, this.meter);
    code.end();
    code.get(VCPU);
    code.get(frame.rip);
    code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    this.#leaveWith(REGION_JUMP);
    code.end();
    this.#emitFault();
    code.end();
    this.meter?.end(frame);
    code.get(VCPU);
    code.get(IP_BASE);
    code.memory(op.OP_I64_STORE, state.OFFSET_IP_BASE);
    code.get(VCPU);
    code.get(BUDGET);
    code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
    code.get(frame.result);
  }

  /** To RIP `offset` bytes past the page of the entry, as wide as the code is. The budget is charged. */
  jump(offset: number, size: 16 | 32 | 64): void {
    const { code, rip } = this.#frame;
    this.#frame.leaveWithFlags();
    push(code, this.rip(offset));
    if (size !== 64) {
      code.i64(size === 32 ? 0xffffffffn : 0xffffn);
      code.op(op.OP_I64_AND);
    }
    code.set(rip);
    code.br(this.chain);
  }

  /** With the event of the state, raised by an instruction that came after `done` others of its block. */
  fault(instruction: RegionInstruction, done: number): void {
    this.#setSite(instruction, done);
    this.#frame.code.br(this.#fault);
  }

  /** The same if there is one. */
  faultOnEvent(instruction: RegionInstruction, done: number): void {
    const { code } = this.#frame;
    this.#setSite(instruction, done);
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_EVENT);
    code.unlikely();
    code.brIf(this.#fault);
  }

  /** With a result, when all is in the state. */
  leave(result: number): void {
    this.meter?.leaves(this.#frame, result);
    this.#leaveWith(result);
  }

  #leaveWith(result: number): void {
    const { code } = this.#frame;
    code.i32(result);
    code.set(this.#frame.result);
    code.br(this.stored);
  }

  charge(instructions: number): void {
    if (instructions === 0) return;
    const { code } = this.#frame;
    code.get(BUDGET);
    code.i32(instructions);
    code.op(op.OP_I32_SUB);
    code.set(BUDGET);
  }

  rip(offset: number): Value {
    const { code, locals } = this.#frame;
    const local = locals.take(op.TYPE_I64);
    code.get(IP_BASE);
    code.i64(BigInt(offset));
    code.op(op.OP_I64_ADD);
    code.set(local);
    return new Value(64, local);
  }

  /** Pushes where the page at an offset starts. */
  pushIpBase(page: number): void {
    const { code } = this.#frame;
    code.get(IP_BASE);
    if (page === 0) return;
    code.i64(BigInt(page));
    code.op(op.OP_I64_ADD);
  }

  storePc(pc: number): void {
    const { code } = this.#frame;
    code.get(VCPU);
    code.i32(pc);
    code.memory(op.OP_I32_STORE, state.OFFSET_PC);
  }

  #setSite({ pc, page }: RegionInstruction, done: number): void {
    const { code } = this.#frame;
    this.#frame.leaveWithFlags();
    code.i32(((pc / record.RECORD_SIZE) << DONE_BITS) | done);
    code.set(this.#site);
    if (!this.#hasPages) return;
    code.i32(page);
    code.set(this.#page);
  }

  #emitFault(): void {
    const frame = this.#frame;
    const { code } = frame;
    frame.markStore();
    frame.storeFlags();
    code.get(VCPU);
    code.get(this.#site);
    code.i32(DONE_BITS);
    code.op(op.OP_I32_SHR_U);
    code.i32(Math.log2(record.RECORD_SIZE));
    code.op(op.OP_I32_SHL);
    code.memory(op.OP_I32_STORE, state.OFFSET_PC);
    code.get(BUDGET);
    code.get(this.#site);
    code.i32((1 << DONE_BITS) - 1);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_SUB);
    code.set(BUDGET);
    if (this.#hasPages) {
      code.get(IP_BASE);
      code.get(this.#page);
      code.op(op.OP_I64_EXTEND_I32_S);
      code.op(op.OP_I64_ADD);
      code.set(IP_BASE);
    }
    this.meter?.leaves(frame, REGION_EVENT);
    code.i32(REGION_EVENT);
    code.set(frame.result);
  }
}
