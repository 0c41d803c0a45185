/**
 * The walk of 4-level page tables (SDM vol. 3A, 4.5) in generated code, for one address and as far as it is plain: where
 * a table is not present, not accessed yet or not known to the nested cache, or an entry has reserved bits, the
 * function returns 0.
 */
import * as state from '../state.ts';
import { Code, type Label } from './code.ts';
import {
  FRAMES_WITH_CODE,
  NESTED_ANSWER_BITS,
  NESTED_CACHE,
  NESTED_ENTRIES,
  NESTED_INDEX_BITS,
} from './nested-layout.ts';
import * as op from './opcodes.ts';
import * as tlb from './tlb-layout.ts';

// Parameters and locals of the function
export const VCPU = 0;
export const ADDRESS = 1;
export const WRITE = 2;
/** Machine address of the paging structure, then of its entry. */
export const TABLE = 3;
/** TLB in use; address of its entry. */
export const TLB = 4;
export const ENTRY = 5;
/** What nested paging says of the frame that was last looked up: the machine page and permission bits. */
export const NESTED = 6;
/** Truth: the page may be written without another look. */
export const WRITABLE = 7;
/** 1 for a global page. */
export const GLOBAL = 8;
/** Address of the marks for larger pages that the page is one of, or 0. */
export const MARK = 9;
/** Permissions for the paging structure. */
export const TABLE_NESTED = 10;
export const SCRATCH = 11;
export const PTE = 12;
/** RW and US of all levels together. */
export const RIGHTS = 13;
const GFN = 14;
const NESTED_ENTRY = 15;

/** NESTED_WRITE of engine.ts, among the low bits of a machine page. */
export const NESTED_WRITE = 2;

// Paging-structure entries
const P = 1;
export const A = 1 << 5;
export const D = 1 << 6;
const PS = 1 << 7;
export const G_SHIFT = 8;
const RESERVED = 0x000f_ff00_0000_0000n;
const FRAME = 0x000f_ffff_ffff_f000n;

export class PageWalk {
  readonly code = new Code();
  /** Where a vCPU's TLBs are in its area. */
  protected readonly tlbs: number;

  constructor(tlbs: number) {
    this.tlbs = tlbs;
  }

  /** Leaves the leaf in PTE, its address in TABLE, the frame of the address in GFN, the rights in RIGHTS. */
  protected emitWalk(): void {
    const { code } = this;
    this.#emitStart();
    const leaf = code.block();
    this.#emitTable(36, P | A | PS);
    this.#emitTable(27, P | A);
    this.#leaveIfLarge(27, leaf);
    this.#emitTable(18, P | A);
    this.#leaveIfLarge(18, leaf);
    this.#emitEntry(9);
    this.#requirePte(P);
    this.#setFrame(0);
    code.end();
  }

