/** The inline look-up in the TLB: where an address's entry is in a table, and what its tag would be. */
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

export interface TlbLookUp {
  /** Pushes 64 bits. */
  readonly pushAddress: () => void;
  /** Pushes where the TLB is. */
  readonly pushTlb: () => void;
  /** Bytes of the access, and offset of the table. */
  readonly bytes: number;
  readonly table: number;
  /** Locals: for the entry's place (i32), and for its tag (i64) where that is wanted. */
  readonly entry: number;
  readonly tag?: number | undefined;
}

/** Pushes the tag of an address's entry, and the tag of an entry that has all bytes of the access. */
export function pushTlbTags(code: Code, { pushAddress, pushTlb, bytes, table, entry, tag }: TlbLookUp): void {
  pushTlbOffset(code, pushAddress);
  pushTlb();
  code.op(op.OP_I32_ADD);
  code.tee(entry);
  code.memory(op.OP_I64_LOAD, table);
  if (tag !== undefined) code.tee(tag);
  pushAddress();
  if (bytes > 1) {
    code.i64(BigInt(bytes - 1));
    code.op(op.OP_I64_ADD);
  }
  code.i64(-4096n);
  code.op(op.OP_I64_AND);
}
