/** Guest memory as regions reach it: in a loop the page of the last access is tried first, and faults leave together. */
import type { LoadedAs } from '../emit/guest-access.ts';
import * as op from '../emit/opcodes.ts';
import { Semantics } from '../emit/semantics.ts';
import type { ControlFlow, HandlerContext, OperandAccess } from '../emit/tier.ts';
import { TLB_ENTRY_ADDEND, TLB_WRITE_OFFSET } from '../emit/tlb-layout.ts';
import { type Bits, LOADS, STORES, storeOf, Value, wasmType } from '../emit/values.ts';
import { RSP } from '../state.ts';
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
    this.frame.group = RSP;
    return address;
  }

  protected override loadAs(address: Value, bits: Bits, as: LoadedAs): Value {
    const page = this.frame.page(false);
    if (page === undefined) return super.loadAs(address, bits, as);
    const { code } = this;
    const result = this.locals.take(wasmType(as.bits));
    const out = code.block();
    const offset = this.#offsetInPage(address, bits, page, 0, () => {
      this.callReadSlow(address, bits, result, as.replace);
      code.br(out);
    });
    this.#pushInPage(page, offset);
    code.memory(as.opcode, 0);
    code.set(result);
    code.end();
    return new Value(as.bits, result);
  }

  override store(address: Value, value: Value): void {
    const page = this.frame.page(true);
    if (page === undefined) {
      super.store(address, value);
      return;
    }
    const { code } = this;
    const out = code.block();
    const offset = this.#offsetInPage(address, value.bits, page, TLB_WRITE_OFFSET, () => {
      this.callWriteSlow(address, value);
      code.br(out);
    });
    this.#pushInPage(page, offset);
    this.push(value);
    code.memory(storeOf(value), 0);
    code.end();
  }

  override probe(address: Value, bits: Bits): number {
    const page = this.frame.page(true);
    if (page === undefined) return super.probe(address, bits);
    const { code } = this;
    const host = this.locals.take(op.TYPE_I32);
    const out = code.block();
    const offset = this.#offsetInPage(address, bits, page, TLB_WRITE_OFFSET, () => {
      code.get(VCPU);
      this.push(address);
      code.i32(bits / 8);
      code.call(this.runtime.probeWrite);
      code.set(host);
      this.leaveOnEvent();
      code.br(out);
    });
    this.#pushInPage(page, offset);
    code.set(host);
    code.end();
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

  // Offset in the page that is remembered then, as a local; `slow` is for what the TLB does not have, and leaves.
  #offsetInPage(address: Value, bits: Bits, page: PageLocals, table: number, slow: () => void): number {
    const { code } = this;
    const offset = this.locals.take(op.TYPE_I64);
    this.push(address);
    code.get(page.base);
    code.op(op.OP_I64_SUB);
    code.tee(offset);
    code.i64(BigInt(4096 - bits / 8));
    code.op(op.OP_I64_GT_U);
    code.unlikely();
    code.if();
    const entry = this.lookUp(address, bits, table);
    code.likely();
    code.if(op.TYPE_I32);
    this.push(address);
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
    code.op(op.OP_I32_WRAP_I64);
    code.get(entry);
    code.memory(op.OP_I32_LOAD, table + TLB_ENTRY_ADDEND);
    code.op(op.OP_I32_ADD);
    code.else();
    // What else is in that place of the TLB may come back before this page is accessed again.
    code.get(VCPU);
    this.push(address);
    code.i32(bits / 8);
    code.i32(table === 0 ? 0 : 1);
    code.call(this.frame.runtime.reachPage);
    code.tee(entry);
    code.op(op.OP_I32_EQZ);
    code.unlikely();
    code.if();
    slow();
    code.end();
    code.get(entry);
    code.end();
    code.set(page.host);
    this.push(address);
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
    code.set(page.base);
    this.push(address);
    code.i64(4095n);
    code.op(op.OP_I64_AND);
    code.set(offset);
    code.end();
    return offset;
  }

  #pushInPage(page: PageLocals, offset: number): void {
    const { code } = this;
    code.get(offset);
    code.op(op.OP_I32_WRAP_I64);
    code.get(page.host);
    code.op(op.OP_I32_ADD);
  }
}
