/**
 * What instruction definitions are written against: operands, registers, guest memory, flags and control flow as opaque
 * values. A tier says where operands are (`OperandAccess`) and how control leaves (`ControlFlow`); everything else is
 * here and in the classes below it, once.
 */
import type { OperandHandle } from '../instructions/define.ts';
import { CONTROL_FCS, CONTROL_FDP, CONTROL_FDS, CONTROL_FIP } from '../fpu/x87-state.ts';
import * as layout from '../state.ts';
import type { Code } from './code.ts';
import { pushUsualControl } from './float-control.ts';
import { FlagSemantics, type KnownFlags } from './flag-semantics.ts';
import * as op from './opcodes.ts';
import type { ControlFlow, HandlerContext, OperandAccess, Runtime } from './tier.ts';
import { type Bits, type LocalPool, Value } from './values.ts';

interface PendingWrite {
  readonly address: Value;
  readonly host: number;
}

export class Semantics extends FlagSemantics {
  readonly context: HandlerContext;
  readonly #operands: OperandAccess;
  readonly #pending = new Map<number, PendingWrite>();
  readonly #addresses = new Map<number, Value>();

  constructor(
    code: Code,
    locals: LocalPool,
    places: { vcpu: number; tlb: number },
    runtime: Runtime,
    operands: OperandAccess,
    control: ControlFlow,
    context: HandlerContext,
    known?: KnownFlags,
  ) {
    super(code, locals, places, runtime, control);
    this.#operands = operands;
    this.context = context;
    this.assumeFlags(known);
  }

  // Operands

  /** Width of an operand in this handler. */
  bits(handle: OperandHandle): Bits {
    return this.#operands.bits(handle);
  }
  isMemory(handle: OperandHandle): boolean {
    return this.#operands.isMemory(handle);
  }
  isImmediate(handle: OperandHandle): boolean {
    return this.#operands.isImmediate(handle);
  }
  isUnsegmented(handle: OperandHandle): Value {
    return this.#operands.isUnsegmented(handle);
  }
  /** The number of a segment, control or debug register operand; 16 times that of an x87 one. */
  registerNumber(handle: OperandHandle): Value {
    return this.#operands.registerNumber(handle);
  }

