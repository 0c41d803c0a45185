/**
 * Filling the TLB in generated code, for data, where nothing is to be asked or told. Whatever is not plain is left to
 * mmu/walk.ts: other paging modes, faults, MMIO, pages that hold translated code, and what page-walk.ts leaves.
 */
import * as state from '../state.ts';
import type { ModuleBuilder } from './module.ts';
import { FRAMES_WITH_CODE } from './nested-layout.ts';
import * as op from './opcodes.ts';
import {
  ADDRESS,
  D,
  ENTRY,
  G_SHIFT,
  GLOBAL,
  MARK,
  NESTED,
  NESTED_WRITE,
  PageWalk,
  PTE,
  RIGHTS,
  SCRATCH,
  TABLE,
  TABLE_NESTED,
  TLB,
  VCPU,
  WRITABLE,
  WRITE,
} from './page-walk.ts';
import * as tlb from './tlb-layout.ts';
import { pushTlbOffset } from './tlb-offset.ts';

const { TYPE_I32, TYPE_I64 } = op;

// NESTED_READ of engine.ts; here as the low bits of a machine page.
const NESTED_READ = 1;

/**
 * (vcpu, address: i64, write: i32) -> host address of the byte, now in the TLB in use; 0 where it must be reached the
 * slow way. `tlbs` is where a vCPU's TLBs are in its area.
 */
export function emitTlbRefill(module: ModuleBuilder, tlbs: number): number {
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const refill = new Refill(tlbs);
  refill.emit();
  module.define(
    index,
    [
      { type: TYPE_I32, count: 9 },
      { type: TYPE_I64, count: 4 },
    ],
    refill.code,
  );
  return index;
}

class Refill extends PageWalk {
  emit(): void {
    this.emitWalk();
    this.#emitRights();
    this.emitNested();
    this.#emitMarks();
    this.#emitWritable();
    this.#emitFill();
  }

