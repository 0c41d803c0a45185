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
import { emitEntry, emitFindJump, emitProbe, type JumpProbe } from './jump-probe.ts';
import { JUMP_RECORD_BITS, REGION_JUMPS, REGION_JUMPS_ENTRIES } from './layout.ts';
import * as record from './record.ts';

const RIP = 1;
const REGIONS = { at: REGION_JUMPS, entries: REGION_JUMPS_ENTRIES };

/** What `findRegion` returns where it does not know the RIP, or there is no region. */
export const REGION_UNKNOWN = -1;
export const REGION_NONE = -2;

/** Sets `index` to that of the region which is entered at `rip`; to `ask` where the jumps remembered here do not say. */
export function emitKnownRegion(frame: Pick<JumpProbe, 'code' | 'locals' | 'rip'>, index: number, ask: Label): void {
  emitProbe(frame, REGIONS, index, ask);
  frame.code.set(index);
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
  emitEntry(code, REGIONS, { rip: RIP, tag, entry: temporary });
  code.get(temporary);
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
