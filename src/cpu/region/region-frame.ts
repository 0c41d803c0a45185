/**
 * The locals of a region's function: general registers and flags live in them while the region runs. What the
 * definitions read and write is known when all is emitted; until then, places where registers go to the state block
 * and come back are only marked.
 */
import { type BranchHint, Code } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import { type Bits, LocalPool, push, Value } from '../emit/values.ts';
import { OFFSET_FLAGS_AUX, OFFSET_FLAGS_KIND, OFFSET_FLAGS_RESULT, OFFSET_GPR, OFFSET_TLB } from '../state.ts';
import { type AccessGroup, AccessGroups } from './access-groups.ts';
import { emitPutOff, type PutOffFlags } from './put-off-flags.ts';
import type { RegionRuntime } from './region-runtime.ts';
import { RegionVectors } from './region-vectors.ts';

// Parameters: (vcpu: i32, ipBase: i64, budget: i32) -> i32
export const VCPU = 0;
export const IP_BASE = 1;
export const BUDGET = 2;
export const REGION_PARAMETERS = [op.TYPE_I32, op.TYPE_I64, op.TYPE_I32] as const;

/** What the flags are at a place of the code, as far as it is known there; values are locals of the frame or constants. */
export interface FrameFlags {
  /** With 'order' the result is what `flagsOfOrder` was given. */
  readonly kind: 'add' | 'sub' | 'logic' | 'result' | 'order';
  readonly a: Value;
  readonly b: Value;
  readonly result: Value;
}

/** Locals that remember the page which accesses by one base register last went to. */
export class PageLocals {
  /** Its address, and what to add to an address in it for where that is. */
  readonly base: number;
  readonly addend: number;
  /** How far from its start a group may begin so that all of it is there; 0 where no page is remembered. */
  readonly limit: number;
  readonly groups: AccessGroup[] = [];

  constructor(locals: LocalPool) {
    this.base = locals.fixed(op.TYPE_I64);
    this.addend = locals.fixed(op.TYPE_I32);
    this.limit = locals.fixed(op.TYPE_I64);
  }

  /** Of the longest group, when all is emitted. */
  get bytes(): number {
    return Math.max(...this.groups.map(({ low, high }) => high - low));
  }
}

/** Of accesses that have no base register. */
export const BASE_OTHER = 16;

export class RegionFrame {
  readonly code = new Code();
  readonly locals = new LocalPool(REGION_PARAMETERS.length);
  readonly runtime: RegionRuntime;
  readonly tlb = this.locals.fixed(op.TYPE_I32);
  /** Where control goes on, for the chain to the next region. */
  readonly rip = this.locals.fixed(op.TYPE_I64);
  /** What the region returns: REGION_*. */
  readonly result = this.locals.fixed(op.TYPE_I32);
  /** OFFSET_FLAGS_KIND and the two words, while the region runs. */
  readonly flagsKind = this.locals.fixed(op.TYPE_I32);
  readonly flagsFirst = this.locals.fixed(op.TYPE_I64);
  readonly flagsSecond = this.locals.fixed(op.TYPE_I64);

  readonly vectors = new RegionVectors(this.code, this.locals, VCPU);

  /** The flags known at this place; that they are the interpreter's pair; a number that changes when they are set. */
  known: FrameFlags | undefined;
  isPair = false;
  flagsVersion = 0;
  /** Where this is defined, the locals of the flags are stale: most flags are never seen. */
  putOff: PutOffFlags | undefined;
  /** What that was when the instruction began, and whether it is to be in the locals since. */
  #begun: { readonly putOff: PutOffFlags | undefined; isNeeded: boolean } = { putOff: undefined, isNeeded: false };

  /** What the memory operand being emitted is addressed by: a register, or BASE_OTHER. */
  base = BASE_OTHER;
  readonly accesses = new AccessGroups(this.locals);
  #depth = 0;
  /** The code being emitted is a loop of one block: pages are remembered. */
  isInLoop = false;
  readonly #pages = new Map<number, PageLocals>();
  readonly #gprs = new Map<number, number>();
  readonly #written = new Set<number>();
  readonly #marks: { at: number; emit: (to: Code) => void }[] = [];
  readonly #knownLocals = new Map<string, number>();

  constructor(runtime: RegionRuntime) {
    this.runtime = runtime;
  }

