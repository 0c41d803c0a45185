/** The vCPU's state and the guest's memory, as generated code reaches them: the inline TLB look-up and its slow way. */
import * as layout from '../state.ts';
import { Arithmetic } from './arithmetic.ts';
import type { Code } from './code.ts';
import * as op from './opcodes.ts';
import type { ControlFlow, Runtime } from './tier.ts';
import { TLB_ENTRY_ADDEND, TLB_WRITE_OFFSET } from './tlb-layout.ts';
import { pushTlbTags } from './tlb-offset.ts';
import {
  type Bits,
  LOADS,
  type LocalPool,
  LOW_LOADS,
  LOW_REPLACES,
  STORES,
  storeOf,
  Value,
  wasmType,
} from './values.ts';

/** What a load leaves: a value of `bits`, or a vector with `replace` for its low element. */
export interface LoadedAs {
  readonly bits: Bits;
  readonly opcode: number;
  readonly replace?: number;
}

export class GuestAccess extends Arithmetic {
  /** Local with the address of the vCPU's state block. */
  readonly vcpu: number;
  readonly control: ControlFlow;
  readonly runtime: Runtime;
  readonly #tlb: number;

  constructor(
    code: Code,
    locals: LocalPool,
    places: { vcpu: number; tlb: number },
    runtime: Runtime,
    control: ControlFlow,
  ) {
    super(code, locals);
    this.vcpu = places.vcpu;
    this.#tlb = places.tlb;
    this.runtime = runtime;
    this.control = control;
  }

  /** A field of the vCPU's state block. */
  loadState(offset: number, bits: Bits): Value {
    this.code.get(this.vcpu);
    this.code.memory(LOADS[bits], offset);
    return this.pop(bits);
  }
  storeState(offset: number, value: Value): void {
    this.code.get(this.vcpu);
    this.push(value);
    this.code.memory(STORES[value.bits], offset);
  }

  load(address: Value, bits: Bits): Value {
    return this.loadAs(address, bits, { bits, opcode: LOADS[bits] });
  }
  /** The low element of a vector whose others are zero. */
  loadLow(address: Value, bits: 32 | 64): Value {
    return this.loadAs(address, bits, { bits: 128, opcode: LOW_LOADS[bits], replace: LOW_REPLACES[bits] });
  }

  protected loadAs(address: Value, bits: Bits, as: LoadedAs): Value {
    const result = this.locals.take(wasmType(as.bits));
    const entry = this.lookUp(address, bits, 0);
    this.code.likely();
    this.code.if();
    this.pushHost(address, entry);
    this.code.memory(as.opcode, 0);
    this.code.set(result);
    this.code.else();
    this.callReadSlow(address, bits, result, as.replace);
    this.code.end();
    return new Value(as.bits, result);
  }

  store(address: Value, value: Value): void {
    const entry = this.lookUp(address, value.bits, TLB_WRITE_OFFSET);
    this.code.likely();
    this.code.if();
    this.pushHost(address, entry);
    this.push(value);
    this.code.memory(storeOf(value), 0);
    this.code.else();
    this.callWriteSlow(address, value);
    this.code.end();
  }

  /** Faults now if `bits` at an address cannot be written; a later `store` there succeeds. */
  checkWritable(address: Value, bits: Bits): void {
    this.probe(address, bits);
  }

  /** Leaves with an exception if `condition` holds. */
  raiseIf(condition: Value, vector: number, errorCode = -1): void {
    this.rarely(condition, () => this.control.raise(vector, errorCode));
  }

  /** Copies machine memory upwards; `to` must not be inside the block at `from`. All are 32-bit values. */
  copyBlock(to: Value, from: Value, bytes: Value): void {
    for (const value of [to, from, bytes]) this.push(value);
    this.code.call(this.runtime.copyBlock);
  }
  /** Fills machine memory with a 64-bit pattern. */
  fillBlock(to: Value, pattern: Value, bytes: Value): void {
    for (const value of [to, pattern, bytes]) this.push(value);
    this.code.call(this.runtime.fillBlock);
  }
  /** Where a byte is in machine memory, if the TLB has its page for reading or for writing; else 0. */
  fastHost(address: Value, write: boolean): Value {
    const host = this.variable(this.const(32, 0));
    const entry = this.lookUp(address, 8, write ? TLB_WRITE_OFFSET : 0);
    this.code.likely();
    this.code.if();
    this.pushHost(address, entry);
    this.code.set(host.local);
    this.code.end();
    return this.get(host);
  }

