/** Operands of the interpreter tier: fields of a predecoded record. */
import type { Code } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import type { OperandAccess } from '../emit/tier.ts';
import { type Bits, LOADS, type LocalPool, push, STORES, Value, wasmType } from '../emit/values.ts';
import type { OperandHandle } from '../instructions/define.ts';
import type { RegisterFile } from '../instructions/operands.ts';
import { OFFSET_EVENT, OFFSET_GPR, OFFSET_SEGMENTS, OFFSET_X87, OFFSET_XMM } from '../state.ts';
import type { ResolvedOperand } from './handlers.ts';
import * as record from './record.ts';

/** Locals and functions that record access needs. */
export interface RecordPlaces {
  readonly vcpu: number;
  readonly pc: number;
  readonly ipBase: number;
  /** (vcpu, pc, ipBase) -> i64: the address of a record of any shape; faults set OFFSET_EVENT. */
  readonly addressFunction: number;
  /** Records from `pc` to the one this handler reads: 1 in the second half of a fused pair. */
  readonly ahead: number;
}

export const FILE_OFFSETS: Readonly<Record<RegisterFile, number>> = {
  gpr: OFFSET_GPR,
  xmm: OFFSET_XMM,
  mm: OFFSET_X87,
  st: OFFSET_X87,
  segment: OFFSET_SEGMENTS,
  control: 0,
  debug: 0,
};
const SLOT_SIZES: Readonly<Record<RegisterFile, number>> = {
  gpr: 8,
  xmm: 16,
  mm: 16,
  st: 16,
  segment: 1,
  control: 1,
  debug: 1,
};
/** An MMX write sets the exponent of the x87 register to all ones (SDM vol. 1, 9.2). */
export const MMX_EXPONENT_OFFSET = 8;

/** Byte that says which register a slot field means. Legacy high bytes are the second byte of registers 0 to 3. */
export function slotOf(file: RegisterFile, number: number): number {
  return number * SLOT_SIZES[file];
}

export class RecordOperands implements OperandAccess {
  readonly #code: Code;
  readonly #locals: LocalPool;
  readonly #operands: readonly ResolvedOperand[];
  readonly #places: RecordPlaces;
  readonly #fault: () => void;
  readonly #slots = new Map<number, number>();

  constructor(
    code: Code,
    locals: LocalPool,
    operands: readonly ResolvedOperand[],
    places: RecordPlaces,
    fault: () => void,
  ) {
    this.#code = code;
    this.#locals = locals;
    this.#operands = operands;
    this.#places = places;
    this.#fault = fault;
    this.#locateRegisters();
  }

  bits(handle: OperandHandle): Bits {
    return this.#operand(handle).bits;
  }
  isMemory(handle: OperandHandle): boolean {
    return this.#operand(handle).type === 'memory';
  }
  isImmediate(handle: OperandHandle): boolean {
    const { type } = this.#operand(handle);
    return type === 'immediate' || type === 'constant';
  }

  readRegister(handle: OperandHandle, bits: Bits): Value {
    const operand = this.#operand(handle);
    const offset = this.#pushRegisterBase(handle, operand);
    this.#code.memory(LOADS[bits], offset);
    return this.#pop(bits);
  }

  registerNumber(handle: OperandHandle): Value {
    this.#code.get(this.#slots.get(handle.index) as number);
    this.#code.get(this.#places.vcpu);
    this.#code.op(op.OP_I32_SUB);
    return this.#pop(32);
  }

  writeRegister(handle: OperandHandle, value: Value): void {
    const operand = this.#operand(handle);
    const offset = this.#pushRegisterBase(handle, operand);
    if (operand.type !== 'register' && operand.type !== 'fixed') throw new Error('only registers are written here');
    push(this.#code, value);
    if (value.bits === 32 && operand.file === 'gpr') {
      this.#code.op(op.OP_I64_EXTEND_I32_U);
      this.#code.memory(op.OP_I64_STORE, offset);
    } else {
      this.#code.memory(STORES[value.bits], offset);
    }
    if (operand.file !== 'mm') return;
    this.#pushRegisterBase(handle, operand);
    this.#code.i32(0xffff);
    this.#code.memory(op.OP_I32_STORE16, offset + MMX_EXPONENT_OFFSET);
  }

  immediate(handle: OperandHandle, bits: Bits): Value {
    const operand = this.#operand(handle);
    if (operand.type === 'constant') return new Value(bits, -1, BigInt(operand.value));
    const { pc } = this.#places;
    this.#code.get(pc);
    if (bits === 64 && this.#isWide(handle)) {
      this.#code.memory(op.OP_I64_LOAD, this.#at(record.RECORD_DISPLACEMENT));
    } else {
      const second = operand.type === 'immediate' && operand.second;
      const field = this.#at(second ? record.RECORD_DISPLACEMENT : record.RECORD_IMMEDIATE);
      this.#code.memory(IMMEDIATE_LOADS[bits], field);
    }
    return this.#pop(bits);
  }

  address(handle: OperandHandle): Value {
    const operand = this.#operand(handle);
    if (operand.type !== 'memory') throw new Error('only a memory operand has an address');
    switch (operand.shape) {
      case record.SHAPE_BASE:
        this.#pushSlot64(record.RECORD_BASE);
        break;
      case record.SHAPE_INDEX:
        this.#pushSlot64(record.RECORD_BASE);
        this.#pushScaledIndex();
        this.#code.op(op.OP_I64_ADD);
        break;
      case record.SHAPE_RIP:
        this.#code.get(this.#places.ipBase);
        break;
      default:
        return this.#anyAddress();
    }
    this.#code.get(this.#places.pc);
    this.#code.memory(op.OP_I64_LOAD32_S, this.#at(record.RECORD_DISPLACEMENT));
    this.#code.op(op.OP_I64_ADD);
    return this.#pop(64);
  }

  isUnsegmented(_handle: OperandHandle): Value {
    this.#code.get(this.#places.pc);
    this.#code.memory(op.OP_I32_LOAD8_U, this.#at(record.RECORD_BASE));
    this.#code.i32(record.ANY_NO_SEGMENT << 5);
    this.#code.op(op.OP_I32_GE_U);
    return this.#pop(1);
  }

  #operand(handle: OperandHandle): ResolvedOperand {
    const operand = this.#operands[handle.index];
    if (operand === undefined) throw new Error(`operand ${handle.index} is not in the form`);
    return operand;
  }

