/** XMM registers in locals while a region runs; and the x87 unit's control words, which go and come with them. */
import type { Code } from '../emit/code.ts';
import { pushUsualControl } from '../emit/float-control.ts';
import * as op from '../emit/opcodes.ts';
import { type Bits, type LocalPool, push, Value, wasmType } from '../emit/values.ts';
import { OFFSET_XMM } from '../state.ts';
import { RegionX87 } from './region-x87.ts';

const REGISTER_SIZE = 16;
/** Of all registers. */
export const XMM_FILE_SIZE = 16 * REGISTER_SIZE;

export class RegionVectors {
  readonly #code: Code;
  readonly #locals: LocalPool;
  readonly #vcpu: number;
  readonly #registers = new Map<number, number>();
  readonly #written = new Set<number>();
  #control: number | undefined;
  readonly x87: RegionX87;

  constructor(code: Code, locals: LocalPool, vcpu: number) {
    this.#code = code;
    this.#locals = locals;
    this.#vcpu = vcpu;
    this.x87 = new RegionX87(code, locals, vcpu);
  }

  /** The register, or its low element. */
  read(register: number, bits: Bits): Value {
    this.#code.get(this.#local(register));
    if (bits === 64) {
      // By way of a float: that is one instruction of the machine less.
      this.#lane(op.OP_F64X2_EXTRACT_LANE);
      this.#code.op(op.OP_I64_REINTERPRET_F64);
    } else if (bits !== 128) {
      this.#lane(EXTRACTS[bits]);
    }
    return this.#pop(bits, wasmType(bits));
  }

  /** Writes the register, or its low element. */
  write(register: number, value: Value): void {
    this.#writeLow(register, value, value.bits === 128 ? undefined : REPLACES[value.bits]);
  }

  /** The low element as a float: it need not leave the vector registers of the machine. */
  readFloat(register: number, bits: 32 | 64): Value {
    this.#code.get(this.#local(register));
    this.#lane(bits === 64 ? op.OP_F64X2_EXTRACT_LANE : op.OP_F32X4_EXTRACT_LANE);
    return this.#pop(bits, bits === 64 ? op.TYPE_F64 : op.TYPE_F32);
  }

  writeFloat(register: number, value: Value): void {
    this.#writeLow(register, value, value.bits === 64 ? op.OP_F64X2_REPLACE_LANE : op.OP_F32X4_REPLACE_LANE);
  }

  /** See Semantics.usualControl. */
  usualControl(): Value {
    this.#code.get(this.#controlLocal());
    return this.#pop(32, op.TYPE_I32);
  }

  /** MXCSR may have changed here. */
  controlChanged(): void {
    const local = this.#controlLocal();
    pushUsualControl(this.#code, this.#vcpu);
    this.#code.set(local);
  }

  /** Emits the way to the state of what the region writes, and the way back of what it uses. */
  store(to: Code): void {
    for (const register of this.#written) {
      to.get(this.#vcpu);
      to.get(this.#local(register));
      to.memory(op.OP_V128_STORE, OFFSET_XMM + register * REGISTER_SIZE);
    }
    this.x87.store(to);
  }
  load(to: Code): void {
    for (const [register, local] of this.#registers) {
      to.get(this.#vcpu);
      to.memory(op.OP_V128_LOAD, OFFSET_XMM + register * REGISTER_SIZE);
      to.set(local);
    }
    this.x87.load(to);
    if (this.#control === undefined) return;
    pushUsualControl(to, this.#vcpu);
    to.set(this.#control);
  }

  #writeLow(register: number, value: Value, replace: number | undefined): void {
    const local = this.#local(register);
    this.#written.add(register);
    if (replace !== undefined) this.#code.get(local);
    push(this.#code, value);
    if (replace !== undefined) this.#lane(replace);
    this.#code.set(local);
  }

  #controlLocal(): number {
    this.#control ??= this.#locals.fixed(op.TYPE_I32);
    return this.#control;
  }

  #lane(opcode: number): void {
    this.#code.op(opcode);
    this.#code.byte(0);
  }

  #local(register: number): number {
    const known = this.#registers.get(register);
    if (known !== undefined) return known;
    const local = this.#locals.fixed(op.TYPE_V128);
    this.#registers.set(register, local);
    return local;
  }

  #pop(bits: Bits, type: number): Value {
    const local = this.#locals.take(type);
    this.#code.set(local);
    return new Value(bits, local, 0n, type === op.TYPE_F32 || type === op.TYPE_F64);
  }
}

const EXTRACTS = {
  1: op.OP_I8X16_EXTRACT_LANE_U,
  8: op.OP_I8X16_EXTRACT_LANE_U,
  16: op.OP_I16X8_EXTRACT_LANE_U,
  32: op.OP_I32X4_EXTRACT_LANE,
} as const;
const REPLACES = {
  1: op.OP_I8X16_REPLACE_LANE,
  8: op.OP_I8X16_REPLACE_LANE,
  16: op.OP_I16X8_REPLACE_LANE,
  32: op.OP_I32X4_REPLACE_LANE,
  64: op.OP_I64X2_REPLACE_LANE,
} as const;
