/** Guest memory as regions reach it: in a loop the page of the last access is tried first, and faults leave together. */
import type { Code } from '../emit/code.ts';
import type { LoadedAs } from '../emit/guest-access.ts';
import * as op from '../emit/opcodes.ts';
import { Semantics } from '../emit/semantics.ts';
import type { ControlFlow, HandlerContext, OperandAccess } from '../emit/tier.ts';
import { TLB_ENTRY_ADDEND, TLB_WRITE_OFFSET } from '../emit/tlb-layout.ts';
import { pushTlbTags } from '../emit/tlb-offset.ts';
import { type Bits, LOADS, push, STORES, storeOf, Value, wasmType } from '../emit/values.ts';
import { OFFSET_SCRATCH, RSP } from '../state.ts';
import type { AccessGroup } from './access-groups.ts';
import { type PageLocals, type RegionFrame, VCPU } from './region-frame.ts';

export interface RegionControl extends ControlFlow {
  /** Leaves if OFFSET_EVENT describes an exception; see `fault`. */
  faultOnEvent(): void;
}

export class RegionMemory extends Semantics {
  protected readonly frame: RegionFrame;
  readonly #control: RegionControl;

  constructor(frame: RegionFrame, operands: OperandAccess, control: RegionControl, context: HandlerContext) {
    super(frame.code, frame.locals, { vcpu: VCPU, tlb: frame.tlb }, frame.runtime, operands, control, context);
    this.frame = frame;
    this.#control = control;
  }

  override leaveOnEvent(): void {
    this.#control.faultOnEvent();
  }

  override x87Control(): Value {
    return this.frame.vectors.x87.control();
  }
  override setX87Control(control: Value): void {
    this.frame.vectors.x87.setControl(control);
  }
  override setX87Pointers(address?: Value): void {
    this.frame.vectors.x87.setPointers(this.control.instructionRip(), address);
  }
  override clearX87Pointers(): void {
    super.clearX87Pointers();
    this.frame.vectors.x87.forgetPointers();
  }

  override stackAddress(offset: Value, bits: Bits, write: boolean): Value {
    const address = super.stackAddress(offset, bits, write);
    this.frame.base = RSP;
    return address;
  }

  protected override loadAs(address: Value, bits: Bits, as: LoadedAs): Value {
    const result = this.locals.take(wasmType(as.bits));
    const load = (group: AccessGroup, at: number): void => {
      this.code.get(group.host);
      this.frame.mark((to) => to.memory(as.opcode, at - group.low));
      this.code.set(result);
    };
    this.#reach(address, bits, false, load, () => this.callReadSlow(address, bits, result, as.replace));
    return new Value(as.bits, result);
  }

  override store(address: Value, value: Value): void {
    const store = (group: AccessGroup, at: number): void => {
      this.code.get(group.host);
      this.push(value);
      this.frame.mark((to) => to.memory(storeOf(value), at - group.low));
    };
    this.#reach(address, value.bits, true, store, () => this.callWriteSlow(address, value));
  }

