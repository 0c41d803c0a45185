/** Where an address's entry is in a table of the TLB, in generated code. */
import type { Code } from './code.ts';
import * as op from './opcodes.ts';
import { TLB_INDEX_MASK, TLB_INDEX_SHIFT } from './tlb-layout.ts';

/** Leaves the offset of an address's entry in its table on the stack; `pushAddress` pushes 64 bits. */
export function pushTlbOffset(code: Code, pushAddress: () => void): void {
  // Cut to 32 bits at the end: an address that is cut first would be kept in that form too, by code that seldom needs it.
  pushAddress();
  code.i64(BigInt(TLB_INDEX_SHIFT));
  code.op(op.OP_I64_SHR_U);
  code.op(op.OP_I32_WRAP_I64);
  code.i32(TLB_INDEX_MASK);
  code.op(op.OP_I32_AND);
}
