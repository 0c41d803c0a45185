/**
 * A region as a WebAssembly function: its blocks as structured control flow (Ramsey, "Beyond Relooper", ICFP 2022),
 * the definitions of its instructions emitted with constant operands, and the ways out.
 */
import type { Code, Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import type { ControlFlow } from '../emit/tier.ts';
import { push, Value } from '../emit/values.ts';
import type { OperandHandle } from '../instructions/define.ts';
import { isEmitted } from '../interpreter/handlers.ts';
import { COLD_FAULT, COLD_JUMP } from '../interpreter/run-result.ts';
import * as record from '../interpreter/record.ts';
import { emitRaise } from '../interpreter/main-function.ts';
import { MODE_CODE_64 } from '../mode.ts';
import * as state from '../state.ts';
import { flagsAreDead } from './dead-flags.ts';
import { type Block, relativeTarget } from './flow-graph.ts';
import { BUDGET, type FrameFlags, GROUP_OTHER, IP_BASE, RegionFrame, VCPU } from './region-frame.ts';
import { type RegionInstruction, RegionOperands } from './region-operands.ts';
import { RegionShape } from './region-shape.ts';
import { emitChain } from './region-chain.ts';
import { REGION_EVENT, REGION_EXIT, REGION_JUMP } from './region-result.ts';
import type { RegionRuntime } from './region-runtime.ts';
import { emitReturn } from './region-return.ts';
import { RegionSemantics } from './region-semantics.ts';

/** After so many instructions without a look at the budget there is one; see LONGEST_RUN. */
const UNCHECKED_LIMIT = 64;

export interface RegionSource {
  readonly blocks: readonly Block[];
  readonly mode: number;
  readonly view: DataView;
  /** A copy of a record that nothing takes the place of. */
  readonly copy: (pc: number) => number;
  /** The handler of a near RET in 64-bit code. */
  readonly returnHandler: number;
  /** Handlers from this number on are functions in the table of cold ones. */
  readonly firstCold: number;
}

export function emitRegion(
  source: RegionSource,
  runtime: RegionRuntime,
): { code: Code; locals: { type: number; count: number }[] } {
  const region = new RegionFunction(source, runtime);
  region.emit();
  return { code: region.frame.assemble(), locals: region.frame.locals.locals() };
}

interface BlockEnd {
  readonly known: FrameFlags | undefined;
  readonly isPair: boolean;
}

class RegionFunction implements ControlFlow {
  readonly frame: RegionFrame;
  readonly #source: RegionSource;
  readonly #shape: RegionShape;
  /** By place: where to branch to reach a block. */
  readonly #labels = new Map<number, Label>();
  readonly #ends = new Map<number, BlockEnd>();
  /** Instructions since the budget was last looked at, at most, on the way to a block. */
  readonly #unchecked: number[] = [];
  /** To what `frame.rip` has, with registers and flags to store; and to the RIP of the state, which has them all. */
  #chain = 0 as Label;
  #chainStored = 0 as Label;
  /** The block, instruction and number of instructions done in it, being emitted. */
  #place = 0;
  #instruction: RegionInstruction | undefined;
  #done = 0;

  constructor(source: RegionSource, runtime: RegionRuntime) {
    this.#source = source;
    this.frame = new RegionFrame(runtime);
    this.#shape = new RegionShape(source.blocks);
  }

  emit(): void {
    const { frame } = this;
    const { code } = frame;
    frame.markLoad();
    this.#loadTlb();
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_FLAGS_KIND);
    code.set(frame.flagsKind);
    frame.loadFlagWords();
    frame.exitStored = code.block();
    frame.exit = code.block();
    this.#chainStored = code.block();
    this.#chain = code.block();
    this.#emitTree(0);
    code.end();
    frame.markStore();
    frame.storeFlags();
    code.get(VCPU);
    code.get(frame.rip);
    code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    code.end();
    emitChain(frame);
    code.i32(REGION_JUMP);
    code.set(frame.result);
    code.br(frame.exitStored);
    code.end();
    frame.markStore();
    frame.storeFlags();
    code.end();
    code.get(VCPU);
    code.get(IP_BASE);
    code.memory(op.OP_I64_STORE, state.OFFSET_IP_BASE);
    code.get(VCPU);
    code.get(BUDGET);
    code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
    code.get(frame.result);
  }

  // ControlFlow

  fault(): void {
    this.#storePc((this.#instruction as RegionInstruction).pc);
    this.#charge(this.#done);
    this.#leave(REGION_EVENT);
  }

  raise(vector: number, errorCode: number): void {
    emitRaise(this.frame.code, VCPU, vector, errorCode);
    this.fault();
  }

  jump(target: Value): void {
    this.#charge(this.#done + 1);
    this.#chainTo(target);
  }

  jumpRelative(_handle: OperandHandle): void {
    const { handler, pc } = this.#instruction as RegionInstruction;
    const target = relativeTarget(handler, this.#source.view, pc) as number;
    const size = handler.context.operandSize;
    const isInPage = target >= 0 && target < 4096 && size !== 16;
    if (!isInPage && handler.instruction.mnemonic === 'JMP' && (this.#source.mode & MODE_CODE_64) !== 0) {
      this.#returnAt(target);
    }
    this.#charge(this.#done + 1);
    if (isInPage && handler.instruction.mnemonic !== 'CALL') this.#goTo(target);
    else this.#exitTo(target, size);
  }

  // Kernels with return thunks leave every function by a jump to the one RET: it is done here then, unless it faults.
  #returnAt(offset: number): void {
    const m = this.#semantics(this.#instruction as RegionInstruction);
    emitReturn(m, this.frame, this.#rip(offset), this.#source.returnHandler, (target) => {
      this.#charge(this.#done + 2);
      this.#chainTo(target);
    });
  }

  nextRip(): Value {
    const { offset, length } = this.#instruction as RegionInstruction;
    return this.#rip(offset + length);
  }

  again(): void {
    this.#charge(this.#done + 1);
    this.#exitTo((this.#instruction as RegionInstruction).offset, 64);
  }

  /** What reaches an intercept is done by the interpreter: see Mmu.memoryOnly. */
  settle(): void {}

  // Control flow

  #emitTree(place: number): void {
    const { code } = this.frame;
    const isLoop = this.#shape.predecessors(place).some((from) => from >= place);
    if (isLoop) this.#labels.set(place, code.loop());
    const children = this.#shape.labelled(place);
    for (const child of children.toReversed()) this.#labels.set(child, code.block());
    this.#emitBlock(place, isLoop);
    for (const child of children) {
      code.end();
      this.#emitTree(child);
    }
    if (isLoop) code.end();
  }

  #emitBlock(place: number, isLoop: boolean): void {
    const { frame } = this;
    const block = this.#shape.blocks[place] as Block;
    this.#place = place;
    this.#done = 0;
    frame.isInLoop = this.#shape.isInLoop(place);
    this.#enter(place);
    this.#checkBudget(place, isLoop);
    for (const instruction of block.instructions) {
      this.#instruction = instruction;
      this.#emitInstruction(instruction);
      frame.locals.releaseAll();
      frame.group = GROUP_OTHER;
      this.#done++;
    }
    this.#ends.set(place, { known: frame.known, isPair: frame.isPair });
    if (block.next < 0) return;
    this.#charge(this.#done);
    this.#place = place;
    this.#goTo(block.next);
  }

  // What is known of the flags comes from the only block before.
  #enter(place: number): void {
    const { frame } = this;
    const from = this.#shape.predecessors(place);
    const end = from.length === 1 && place !== 0 ? this.#ends.get(from[0] as number) : undefined;
    frame.known = end?.known;
    frame.isPair = end?.isPair ?? false;
  }

  #checkBudget(place: number, isLoop: boolean): void {
    const block = this.#shape.blocks[place] as Block;
    const before = Math.max(
      0,
      ...this.#shape.predecessors(place).map((from) => (from < place ? (this.#unchecked[from] as number) : 0)),
    );
    const isDue = isLoop || before + block.instructions.length > UNCHECKED_LIMIT;
    this.#unchecked[place] = block.instructions.length + (isDue ? 0 : before);
    if (!isDue) return;
    const { code } = this.frame;
    code.get(BUDGET);
    code.i32(0);
    code.op(op.OP_I32_LE_S);
    code.unlikely();
    code.if();
    this.#exitTo(block.offset, 64);
    code.end();
  }

  // To an offset in the page, within the region or out of it. The budget is charged.
  #goTo(offset: number): void {
    const target = this.#shape.placeOf(offset);
    const isKept = target !== undefined && this.#shape.goesTo(this.#place, target);
    if (!isKept) {
      this.#exitTo(offset, 64);
      return;
    }
    const isBack = target <= this.#place && this.#shape.dominates(target, this.#place);
    if (!isBack && this.#shape.isInline(target)) {
      this.#emitTree(target);
      return;
    }
    this.frame.code.br(this.#labels.get(target) as Label);
  }

  #exitTo(offset: number, size: 16 | 32 | 64): void {
    const { code, rip } = this.frame;
    push(code, this.#rip(offset));
    if (size !== 64) {
      code.i64(size === 32 ? 0xffffffffn : 0xffffn);
      code.op(op.OP_I64_AND);
    }
    code.set(rip);
    code.br(this.#chain);
  }

  #chainTo(target: Value): void {
    const { code, rip } = this.frame;
    push(code, target);
    code.set(rip);
    code.br(this.#chain);
  }

  #leave(result: number): void {
    const { code } = this.frame;
    code.i32(result);
    code.set(this.frame.result);
    code.br(this.frame.exit);
  }

  // Instructions

  #emitInstruction(instruction: RegionInstruction): void {
    const { handler } = instruction;
    if (!isEmitted(handler.instruction) || this.#isOutOfLine(instruction)) {
      this.#emitCall(instruction);
      return;
    }
    const m = this.#semantics(instruction);
    m.flagsAreDead = flagsAreDead((this.#shape.blocks[this.#place] as Block).instructions, this.#done);
    handler.instruction.execute(m, ...handler.operands.map((_, index) => ({ index })));
  }

  #semantics(instruction: RegionInstruction): RegionSemantics {
    const { view, mode } = this.#source;
    const operands = new RegionOperands(this.frame, view, instruction, mode, this);
    return new RegionSemantics(this.frame, operands, this, instruction.handler.context);
  }

  // Long code that gains nothing from being here.
  #isOutOfLine({ handler, pc }: RegionInstruction): boolean {
    const isCold = this.#source.view.getUint16(pc + record.RECORD_HANDLER, true) >= this.#source.firstCold;
    return isCold && (handler.context.repeat !== '' || OUT_OF_LINE.has(handler.instruction.mnemonic));
  }

  // The interpreter's function for it, with the registers in the state block meanwhile.
  #emitCall(instruction: RegionInstruction): void {
    const { offset, length, handler } = instruction;
    const { frame } = this;
    const pc = this.#source.copy(instruction.pc);
    const { code } = frame;
    frame.settleFlags();
    frame.markStore();
    frame.storeFlags();
    code.get(VCPU);
    code.get(BUDGET);
    code.i32(this.#done);
    code.op(op.OP_I32_SUB);
    code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
    this.#storePc(pc);
    code.get(VCPU);
    code.i32(pc);
    code.get(IP_BASE);
    code.i32(this.#source.view.getUint16(pc + record.RECORD_HANDLER, true) - this.#source.firstCold);
    code.byte(op.OP_CALL_INDIRECT);
    code.u32(frame.runtime.coldType);
    code.u32(0);
    code.tee(frame.result);
    code.unlikely();
    code.if();
    this.#leaveAfterCall();
    code.end();
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_STOP);
    code.unlikely();
    code.if();
    code.get(VCPU);
    push(code, this.#rip(offset + length));
    code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    this.#charge(this.#done + 1);
    code.i32(REGION_JUMP);
    code.set(frame.result);
    code.br(frame.exitStored);
    code.end();
    frame.markLoad();
    frame.loadFlagWords();
    this.#loadTlb();
    frame.known = undefined;
    frame.flagsVersion++;
    if (handler.instruction.ends) {
      this.#charge(this.#done + 1);
      this.#exitTo(offset + length, 64);
    }
  }

  // `result` is what the cold handler returned, not COLD_NEXT.
  #leaveAfterCall(): void {
    const { frame } = this;
    const { code } = frame;
    code.get(frame.result);
    code.i32(COLD_FAULT);
    code.op(op.OP_I32_EQ);
    code.if();
    this.#charge(this.#done);
    code.i32(REGION_EVENT);
    code.set(frame.result);
    code.br(frame.exitStored);
    code.end();
    this.#charge(this.#done + 1);
    code.get(frame.result);
    code.i32(COLD_JUMP);
    code.op(op.OP_I32_EQ);
    code.if();
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, state.OFFSET_RIP);
    code.set(frame.rip);
    code.br(this.#chainStored);
    code.end();
    code.i32(REGION_EXIT);
    code.set(frame.result);
    code.br(frame.exitStored);
  }

  #loadTlb(): void {
    const { code, tlb } = this.frame;
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_TLB);
    code.set(tlb);
  }

  #storePc(pc: number): void {
    const { code } = this.frame;
    code.get(VCPU);
    code.i32(pc);
    code.memory(op.OP_I32_STORE, state.OFFSET_PC);
  }

  #charge(instructions: number): void {
    if (instructions === 0) return;
    const { code } = this.frame;
    code.get(BUDGET);
    code.i32(instructions);
    code.op(op.OP_I32_SUB);
    code.set(BUDGET);
  }

  #rip(offset: number): Value {
    const { code, locals } = this.frame;
    const local = locals.take(op.TYPE_I64);
    code.get(IP_BASE);
    code.i64(BigInt(offset));
    code.op(op.OP_I64_ADD);
    code.set(local);
    return new Value(64, local);
  }
}

const OUT_OF_LINE = new Set(['PUSHA', 'POPA', 'ENTER', 'DIV', 'IDIV', 'CMPS', 'SCAS', 'LODS', 'RCL', 'RCR']);
