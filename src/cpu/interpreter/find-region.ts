/**
 * From a RIP to a region: what the jump cache says of records, once more for the regions that are entered at them. A way
 * from region to region reads less memory so. An entry has the stamp of that of the jump cache which it follows from:
 * with every page that is dropped, or changes, all jumps are forgotten (CodeCache), before a region's place in the table
 * is another one's.
 */
import { Code, type Label } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { LocalPool } from '../emit/values.ts';
import * as state from '../state.ts';
import { emitFindJump, emitHasStamp, type JumpProbe } from './jump-probe.ts';
import {
  JUMP_CACHE_ENTRY_SIZE,
  JUMP_CACHE_FOLD,
  JUMP_RECORD_BITS,
  REGION_JUMPS,
  REGION_JUMPS_ENTRIES,
} from './layout.ts';
import * as record from './record.ts';

const VCPU = 0;
const RIP = 1;

/** What `findRegion` returns where it does not know the RIP, or there is no region. */
export const REGION_UNKNOWN = -1;
export const REGION_NONE = -2;

/** Sets `index` to that of the region which is entered at `rip`; to `ask` where the jumps remembered here do not say. */
export function emitKnownRegion(
  { code, locals, rip }: Pick<JumpProbe, 'code' | 'locals' | 'rip'>,
  index: number,
  ask: Label,
): void {
  const tag = locals.take(op.TYPE_I64);
  const word = locals.take(op.TYPE_I64);
  pushEntry(code, rip, tag);
  code.tee(index);
  code.memory(op.OP_I64_LOAD, REGION_JUMPS);
  code.get(tag);
  code.op(op.OP_I64_NE);
  code.unlikely();
  code.brIf(ask);
  code.get(index);
  code.memory(op.OP_I64_LOAD, REGION_JUMPS + 8);
  code.set(word);
  emitHasStamp(code, word, ask);
  code.get(word);
  code.op(op.OP_I32_WRAP_I64);
  code.i32((1 << JUMP_RECORD_BITS) - 1);
  code.op(op.OP_I32_AND);
  code.set(index);
}

/** (vcpu, rip: i64) -> index of the region that is entered there, or REGION_*: by the jump cache, and remembered here. */
export function emitFindRegion(module: ModuleBuilder): number {
  const index = module.declare([op.TYPE_I32, op.TYPE_I64], [op.TYPE_I32]);
  const code = new Code();
  const locals = new LocalPool(2);
  const pc = locals.fixed(op.TYPE_I32);
  const temporary = locals.fixed(op.TYPE_I32);
  const unknown = code.block();
  const { tag, word } = emitFindJump({ code, locals, rip: RIP, pc, temporary }, unknown);
  code.get(pc);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
  code.i32(record.HANDLER_REGION);
  code.op(op.OP_I32_NE);
  code.if();
  code.i32(REGION_NONE);
  code.byte(op.OP_RETURN);
  code.end();
  pushEntry(code, RIP, locals.take(op.TYPE_I64));
  code.tee(temporary);
  code.get(tag);
  code.memory(op.OP_I64_STORE, REGION_JUMPS);
  code.get(temporary);
  code.get(word);
  code.i64(-1n << BigInt(JUMP_RECORD_BITS));
  code.op(op.OP_I64_AND);
  code.get(pc);
  code.memory(op.OP_I64_LOAD32_U, record.RECORD_IMMEDIATE);
  code.op(op.OP_I64_OR);
  code.memory(op.OP_I64_STORE, REGION_JUMPS + 8);
  code.get(pc);
  code.memory(op.OP_I32_LOAD, record.RECORD_IMMEDIATE);
  code.byte(op.OP_RETURN);
  code.end();
  code.i32(REGION_UNKNOWN);
  module.define(index, locals.locals(), code);
  return index;
}

// Pushes where the entry is, and sets its tag.
function pushEntry(code: Code, rip: number, tag: number): void {
  code.get(rip);
  code.get(VCPU);
  code.memory(op.OP_I64_LOAD, state.OFFSET_MODE_TAG);
  code.op(op.OP_I64_XOR);
  code.tee(tag);
  code.get(tag);
  code.i64(BigInt(JUMP_CACHE_FOLD));
  code.op(op.OP_I64_SHR_U);
  code.op(op.OP_I64_XOR);
  code.op(op.OP_I32_WRAP_I64);
  code.i32(REGION_JUMPS_ENTRIES - 1);
  code.op(op.OP_I32_AND);
  code.i32(Math.log2(JUMP_CACHE_ENTRY_SIZE));
  code.op(op.OP_I32_SHL);
}
