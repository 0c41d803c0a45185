/**
 * What instruction definitions are written against: operands, guest memory, flags and control flow as opaque values.
 * A tier says where operands are (`OperandAccess`) and how control leaves (`ControlFlow`); everything else is here, once.
 */
import type { OperandHandle } from '../instructions/define.ts';
import * as layout from '../state.ts';
import { Arithmetic } from './arithmetic.ts';
import type { Code } from './code.ts';
import { AUX_CARRIES, RESULT_NEUTRAL } from './flags.ts';
import * as op from './opcodes.ts';
import { TLB_ENTRY_ADDEND, TLB_INDEX_MASK, TLB_WRITE_OFFSET } from './tlb-layout.ts';
import { type Bits, LOADS, type LocalPool, STORES, Value, wasmType } from './values.ts';

/** Condition codes (SDM vol. 1, appendix B). The low bit negates. */
export const CONDITIONS = [
  'O',
  'NO',
  'B',
  'AE',
  'E',
  'NE',
  'BE',
  'A',
  'S',
  'NS',
  'P',
  'NP',
  'L',
  'GE',
  'LE',
  'G',
] as const;
export type ConditionCode = number;

/** Functions of the generated module that handlers call, by function index. */
export interface Runtime {
  /** (vcpu, address: i64) -> value, one for 8, 16, 32, 64, 128 bits. Faults set OFFSET_EVENT. */
  readonly readSlow: Readonly<Record<8 | 16 | 32 | 64 | 128, number>>;
  /** (vcpu, address: i64, value) */
  readonly writeSlow: Readonly<Record<8 | 16 | 32 | 64 | 128, number>>;
  /** (vcpu, address: i64, bytes: i32) -> host address, 0 where the access must take the slow way. */
  readonly probeWrite: number;
  /** (vcpu, segment: i32, offset: i64, bytes: i32, write: i32) -> linear address of an offset, in legacy modes. */
  readonly offsetLinear: number;
  /** See blocks.ts. */
  readonly copyBlock: number;
  readonly fillBlock: number;
  /** (operation: i32) -> vector to raise, or 0: see system/vector-slow.ts. */
  readonly vectorSlow: number;
}

/** How the tier finds what an operand handle names. */
export interface OperandAccess {
  bits(handle: OperandHandle): Bits;
  isMemory(handle: OperandHandle): boolean;
  readRegister(handle: OperandHandle, bits: Bits): Value;
  writeRegister(handle: OperandHandle, value: Value): void;
  immediate(handle: OperandHandle, bits: Bits): Value;
  isImmediate(handle: OperandHandle): boolean;
  /** Linear address of a memory operand. */
  address(handle: OperandHandle): Value;
  /** Truth value: the operand's segment starts at 0 and needs no check. In legacy modes only. */
  isUnsegmented(handle: OperandHandle): Value;
}

/** How control leaves a handler. Each method emits code after which the handler does not go on (on that path). */
export interface ControlFlow {
  /** Leaves with the exception that OFFSET_EVENT describes; nothing of this instruction may have been committed. */
  fault(): void;
  /** Goes to a RIP. */
  jump(target: Value): void;
  /** Goes to the target of a relative operand. */
  jumpRelative(handle: OperandHandle): void;
  /** RIP of the next instruction, 64 bits, not truncated. */
  nextRip(): Value;
  /** Raises an exception through TypeScript. */
  raise(vector: number, errorCode: number): void;
  /** Continues with the same instruction again: REP between chunks, with the budget charged. */
  again(): void;
}

/** Widths that the form leaves open, settled for this handler. */
export interface HandlerContext {
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  readonly repeat: '' | 'rep' | 'repne';
}

interface PendingWrite {
  readonly address: Value;
  readonly host: number;
}

/** The last flags that were set in this handler, for a branch fused to it. */
export interface KnownFlags {
  readonly kind: 'sub' | 'logic' | 'result';
  readonly a: Value;
  readonly b: Value;
  readonly result: Value;
}

