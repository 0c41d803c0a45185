/**
 * From a RIP that the jump cache does not know to a record, in generated code, where both page and record are known: a
 * process that was just started comes to hundreds of places for the first time. All else is `InterpreterVcpu.find`.
 */
import { Code, type Label } from '../emit/code.ts';
import { emitFetchWalk, FETCH_GLOBAL } from '../emit/fetch-walk.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import { CODE_HASH_MASK, CODE_PAGE_IDS } from '../emit/nested-layout.ts';
import * as op from '../emit/opcodes.ts';
import { LocalPool } from '../emit/values.ts';
import { MODE_CODE_64 } from '../mode.ts';
import * as state from '../state.ts';
import { MODES, SPREAD, SPREAD_SHIFT } from './code-hash.ts';
import { CODE_HASH, JUMP_CACHE, JUMP_RECORD_SHIFT } from './layout.ts';
import { emitEntry, JUMPS } from './jump-probe.ts';
import * as record from './record.ts';

const { TYPE_I32, TYPE_I64 } = op;
const VCPU = 0;
const HASH_ENTRY_SIZE = 8;
/** So many places of the hash are tried. */
const PROBES = 32;

/** (vcpu) -> the record for the RIP in the state, or 0 after a fault. `slow` is InterpreterImports.find. */
export function emitFind(module: ModuleBuilder, slow: number, tlbs: number): number {
  const walk = emitFetchWalk(module, tlbs);
  const index = module.declare([TYPE_I32], [TYPE_I32]);
  const find = new Find();
  find.emit(walk);
  find.code.call(slow);
  module.define(index, find.locals.locals(), find.code);
  return index;
}

/** The same, where TypeScript is always to look. */
export function emitFindSlow(module: ModuleBuilder, slow: number): number {
  const index = module.declare([TYPE_I32], [TYPE_I32]);
  const code = new Code();
  code.call(slow);
  module.define(index, [], code);
  return index;
}

class Find {
  readonly code = new Code();
  readonly locals = new LocalPool(1);
  readonly #rip = this.locals.fixed(TYPE_I64);
  readonly #mode = this.locals.fixed(TYPE_I32);
  /** What the walk answers, then the machine address of the instruction. */
  readonly #address = this.locals.fixed(TYPE_I32);
  readonly #isGlobal = this.locals.fixed(TYPE_I32);
  readonly #key = this.locals.fixed(TYPE_I32);
  readonly #place = this.locals.fixed(TYPE_I32);
  readonly #entry = this.locals.fixed(TYPE_I32);
  readonly #left = this.locals.fixed(TYPE_I32);
  readonly #pc = this.locals.fixed(TYPE_I32);
  #giveUp = 0 as Label;