  // A 64-bit immediate in full, which only a form without memory operand and a 'v' immediate has: MOV r64, imm64.
  #isWide(handle: OperandHandle): boolean {
    const operand = this.#operand(handle);
    return operand.type === 'immediate' && operand.wide === true;
  }

  #anyAddress(): Value {
    const { vcpu, pc, ipBase, addressFunction, ahead } = this.#places;
    this.#code.get(vcpu);
    this.#code.get(pc);
    if (ahead > 0) {
      this.#code.i32(ahead * record.RECORD_SIZE);
      this.#code.op(op.OP_I32_ADD);
    }
    this.#code.get(ipBase);
    this.#code.call(addressFunction);
    const address = this.#pop(64);
    this.#code.get(vcpu);
    this.#code.memory(op.OP_I32_LOAD, OFFSET_EVENT);
    this.#code.if();
    this.#fault();
    this.#code.end();
    return address;
  }

  #at(field: number): number {
    return field + this.#places.ahead * record.RECORD_SIZE;
  }

  // Pushes the address to which the register's constant offset (the result) is added.
  #pushRegisterBase(handle: OperandHandle, operand: ResolvedOperand): number {
    if (operand.type === 'fixed') {
      this.#code.get(this.#places.vcpu);
      return FILE_OFFSETS[operand.file] + slotOf(operand.file, operand.number);
    }
    if (operand.type !== 'register') throw new Error(`operand ${handle.index} is no register`);
    this.#code.get(this.#slots.get(handle.index) as number);
    return FILE_OFFSETS[operand.file];
  }

  // Addresses of register operands are computed before anything else, so that they hold on every path.
  #locateRegisters(): void {
    for (const [index, operand] of this.#operands.entries()) {
      if (operand.type !== 'register') continue;
      const local = this.#locals.take(op.TYPE_I32);
      this.#slots.set(index, local);
      this.#code.get(this.#places.pc);
      const field = operand.slot === 0 ? record.RECORD_REGISTER_A : record.RECORD_REGISTER_B;
      this.#code.memory(op.OP_I32_LOAD8_U, this.#at(field));
      this.#code.get(this.#places.vcpu);
      this.#code.op(op.OP_I32_ADD);
      this.#code.set(local);
    }
  }

  // The 64-bit general register whose slot offset a field holds.
  #pushSlot64(field: number): void {
    this.#code.get(this.#places.pc);
    this.#code.memory(op.OP_I32_LOAD8_U, this.#at(field));
    this.#code.get(this.#places.vcpu);
    this.#code.op(op.OP_I32_ADD);
    this.#code.memory(op.OP_I64_LOAD, OFFSET_GPR);
  }

  #pushScaledIndex(): void {
    const field = this.#locals.take(op.TYPE_I32);
    this.#code.get(this.#places.pc);
    this.#code.memory(op.OP_I32_LOAD8_U, this.#at(record.RECORD_INDEX));
    this.#code.tee(field);
    this.#code.i32(0xf8);
    this.#code.op(op.OP_I32_AND);
    this.#code.get(this.#places.vcpu);
    this.#code.op(op.OP_I32_ADD);
    this.#code.memory(op.OP_I64_LOAD, OFFSET_GPR);
    this.#code.get(field);
    this.#code.i32(3);
    this.#code.op(op.OP_I32_AND);
    this.#code.op(op.OP_I64_EXTEND_I32_U);
    this.#code.op(op.OP_I64_SHL);
  }

  #pop(bits: Bits): Value {
    const local = this.#locals.take(wasmType(bits));
    this.#code.set(local);
    return new Value(bits, local);
  }
}

const IMMEDIATE_LOADS: Readonly<Record<Bits, number>> = { ...LOADS, 64: op.OP_I64_LOAD32_S };