export class Semantics extends Arithmetic {
  readonly vcpu: number;
  readonly context: HandlerContext;
  readonly control: ControlFlow;
  readonly #tlb: number;
  readonly #runtime: Runtime;
  readonly #operands: OperandAccess;
  readonly #pending = new Map<number, PendingWrite>();
  readonly #addresses = new Map<number, Value>();
  #known: KnownFlags | undefined;

  constructor(
    code: Code,
    locals: LocalPool,
    places: { vcpu: number; tlb: number },
    runtime: Runtime,
    operands: OperandAccess,
    control: ControlFlow,
    context: HandlerContext,
    known?: Semantics,
  ) {
    super(code, locals);
    this.vcpu = places.vcpu;
    this.#tlb = places.tlb;
    this.#runtime = runtime;
    this.#operands = operands;
    this.control = control;
    this.context = context;
    this.#known = known?.knownFlags;
  }

  /** What a handler fused to this one may use instead of the stored flags. */
  get knownFlags(): KnownFlags | undefined {
    return this.#known;
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

  /** The operand's value, at its own width or cut to `bits`. */
  read(handle: OperandHandle, bits: Bits = this.bits(handle)): Value {
    if (this.#operands.isImmediate(handle)) return this.#operands.immediate(handle, bits);
    if (this.isMemory(handle)) return this.load(this.address(handle), bits);
    return this.#operands.readRegister(handle, bits);
  }
  /** The value of an operand that will be written: a memory operand is checked for writing before anything happens. */
  readForWrite(handle: OperandHandle): Value {
    if (!this.isMemory(handle)) return this.read(handle);
    const bits = this.bits(handle);
    const address = this.address(handle);
    const host = this.#probe(address, bits);
    this.#pending.set(handle.index, { address, host });
    return this.#loadProbed(address, host, bits);
  }
  /** Writes an operand. After `readForWrite` this cannot fault. 32-bit writes clear a register's upper half. */
  write(handle: OperandHandle, value: Value): void {
    if (!this.isMemory(handle)) {
      this.#operands.writeRegister(handle, value);
      return;
    }
    const pending = this.#pending.get(handle.index);
    if (pending === undefined) this.store(this.address(handle), value);
    else this.#storeProbed(pending.address, pending.host, value);
  }
  /** Linear address of a memory operand. */
  address(handle: OperandHandle): Value {
    const known = this.#addresses.get(handle.index);
    if (known !== undefined) return known;
    const address = this.#operands.address(handle);
    this.#addresses.set(handle.index, address);
    return address;
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

  /**
   * A vector operation that TypeScript computes (see system/vector-slow.ts), on the operands in the state block.
   * Leaves with #XM or #UD where it raises an unmasked floating-point exception; MXCSR is written either way.
   */
  vectorSlow(operation: Value): void {
    this.push(operation);
    this.code.call(this.#runtime.vectorSlow);
    const vector = this.pop(32);
    this.if(vector, () => {
      this.raiseIf(this.eq(vector, this.const(32, layout.EXCEPTION_UD)), layout.EXCEPTION_UD);
      this.control.raise(layout.EXCEPTION_XM, -1);
    });
  }

  // Guest memory, by linear address

  load(address: Value, bits: Bits): Value {
    const result = this.locals.take(wasmType(bits));
    const entry = this.#lookUp(address, bits, 0);
    this.code.if();
    this.#pushHost(address, entry);
    this.code.memory(LOADS[bits], 0);
    this.code.set(result);
    this.code.else();
    this.#callReadSlow(address, bits, result);
    this.code.end();
    return new Value(bits, result);
  }

  store(address: Value, value: Value): void {
    const entry = this.#lookUp(address, value.bits, TLB_WRITE_OFFSET);
    this.code.if();
    this.#pushHost(address, entry);
    this.push(value);
    this.code.memory(STORES[value.bits], 0);
    this.code.else();
    this.#callWriteSlow(address, value);
    this.code.end();
  }

  /** Faults now if `bits` at an address cannot be written; a later `store` there succeeds. */
  checkWritable(address: Value, bits: Bits): void {
    this.#probe(address, bits);
  }

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
    this.code.call(this.#runtime.offsetLinear);
    const address = this.pop(64);
    this.#leaveOnEvent();
    return address;
  }
  /** Copies machine memory upwards; `to` must not be inside the block at `from`. All are 32-bit values. */
  copyBlock(to: Value, from: Value, bytes: Value): void {
    for (const value of [to, from, bytes]) this.push(value);
    this.code.call(this.#runtime.copyBlock);
  }
  /** Fills machine memory with a 64-bit pattern. */
  fillBlock(to: Value, pattern: Value, bytes: Value): void {
    for (const value of [to, pattern, bytes]) this.push(value);
    this.code.call(this.#runtime.fillBlock);
  }
  /** Where a byte is in machine memory, if the TLB has its page for reading or for writing; else 0. */
  fastHost(address: Value, write: boolean): Value {
    const host = this.variable(this.const(32, 0));
    const entry = this.#lookUp(address, 8, write ? TLB_WRITE_OFFSET : 0);
    this.code.if();
    this.#pushHost(address, entry);
    this.code.set(host.local);
    this.code.end();
    return this.get(host);
  }

  // Flags

  /** CF OF AF ZF SF PF of sum = a + b (+ carry). */
  flagsOfAdd(a: Value, b: Value, sum: Value): void {
    const carries = this.or(this.and(a, b), this.and(this.or(a, b), this.not(sum)));
    this.#setFlags(sum, this.#auxOfCarries(carries));
    this.#known = { kind: 'result', a, b, result: sum };
  }
  /** CF OF AF ZF SF PF of difference = a - b (- borrow). */
  flagsOfSub(a: Value, b: Value, difference: Value): void {
    const notA = this.not(a);
    const borrows = this.or(this.and(notA, b), this.and(this.or(notA, b), difference));
    this.#setFlags(difference, this.#auxOfCarries(borrows));
    this.#known = { kind: 'sub', a, b, result: difference };
  }
  /** CF = OF = AF = 0, ZF SF PF of the result. */
  flagsOfLogic(result: Value): void {
    this.#setFlags(result, this.const(64, 0));
    this.#known = { kind: 'logic', a: result, b: result, result };
  }
  /** ZF SF PF of the result, the others as given (truth values). */
  flagsOfResult(result: Value, CF: Value, OF: Value, AF: Value = this.const(1, 0)): void {
    this.#setFlags(result, this.#auxOfFlags(CF, OF, AF));
    this.#known = undefined;
  }
  /** Each flag as given (truth values). */
  flags(all: { CF: Value; PF: Value; AF: Value; ZF: Value; SF: Value; OF: Value }): void {
    const aux = this.or(
      this.#auxOfFlags(all.CF, all.OF, all.AF),
      this.or(this.shl(this.zext(this.not(all.PF), 64), 8), this.zext(all.SF, 64)),
    );
    this.storeState(layout.OFFSET_FLAGS_RESULT, this.select(all.ZF, this.const(64, 0), this.const(64, RESULT_NEUTRAL)));
    this.storeState(layout.OFFSET_FLAGS_AUX, aux);
    this.#known = undefined;
  }
  /** Changes CF alone. */
  setCarry(CF: Value): void {
    this.setCarryAndOverflow(CF, this.flag('OF'));
  }
  /** Changes CF and OF alone: the rotates. */
  setCarryAndOverflow(CF: Value, OF: Value): void {
    const kept = this.and(this.loadState(layout.OFFSET_FLAGS_AUX, 64), this.const(64, 0x3fffffffffffffffn));
    this.storeState(layout.OFFSET_FLAGS_AUX, this.or(kept, this.#auxOfFlags(CF, OF, this.const(1, 0))));
    this.#known = undefined;
  }

  flag(name: 'CF' | 'PF' | 'AF' | 'ZF' | 'SF' | 'OF'): Value {
    const aux = (): Value => this.loadState(layout.OFFSET_FLAGS_AUX, 64);
    const result = (): Value => this.loadState(layout.OFFSET_FLAGS_RESULT, 64);
    switch (name) {
      case 'CF':
        return this.less(aux(), this.const(64, 0));
      case 'ZF':
        return this.isZero(result());
      case 'SF':
        return this.less(this.xor(result(), this.shl(aux(), 63)), this.const(64, 0));
      case 'OF': {
        const word = aux();
        return this.less(this.xor(word, this.shl(word, 1)), this.const(64, 0));
      }
      case 'AF':
        return this.bit(aux(), 3);
      case 'PF': {
        const byte = this.trunc(this.xor(result(), this.shr(aux(), 8)), 8);
        const ones = this.popcnt(this.zext(byte, 32));
        return this.not(this.bit(ones, 0));
      }
    }
  }

  /** Whether a condition code holds. After flags set in this same handler it is computed from their operands. */
  condition(code: ConditionCode): Value {
    const known = this.#knownCondition(code & 0xe);
    const holds = known ?? this.#storedCondition(code & 0xe);
    return (code & 1) !== 0 ? this.not(holds) : holds;
  }

  /** Leaves with an exception if `condition` holds. */
  raiseIf(condition: Value, vector: number, errorCode = -1): void {
    this.if(condition, () => this.control.raise(vector, errorCode));
  }

  #storedCondition(code: number): Value {
    const aux = (): Value => this.loadState(layout.OFFSET_FLAGS_AUX, 64);
    const result = (): Value => this.loadState(layout.OFFSET_FLAGS_RESULT, 64);
    const signNotOverflow = (): Value => {
      const word = aux();
      const overflow = this.xor(word, this.shl(word, 1));
      const sign = this.xor(result(), this.shl(word, 63));
      return this.less(this.xor(sign, overflow), this.const(64, 0));
    };
    switch (code) {
      case 0x0:
        return this.flag('OF');
      case 0x2:
        return this.flag('CF');
      case 0x4:
        return this.flag('ZF');
      case 0x6:
        return this.or(this.flag('CF'), this.flag('ZF'));
      case 0x8:
        return this.flag('SF');
      case 0xa:
        return this.flag('PF');
      case 0xc:
        return signNotOverflow();
      default:
        return this.or(this.flag('ZF'), signNotOverflow());
    }
  }

  #knownCondition(code: number): Value | undefined {
    const known = this.#known;
    if (known === undefined) return undefined;
    if (code === 0x4) return this.isZero(known.result);
    if (code === 0x8) return this.sign(known.result);
    if (known.kind === 'sub') {
      if (code === 0x2) return this.below(known.a, known.b);
      if (code === 0x6) return this.belowOrEqual(known.a, known.b);
      if (code === 0xc) return this.less(known.a, known.b);
      if (code === 0xe) return this.lessOrEqual(known.a, known.b);
    }
    if (known.kind === 'logic') {
      const zero = this.const(known.result.bits, 0);
      if (code === 0x0 || code === 0x2) return this.const(1, 0);
      if (code === 0x6) return this.isZero(known.result);
      if (code === 0xc) return this.less(known.result, zero);
      if (code === 0xe) return this.lessOrEqual(known.result, zero);
    }
    return undefined;
  }

  #setFlags(result: Value, aux: Value): void {
    this.storeState(layout.OFFSET_FLAGS_RESULT, this.sext(result, 64));
    this.storeState(layout.OFFSET_FLAGS_AUX, aux);
  }

  #auxOfCarries(carries: Value): Value {
    const mask = this.const(64, AUX_CARRIES);
    if (carries.bits === 64) return this.and(carries, mask);
    const wide = this.zext(carries, 64);
    const top = this.shl(wide, 64 - carries.bits);
    // The shifted word has nothing at bit 3, the unshifted one nothing at 63 and 62.
    return this.and(this.or(top, wide), mask);
  }

  #auxOfFlags(CF: Value, OF: Value, AF: Value): Value {
    const top = this.or(this.shl(this.zext(CF, 64), 63), this.shl(this.zext(this.xor(CF, OF), 64), 62));
    if (AF.isConstant && AF.constant === 0n) return top;
    return this.or(top, this.shl(this.zext(AF, 64), 3));
  }

  // Leaves a truth value on the stack: whether the TLB holds all bytes of the access. Returns the entry's local.
  #lookUp(address: Value, bits: Bits, tableOffset: number): number {
    const { code } = this;
    const entry = this.locals.take(op.TYPE_I32);
    this.push(address);
    code.i64(8n);
    code.op(op.OP_I64_SHR_U);
    code.op(op.OP_I32_WRAP_I64);
    code.i32(TLB_INDEX_MASK);
    code.op(op.OP_I32_AND);
    code.get(this.#tlb);
    code.op(op.OP_I32_ADD);
    code.tee(entry);
    code.memory(op.OP_I64_LOAD, tableOffset);
    this.push(address);
    if (bits !== 8) {
      code.i64(BigInt(bits / 8 - 1));
      code.op(op.OP_I64_ADD);
    }
    code.i64(-4096n);
    code.op(op.OP_I64_AND);
    code.op(op.OP_I64_EQ);
    // The addend is read at tableOffset + TLB_ENTRY_ADDEND.
    this.#entryOffset = tableOffset + TLB_ENTRY_ADDEND;
    return entry;
  }

  #entryOffset = 0;

  #pushHost(address: Value, entry: number): void {
    this.push(address);
    this.code.op(op.OP_I32_WRAP_I64);
    this.code.get(entry);
    this.code.memory(op.OP_I32_LOAD, this.#entryOffset);
    this.code.op(op.OP_I32_ADD);
  }

  #probe(address: Value, bits: Bits): number {
    const host = this.locals.take(op.TYPE_I32);
    const entry = this.#lookUp(address, bits, TLB_WRITE_OFFSET);
    this.code.if();
    this.#pushHost(address, entry);
    this.code.set(host);
    this.code.else();
    this.code.get(this.vcpu);
    this.push(address);
    this.code.i32(bits / 8);
    this.code.call(this.#runtime.probeWrite);
    this.code.set(host);
    this.#leaveOnEvent();
    this.code.end();
    return host;
  }

  #loadProbed(address: Value, host: number, bits: Bits): Value {
    const result = this.locals.take(wasmType(bits));
    this.code.get(host);
    this.code.if();
    this.code.get(host);
    this.code.memory(LOADS[bits], 0);
    this.code.set(result);
    this.code.else();
    this.#callReadSlow(address, bits, result);
    this.code.end();
    return new Value(bits, result);
  }

  #storeProbed(address: Value, host: number, value: Value): void {
    this.code.get(host);
    this.code.if();
    this.code.get(host);
    this.push(value);
    this.code.memory(STORES[value.bits], 0);
    this.code.else();
    this.#callWriteSlow(address, value);
    this.code.end();
  }

  #callReadSlow(address: Value, bits: Bits, result: number): void {
    this.code.get(this.vcpu);
    this.push(address);
    this.code.call(this.#runtime.readSlow[bits === 1 ? 8 : bits]);
    this.code.set(result);
    this.#leaveOnEvent();
  }

  #callWriteSlow(address: Value, value: Value): void {
    this.code.get(this.vcpu);
    this.push(address);
    this.push(value);
    this.code.call(this.#runtime.writeSlow[value.bits === 1 ? 8 : value.bits]);
    this.#leaveOnEvent();
  }

  #leaveOnEvent(): void {
    this.code.get(this.vcpu);
    this.code.memory(op.OP_I32_LOAD, layout.OFFSET_EVENT);
    this.code.if();
    this.control.fault();
    this.code.end();
  }
}