  // Control goes on behind it where TypeScript is to look.
  emit(walk: number): void {
    const { code } = this;
    this.#giveUp = code.block();
    this.#emitAddress(walk);
    this.#emitSearch();
    this.#emitRemember();
    code.get(this.#pc);
    code.byte(op.OP_RETURN);
    code.end();
  }

  #emitAddress(walk: number): void {
    const { code } = this;
    this.#load(op.OP_I32_LOAD, state.OFFSET_MODE);
    code.tee(this.#mode);
    code.i32(MODE_CODE_64);
    code.op(op.OP_I32_AND);
    this.#giveUpUnless();
    code.get(VCPU);
    this.#load(op.OP_I64_LOAD, state.OFFSET_RIP);
    code.tee(this.#rip);
    code.i32(0);
    code.call(walk);
    code.tee(this.#address);
    this.#giveUpUnless();
    code.get(this.#address);
    code.i32(FETCH_GLOBAL);
    code.op(op.OP_I32_AND);
    code.set(this.#isGlobal);
    code.get(this.#address);
    code.i32(-4096);
    code.op(op.OP_I32_AND);
    code.get(this.#rip);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_OR);
    code.set(this.#address);
  }

  // As CodeCache.find: `pc` is a record that stands for the instruction.
  #emitSearch(): void {
    const { code } = this;
    this.#emitKey();
    code.set(this.#key);
    this.#emitFirstPlace();
    code.i32(PROBES);
    code.set(this.#left);
    const found = code.block();
    const again = code.loop();
    const other = code.block();
    code.get(this.#place);
    this.#pushMask();
    code.op(op.OP_I32_AND);
    code.i32(Math.log2(HASH_ENTRY_SIZE));
    code.op(op.OP_I32_SHL);
    code.tee(this.#entry);
    code.memory(op.OP_I32_LOAD, CODE_HASH + 4);
    code.tee(this.#pc);
    this.#giveUpUnless();
    code.get(this.#entry);
    code.memory(op.OP_I32_LOAD, CODE_HASH);
    code.get(this.#key);
    code.op(op.OP_I32_NE);
    code.brIf(other);
    code.get(this.#pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
    code.get(this.#address);
    code.op(op.OP_I32_XOR);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_EQZ);
    code.brIf(found);
    code.end();
    this.#increase(this.#place, 1);
    this.#increase(this.#left, -1);
    code.get(this.#left);
    code.brIf(again);
    code.br(this.#giveUp);
    code.end();
    code.end();
    code.get(this.#pc);
    code.memory(op.OP_I32_LOAD16_U, record.RECORD_HANDLER);
    code.i32(record.HANDLER_LEAVE);
    code.op(op.OP_I32_NE);
    this.#giveUpUnless();
  }

  // Pushes the key: the id of the page of code, with the mode.
  #emitKey(): void {
    const { code } = this;
    code.get(this.#address);
    code.i32(12);
    code.op(op.OP_I32_SHR_U);
    code.i32(2);
    code.op(op.OP_I32_SHL);
    code.memory(op.OP_I32_LOAD, CODE_PAGE_IDS);
    code.tee(this.#key);
    this.#giveUpUnless();
    code.get(this.#key);
    code.i32(1);
    code.op(op.OP_I32_SUB);
    code.i32(MODES);
    code.op(op.OP_I32_MUL);
    code.get(this.#mode);
    code.op(op.OP_I32_ADD);
  }

  #emitFirstPlace(): void {
    const { code } = this;
    code.get(this.#key);
    code.i32(SPREAD | 0);
    code.op(op.OP_I32_MUL);
    code.i32(SPREAD_SHIFT);
    code.op(op.OP_I32_SHR_U);
    code.get(this.#address);
    code.i32(0xfff);
    code.op(op.OP_I32_AND);
    code.op(op.OP_I32_ADD);
    code.set(this.#place);
  }

  // As JumpCache.insert.
  #emitRemember(): void {
    const { code } = this;
    const tag = this.locals.fixed(TYPE_I64);
    emitEntry(code, JUMPS, { rip: this.#rip, tag, entry: this.#entry });
    code.get(this.#entry);
    code.get(tag);
    code.memory(op.OP_I64_STORE, JUMP_CACHE);
    code.get(this.#entry);
    this.#load(op.OP_I64_LOAD, state.OFFSET_FETCH_GLOBAL);
    this.#load(op.OP_I64_LOAD, state.OFFSET_FETCH_LOCAL);
    code.get(this.#isGlobal);
    code.op(op.OP_SELECT);
    code.get(this.#pc);
    code.i32(JUMP_RECORD_SHIFT);
    code.op(op.OP_I32_SHR_U);
    code.op(op.OP_I64_EXTEND_I32_U);
    code.op(op.OP_I64_OR);
    code.memory(op.OP_I64_STORE, JUMP_CACHE + 8);
  }

  #pushMask(): void {
    this.code.i32(CODE_HASH_MASK);
    this.code.memory(op.OP_I32_LOAD, 0);
  }

  #increase(local: number, by: number): void {
    this.code.get(local);
    this.code.i32(by);
    this.code.op(op.OP_I32_ADD);
    this.code.set(local);
  }

  #load(opcode: number, offset: number): void {
    this.code.get(VCPU);
    this.code.memory(opcode, offset);
  }

  #giveUpUnless(): void {
    this.code.op(op.OP_I32_EQZ);
    this.code.brIf(this.#giveUp);
  }
}