  /** Leaves a truth value on the stack: whether the TLB holds all bytes of the access. Returns the entry's local. */
  protected lookUp(address: Value, bits: Bits, tableOffset: number): number {
    const { code } = this;
    const entry = this.locals.take(op.TYPE_I32);
    pushTlbTags(code, {
      pushAddress: () => this.push(address),
      pushTlb: () => code.get(this.#tlb),
      bytes: bits / 8,
      table: tableOffset,
      entry,
    });
    code.op(op.OP_I64_EQ);
    // The addend is read at tableOffset + TLB_ENTRY_ADDEND.
    this.#entryOffset = tableOffset + TLB_ENTRY_ADDEND;
    return entry;
  }

  #entryOffset = 0;

  /** Pushes the host address of what `lookUp` just found. */
  protected pushHost(address: Value, entry: number): void {
    this.push(address);
    this.code.op(op.OP_I32_WRAP_I64);
    this.code.get(entry);
    this.code.memory(op.OP_I32_LOAD, this.#entryOffset);
    this.code.op(op.OP_I32_ADD);
  }

  /** Host address of bytes that were found writable, 0 where they go the slow way; faults otherwise. Returns its local. */
  probe(address: Value, bits: Bits): number {
    const host = this.locals.take(op.TYPE_I32);
    const entry = this.lookUp(address, bits, TLB_WRITE_OFFSET);
    this.code.likely();
    this.code.if();
    this.pushHost(address, entry);
    this.code.set(host);
    this.code.else();
    this.code.get(this.vcpu);
    this.push(address);
    this.code.i32(bits / 8);
    this.code.call(this.runtime.probeWrite);
    this.code.set(host);
    this.leaveOnEvent();
    this.code.end();
    return host;
  }

  loadProbed(address: Value, host: number, bits: Bits): Value {
    const result = this.locals.take(wasmType(bits));
    this.code.get(host);
    this.code.if();
    this.code.get(host);
    this.code.memory(LOADS[bits], 0);
    this.code.set(result);
    this.code.else();
    this.callReadSlow(address, bits, result);
    this.code.end();
    return new Value(bits, result);
  }

  storeProbed(address: Value, host: number, value: Value): void {
    this.code.get(host);
    this.code.if();
    this.code.get(host);
    this.push(value);
    this.code.memory(STORES[value.bits], 0);
    this.code.else();
    this.callWriteSlow(address, value);
    this.code.end();
  }

  /** With `replace` the result is a vector, of which that instruction sets the low element. */
  protected callReadSlow(address: Value, bits: Bits, result: number, replace?: number): void {
    this.control.settle();
    if (replace !== undefined) pushZeroVector(this.code);
    this.code.get(this.vcpu);
    this.push(address);
    this.code.call(this.runtime.readSlow[bits === 1 ? 8 : bits]);
    if (replace !== undefined) {
      this.code.op(replace);
      this.code.byte(0);
    }
    this.code.set(result);
    this.leaveOnEvent();
  }

  protected callWriteSlow(address: Value, value: Value): void {
    this.control.settle();
    this.code.get(this.vcpu);
    this.push(address);
    this.push(value);
    if (value.isFloat) this.code.op(value.bits === 64 ? op.OP_I64_REINTERPRET_F64 : op.OP_I32_REINTERPRET_F32);
    this.code.call(this.runtime.writeSlow[value.bits === 1 ? 8 : value.bits]);
    this.leaveOnEvent();
  }

  /** Leaves if a call just raised an exception. */
  leaveOnEvent(): void {
    this.code.get(this.vcpu);
    this.code.memory(op.OP_I32_LOAD, layout.OFFSET_EVENT);
    this.code.unlikely();
    this.code.if();
    this.control.fault();
    this.code.end();
  }
}

function pushZeroVector(code: Code): void {
  code.op(op.OP_V128_CONST);
  for (let i = 0; i < 16; i++) code.byte(0);
}