  /** An instruction begins. */
  begin(): void {
    this.base = BASE_OTHER;
    this.#depth = this.code.depth;
    const begun = { putOff: this.putOff, isNeeded: false };
    this.#begun = begun;
    if (begun.putOff === undefined) return;
    this.mark((to) => {
      if (begun.isNeeded) this.#setLocals(to, begun.putOff as PutOffFlags);
    });
  }

  /** Not all ways through the instruction come here, or some come again. */
  get isConditional(): boolean {
    return this.code.depth !== this.#depth;
  }

  /** Part of a general register: `bits` from byte `byte` on. */
  readGpr(register: number, bits: Bits, byte = 0): Value {
    const { code } = this;
    code.get(this.#gpr(register));
    if (bits === 64) {
      const value = this.#pop(64);
      value.anchor = this.accesses.anchorOf(register);
      return value;
    }
    if (byte !== 0) {
      code.i64(BigInt(byte * 8));
      code.op(op.OP_I64_SHR_U);
    }
    code.op(op.OP_I32_WRAP_I64);
    if (bits < 32) {
      code.i32(bits === 8 ? 0xff : 0xffff);
      code.op(op.OP_I32_AND);
    }
    return this.#pop(bits);
  }

  /** Writes part of a register; 32 bits clear its upper half. */
  writeGpr(register: number, value: Value, byte = 0): void {
    const { code } = this;
    const local = this.#gpr(register);
    this.#written.add(register);
    this.accesses.wrote(register, this.isConditional ? undefined : value);
    if (value.bits >= 32) {
      push(code, value);
      if (value.bits === 32) code.op(op.OP_I64_EXTEND_I32_U);
      code.set(local);
      return;
    }
    const shift = BigInt(byte * 8);
    code.get(local);
    code.i64(~((value.bits === 8 ? 0xffn : 0xffffn) << shift));
    code.op(op.OP_I64_AND);
    push(code, value);
    code.op(op.OP_I64_EXTEND_I32_U);
    if (byte !== 0) {
      code.i64(shift);
      code.op(op.OP_I64_SHL);
    }
    code.op(op.OP_I64_OR);
    code.set(local);
  }

  /** The page that accesses by the present base remember; undefined where it does not pay. */
  page(isWrite: boolean): PageLocals | undefined {
    if (!this.isInLoop) return undefined;
    const key = this.base * 2 + (isWrite ? 1 : 0);
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = new PageLocals(this.locals);
    this.#pages.set(key, page);
    return page;
  }

  /** Flags as `known` has them, to be in their locals where somebody may see them. */
  setLater(flags: PutOffFlags): void {
    if (this.isConditional) {
      this.needFlags();
      this.#setLocals(this.code, flags);
    } else this.putOff = flags;
    this.flagsVersion++;
    this.isPair = false;
  }

  /** From here on the locals have the flags. */
  needFlags(): void {
    const { putOff } = this;
    if (putOff === undefined) return;
    this.putOff = undefined;
    if (!this.isConditional) {
      this.#setLocals(this.code, putOff);
      return;
    }
    if (putOff !== this.#begun.putOff) throw new Error('flags set twice by one instruction');
    this.#begun.isNeeded = true;
  }

  /** The same on a way out of here. */
  leaveWithFlags(): void {
    if (this.putOff !== undefined) this.#setLocals(this.code, this.putOff);
  }

  /** The same, if that is found to be so when all is emitted. */
  leaveWithFlagsIf(isNeeded: () => boolean): void {
    const { putOff } = this;
    if (putOff === undefined) return;
    this.mark((to) => {
      if (isNeeded()) this.#setLocals(to, putOff);
    });
  }

  #setLocals(to: Code, putOff: PutOffFlags): void {
    emitPutOff(to, putOff, { kind: this.flagsKind, first: this.flagsFirst, second: this.flagsSecond });
  }

  /** Sets the flags to a kind (on the wasm stack) and words. */
  setFlags(first: Value | undefined, second: Value | undefined): void {
    const { code } = this;
    if (this.isConditional) this.needFlags();
    this.putOff = undefined;
    code.set(this.flagsKind);
    if (first !== undefined) {
      push(code, first);
      code.set(this.flagsFirst);
    }
    if (second !== undefined) {
      push(code, second);
      code.set(this.flagsSecond);
    }
    this.flagsVersion++;
    this.isPair = false;
    this.known = undefined;
  }

  /** Keeps what conditions may be computed from, beyond the instruction that set the flags. */
  keep(kind: FrameFlags['kind'], result: Value, a: Value = result, b: Value = result): void {
    const kept = this.#kept('result', result);
    const first = a === result ? kept : this.#kept('a', a);
    this.known = { kind, a: first, b: b === result ? kept : this.#kept('b', b), result: kept };
  }

  /** From here on the flags are the pair. */
  settleFlags(): void {
    if (this.isPair) return;
    this.needFlags();
    const { code } = this;
    code.get(this.flagsKind);
    code.unlikely();
    code.if();
    code.get(VCPU);
    code.get(this.flagsKind);
    code.get(this.flagsFirst);
    code.get(this.flagsSecond);
    code.call(this.runtime.settleFlags);
    code.i32(0);
    code.set(this.flagsKind);
    this.loadFlagWords();
    code.end();
    this.isPair = true;
  }

  loadTlb(): void {
    const { code } = this;
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, OFFSET_TLB);
    code.set(this.tlb);
  }

  loadFlagWords(): void {
    const { code } = this;
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, OFFSET_FLAGS_AUX);
    code.set(this.flagsFirst);
    code.get(VCPU);
    code.memory(op.OP_I64_LOAD, OFFSET_FLAGS_RESULT);
    code.set(this.flagsSecond);
  }

