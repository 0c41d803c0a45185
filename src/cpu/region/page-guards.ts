/**
 * A region may go on in other pages than the one it is entered in. Whether these are still mapped where they were when it
 * was made is asked when control first comes to one, and again after what may have changed mappings.
 */
import type { Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { push, type Value } from '../emit/values.ts';
import { pushJumpIsKnown } from '../interpreter/jump-probe.ts';
import { type Block, placeOf } from './flow-graph.ts';
import type { RegionFrame } from './region-frame.ts';

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
    const { code, locals } = this.#frame;
    const bit = 1 << (this.#numbers.get(placeOf(to)) as number);
    const pc = locals.take(op.TYPE_I32);
    code.get(this.#passed);
    code.i32(bit);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_EQZ);
    code.unlikely();
    code.if();
    push(code, rip());
    code.set(this.#frame.rip);
    pushJumpIsKnown({ code, locals, rip: this.#frame.rip, pc, temporary: locals.take(op.TYPE_I32) });
    code.get(pc);
    code.i32(to.instructions[0]?.entry as number);
    code.op(op.OP_I32_EQ);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_EQZ);
    code.unlikely();
    code.brIf(otherwise);
    code.get(this.#passed);
    code.i32(bit);
    code.op(op.OP_I32_OR);
    code.set(this.#passed);
    code.end();
  }

  #set(bits: number): void {
    if (!this.isNeeded) return;
    this.#frame.code.i32(bits);
    this.#frame.code.set(this.#passed);
  }
}