  // The access is permitted (SDM vol. 3A, 4.6.1). WRITABLE: so would a write be.
  #emitRights(): void {
    const { code } = this;
    // The rights that the TLB in use stands for.
    code.get(TLB);
    code.get(VCPU);
    code.op(op.OP_I32_SUB);
    code.i32(this.tlbs);
    code.op(op.OP_I32_SUB);
    code.i32(Math.log2(tlb.TLB_SIZE / state.WALK_RIGHTS_SIZE));
    code.op(op.OP_I32_SHR_U);
    code.get(VCPU);
    code.op(op.OP_I32_ADD);
    code.set(ENTRY);
    this.#pushPermits(state.WALK_RIGHTS_WRITE);
    code.tee(WRITABLE);
    code.get(WRITE);
    code.op(op.OP_I32_EQZ);
    code.op(op.OP_I32_OR);
    this.#pushPermits(state.WALK_RIGHTS_READ);
    code.op(op.OP_I32_AND);
    this.giveUpUnless();
    this.emitAccessed();
  }

  // (rights & mask) == wanted
  #pushPermits(kind: number): void {
    const { code } = this;
    code.get(RIGHTS);
    code.op(op.OP_I32_WRAP_I64);
    code.get(ENTRY);
    code.memory(op.OP_I32_LOAD8_U, state.OFFSET_WALK_RIGHTS + kind);
    code.op(op.OP_I32_AND);
    code.get(ENTRY);
    code.memory(op.OP_I32_LOAD8_U, state.OFFSET_WALK_RIGHTS + kind + 1);
    code.op(op.OP_I32_EQ);
  }

  // GLOBAL, and the mark of a larger page.
  #emitMarks(): void {
    const { code } = this;
    code.get(PTE);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(G_SHIFT);
    code.op(op.OP_I32_SHR_U);
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_WALK_GLOBAL);
    code.op(op.OP_I32_AND);
    code.set(GLOBAL);
    code.get(MARK);
    code.if();
    code.get(GLOBAL);
    code.i32(tlb.TLB_MARKS_SIZE);
    code.op(op.OP_I32_MUL);
    code.get(MARK);
    code.op(op.OP_I32_ADD);
    code.i32(1);
    code.memory(op.OP_I32_STORE8, 0);
    code.get(GLOBAL);
    code.i32(2);
    code.op(op.OP_I32_SHL);
    code.get(VCPU);
    code.op(op.OP_I32_ADD);
    code.i32(1);
    code.memory(op.OP_I32_STORE, this.tlbs + tlb.TLB_MARKED);
    code.end();
  }

  // WRITABLE is whether a write needs no other look. If the access is one and it does, gives up.
  #emitWritable(): void {
    const { code } = this;
    code.get(WRITABLE);
    code.get(PTE);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(Math.log2(D));
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I32_AND);
    code.get(NESTED);
    code.i32(Math.log2(NESTED_WRITE));
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I32_AND);
    code.get(NESTED);
    code.i32(12);
    code.op(op.OP_I32_SHR_U);
    code.memory(op.OP_I32_LOAD8_U, FRAMES_WITH_CODE);
    code.op(op.OP_I32_EQZ);
    code.op(op.OP_I32_AND);
    code.tee(WRITABLE);
    code.get(WRITE);
    code.op(op.OP_I32_EQZ);
    code.op(op.OP_I32_OR);
    code.get(NESTED);
    code.i32(NESTED_READ);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_AND);
    this.giveUpUnless();
  }

  #emitFill(): void {
    const { code } = this;
    pushTlbOffset(code, () => code.get(ADDRESS));
    code.get(TLB);
    code.op(op.OP_I32_ADD);
    code.set(ENTRY);
    this.#emitList();
    // What to add to an address of the page.
    code.get(NESTED);
    code.i32(-4096);
    code.op(op.OP_I32_AND);
    code.get(ADDRESS);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(-4096);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_SUB);
    code.set(SCRATCH);
    for (const table of [0, tlb.TLB_WRITE_OFFSET]) {
      code.get(ENTRY);
      code.get(SCRATCH);
      code.memory(op.OP_I32_STORE, table + tlb.TLB_ENTRY_ADDEND);
      code.get(ENTRY);
      this.#pushPage();
      if (table !== 0) {
        code.i64(-1n);
        code.get(WRITABLE);
        code.op(op.OP_SELECT);
      }
      code.memory(op.OP_I64_STORE, table);
    }
    code.get(ADDRESS);
    code.op(op.OP_I32_WRAP_I64);
    code.get(SCRATCH);
    code.op(op.OP_I32_ADD);
  }

  // As Tlb's note: the entry's place into its list, and its state.
  #emitList(): void {
    const { code } = this;
    // Before and after.
    code.get(ENTRY);
    code.memory(op.OP_I32_LOAD, tlb.TLB_ENTRY_STATE);
    code.set(TABLE);
    code.i32(tlb.TLB_ENTRY_LISTED_LOCAL);
    code.get(GLOBAL);
    code.op(op.OP_I32_SHL);
    code.set(SCRATCH);
    code.get(TABLE);
    code.get(SCRATCH);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_EQZ);
    code.if();
    this.#emitAppend();
    code.end();
    code.get(ENTRY);
    code.get(TABLE);
    code.i32(~tlb.TLB_ENTRY_GLOBAL);
    code.op(op.OP_I32_AND);
    code.get(SCRATCH);
    code.op(op.OP_I32_OR);
    code.get(GLOBAL);
    code.op(op.OP_I32_OR);
    code.memory(op.OP_I32_STORE, tlb.TLB_ENTRY_STATE);
  }

  #emitAppend(): void {
    const { code } = this;
    // MARK is the address of the list's length, TABLE_NESTED the length.
    code.get(GLOBAL);
    code.i32(2);
    code.op(op.OP_I32_SHL);
    code.get(VCPU);
    code.op(op.OP_I32_ADD);
    code.tee(MARK);
    code.memory(op.OP_I32_LOAD, this.tlbs + tlb.TLB_LIST_LENGTHS);
    code.set(TABLE_NESTED);
    code.get(GLOBAL);
    code.i32(tlb.TLB_LIST_SIZE);
    code.op(op.OP_I32_MUL);
    code.get(TABLE_NESTED);
    code.i32(1);
    code.op(op.OP_I32_SHL);
    code.op(op.OP_I32_ADD);
    code.get(VCPU);
    code.op(op.OP_I32_ADD);
    this.#pushPlace();
    code.memory(op.OP_I32_STORE16, this.tlbs + tlb.TLB_LISTS);
    code.get(MARK);
    code.get(TABLE_NESTED);
    code.i32(1);
    code.op(op.OP_I32_ADD);
    code.memory(op.OP_I32_STORE, this.tlbs + tlb.TLB_LIST_LENGTHS);
  }

  // TLB number * TLB_ENTRIES + index.
  #pushPlace(): void {
    const { code } = this;
    code.get(TLB);
    code.get(VCPU);
    code.op(op.OP_I32_SUB);
    code.i32(this.tlbs);
    code.op(op.OP_I32_SUB);
    code.i32(Math.log2(tlb.TLB_SIZE / tlb.TLB_ENTRIES));
    code.op(op.OP_I32_SHR_U);
    code.get(ENTRY);
    code.get(TLB);
    code.op(op.OP_I32_SUB);
    code.i32(Math.log2(tlb.TLB_ENTRY_SIZE));
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I32_OR);
  }

  #pushPage(): void {
    this.code.get(ADDRESS);
    this.code.i64(-4096n);
    this.code.op(op.OP_I64_AND);
  }
}