  /** Here all registers that the region writes go to the state, or all that it uses come back. */
  markStore(): void {
    this.mark((to) => this.#storeRegisters(to));
  }
  markLoad(): void {
    this.mark((to) => this.#loadRegisters(to));
  }
  /** Here comes what can be emitted when all else is. It opens and closes no block of this code. */
  mark(emit: (to: Code) => void): void {
    this.#marks.push({ at: this.code.length, emit });
  }

  /** The whole body, with the marked places filled in. */
  assemble(): Code {
    const body = this.code.bytes();
    const out = new Code(body.length * 2);
    const { hints } = this.code;
    let [from, hint] = [0, 0];
    const appendTo = (end: number): void => {
      for (; hint < hints.length && (hints[hint] as BranchHint).at < end; hint++) {
        const { at, isLikely } = hints[hint] as BranchHint;
        out.hints.push({ at: at - from + out.length, isLikely });
      }
      out.append(body.subarray(from, end));
      from = end;
    };
    for (const { at, emit } of this.#marks) {
      appendTo(at);
      emit(out);
    }
    appendTo(body.length);
    return out;
  }

  /** Stores flags as they are kept here. */
  storeFlags(): void {
    const { code } = this;
    code.get(VCPU);
    code.get(this.flagsKind);
    code.memory(op.OP_I32_STORE, OFFSET_FLAGS_KIND);
    code.get(VCPU);
    code.get(this.flagsFirst);
    code.memory(op.OP_I64_STORE, OFFSET_FLAGS_AUX);
    code.get(VCPU);
    code.get(this.flagsSecond);
    code.memory(op.OP_I64_STORE, OFFSET_FLAGS_RESULT);
  }

  #storeRegisters(to: Code): void {
    for (const register of this.#written) {
      to.get(VCPU);
      to.get(this.#gpr(register));
      to.memory(op.OP_I64_STORE, OFFSET_GPR + register * 8);
    }
    this.vectors.store(to);
  }

  #loadRegisters(to: Code): void {
    for (const [register, local] of this.#gprs) {
      to.get(VCPU);
      to.memory(op.OP_I64_LOAD, OFFSET_GPR + register * 8);
      to.set(local);
    }
    this.vectors.load(to);
    // Mappings may have changed meanwhile.
    for (const { limit } of this.#pages.values()) {
      to.i64(0n);
      to.set(limit);
    }
  }

  #gpr(register: number): number {
    const known = this.#gprs.get(register);
    if (known !== undefined) return known;
    const local = this.locals.fixed(op.TYPE_I64);
    this.#gprs.set(register, local);
    return local;
  }

  // A copy in a local that no other instruction's temporaries take.
  #kept(role: string, value: Value): Value {
    if (value.isConstant) return value;
    const type = value.bits === 64 ? op.TYPE_I64 : op.TYPE_I32;
    const key = `${role}${type}`;
    let local = this.#knownLocals.get(key);
    if (local === undefined) {
      local = this.locals.fixed(type);
      this.#knownLocals.set(key, local);
    }
    push(this.code, value);
    this.code.set(local);
    return new Value(value.bits, local);
  }

  #pop(bits: Bits): Value {
    const local = this.locals.take(bits === 64 ? op.TYPE_I64 : op.TYPE_I32);
    this.code.set(local);
    return new Value(bits, local);
  }
}
