/**
 * A region may go on in other pages than the one it is entered in. Whether these are still mapped where they were when it
 * was made is asked when control first comes to one, and again after what may have changed mappings.
 */
import type { Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { push, type Value } from '../emit/values.ts';
import { emitFindJump } from '../interpreter/jump-probe.ts';
import { JUMP_CACHE_ENTRY_SIZE, JUMP_RECORD_SHIFT, PASSED_PAGES, PASSED_PAGES_ENTRIES } from '../interpreter/layout.ts';
import * as state from '../state.ts';
import type { Block } from './block.ts';
import { placeOf } from './flow-graph.ts';
import { type RegionFrame, VCPU } from './region-frame.ts';

export class PageGuards {
  readonly #frame: RegionFrame;
  /** By `placeOf`. */
  readonly #numbers = new Map<number, number>();
  /** Places that were asked about: a bit each. */
  readonly #passed: number;

  /** The first block is the entry's. */
  constructor(frame: RegionFrame, blocks: readonly Block[]) {
    this.#frame = frame;
    this.#passed = frame.locals.fixed(op.TYPE_I32);
    for (const block of blocks) {
      const place = placeOf(block);
      if (!this.#numbers.has(place)) this.#numbers.set(place, this.#numbers.size);
    }
  }

  /** There is more than one place. */
  get isNeeded(): boolean {
    return this.#numbers.size > 1;
  }

  /** The region is entered: its first page is where it is. */
  enter(): void {
    this.#set(1);
  }

  /** Mappings may have changed. */
  forget(): void {
    this.#set(0);
  }

  /** Control goes to a block of another page: to `otherwise`, with `rip` in the frame, if the jump cache knows no better. */
  pass(to: Block, rip: () => Value, otherwise: Label): void {
    const { code } = this.#frame;
    const bit = 1 << (this.#numbers.get(placeOf(to)) as number);
    code.get(this.#passed);
    code.i32(bit);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_EQZ);
    code.if();
    push(code, rip());
    code.set(this.#frame.rip);
    const passed = code.block();
    this.#passAgain(to.instructions[0]?.entry as number, passed);
    this.#ask(to.instructions[0]?.entry as number, otherwise);
    code.end();
    code.get(this.#passed);
    code.i32(bit);
    code.op(op.OP_I32_OR);
    code.set(this.#passed);
    code.end();
  }

  // To `passed` where this record was come to at this RIP before, and no mapping has changed since.
  #passAgain(entry: number, passed: Label): void {
    const { code } = this.#frame;
    const ask = code.block();
    code.i32(placeIn(entry));
    code.memory(op.OP_I64_LOAD, 0);
    code.get(this.#frame.rip);
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, state.OFFSET_MODE_TAG);
    code.op(op.OP_I64_XOR);
    code.op(op.OP_I64_NE);
    code.unlikely();
    code.brIf(ask);
    for (const stamp of [state.OFFSET_FETCH_LOCAL, state.OFFSET_FETCH_GLOBAL]) {
      code.i32(placeIn(entry));
      code.memory(op.OP_I64_LOAD, 8);
      code.get(VCPU);
      code.memory(op.OP_I64_LOAD, stamp);
      code.i64(BigInt(entry >>> JUMP_RECORD_SHIFT));
      code.op(op.OP_I64_OR);
      code.op(op.OP_I64_EQ);
      code.likely();
      code.brIf(passed);
    }
    code.end();
  }

  // The jump cache, for the record; to `otherwise` where it knows another or none.
  #ask(entry: number, otherwise: Label): void {
    const { code, locals, rip } = this.#frame;
    const pc = locals.take(op.TYPE_I32);
    const { tag, word } = emitFindJump({ code, locals, rip, pc, temporary: locals.take(op.TYPE_I32) }, otherwise);
    code.get(pc);
    code.i32(entry);
    code.op(op.OP_I32_NE);
    code.unlikely();
    code.brIf(otherwise);
    for (const [index, local] of [tag, word].entries()) {
      code.i32(placeIn(entry));
      code.get(local);
      code.memory(op.OP_I64_STORE, index * 8);
    }
  }

  #set(bits: number): void {
    if (!this.isNeeded) return;
    this.#frame.code.i32(bits);
    this.#frame.code.set(this.#passed);
  }
}

function placeIn(entry: number): number {
  return PASSED_PAGES + ((entry >>> JUMP_RECORD_SHIFT) % PASSED_PAGES_ENTRIES) * JUMP_CACHE_ENTRY_SIZE;
}
