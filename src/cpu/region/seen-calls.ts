/** Where indirect calls go: regions write it down for those that take their place, and follow the call there. */
import * as op from '../emit/opcodes.ts';
import { push, type Value } from '../emit/values.ts';
import type { Handler } from '../interpreter/handlers.ts';
import * as record from '../interpreter/record.ts';
import type { RegionExits } from './region-exits.ts';
import type { RegionFrame } from './region-frame.ts';
import type { RegionInstruction } from './region-operands.ts';

/** A near call that may go anywhere. */
function isIndirectCall({ instruction, operands }: Handler): boolean {
  return instruction.mnemonic === 'CALL' && !operands.some(({ type }) => type === 'relative');
}

/** Where an indirect call went when that was last written down, most always to the same; undefined for anything else. */
export function seenTarget({ handler, pc, page }: RegionInstruction, view: DataView): number | undefined {
  if (!isIndirectCall(handler)) return undefined;
  const seen = view.getInt32(pc + record.RECORD_SEEN, true);
  return seen === 0 ? undefined : page + seen;
}

/** Writes down that an indirect call goes to `target`; emits nothing for other instructions. */
export function emitSeen(
  { code }: RegionFrame,
  exits: RegionExits,
  { handler, pc, page }: RegionInstruction,
  view: DataView,
  target: Value,
): void {
  if (!isIndirectCall(handler)) return;
  // Meanwhile the record may be a region's entry, whose place in the table is there.
  code.i32(pc);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
  code.i32(view.getUint16(pc + record.RECORD_HANDLER, true));
  code.op(op.OP_I32_EQ);
  code.if();
  code.i32(pc);
  push(code, target);
  exits.pushIpBase(page);
  code.op(op.OP_I64_SUB);
  code.op(op.OP_I32_WRAP_I64);
  code.memory(op.OP_I32_STORE, record.RECORD_SEEN);
  code.end();
}
