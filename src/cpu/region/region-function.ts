/**
 * A region as a WebAssembly function: its blocks as structured control flow (Ramsey, "Beyond Relooper", ICFP 2022),
 * the definitions of its instructions emitted with constant operands, and the ways out.
 */
import type { Code, Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { push, type Value } from '../emit/values.ts';
import type { OperandHandle } from '../instructions/define.ts';
import { EVENT_INTERPRET } from '../mmu/mmu.ts';
import { isEmitted } from '../interpreter/handlers.ts';
import * as record from '../interpreter/record.ts';
import { emitRaise } from '../interpreter/main-function.ts';
import { MODE_CODE_64 } from '../mode.ts';
import * as state from '../state.ts';
import type { AccessState } from './access-groups.ts';
import { flagsAreDead } from './dead-flags.ts';
import { type Block, isIndirectCall, NOWHERE, offsetOf, placeOf, relativeTarget } from './flow-graph.ts';
import { BUDGET, type FrameFlags, RegionFrame, VCPU } from './region-frame.ts';
import { type RegionInstruction, RegionOperands } from './region-operands.ts';
import { RegionShape } from './region-shape.ts';
import { emitColdCall } from './cold-call.ts';
import { emitCountEntry } from './region-chain.ts';
import { PageGuards } from './page-guards.ts';
import { RegionExits } from './region-exits.ts';
import type { RegionMeter } from './region-meter.ts';
import type { RegionRuntime } from './region-runtime.ts';
import type { RegionControl } from './region-memory.ts';
import { RegionSemantics } from './region-semantics.ts';

/** After so many instructions without a look at the budget there is one; see LONGEST_RUN. */
const UNCHECKED_LIMIT = 64;

export interface RegionSource {
  readonly blocks: readonly Block[];
  readonly mode: number;
  readonly view: DataView;
  /** A copy of a record of a machine frame, which nothing takes the place of. */
  readonly copy: (pc: number, frame: number) => number;
  /** Handlers from this number on are functions in the table of cold ones. */
  readonly firstCold: number;
  readonly followsCalls: boolean;
  /** Its place in the table of regions, where it is to be made anew if it is entered often. */
  readonly counted: number | undefined;
  /** Counts, for tools. */
  readonly meter?: RegionMeter | undefined;
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
  readonly accesses: AccessState;
}

class RegionFunction implements RegionControl {
  readonly frame: RegionFrame;
  readonly #source: RegionSource;
  readonly #shape: RegionShape;
  /** By place: where to branch to reach a block. */
  readonly #labels = new Map<number, Label>();
  readonly #ends = new Map<number, BlockEnd>();
  readonly #guards: PageGuards;
  readonly #exits: RegionExits;
  /** Instructions since the budget was last looked at, at most, on the way to a block. */
  readonly #unchecked: number[] = [];
  /** The block, instruction and number of instructions done in it, being emitted. */
  #place = 0;
  #instruction: RegionInstruction | undefined;
  #done = 0;

  constructor(source: RegionSource, runtime: RegionRuntime) {
    this.#source = source;
    this.frame = new RegionFrame(runtime);
    this.#shape = new RegionShape(source.blocks);
    this.#guards = new PageGuards(this.frame, this.#shape.blocks);
    const isWide = (source.mode & MODE_CODE_64) !== 0;
    this.#exits = new RegionExits(this.frame, this.#guards.isNeeded, isWide, source.meter);
  }

  emit(): void {
    const { frame } = this;
    const { code } = frame;
    frame.markLoad();
    frame.loadTlb();
    this.#guards.enter();
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_FLAGS_KIND);
    code.set(frame.flagsKind);
    frame.loadFlagWords();
    this.#exits.around(() => {
      this.#countEntry();
      this.#emitTree(0);
    });
  }

  #countEntry(): void {
    const { counted, blocks, meter } = this.#source;
    if (counted === undefined) return;
    const { frame } = this;
    push(frame.code, this.#exits.rip((blocks[0] as Block).offset));
    frame.code.set(frame.rip);
    emitCountEntry(frame, counted, this.#exits.stay, meter);
    frame.locals.releaseAll();
  }

  // ControlFlow

  fault(): void {
    this.#exits.fault(this.#instruction as RegionInstruction, this.#done);
  }

  faultOnEvent(): void {
    this.#exits.faultOnEvent(this.#instruction as RegionInstruction, this.#done);
  }

  raise(vector: number, errorCode: number): void {
    emitRaise(this.frame.code, VCPU, vector, errorCode);
    this.fault();
  }

  jump(target: Value): void {
    const { code } = this.frame;
    this.#exits.charge(this.#done + 1);
    const { returns, taken } = this.#shape.blocks[this.#place] as Block;
    const expected = returns === NOWHERE ? taken : returns;
    if (this.#goesTo(expected)) {
      push(code, target);
      push(code, this.#exits.rip(offsetOf(expected)));
      code.op(op.OP_I64_EQ);
      code.likely();
      code.if();
      this.#goTo(expected);
      code.end();
    }
    this.#writeDown(target);
    push(code, target);
    code.set(this.frame.rip);
    code.br(this.#exits.chain);
  }

  // Where an indirect call goes, for the region that takes the place of this one: see flow-graph.ts.
  #writeDown(target: Value): void {
    const { followsCalls } = this.#source;
    const { handler, pc, page } = this.#instruction as RegionInstruction;
    if (followsCalls || !isIndirectCall(handler)) return;
    const { code } = this.frame;
    code.i32(pc);
    push(code, target);
    this.#exits.pushIpBase(page);
    code.op(op.OP_I64_SUB);
    code.op(op.OP_I32_WRAP_I64);
    code.memory(op.OP_I32_STORE, record.RECORD_SEEN);
  }

  jumpRelative(_handle: OperandHandle): void {
    const { handler, pc, page } = this.#instruction as RegionInstruction;
    const size = handler.context.operandSize;
    const { taken } = this.#shape.blocks[this.#place] as Block;
    this.#exits.charge(this.#done + 1);
    if (taken !== NOWHERE && size !== 16) this.#goTo(taken);
    else this.#exits.jump(page + (relativeTarget(handler, this.#source.view, pc) as number), size);
  }

  instructionRip(): Value {
    return this.#exits.rip((this.#instruction as RegionInstruction).offset);
  }

  nextRip(): Value {
    const { offset, length } = this.#instruction as RegionInstruction;
    return this.#exits.rip(offset + length);
  }

  again(): void {
    this.#exits.charge(this.#done + 1);
    this.#exits.jump((this.#instruction as RegionInstruction).offset, 64);
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
    frame.isInLoop = this.#shape.isLoop(place);
    this.#enter(place);
    this.#checkBudget(place, isLoop);
    this.#source.meter?.block(frame, block);
    for (const instruction of block.instructions) {
      this.#instruction = instruction;
      frame.begin();
      this.#emitInstruction(instruction);
      frame.locals.releaseAll();
      this.#done++;
    }
    this.#ends.set(place, { known: frame.known, isPair: frame.isPair, accesses: frame.accesses.state() });
    if (block.next === NOWHERE) return;
    this.#exits.charge(this.#done);
    this.#place = place;
    this.#goTo(block.next);
  }

  // What is known comes from the only block before.
  #enter(place: number): void {
    const { frame } = this;
    const from = this.#shape.predecessors(place);
    const end = from.length === 1 && place !== 0 ? this.#ends.get(from[0] as number) : undefined;
    frame.known = end?.known;
    frame.isPair = end?.isPair ?? false;
    frame.accesses.goOn(end?.accesses);
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
    this.#exits.jump(block.offset, 64);
    code.end();
  }

  // To a block of the region, or out of it. The budget is charged.
  #goTo(key: number): void {
    const target = this.#goesTo(key) ? this.#shape.placeOf(key) : undefined;
    const offset = offsetOf(key);
    if (target === undefined) {
      this.#exits.jump(offset, 64);
      return;
    }
    const from = this.#shape.blocks[this.#place] as Block;
    const to = this.#shape.blocks[target] as Block;
    if (placeOf(to) !== placeOf(from)) {
      this.#guards.pass(to, () => this.#exits.rip(offset), this.#exits.chain);
    }
    const isBack = target <= this.#place && this.#shape.dominates(target, this.#place);
    if (!isBack && this.#shape.isInline(target)) {
      this.#emitTree(target);
      return;
    }
    this.frame.code.br(this.#labels.get(target) as Label);
  }

  // Whether it is kept in the region's control flow.
  #goesTo(key: number): boolean {
    const target = this.#shape.placeOf(key);
    return target !== undefined && this.#shape.goesTo(this.#place, target);
  }

  // Instructions

  #emitInstruction(instruction: RegionInstruction): void {
    const { handler } = instruction;
    if (!isEmitted(handler.instruction) || this.#isOutOfLine(instruction)) {
      this.#emitCall(instruction);
      return;
    }
    if (handler.instruction.shadow) this.#leaveToWindow();
    const m = this.#semantics(instruction);
    m.flagsAreDead = flagsAreDead((this.#shape.blocks[this.#place] as Block).instructions, this.#done);
    handler.instruction.execute(m, ...handler.operands.map((_, index) => ({ index })));
  }

  // STI that may open the window which the hypervisor waits for is for the interpreter, which stops behind it.
  #leaveToWindow(): void {
    const { code } = this.frame;
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_WINDOW);
    code.unlikely();
    code.if();
    code.get(VCPU);
    code.i32(EVENT_INTERPRET);
    code.memory(op.OP_I32_STORE, state.OFFSET_EVENT);
    this.fault();
    code.end();
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

  #emitCall(instruction: RegionInstruction): void {
    const { offset, length, handler, pc, frame } = instruction;
    const { view, firstCold, copy } = this.#source;
    emitColdCall(this.frame, this.#exits, instruction, {
      cold: view.getUint16(pc + record.RECORD_HANDLER, true) - firstCold,
      pc: copy(pc, frame),
      done: this.#done,
    });
    this.#guards.forget();
    if (!handler.instruction.ends) return;
    this.#exits.charge(this.#done + 1);
    this.#exits.jump(offset + length, 64);
  }
}

const OUT_OF_LINE = new Set(['PUSHA', 'POPA', 'ENTER']);