  // Only long mode, a canonical address.
  #emitStart(): void {
    const { code } = this;
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_WALK_ROOT);
    code.tee(TABLE);
    this.giveUpUnless();
    code.get(ADDRESS);
    code.i64(16n);
    code.op(op.OP_I64_SHL);
    code.i64(16n);
    code.op(op.OP_I64_SHR_S);
    code.get(ADDRESS);
    code.op(op.OP_I64_EQ);
    this.giveUpUnless();
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_TLB);
    code.set(TLB);
    code.i64(-1n);
    code.set(RIGHTS);
  }

  // PTE is the entry for the address in the structure at TABLE, which becomes the entry's address.
  #emitEntry(shift: number): void {
    const { code } = this;
    code.get(TABLE);
    code.get(ADDRESS);
    code.i64(BigInt(shift));
    code.op(op.OP_I64_SHR_U);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(0xff8);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_ADD);
    code.tee(TABLE);
    code.memory(op.OP_I64_LOAD, 0);
    code.tee(PTE);
    code.get(RIGHTS);
    code.op(op.OP_I64_AND);
    code.set(RIGHTS);
    this.noteEntry();
  }

  /** PTE is an entry of the way down. */
  protected noteEntry(): void {}

  // One level; PS among `bits` means that it must be clear. TABLE is the next structure unless this is a large page.
  #emitTable(shift: number, bits: number): void {
    const { code } = this;
    this.#emitEntry(shift);
    this.#requirePte(bits);
    if ((bits & PS) === 0) {
      this.pushPte(BigInt(PS));
      code.op(op.OP_I64_EQZ);
      code.if();
    }
    code.get(PTE);
    code.i64(FRAME);
    code.op(op.OP_I64_AND);
    code.i64(12n);
    code.op(op.OP_I64_SHR_U);
    code.set(GFN);
    this.emitNested();
    code.get(NESTED);
    code.tee(TABLE_NESTED);
    code.i32(-4096);
    code.op(op.OP_I32_AND);
    code.set(TABLE);
    if ((bits & PS) === 0) code.end();
  }

  // Gives up unless P, and A if it is among `bits`, are set, and PS, if it is, and all reserved bits are clear.
  #requirePte(bits: number): void {
    const { code } = this;
    this.pushPte(RESERVED | BigInt(bits));
    code.i64(BigInt(bits & ~PS));
    code.op(op.OP_I64_EQ);
    this.giveUpUnless();
  }

  // GFN is the frame of the large page, if this is one.
  #leaveIfLarge(shift: number, leaf: Label): void {
    const { code } = this;
    const parts = shift - 9;
    this.pushPte(BigInt(PS));
    code.op(op.OP_I64_EQZ);
    code.op(op.OP_I32_EQZ);
    code.if();
    // Address bits below the page's size, above PAT at bit 12, are reserved.
    this.pushPte((1n << BigInt(parts + 12)) - 0x2000n);
    code.op(op.OP_I64_EQZ);
    this.giveUpUnless();
    this.#setFrame(parts);
    code.get(ADDRESS);
    code.i64(BigInt(parts + 12));
    code.op(op.OP_I64_SHR_U);
    code.op(op.OP_I32_WRAP_I64);
    code.i32((parts === 9 ? tlb.TLB_MARKS_LARGE : tlb.TLB_MARKS_HUGE) - 1);
    code.op(op.OP_I32_AND);
    code.i32(this.tlbs + tlb.TLB_MARKS + (parts === 9 ? 0 : tlb.TLB_MARKS_LARGE));
    code.op(op.OP_I32_ADD);
    code.get(VCPU);
    code.op(op.OP_I32_ADD);
    code.set(MARK);
    code.br(leaf);
    code.end();
  }

  // GFN is the frame of the address in a page of 2^parts frames.
  #setFrame(parts: number): void {
    const { code } = this;
    const within = (1n << BigInt(parts)) - 1n;
    code.get(PTE);
    code.i64(FRAME & ~(within << 12n));
    code.op(op.OP_I64_AND);
    if (parts > 0) {
      code.get(ADDRESS);
      code.i64(within << 12n);
      code.op(op.OP_I64_AND);
      code.op(op.OP_I64_OR);
    }
    code.i64(12n);
    code.op(op.OP_I64_SHR_U);
    code.set(GFN);
  }

  // NESTED is the machine page, with permissions, behind the guest frame GFN. Gives up if that is not known.
  protected emitNested(): void {
    const { code } = this;
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, state.OFFSET_NESTED_BIAS);
    code.get(GFN);
    code.op(op.OP_I32_WRAP_I64);
    code.op(op.OP_I32_ADD);
    code.i32(NESTED_ENTRIES - 1);
    code.op(op.OP_I32_AND);
    code.i32(3);
    code.op(op.OP_I32_SHL);
    code.memory(op.OP_I64_LOAD, NESTED_CACHE);
    code.tee(NESTED_ENTRY);
    code.i64(BigInt(NESTED_ANSWER_BITS));
    code.op(op.OP_I64_SHR_U);
    code.get(GFN);
    code.i64(BigInt(NESTED_INDEX_BITS));
    code.op(op.OP_I64_SHR_U);
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, state.OFFSET_NESTED_KEY);
    code.op(op.OP_I64_OR);
    code.op(op.OP_I64_EQ);
    this.giveUpUnless();
    // mfn * 8 + permissions becomes mfn * 4096 + permissions.
    code.get(NESTED_ENTRY);
    code.op(op.OP_I32_WRAP_I64);
    code.tee(NESTED);
    code.i32((1 << NESTED_ANSWER_BITS) - 8);
    code.op(op.OP_I32_AND);
    code.i32(9);
    code.op(op.OP_I32_SHL);
    code.get(NESTED);
    code.i32(7);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_OR);
    code.set(NESTED);
  }

  /** Sets the leaf's accessed bit, and the dirty bit for a write, where the guest may write the table, and it is no code. */
  protected emitAccessed(): void {
    const { code } = this;
    code.get(WRITE);
    code.i32(Math.log2(D));
    code.op(op.OP_I32_SHL);
    code.i32(A);
    code.op(op.OP_I32_OR);
    code.tee(SCRATCH);
    code.get(PTE);
    code.op(op.OP_I32_WRAP_I64);
    code.get(SCRATCH);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_NE);
    code.if();
    code.get(TABLE_NESTED);
    code.i32(NESTED_WRITE);
    code.op(op.OP_I32_AND);
    this.giveUpUnless();
    code.get(TABLE);
    code.i32(12);
    code.op(op.OP_I32_SHR_U);
    code.memory(op.OP_I32_LOAD8_U, FRAMES_WITH_CODE);
    code.op(op.OP_I32_EQZ);
    this.giveUpUnless();
    code.get(PTE);
    code.get(SCRATCH);
    code.op(op.OP_I64_EXTEND_I32_U);
    code.op(op.OP_I64_OR);
    code.set(PTE);
    code.get(TABLE);
    code.get(PTE);
    code.memory(op.OP_I64_STORE32, 0);
    code.end();
  }

  protected pushPte(bits: bigint): void {
    this.code.get(PTE);
    this.code.i64(bits);
    this.code.op(op.OP_I64_AND);
  }

  // Returns 0 unless the truth value on the stack holds.
  protected giveUpUnless(): void {
    const { code } = this;
    code.op(op.OP_I32_EQZ);
    code.if();
    code.i32(0);
    code.byte(op.OP_RETURN);
    code.end();
  }
}
