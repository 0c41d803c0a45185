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
import { type Block, NOWHERE, offsetOf } from './block.ts';
import { placeOf, relativeTarget } from './flow-graph.ts';
import { BUDGET, type FrameFlags, RegionFrame, VCPU } from './region-frame.ts';
import { type RegionInstruction, RegionOperands } from './region-operands.ts';
import { RegionShape } from './region-shape.ts';
import { emitColdCall } from './cold-call.ts';
import { emitCountEntry } from './region-chain.ts';
import { emitSeen } from './seen-calls.ts';
import { PageGuards } from './page-guards.ts';
import type { PutOffFlags } from './put-off-flags.ts';
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
  readonly putOff: PutOffFlags | undefined;
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
  /** Instructions done before it that the budget was not charged for; by place, what that is on the only way there. */
  #owed = 0;
  readonly #owedAt = new Map<number, number>();
  /** Places where the flags in the locals may leave. */
  readonly #seesFlags = new Set<number>();
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
    this.#exits.fault(this.#instruction as RegionInstruction, this.#owed + this.#done);
  }

  faultOnEvent(): void {
    this.#exits.faultOnEvent(this.#instruction as RegionInstruction, this.#owed + this.#done);
  }

  raise(vector: number, errorCode: number): void {
    emitRaise(this.frame.code, VCPU, vector, errorCode);
    this.fault();
  }

  jump(target: Value): void {
    const { code } = this.frame;
    const { returns, taken } = this.#shape.blocks[this.#place] as Block;
    const expected = returns === NOWHERE ? taken : returns;
    if (this.#goesTo(expected)) {
      push(code, target);
      push(code, this.#exits.rip(offsetOf(expected)));
      code.op(op.OP_I64_EQ);
      code.likely();
      code.if();
      this.#goTo(expected, this.#done + 1);
      code.end();
    }
    this.#exits.charge(this.#owed + this.#done + 1);
    this.frame.leaveWithFlags();
    if (!this.#source.followsCalls)
      emitSeen(this.frame, this.#exits, this.#instruction as RegionInstruction, this.#source.view, target);
    push(code, target);
    code.set(this.frame.rip);
    code.br(this.#exits.chain);
  }

  jumpRelative(_handle: OperandHandle): void {
    const { handler, pc, page } = this.#instruction as RegionInstruction;
    const size = handler.context.operandSize;
    const { taken } = this.#shape.blocks[this.#place] as Block;
    if (taken !== NOWHERE && size !== 16) {
      this.#goTo(taken, this.#done + 1);
      return;
    }
    this.#exits.charge(this.#owed + this.#done + 1);
    this.#exits.jump(page + (relativeTarget(handler, this.#source.view, pc) as number), size);
  }

  instructionRip(): Value {
    return this.#exits.rip((this.#instruction as RegionInstruction).offset);
  }

  nextRip(): Value {
    const { offset, length } = this.#instruction as RegionInstruction;
    return this.#exits.rip(offset + length);
  }

  again(): void {
    this.#exits.charge(this.#owed + this.#done + 1);
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
    this.#emitBlock(place);
    for (const child of children) {
      code.end();
      this.#emitTree(child);
    }
    if (isLoop) code.end();
  }

  #emitBlock(place: number): void {
    const { frame } = this;
    const block = this.#shape.blocks[place] as Block;
    this.#place = place;
    this.#done = 0;
    this.#owed = this.#owedAt.get(place) ?? 0;
    frame.isInLoop = this.#shape.isLoop(place);
    this.#enter(place);
    this.#checkBudget(place);
    this.#source.meter?.block(frame, block);
    for (const instruction of block.instructions) this.#emitInstruction(instruction);
    this.#ends.set(place, this.#known());
    if (block.next === NOWHERE) return;
    this.#place = place;
    this.#goTo(block.next, this.#done);
  }

  #known(): BlockEnd {
    const { known, isPair, putOff, accesses } = this.frame;
    return { known, isPair, putOff, accesses: accesses.state() };
  }

  #goOn(end: BlockEnd | undefined): void {
    const { frame } = this;
    frame.known = end?.known;
    frame.isPair = end?.isPair ?? false;
    frame.putOff = end?.putOff;
    frame.accesses.goOn(end?.accesses);
  }

  // What is known comes from the only block before.
  #enter(place: number): void {
    const from = this.#shape.predecessors(place);
    this.#goOn(this.#hasOneWay(place) ? this.#ends.get(from[0] as number) : undefined);
    if (place === 0 || from.length < 2 || from.some((other) => other >= place)) return;
    this.frame.accesses.meet(from.map((other) => (this.#ends.get(other) as BlockEnd).accesses));
  }

  #checkBudget(place: number): void {
    const block = this.#shape.blocks[place] as Block;
    const before = Math.max(
      0,
      ...this.#shape.predecessors(place).map((from) => (from < place ? (this.#unchecked[from] as number) : 0)),
    );
    const isDue = before + block.instructions.length > UNCHECKED_LIMIT;
    this.#unchecked[place] = block.instructions.length + (isDue ? 0 : before);
    if (!isDue) return;
    this.#exits.charge(this.#owed);
    this.#owed = 0;
    this.#seesFlags.add(place);
    this.#leaveIfSpent(block);
  }

  // To the interpreter, at a block, when the budget is used up.
  #leaveIfSpent({ offset }: Block): void {
    const { code } = this.frame;
    code.get(BUDGET);
    code.i32(0);
    code.op(op.OP_I32_LE_S);
    code.unlikely();
    code.if();
    this.#exits.jump(offset, 64);
    code.end();
  }

  // To a block of the region, or out of it, after so many instructions of this block.
  #goTo(key: number, done: number): void {
    const { frame } = this;
    const target = this.#goesTo(key) ? this.#shape.placeOf(key) : undefined;
    const offset = offsetOf(key);
    const owed = this.#owed + done;
    if (target === undefined) {
      this.#exits.charge(owed);
      this.#exits.jump(offset, 64);
      return;
    }
    const from = this.#shape.blocks[this.#place] as Block;
    const to = this.#shape.blocks[target] as Block;
    const isElsewhere = placeOf(to) !== placeOf(from);
    const hasOneWay = this.#hasOneWay(target);
    if (hasOneWay && !isElsewhere) this.#owedAt.set(target, owed);
    else this.#exits.charge(owed);
    if (isElsewhere) {
      const leave = (): Value => {
        frame.leaveWithFlags();
        return this.#exits.rip(offset);
      };
      this.#guards.pass(to, leave, this.#exits.chain);
    }
    const isBack = target <= this.#place && this.#shape.dominates(target, this.#place);
    if (isBack) this.#leaveIfSpent(to);
    if (!isBack && this.#shape.isInline(target)) {
      this.#emitTree(target);
      return;
    }
    if (!hasOneWay) this.#settleFor(target);
    frame.code.br(this.#labels.get(target) as Label);
  }

  // Flags go to their locals, unless the block sets others before it could leave with them.
  #settleFor(target: number): void {
    const { frame } = this;
    if (flagsAreDead((this.#shape.blocks[target] as Block).instructions, -1)) {
      frame.leaveWithFlagsIf(() => this.#seesFlags.has(target));
    } else {
      frame.leaveWithFlags();
    }
  }

  // Whether control comes to a block from one other only.
  #hasOneWay(place: number): boolean {
    return place !== 0 && this.#shape.predecessors(place).length === 1;
  }

  // Whether it is kept in the region's control flow.
  #goesTo(key: number): boolean {
    const target = this.#shape.placeOf(key);
    return target !== undefined && this.#shape.goesTo(this.#place, target);
  }

  // Instructions

  #emitInstruction(instruction: RegionInstruction): void {
    this.#instruction = instruction;
    this.frame.begin();
    this.#emitDefinition(instruction);
    this.frame.locals.releaseAll();
    this.#done++;
  }

  #emitDefinition(instruction: RegionInstruction): void {
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
      done: this.#owed + this.#done,
    });
    this.#guards.forget();
    if (!handler.instruction.ends) return;
    this.#exits.charge(this.#owed + this.#done + 1);
    this.#exits.jump(offset + length, 64);
  }
}

const OUT_OF_LINE = new Set(['PUSHA', 'POPA', 'ENTER']);