  /** The operand's value, at its own width or cut to `bits`. */
  read(handle: OperandHandle, bits: Bits = this.bits(handle)): Value {
    if (this.#operands.isImmediate(handle)) return this.#operands.immediate(handle, bits);
    if (this.isMemory(handle)) return this.load(this.address(handle), bits);
    return this.#operands.readRegister(handle, bits);
  }
  /** A scalar float, at hand as an integer or as a float. */
  readFloat(handle: OperandHandle, bits: 32 | 64): Value {
    if (this.isMemory(handle)) return this.read(handle, bits);
    return this.#operands.readFloatRegister?.(handle, bits) ?? this.read(handle, bits);
  }
  /** Writes the low element of a vector register. */
  writeFloat(handle: OperandHandle, value: Value): void {
    if (value.isFloat && this.#operands.writeFloatRegister !== undefined) {
      this.#operands.writeFloatRegister(handle, value);
      return;
    }
    this.write(handle, value.isFloat ? this.floatBits(value) : value);
  }
  /** The value of an operand that will be written: a memory operand is checked for writing before anything happens. */
  readForWrite(handle: OperandHandle): Value {
    if (!this.isMemory(handle)) return this.read(handle);
    const bits = this.bits(handle);
    const address = this.address(handle);
    const host = this.probe(address, bits);
    this.#pending.set(handle.index, { address, host });
    return this.loadProbed(address, host, bits);
  }
  /** Writes an operand. After `readForWrite` this cannot fault. 32-bit writes clear a register's upper half. */
  write(handle: OperandHandle, value: Value): void {
    if (!this.isMemory(handle)) {
      this.#operands.writeRegister(handle, value);
      return;
    }
    const pending = this.#pending.get(handle.index);
    if (pending === undefined) this.store(this.address(handle), value);
    else this.storeProbed(pending.address, pending.host, value);
  }
  /** Linear address of a memory operand. */
  address(handle: OperandHandle): Value {
    const known = this.#addresses.get(handle.index);
    if (known !== undefined) return known;
    const address = this.#operands.address(handle);
    this.#addresses.set(handle.index, address);
    return address;
  }
  /** A memory operand of 16 bytes is not on a boundary of 16. */
  isMisaligned(handle: OperandHandle): Value {
    const known = this.#operands.isMisaligned?.(handle);
    return known ?? this.ne(this.and(this.trunc(this.address(handle), 32), this.const(32, 15)), this.const(32, 0));
  }
  /** Writes an operand at another address than its own: BT with a register bit offset. */
  readForWriteAt(handle: OperandHandle, address: Value): Value {
    this.#addresses.set(handle.index, address);
    return this.readForWrite(handle);
  }

  // Registers that no operand names

  readGpr(register: number, bits: Bits): Value {
    return this.loadState(layout.OFFSET_GPR + register * 8, bits);
  }
  writeGpr(register: number, value: Value): void {
    this.storeState(layout.OFFSET_GPR + register * 8, value.bits === 32 ? this.zext(value, 64) : value);
  }
  /** AH, CH, DH, BH: bits 15:8 of registers 0 to 3. */
  readHighByte(register: number): Value {
    return this.loadState(layout.OFFSET_GPR + register * 8 + 1, 8);
  }
  writeHighByte(register: number, value: Value): void {
    this.storeState(layout.OFFSET_GPR + register * 8 + 1, value);
  }

  // The stack

  /** Pushes to the guest's stack; RSP changes last. */
  pushStack(value: Value): void {
    const { stackSize } = this.context;
    const pointer = this.readGpr(layout.RSP, stackSize);
    const next = this.sub(pointer, this.const(stackSize, value.bits / 8));
    this.store(this.stackAddress(next, value.bits, true), value);
    this.writeGpr(layout.RSP, next);
  }
  /** Reads the top of the stack; `dropStack` moves RSP once nothing can fault any more. */
  peekStack(bits: Bits, offset = 0): Value {
    const { stackSize } = this.context;
    const pointer = this.readGpr(layout.RSP, stackSize);
    const at = offset === 0 ? pointer : this.add(pointer, this.const(stackSize, offset));
    return this.load(this.stackAddress(at, bits, false), bits);
  }
  dropStack(bytes: number | Value): void {
    const { stackSize } = this.context;
    const pointer = this.readGpr(layout.RSP, stackSize);
    const by = typeof bytes === 'number' ? this.const(stackSize, bytes) : this.zext(bytes, stackSize);
    this.writeGpr(layout.RSP, this.add(pointer, by));
  }
  /** Linear address of a stack offset. In 64-bit mode it is the offset itself (SDM vol. 1, 3.3.7.1). */
  stackAddress(offset: Value, bits: Bits, write: boolean): Value {
    return this.segmentAddress(layout.SS, offset, bits, write);
  }
  /** Linear address of an offset in ES, CS, SS or DS, checked for an access; in 64-bit mode the offset itself. */
  segmentAddress(segment: number, offset: Value, bits: Bits, write: boolean): Value {
    const wide = this.zext(offset, 64);
    if (this.context.stackSize === 64) return wide;
    this.code.get(this.vcpu);
    this.code.i32(segment);
    this.push(wide);
    this.code.i32(bits / 8);
    this.code.i32(write ? 1 : 0);
    this.code.call(this.runtime.offsetLinear);
    const address = this.pop(64);
    this.leaveOnEvent();
    return address;
  }
  // The x87 unit

  /** FCW, FSW, FTW and FOP, from the lowest 16 bits on. */
  x87Control(): Value {
    return this.loadState(layout.OFFSET_X87_CONTROL, 64);
  }
  setX87Control(control: Value): void {
    this.storeState(layout.OFFSET_X87_CONTROL, control);
  }
  /** FIP and FCS are where this instruction is, and FDP and FDS where its memory operand is, if it has one. */
  setX87Pointers(address?: Value): void {
    const selector = (segment: number): Value =>
      this.loadState(layout.OFFSET_SEGMENTS + segment * layout.SEGMENT_SIZE + layout.SEGMENT_SELECTOR, 16);
    this.storeState(layout.OFFSET_X87_CONTROL + CONTROL_FIP, this.control.instructionRip());
    this.storeState(layout.OFFSET_X87_CONTROL + CONTROL_FCS, selector(layout.CS));
    if (address === undefined) return;
    this.storeState(layout.OFFSET_X87_CONTROL + CONTROL_FDP, address);
    this.storeState(layout.OFFSET_X87_CONTROL + CONTROL_FDS, selector(layout.DS));
  }
  /** They are zero. */
  clearX87Pointers(): void {
    for (const at of [CONTROL_FIP, CONTROL_FDP]) this.storeState(layout.OFFSET_X87_CONTROL + at, this.const(64, 0));
    this.storeState(layout.OFFSET_X87_CONTROL + CONTROL_FCS, this.const(32, 0));
  }

  // Vectors

  /** One WebAssembly vector instruction: pushes the values, takes its result as `bits`. `lane` is its immediate byte. */
  vector(opcode: number, bits: Bits, values: readonly Value[], lane?: number): Value {
    for (const value of values) this.push(value);
    this.code.op(opcode);
    if (lane !== undefined) this.code.byte(lane);
    return this.pop(bits);
  }
  /** A vector constant of 16 bytes, or with two vectors their bytes picked by number (0 to 31). */
  vectorBytes(bytes: readonly number[], from?: readonly [Value, Value]): Value {
    if (from !== undefined) for (const value of from) this.push(value);
    this.code.op(from === undefined ? op.OP_V128_CONST : op.OP_I8X16_SHUFFLE);
    for (let i = 0; i < 16; i++) this.code.byte(bytes[i] ?? 0);
    return this.pop(128);
  }

  /** XMM registers are at hand as vectors: whole ones cost no more to read and write than their low elements. */
  get hasVectorLocals(): boolean {
    return false;
  }

  /** All ones (32 bits) if MXCSR hides what a native operation does not show: see float-control.ts. */
  usualControl(): Value {
    pushUsualControl(this.code, this.vcpu);
    return this.pop(32);
  }

  /** Takes what is on the wasm stack as a float. */
  popFloat(bits: 32 | 64): Value {
    const local = this.locals.take(bits === 64 ? op.TYPE_F64 : op.TYPE_F32);
    this.code.set(local);
    return new Value(bits, local, 0n, true);
  }

  /** A float's bits as an integer. */
  floatBits(value: Value): Value {
    if (!value.isFloat) return value;
    this.push(value);
    this.code.op(value.bits === 64 ? op.OP_I64_REINTERPRET_F64 : op.OP_I32_REINTERPRET_F32);
    return this.pop(value.bits);
  }

  /** Calls a function of instructions/vector/float-operations.ts; what it raises is for `leaveOnEvent`. */
  callFloat(name: string, operands: readonly Value[]): void {
    this.callShared(name, operands);
  }

  /** Calls a function that all handlers and regions share, by its name among `Runtime.floats`. */
  callShared(name: string, operands: readonly Value[]): void {
    this.code.get(this.vcpu);
    for (const operand of operands) this.push(operand);
    this.code.call(this.runtime.floats.get(name) as number);
  }

  /**
   * A vector operation that TypeScript computes (see system/vector-slow.ts), on the operands in the state block.
   * Leaves with #XM or #UD where it raises an unmasked floating-point exception; MXCSR is written either way.
   */
  vectorSlow(operation: Value): void {
    this.push(operation);
    this.code.call(this.runtime.vectorSlow);
    const vector = this.pop(32);
    this.rarely(vector, () => {
      this.raiseIf(this.eq(vector, this.const(32, layout.EXCEPTION_UD)), layout.EXCEPTION_UD);
      this.control.raise(layout.EXCEPTION_XM, -1);
    });
  }
}
