/** Operands of the region tier: what the fields of a record are, as constants. */
import type { Code } from '../emit/code.ts';
import * as op from '../emit/opcodes.ts';
import type { ControlFlow, OperandAccess } from '../emit/tier.ts';
import { behind, type Bits, LOADS, push, STORES, Value, wasmType } from '../emit/values.ts';
import type { OperandHandle } from '../instructions/define.ts';
import type { Handler, ResolvedOperand } from '../interpreter/handlers.ts';
import * as record from '../interpreter/record.ts';
import { FILE_OFFSETS, MMX_EXPONENT_OFFSET, slotOf } from '../interpreter/record-operands.ts';
import { MODE_CODE_64 } from '../mode.ts';
import { OFFSET_EVENT, OFFSET_IMPLICIT_INDEX, OFFSET_SEGMENTS, SEGMENT_BASE, SEGMENT_SIZE } from '../state.ts';
import { ROOT_IP_BASE } from './access-groups.ts';
import { BASE_OTHER, IP_BASE, type RegionFrame, VCPU } from './region-frame.ts';

/** A record whose fields are read while code is made from it. */
export interface RegionInstruction {
  /** Address of the record, and of the one by which the instruction is entered. */
  readonly pc: number;
  readonly entry: number;
  readonly handler: Handler;
  /** Offset from the page of the region's entry on, and length. */
  readonly offset: number;
  readonly length: number;
  /** Offset of its page; machine frames of its first and last byte. */
  readonly page: number;
  readonly frame: number;
  readonly last: number;
}

export class RegionOperands implements OperandAccess {
  readonly #frame: RegionFrame;
  readonly #view: DataView;
  readonly #pc: number;
  readonly #page: number;
  readonly #handler: Handler;
  readonly #mode: number;
  readonly #control: ControlFlow;

  constructor(frame: RegionFrame, view: DataView, instruction: RegionInstruction, mode: number, control: ControlFlow) {
    this.#frame = frame;
    this.#view = view;
    this.#pc = instruction.pc;
    this.#page = instruction.page;
    this.#handler = instruction.handler;
    this.#mode = mode;
    this.#control = control;
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
    const place = this.#place(handle);
    if (place.file === 'gpr') return this.#frame.readGpr(place.offset >> 3, bits, place.offset & 7);
    if (place.file === 'xmm') return this.#frame.vectors.read(place.offset >> 4, bits);
    const { code } = this.#frame;
    code.get(VCPU);
    code.memory(LOADS[bits], FILE_OFFSETS[place.file] + place.offset);
    return this.#pop(bits);
  }

  writeRegister(handle: OperandHandle, value: Value): void {
    const place = this.#place(handle);
    if (place.file === 'gpr') {
      this.#frame.writeGpr(place.offset >> 3, value, place.offset & 7);
      return;
    }
    if (place.file === 'xmm') {
      this.#frame.vectors.write(place.offset >> 4, value);
      return;
    }
    const { code } = this.#frame;
    const at = FILE_OFFSETS[place.file] + place.offset;
    code.get(VCPU);
    push(code, value);
    code.memory(STORES[value.bits], at);
    if (place.file !== 'mm') return;
    code.get(VCPU);
    code.i32(0xffff);
    code.memory(op.OP_I32_STORE16, at + MMX_EXPONENT_OFFSET);
  }

  readFloatRegister(handle: OperandHandle, bits: 32 | 64): Value {
    return this.#frame.vectors.readFloat(this.#place(handle).offset >> 4, bits);
  }

  writeFloatRegister(handle: OperandHandle, value: Value): void {
    this.#frame.vectors.writeFloat(this.#place(handle).offset >> 4, value);
  }

