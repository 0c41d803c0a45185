/** The jump cache as generated code looks into it. */
import type { Code, Label } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import type { LocalPool } from '../emit/values.ts';
import * as state from '../state.ts';
import {
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_ENTRY_SIZE,
  JUMP_CACHE_FOLD,
  JUMP_RECORD_BITS,
  JUMP_RECORD_SHIFT,
} from './layout.ts';

/** Locals of a function that looks up jumps; its first parameter is the vCPU. */
export interface JumpProbe {
  readonly code: Code;
  readonly locals: LocalPool;
  readonly rip: number;
  readonly pc: number;
  readonly temporary: number;
}
const VCPU = 0;

/** A table of jumps, all of whose entries are alike: a tag, and a word with the stamp and what the jump leads to. */
interface JumpTable {
  readonly at: number;
  readonly entries: number;
}
export const JUMPS: JumpTable = { at: JUMP_CACHE, entries: JUMP_CACHE_ENTRIES };

/**
 * To `unknown` if it does not know `rip`; then `pc` is the record. `pc` changes in any case. Returns the locals with the
 * two words of the entry that it has then.
 */
export function emitFindJump(frame: JumpProbe, unknown: Label): { tag: number; word: number } {
  const { code, temporary } = frame;
  const found = emitProbe(frame, JUMPS, temporary, unknown);
  code.i32(JUMP_RECORD_SHIFT);
  code.op(op.OP_I32_SHL);
  code.set(frame.pc);
  return found;
}

/** Pushes what a table says of `rip`; to `unknown` if it says nothing. Returns as `emitFindJump`; `entry` is a local. */
export function emitProbe(
  { code, locals, rip }: Pick<JumpProbe, 'code' | 'locals' | 'rip'>,
  table: JumpTable,
  entry: number,
  unknown: Label,
): { tag: number; word: number } {
  const tag = locals.take(op.TYPE_I64);
  const word = locals.take(op.TYPE_I64);
  emitEntry(code, table, { rip, tag, entry });
  code.get(entry);
  code.memory(op.OP_I64_LOAD, table.at);
  code.get(tag);
  code.op(op.OP_I64_NE);
  code.unlikely();
  code.brIf(unknown);
  code.get(entry);
  code.memory(op.OP_I64_LOAD, table.at + 8);
  code.set(word);
  emitHasStamp(code, word, unknown);
  code.get(word);
  code.op(op.OP_I32_WRAP_I64);
  code.i32((1 << JUMP_RECORD_BITS) - 1);
  code.op(op.OP_I32_AND);
  return { tag, word };
}

/** Sets the locals `tag` and `entry` to what the entry for `rip` in a table is marked by, and where it is from its start. */
export function emitEntry(
  code: Code,
  { entries }: JumpTable,
  { rip, tag, entry }: { rip: number; tag: number; entry: number },
): void {
  code.get(rip);
  code.get(VCPU);
  code.memory(op.OP_I64_LOAD, state.OFFSET_MODE_TAG);
  code.op(op.OP_I64_XOR);
  code.tee(tag);
  code.op(op.OP_I32_WRAP_I64);
  code.tee(entry);
  code.get(entry);
  code.i32(JUMP_CACHE_FOLD);
  code.op(op.OP_I32_SHR_U);
  code.op(op.OP_I32_XOR);
  code.i32(entries - 1);
  code.op(op.OP_I32_AND);
  code.i32(Math.log2(JUMP_CACHE_ENTRY_SIZE));
  code.op(op.OP_I32_SHL);
  code.set(entry);
}

// To `otherwise` unless a word holds for this address space: users' code comes first, then what all have in common.
function emitHasStamp(code: Code, word: number, otherwise: Label): void {
  const found = code.block();
  pushWithoutStamp(code, word, state.OFFSET_FETCH_LOCAL);
  code.op(op.OP_I64_LT_U);
  code.likely();
  code.brIf(found);
  pushWithoutStamp(code, word, state.OFFSET_FETCH_GLOBAL);
  code.op(op.OP_I64_GE_U);
  code.unlikely();
  code.brIf(otherwise);
  code.end();
}

// What is left of a word, and what is more than that if the stamp is another.
function pushWithoutStamp(code: Code, word: number, stamp: number): void {
  code.get(word);
  code.get(VCPU);
  code.memory(op.OP_I64_LOAD, stamp);
  code.op(op.OP_I64_XOR);
  code.i64(1n << BigInt(JUMP_RECORD_BITS));
}
