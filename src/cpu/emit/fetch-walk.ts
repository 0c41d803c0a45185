/**
 * Where an instruction is in machine memory, in generated code, as far as that is plain: a page of 4 KiB or 2 MiB
 * that may be executed. Notes the page for FetchCache.forgetPage.
 */
import * as state from '../state.ts';
import type { ModuleBuilder } from './module.ts';
import { FETCHED_BITS, FETCHED_GLOBAL, FETCHED_LARGE_SHIFT, FETCHED_LOCAL } from './fetched-layout.ts';
import * as op from './opcodes.ts';
import { ADDRESS, G_SHIFT, GLOBAL, MARK, NESTED, PageWalk, PTE, RIGHTS, SCRATCH, TABLE, VCPU } from './page-walk.ts';
import { TLB_MARKS, TLB_MARKS_LARGE } from './tlb-layout.ts';

const { TYPE_I32, TYPE_I64 } = op;
/** XD of all levels together. */
const NO_EXECUTE = 16;
const US = 1 << 2;
const XD = 1n << 63n;
// NESTED_EXECUTE of engine.ts.
const EXECUTE = 4;

/** The result's low bit: the page is the same in all address spaces. */
export const FETCH_GLOBAL = 1;

/** (vcpu, address: i64, 0) -> machine address of the page, and FETCH_GLOBAL; 0 where TypeScript must look. */
export function emitFetchWalk(module: ModuleBuilder, tlbs: number): number {
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const walk = new FetchWalk(tlbs);
  walk.emit();
  const locals = [
    { type: TYPE_I32, count: 9 },
    { type: TYPE_I64, count: 5 },
  ];
  module.define(index, locals, walk.code);
  return index;
}

class FetchWalk extends PageWalk {
  emit(): void {
    this.emitWalk();
    this.#emitRights();
    this.emitNested();
    this.#emitExecute();
    this.emitAccessed();
    this.#emitNote();
    const { code } = this;
    code.get(NESTED);
    code.i32(-4096);
    code.op(op.OP_I32_AND);
    code.get(GLOBAL);
    code.op(op.OP_I32_OR);
  }

  protected override noteEntry(): void {
    const { code } = this;
    code.get(PTE);
    code.get(NO_EXECUTE);
    code.op(op.OP_I64_OR);
    code.set(NO_EXECUTE);
  }

  // SDM vol. 3A, 4.6.1
  #emitRights(): void {
    const { code } = this;
    // Parts of pages of 1 GiB are TypeScript's to remember.
    code.get(MARK);
    code.get(VCPU);
    code.i32(this.tlbs + TLB_MARKS + TLB_MARKS_LARGE);
    code.op(op.OP_I32_ADD);
    code.op(op.OP_I32_LT_U);
    this.giveUpUnless();
    code.get(NO_EXECUTE);
    code.i64(XD);
    code.op(op.OP_I64_AND);
    code.op(op.OP_I64_EQZ);
    this.giveUpUnless();
    code.get(RIGHTS);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(US);
    code.op(op.OP_I32_AND);
    code.set(SCRATCH);
    this.#pushIsUser();
    code.if(TYPE_I32);
    code.get(SCRATCH);
    code.else();
    code.get(SCRATCH);
    code.op(op.OP_I32_EQZ);
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_CR4);
    code.i32(state.CR4_SMEP);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_EQZ);
    code.op(op.OP_I32_OR);
    code.end();
    this.giveUpUnless();
  }

  #emitExecute(): void {
    const { code } = this;
    code.get(NESTED);
    code.i32(EXECUTE);
    code.op(op.OP_I32_AND);
    this.giveUpUnless();
  }

  // The page is among those that were fetched from; GLOBAL is 1 where jumps into it hold for all address spaces.
  #emitNote(): void {
    const { code } = this;
    code.get(PTE);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(G_SHIFT);
    code.op(op.OP_I32_SHR_U);
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_WALK_GLOBAL);
    code.op(op.OP_I32_AND);
    code.set(GLOBAL);
    code.i32(FETCHED_GLOBAL);
    code.i32(FETCHED_LOCAL);
    code.get(GLOBAL);
    code.op(op.OP_SELECT);
    code.get(VCPU);
    code.op(op.OP_I32_ADD);
    code.set(TABLE);
    this.#setBit();
    code.get(TABLE);
    code.get(SCRATCH);
    code.i32(3);
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I32_ADD);
    code.tee(TABLE);
    code.get(TABLE);
    code.memory(op.OP_I32_LOAD8_U, 0);
    code.i32(1);
    code.get(SCRATCH);
    code.i32(7);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_SHL);
    code.op(op.OP_I32_OR);
    code.memory(op.OP_I32_STORE8, 0);
    // Users' targets are found by the address space too.
    this.#pushIsUser();
    code.if();
    code.i32(0);
    code.set(GLOBAL);
    code.end();
  }

  // SCRATCH is the page's bit: fetchedBit or fetchedLargeBit.
  #setBit(): void {
    const { code } = this;
    code.get(ADDRESS);
    code.i64(12n);
    code.op(op.OP_I64_SHR_U);
    code.op(op.OP_I32_WRAP_I64);
    code.set(SCRATCH);
    code.get(MARK);
    code.if();
    code.get(SCRATCH);
    code.i32(FETCHED_LARGE_SHIFT);
    code.op(op.OP_I32_SHR_U);
    code.i32(-1);
    code.op(op.OP_I32_XOR);
    code.set(SCRATCH);
    code.end();
    code.get(SCRATCH);
    code.get(SCRATCH);
    code.i32(Math.log2(FETCHED_BITS));
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I32_XOR);
    code.i32(FETCHED_BITS - 1);
    code.op(op.OP_I32_AND);
    code.set(SCRATCH);
  }

  #pushIsUser(): void {
    this.code.get(VCPU);
    this.code.memory(op.OP_I32_LOAD, state.OFFSET_CPL);
    this.code.i32(3);
    this.code.op(op.OP_I32_EQ);
  }
}
