/** Counters that a region keeps of itself, where a tool asks for them: a row of u64 at a fixed place of machine memory. */
import * as op from '../emit/opcodes.ts';
import { EVENT_INTERPRET } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import type { Block } from './block.ts';
import { BUDGET, IP_BASE, type RegionFrame, VCPU } from './region-frame.ts';
import type { RegionInstruction } from './region-operands.ts';
import { REGION_EVENT, REGION_EXIT } from './region-result.ts';

/** Ways out of a region. */
export const WAYS_OUT = [
  // To another region, or to this one again.
  'chained',
  // To the interpreter: the jump cache does not know the target; it does, but no region is entered there.
  'unknown',
  'noRegion',
  'budget',
  'stop',
  // Before its first instruction: it is to be made anew, with the functions it calls.
  'promotion',
  'fault',
  // An instruction that the interpreter has to do: EVENT_INTERPRET.
  'interpret',
  // A system instruction left: REGION_EXIT.
  'system',
] as const;
export type WayOut = (typeof WAYS_OUT)[number];

/**
 * The first two are no counts: where the page of the entry was when it was entered last, and the target where there was
 * no region the last time that was so.
 */
const COUNTERS = ['ipBase', 'target', 'entries', 'instructions', 'coldCalls', ...WAYS_OUT] as const;
export type RegionCounter = (typeof COUNTERS)[number];

export class RegionMeter {
  readonly #row: number;
  /** Blocks in the order of their counters, and instructions that call the interpreter's functions. */
  readonly blocks: Block[] = [];
  readonly coldOnes = new Set<RegionInstruction>();
  #budget = 0;
  #reason = 0;

  /** Bytes of the row of a region with so many blocks. */
  static rowSize(blocks: number): number {
    return (COUNTERS.length + blocks) * 8;
  }

  /** The row is at an address, a multiple of 8, and zero. */
  constructor(row: number) {
    this.#row = row;
  }

  /** What one of the counters says, in a view of all of machine memory. */
  read(view: DataView, counter: RegionCounter): bigint {
    return view.getBigUint64(this.#addressOf(counter), true);
  }

  /** How often a block was entered. */
  readBlock(view: DataView, block: Block): number {
    return Number(view.getBigUint64(this.#blockAddress(this.blocks.indexOf(block)), true));
  }

  // What is emitted

  begin(frame: RegionFrame): void {
    const { code, locals } = frame;
    this.#budget = locals.fixed(op.TYPE_I32);
    this.#reason = locals.fixed(op.TYPE_I32);
    code.get(BUDGET);
    code.set(this.#budget);
    code.i32(this.#addressOf('ipBase'));
    code.get(IP_BASE);
    code.memory(op.OP_I64_STORE, 0);
    this.#count(frame, this.#addressOf('entries'));
  }

  block(frame: RegionFrame, block: Block): void {
    this.#count(frame, this.#blockAddress(this.blocks.length));
    this.blocks.push(block);
  }

  cold(frame: RegionFrame, instruction: RegionInstruction): void {
    this.#count(frame, this.#addressOf('coldCalls'));
    this.coldOnes.add(instruction);
  }

  /** Should it leave now, this is why. */
  because({ code }: RegionFrame, way: WayOut): void {
    code.i32(this.#addressOf(way));
    code.set(this.#reason);
  }

  /** The same if a local has a value. */
  becauseOf(frame: RegionFrame, local: number, value: number, way: WayOut): void {
    const { code } = frame;
    code.get(local);
    code.i32(value);
    code.op(op.OP_I32_EQ);
    code.if();
    this.because(frame, way);
    code.end();
  }

  /** It leaves with a result other than that of the chain, with the event in the state. */
  leaves(frame: RegionFrame, result: number): void {
    if (result !== REGION_EVENT) {
      this.because(frame, result === REGION_EXIT ? 'system' : 'stop');
      return;
    }
    const { code } = frame;
    code.i32(this.#addressOf('interpret'));
    code.i32(this.#addressOf('fault'));
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_EVENT);
    code.i32(EVENT_INTERPRET);
    code.op(op.OP_I32_EQ);
    code.op(op.OP_SELECT);
    code.set(this.#reason);
  }

  /** It goes on in another region. */
  chains(frame: RegionFrame): void {
    this.#countInstructions(frame);
    this.#count(frame, this.#addressOf('chained'));
  }

  /** It goes back to the interpreter. */
  end(frame: RegionFrame): void {
    this.#countInstructions(frame);
    const { code } = frame;
    code.get(this.#reason);
    code.get(this.#reason);
    code.memory(op.OP_I64_LOAD, 0);
    code.i64(1n);
    code.op(op.OP_I64_ADD);
    code.memory(op.OP_I64_STORE, 0);
    code.get(this.#reason);
    code.i32(this.#addressOf('noRegion'));
    code.op(op.OP_I32_EQ);
    code.if();
    code.i32(this.#addressOf('target'));
    code.get(frame.rip);
    code.memory(op.OP_I64_STORE, 0);
    code.end();
  }

  #countInstructions(frame: RegionFrame): void {
    const { code } = frame;
    this.#add(frame, this.#addressOf('instructions'), () => {
      code.get(this.#budget);
      code.get(BUDGET);
      code.op(op.OP_I32_SUB);
      code.op(op.OP_I64_EXTEND_I32_S);
    });
  }

  #count(frame: RegionFrame, address: number): void {
    this.#add(frame, address, () => frame.code.i64(1n));
  }

  #add({ code }: RegionFrame, address: number, pushAmount: () => void): void {
    code.i32(address);
    code.i32(address);
    code.memory(op.OP_I64_LOAD, 0);
    pushAmount();
    code.op(op.OP_I64_ADD);
    code.memory(op.OP_I64_STORE, 0);
  }

  #addressOf(counter: RegionCounter): number {
    return this.#row + COUNTERS.indexOf(counter) * 8;
  }

  #blockAddress(number: number): number {
    return this.#row + (COUNTERS.length + number) * 8;
  }
}