  override probe(address: Value, bits: Bits): number {
    const host = this.locals.take(op.TYPE_I32);
    const found = (group: AccessGroup, at: number): void => {
      this.code.get(group.host);
      this.frame.mark((to) => {
        if (at === group.low) return;
        to.i32(at - group.low);
        to.op(op.OP_I32_ADD);
      });
      this.code.set(host);
    };
    this.#reach(address, bits, true, found, () => {
      this.code.get(VCPU);
      this.push(address);
      this.code.i32(bits / 8);
      this.code.call(this.runtime.probeWrite);
      this.code.set(host);
      this.leaveOnEvent();
    });
    return host;
  }
  // What a region may not touch it has left for: a probe that comes back has an address.
  override loadProbed(_address: Value, host: number, bits: Bits): Value {
    this.code.get(host);
    this.code.memory(LOADS[bits], 0);
    return this.pop(bits);
  }
  override storeProbed(_address: Value, host: number, value: Value): void {
    this.code.get(host);
    this.push(value);
    this.code.memory(STORES[value.bits], 0);
  }

  /**
   * Emits `fast` for an access that is so many bytes from its group's root, when the local of the group has where the
   * group is; what is not found goes the slow way.
   */
  #reach(
    address: Value,
    bits: Bits,
    isWrite: boolean,
    fast: (group: AccessGroup, at: number) => void,
    slow: () => void,
  ): void {
    const { frame, code } = this;
    const bytes = Math.max(bits / 8, 1);
    const anchor = frame.isConditional ? undefined : address.anchor;
    const joined = anchor && frame.accesses.join(anchor, bytes, isWrite);
    if (anchor !== undefined && joined !== undefined) {
      code.get(joined.host);
      code.likely();
      code.if();
      fast(joined, anchor.offset);
      code.else();
      slow();
      code.end();
      return;
    }
    const group = anchor ? frame.accesses.lead(anchor, bytes, isWrite) : this.#alone(bytes, isWrite);
    const at = anchor?.offset ?? 0;
    this.push(address);
    const low = new GroupStart(group, this.pop(64), at, this.locals.take(op.TYPE_I64));
    const out = code.block();
    this.#lead(low, () => {
      slow();
      code.i32(0);
      code.set(group.host);
      code.br(out);
    });
    fast(group, at);
    code.end();
  }

  #alone(bytes: number, isWrite: boolean): AccessGroup {
    return { root: -1, isWrite, host: this.locals.take(op.TYPE_I32), low: 0, high: bytes };
  }

  // Sets the local of a group; `notFound` leaves.
  #lead(low: GroupStart, notFound: () => void): void {
    const { frame, code, locals } = this;
    const page = frame.page(low.group.isWrite);
    const entry = locals.take(op.TYPE_I32);
    if (page !== undefined) {
      this.#leadInPage(low, page, entry, notFound);
      return;
    }
    frame.mark((to) => low.compute(to));
    this.#lookUp(low, entry, notFound);
    frame.mark((to) => {
      low.push(to);
      to.op(op.OP_I32_WRAP_I64);
      low.pushAddend(to, entry);
      to.op(op.OP_I32_ADD);
    });
    code.set(low.group.host);
  }

  // Leaves with `notFound` where the TLB has not all of the group.
  #lookUp(low: GroupStart, entry: number, notFound: () => void): void {
    const { frame, code, locals } = this;
    const tag = locals.take(op.TYPE_I64);
    frame.mark((to) => {
      low.pushLookUp(to, frame.tlb, entry, tag);
      to.op(op.OP_I64_NE);
    });
    code.unlikely();
    code.if();
    // For the use: V8 has what is only compared loaded twice, into a register and by the comparison.
    code.get(VCPU);
    code.get(tag);
    code.memory(op.OP_I64_STORE, OFFSET_SCRATCH);
    notFound();
    code.end();
  }

  // The same by what is remembered of the page, which is then the group's.
  #leadInPage(low: GroupStart, page: PageLocals, entry: number, slow: () => void): void {
    const { frame, code } = this;
    page.groups.push(low.group);
    const isKnown = code.block();
    frame.mark((to) => {
      low.compute(to);
      low.push(to);
      to.get(page.base);
      to.op(op.OP_I64_SUB);
      to.get(page.limit);
      to.op(op.OP_I64_LT_U);
    });
    code.likely();
    code.brIf(isKnown);
    frame.mark((to) => {
      low.pushPage(to);
      to.set(page.base);
    });
    const isFound = code.block();
    this.#lookUp(low, entry, () => {
      this.#reachPage(low, page, slow);
      code.br(isFound);
    });
    frame.mark((to) => low.pushAddend(to, entry));
    code.set(page.addend);
    code.end();
    frame.mark((to) => {
      to.i64(BigInt(PAST_PAGE - page.bytes));
      to.set(page.limit);
    });
    code.end();
    frame.mark((to) => {
      low.push(to);
      to.op(op.OP_I32_WRAP_I64);
      to.get(page.addend);
      to.op(op.OP_I32_ADD);
    });
    code.set(low.group.host);
  }

  // What else is in that place of the TLB may come back before this page is accessed again.
  #reachPage(low: GroupStart, page: PageLocals, slow: () => void): void {
    const { code, frame } = this;
    frame.mark((to) => {
      to.get(VCPU);
      low.push(to);
      to.i32(low.bytes);
      to.i32(low.group.isWrite ? 1 : 0);
    });
    code.call(frame.runtime.reachPage);
    code.tee(page.addend);
    code.op(op.OP_I32_EQZ);
    code.unlikely();
    code.if();
    code.i64(0n);
    code.set(page.limit);
    slow();
    code.end();
    code.get(page.addend);
    code.get(page.base);
    code.op(op.OP_I32_WRAP_I64);
    code.op(op.OP_I32_SUB);
    code.set(page.addend);
  }
}

/** Bytes of a page, and one. */
const PAST_PAGE = 4097;

/** Linear address of a group's first byte, emitted when the group is known whole. */
class GroupStart {
  readonly group: AccessGroup;
  readonly #leader: Value;
  readonly #at: number;
  readonly #local: number;

  /** `leader` is the address of what lies at offset `at`; `local` takes an i64. */
  constructor(group: AccessGroup, leader: Value, at: number, local: number) {
    this.group = group;
    this.#leader = leader;
    this.#at = at;
    this.#local = local;
  }

  get bytes(): number {
    return this.group.high - this.group.low;
  }

  /** To be emitted before any of the others. */
  compute(to: Code): void {
    const distance = this.group.low - this.#at;
    if (distance === 0) return;
    push(to, this.#leader);
    to.i64(BigInt(distance));
    to.op(op.OP_I64_ADD);
    to.set(this.#local);
  }

  push(to: Code): void {
    if (this.group.low === this.#at) push(to, this.#leader);
    else to.get(this.#local);
  }

  pushPage(to: Code): void {
    this.push(to);
    to.i64(-4096n);
    to.op(op.OP_I64_AND);
  }

  /** Pushes the tag of its place in the TLB, which `tag` gets too, and the one that has all bytes of the group. */
  pushLookUp(to: Code, tlb: number, entry: number, tag?: number): void {
    pushTlbTags(to, {
      pushAddress: () => this.push(to),
      pushTlb: () => to.get(tlb),
      ...{ bytes: this.bytes, table: this.#table, entry, tag },
    });
  }

  pushAddend(to: Code, entry: number): void {
    to.get(entry);
    to.memory(op.OP_I32_LOAD, this.#table + TLB_ENTRY_ADDEND);
  }

  get #table(): number {
    return this.group.isWrite ? TLB_WRITE_OFFSET : 0;
  }
}
