/** A RET that a region jumps to, done by the region itself. */
import * as op from '../emit/opcodes.ts';
import type { Value } from '../emit/values.ts';
import { pushJumpIsKnown } from '../interpreter/jump-probe.ts';
import * as record from '../interpreter/record.ts';
import { RSP } from '../state.ts';
import type { RegionFrame } from './region-frame.ts';
import type { RegionSemantics } from './region-semantics.ts';

/**
 * Where the record at `rip` is known to be a RET (the jump cache leads there, and a record of changed code has another
 * handler), and the TLB has the top of the stack, and the address there is canonical: returns, by `leave`.
 * Otherwise nothing has happened.
 */
export function emitReturn(
  m: RegionSemantics,
  frame: RegionFrame,
  rip: Value,
  returnHandler: number,
  leave: (target: Value) => void,
): void {
  const { code, locals } = frame;
  const pc = locals.take(op.TYPE_I32);
  pushJumpIsKnown({ code, locals, rip: rip.local, pc, temporary: locals.take(op.TYPE_I32) });
  code.if();
  code.get(pc);
  code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
  code.i32(returnHandler);
  code.op(op.OP_I32_EQ);
  code.if();
  const top = m.readGpr(RSP, 64);
  const host = m.fastHost(top, false);
  const isInPage = m.belowOrEqual(m.and(top, m.const(64, 0xfff)), m.const(64, 0xff8));
  m.if(m.and(m.ne(host, m.const(32, 0)), isInPage), () => {
    code.get(host.local);
    code.memory(op.OP_I64_LOAD, 0);
    const target = m.pop(64);
    m.if(m.eq(m.sar(m.shl(target, 16), 16), target), () => {
      m.writeGpr(RSP, m.add(top, m.const(64, 8)));
      leave(target);
    });
  });
  code.end();
  code.end();
}