  immediate(handle: OperandHandle, bits: Bits): Value {
    const operand = this.#operand(handle);
    if (operand.type === 'constant') return constant(bits, BigInt(operand.value));
    if (operand.type !== 'immediate') throw new Error(`operand ${handle.index} is no immediate`);
    if (bits === 64 && operand.wide) {
      return constant(64, this.#view.getBigInt64(this.#pc + record.RECORD_DISPLACEMENT, true));
    }
    const field = operand.second ? record.RECORD_DISPLACEMENT : record.RECORD_IMMEDIATE;
    return constant(bits, BigInt(this.#view.getInt32(this.#pc + field, true)));
  }

  address(handle: OperandHandle): Value {
    const operand = this.#operand(handle);
    if (operand.type !== 'memory') throw new Error('only a memory operand has an address');
    const isAny = operand.shape === record.SHAPE_ANY;
    const base = this.#u8(record.RECORD_BASE);
    this.#frame.base =
      operand.shape === record.SHAPE_RIP ? BASE_OTHER : Math.min(isAny ? base & 0x1f : base >> 3, BASE_OTHER);
    switch (operand.shape) {
      case record.SHAPE_BASE:
        return this.#plus(this.#register(base >> 3));
      case record.SHAPE_INDEX:
        return this.#plus(this.#indexed(this.#register(base >> 3)));
      case record.SHAPE_RIP:
        return this.#sum(this.#ipBase(), constant(64, this.#displacement() + BigInt(this.#page)));
      default:
        return this.#anyAddress(handle);
    }
  }

  /** Without the displacement: operands next to each other are then told of by one test. */
  isMisaligned(handle: OperandHandle): Value | undefined {
    const operand = this.#operand(handle);
    if (operand.type !== 'memory') return undefined;
    const displacement = Number(this.#displacement() & 15n);
    const base = this.#u8(record.RECORD_BASE);
    switch (operand.shape) {
      case record.SHAPE_BASE:
        return this.#isNotModulo16(this.#register(base >> 3), -displacement & 15);
      case record.SHAPE_INDEX:
        return this.#isNotModulo16(this.#indexed(this.#register(base >> 3)), -displacement & 15);
      case record.SHAPE_RIP:
        return constant(1, ((displacement + this.#page) & 15) === 0 ? 0n : 1n);
      default:
        return undefined;
    }
  }

  registerNumber(handle: OperandHandle): Value {
    return constant(32, BigInt(this.#place(handle).offset));
  }

  isUnsegmented(_handle: OperandHandle): Value {
    return constant(1, this.#u8(record.RECORD_BASE) >>> 5 === record.ANY_NO_SEGMENT ? 1n : 0n);
  }

  #anyAddress(handle: OperandHandle): Value {
    const offset = this.#truncated(this.#anyOffset());
    const segment = this.#u8(record.RECORD_BASE) >>> 5;
    if (segment === record.ANY_NO_SEGMENT) return offset;
    const { code, runtime } = this.#frame;
    if ((this.#mode & MODE_CODE_64) !== 0) {
      code.get(VCPU);
      code.memory(op.OP_I64_LOAD, OFFSET_SEGMENTS + segment * SEGMENT_SIZE + SEGMENT_BASE);
      push(code, offset);
      code.op(op.OP_I64_ADD);
      return this.#pop(64);
    }
    const access = this.#handler.accesses[handle.index];
    const isUnchecked = this.#handler.instruction.unchecked === true;
    code.get(VCPU);
    code.i32(segment);
    push(code, offset);
    const operand = this.#operand(handle);
    code.i32(isUnchecked || operand.type !== 'memory' ? 0 : operand.bytes);
    code.i32(access === 'w' || access === 'rw' ? 1 : 0);
    code.call(runtime.offsetLinear);
    const address = this.#pop(64);
    code.get(VCPU);
    code.memory(op.OP_I32_LOAD, OFFSET_EVENT);
    code.if();
    this.#control.fault();
    code.end();
    return address;
  }

  #anyOffset(): Value {
    const base = this.#u8(record.RECORD_BASE) & 0x1f;
    const index = this.#u8(record.RECORD_INDEX) >> 3;
    if (base === record.ANY_WIDE_OFFSET) {
      return constant(64, this.#view.getBigInt64(this.#pc + record.RECORD_DISPLACEMENT, true));
    }
    let offset: Value | undefined;
    if (base === record.ANY_RIP) offset = this.#sum(constant(64, BigInt(this.#page)), new Value(64, IP_BASE));
    else if (base !== record.ANY_NO_REGISTER) offset = this.#register(base);
    if (index === record.ANY_IMPLICIT_INDEX) {
      const { code } = this.#frame;
      code.get(VCPU);
      code.memory(op.OP_I64_LOAD, OFFSET_IMPLICIT_INDEX);
      offset = this.#sum(offset ?? constant(64, 0n), this.#pop(64));
    } else if (index !== record.ANY_NO_REGISTER) {
      offset = offset === undefined ? this.#scaledIndex() : this.#indexed(offset);
    }
    if (offset === undefined) return constant(64, this.#displacement());
    return this.#plus(offset);
  }

  // Addresses are 64, 32 or 16 bits wide: the mode's width, or the shorter one of a 67H prefix.
  #truncated(offset: Value): Value {
    const isShort = (this.#u8(record.RECORD_INDEX) & record.ANY_SHORT_ADDRESS) !== 0;
    const isWide = (this.#mode & MODE_CODE_64) !== 0;
    if (isWide && !isShort) return offset;
    const mask = !isWide && isShort ? 0xffffn : 0xffffffffn;
    if (offset.isConstant) return constant(64, offset.constant & mask);
    const { code } = this.#frame;
    push(code, offset);
    code.i64(mask);
    code.op(op.OP_I64_AND);
    return this.#pop(64);
  }

  #isNotModulo16(value: Value, remainder: number): Value | undefined {
    if (value.isConstant) return undefined;
    const { code } = this.#frame;
    push(code, value);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(15);
    code.op(op.OP_I32_AND);
    code.i32(remainder);
    code.op(op.OP_I32_NE);
    return this.#pop(1);
  }

  // In the fast shapes OFFSET_ZERO, which follows the registers, stands for none.
  #register(number: number): Value {
    if (number === record.ANY_NO_REGISTER) return constant(64, 0n);
    return this.#frame.readGpr(number, 64);
  }

  #scaledIndex(): Value {
    const field = this.#u8(record.RECORD_INDEX);
    const index = this.#register(field >> 3);
    if ((field & 3) === 0) return index;
    if (index.isConstant) return index;
    const { code } = this.#frame;
    push(code, index);
    code.i64(BigInt(field & 3));
    code.op(op.OP_I64_SHL);
    return this.#pop(64);
  }

  #indexed(base: Value): Value {
    const field = this.#u8(record.RECORD_INDEX);
    const index = this.#register(field >> 3);
    const shift = field & 3;
    if (index.isConstant || (base.isConstant && base.constant === 0n)) return this.#sum(base, this.#scaledIndex());
    const sum = later((code) => {
      push(code, base);
      push(code, index);
      if (shift !== 0) {
        code.i64(BigInt(shift));
        code.op(op.OP_I64_SHL);
      }
      code.op(op.OP_I64_ADD);
    });
    if (!base.isConstant) sum.anchor = this.#frame.accesses.sum(base.anchor, index.anchor, shift);
    return sum;
  }

  #sum(a: Value, b: Value): Value {
    if (a.isConstant && b.isConstant) return constant(64, a.constant + b.constant);
    if (a.isConstant && a.constant === 0n) return b;
    const sum = later((code) => {
      push(code, a);
      push(code, b);
      code.op(op.OP_I64_ADD);
    });
    return b.isConstant ? behind(sum, a, b.constant) : sum;
  }

  #ipBase(): Value {
    const value = new Value(64, IP_BASE);
    value.anchor = { root: ROOT_IP_BASE, offset: 0 };
    return value;
  }

  #plus(base: Value): Value {
    const displacement = this.#displacement();
    return displacement === 0n ? base : this.#sum(base, constant(64, displacement));
  }

  #displacement(): bigint {
    return BigInt(this.#view.getInt32(this.#pc + record.RECORD_DISPLACEMENT, true));
  }

  #place(handle: OperandHandle): { file: keyof typeof FILE_OFFSETS; offset: number } {
    const operand = this.#operand(handle);
    if (operand.type === 'fixed') return { file: operand.file, offset: slotOf(operand.file, operand.number) };
    if (operand.type !== 'register') throw new Error(`operand ${handle.index} is no register`);
    const field = operand.slot === 0 ? record.RECORD_REGISTER_A : record.RECORD_REGISTER_B;
    return { file: operand.file, offset: this.#u8(field) };
  }

  #operand(handle: OperandHandle): ResolvedOperand {
    const operand = this.#handler.operands[handle.index];
    if (operand === undefined) throw new Error(`operand ${handle.index} is not in the form`);
    return operand;
  }

  #u8(field: number): number {
    return this.#view.getUint8(this.#pc + field);
  }

  #pop(bits: Bits): Value {
    const local = this.#frame.locals.take(wasmType(bits));
    this.#frame.code.set(local);
    return new Value(bits, local);
  }
}

/** A value that is computed where it is used: mostly it is not, where another access has found the page. */
function later(emit: (code: Code) => void): Value {
  return new Value(64, NO_LOCAL, 0n, false, emit);
}
const NO_LOCAL = 0;

function constant(bits: Bits, value: bigint): Value {
  return new Value(bits, -1, BigInt.asUintN(bits, value));
}
