/**
 * Integer operations on values, as WebAssembly. Every result goes into a fresh local; constants fold where that is
 * trivial. Both tiers share this file: it knows neither records nor registers.
 */
import type { Code, Label } from './code.ts';
import * as op from './opcodes.ts';
import { behind, type Bits, type LocalPool, push, Value, wasmType } from './values.ts';

/** A local that may be assigned more than once; for loops and branches. */
export interface Variable {
  readonly bits: Bits;
  readonly local: number;
}

export class Arithmetic {
  readonly code: Code;
  readonly locals: LocalPool;
  #isRare = false;

  constructor(code: Code, locals: LocalPool) {
    this.code = code;
    this.locals = locals;
  }

  const(bits: Bits, value: number | bigint): Value {
    return new Value(bits, -1, BigInt.asUintN(bits, BigInt(value)));
  }

  /** Takes what is on the wasm stack as a value of `bits` (which must be normalised already). */
  pop(bits: Bits): Value {
    const local = this.locals.take(wasmType(bits));
    this.code.set(local);
    return new Value(bits, local);
  }

  push(value: Value): void {
    push(this.code, value);
  }

  add(a: Value, b: Value): Value {
    if (isZeroConstant(b)) return a;
    if (isZeroConstant(a)) return b;
    if (a.isConstant && b.isConstant) return this.const(a.bits, a.constant + b.constant);
    const sum = this.#narrow(this.#binary(op.OP_I32_ADD, op.OP_I64_ADD, a, b), a.bits);
    return b.isConstant ? behind(sum, a, b.constant) : sum;
  }
  sub(a: Value, b: Value): Value {
    if (isZeroConstant(b)) return a;
    if (a.isConstant && b.isConstant) return this.const(a.bits, a.constant - b.constant);
    const difference = this.#narrow(this.#binary(op.OP_I32_SUB, op.OP_I64_SUB, a, b), a.bits);
    return b.isConstant ? behind(difference, a, -b.constant) : difference;
  }
  /** The low half of the product. */
  mul(a: Value, b: Value): Value {
    return this.#narrow(this.#binary(op.OP_I32_MUL, op.OP_I64_MUL, a, b), a.bits);
  }
  and(a: Value, b: Value): Value {
    if (a.isConstant && b.isConstant) return this.const(a.bits, a.constant & b.constant);
    return this.#keep(this.#binary(op.OP_I32_AND, op.OP_I64_AND, a, b), a.bits);
  }
  or(a: Value, b: Value): Value {
    if (isZeroConstant(b)) return a;
    if (isZeroConstant(a)) return b;
    if (a.isConstant && b.isConstant) return this.const(a.bits, a.constant | b.constant);
    return this.#keep(this.#binary(op.OP_I32_OR, op.OP_I64_OR, a, b), a.bits);
  }
  xor(a: Value, b: Value): Value {
    if (isZeroConstant(b)) return a;
    if (a.isConstant && b.isConstant) return this.const(a.bits, a.constant ^ b.constant);
    return this.#keep(this.#binary(op.OP_I32_XOR, op.OP_I64_XOR, a, b), a.bits);
  }
  not(a: Value): Value {
    return this.xor(a, this.const(a.bits, a.bits === 1 ? 1 : -1n));
  }
  neg(a: Value): Value {
    return this.sub(this.const(a.bits, 0), a);
  }

  /** Shifts by a count that is less than the width; the count is any integer value or a number. */
  shl(a: Value, count: Value | number): Value {
    if (a.isConstant && typeof count === 'number') return this.const(a.bits, a.constant << BigInt(count));
    return this.#narrow(this.#shift(op.OP_I32_SHL, op.OP_I64_SHL, a, count), a.bits);
  }
  shr(a: Value, count: Value | number): Value {
    return this.#keep(this.#shift(op.OP_I32_SHR_U, op.OP_I64_SHR_U, a, count), a.bits);
  }
  sar(a: Value, count: Value | number): Value {
    this.#pushSigned(a);
    this.#pushCount(count, a.bits);
    this.code.op(a.bits === 64 ? op.OP_I64_SHR_S : op.OP_I32_SHR_S);
    return this.#narrow(undefined, a.bits);
  }
  /** Rotations of 32- and 64-bit values; the count is taken modulo the width. */
  rotl(a: Value, count: Value | number): Value {
    return this.#keep(this.#shift(op.OP_I32_ROTL, op.OP_I64_ROTL, a, count), a.bits);
  }
  rotr(a: Value, count: Value | number): Value {
    return this.#keep(this.#shift(op.OP_I32_ROTR, op.OP_I64_ROTR, a, count), a.bits);
  }

  /** Division; the divisor must not be zero, nor a signed quotient overflow: wasm traps there. 32 and 64 bits. */
  divU(a: Value, b: Value): Value {
    return this.#keep(this.#binary(op.OP_I32_DIV_U, op.OP_I64_DIV_U, a, b), a.bits);
  }
  remU(a: Value, b: Value): Value {
    return this.#keep(this.#binary(op.OP_I32_REM_U, op.OP_I64_REM_U, a, b), a.bits);
  }
  divS(a: Value, b: Value): Value {
    return this.#keep(this.#binary(op.OP_I32_DIV_S, op.OP_I64_DIV_S, a, b), a.bits);
  }
  remS(a: Value, b: Value): Value {
    return this.#keep(this.#binary(op.OP_I32_REM_S, op.OP_I64_REM_S, a, b), a.bits);
  }

  /** Leading zeros, trailing zeros (both the width for zero) and ones; 32 and 64 bits. Same width as `a`. */
  clz(a: Value): Value {
    return this.#unary(op.OP_I32_CLZ, op.OP_I64_CLZ, a);
  }
  ctz(a: Value): Value {
    return this.#unary(op.OP_I32_CTZ, op.OP_I64_CTZ, a);
  }
  popcnt(a: Value): Value {
    return this.#unary(op.OP_I32_POPCNT, op.OP_I64_POPCNT, a);
  }

  eq(a: Value, b: Value): Value {
    if (isZeroConstant(b)) return this.isZero(a);
    return this.#compare(op.OP_I32_EQ, op.OP_I64_EQ, a, b);
  }
  ne(a: Value, b: Value): Value {
    return this.#compare(op.OP_I32_NE, op.OP_I64_NE, a, b);
  }
  /** Unsigned less than. */
  below(a: Value, b: Value): Value {
    return this.#compare(op.OP_I32_LT_U, op.OP_I64_LT_U, a, b);
  }
  belowOrEqual(a: Value, b: Value): Value {
    return this.#compare(op.OP_I32_LE_U, op.OP_I64_LE_U, a, b);
  }
  /** Signed less than. */
  less(a: Value, b: Value): Value {
    return this.#compareSigned(op.OP_I32_LT_S, op.OP_I64_LT_S, a, b);
  }
  lessOrEqual(a: Value, b: Value): Value {
    return this.#compareSigned(op.OP_I32_LE_S, op.OP_I64_LE_S, a, b);
  }
  isZero(a: Value): Value {
    if (a.isConstant) return this.const(1, a.constant === 0n ? 1 : 0);
    this.push(a);
    this.code.op(a.bits === 64 ? op.OP_I64_EQZ : op.OP_I32_EQZ);
    return this.pop(1);
  }
  /** The sign bit, as a truth value. */
  sign(a: Value): Value {
    return this.bit(a, a.bits - 1);
  }
  /** Bit `n` as a truth value. */
  bit(a: Value, n: number): Value {
    this.push(a);
    if (a.bits === 64) {
      this.code.i64(BigInt(n));
      this.code.op(op.OP_I64_SHR_U);
      this.code.op(op.OP_I32_WRAP_I64);
    } else {
      this.code.i32(n);
      this.code.op(op.OP_I32_SHR_U);
    }
    if (n !== a.bits - 1) {
      this.code.i32(1);
      this.code.op(op.OP_I32_AND);
    }
    return this.pop(1);
  }

  /** `a` where the condition holds, else `b`; both are evaluated. */
  select(condition: Value, a: Value, b: Value): Value {
    this.push(a);
    this.push(b);
    this.push(condition);
    this.code.op(op.OP_SELECT);
    return this.pop(a.bits);
  }

  /** Zero-extends, or is the value itself. */
  zext(a: Value, bits: Bits): Value {
    if (a.bits === bits) return a;
    if (a.isConstant) return this.const(bits, a.constant);
    if (bits !== 64) return new Value(bits, a.local);
    this.push(a);
    this.code.op(op.OP_I64_EXTEND_I32_U);
    return this.pop(64);
  }
  /** Sign-extends, or is the value itself. */
  sext(a: Value, bits: Bits): Value {
    if (a.bits === bits) return a;
    if (a.isConstant) return this.const(bits, BigInt.asIntN(a.bits, a.constant));
    this.#pushSigned(a);
    if (bits === 64) {
      this.code.op(op.OP_I64_EXTEND_I32_S);
      return this.pop(64);
    }
    return this.#narrow(undefined, bits);
  }
  /** The low `bits` of a value. */
  trunc(a: Value, bits: Bits): Value {
    if (a.bits === bits) return a;
    if (a.isConstant) return this.const(bits, a.constant);
    this.push(a);
    if (a.bits === 64) this.code.op(op.OP_I32_WRAP_I64);
    return this.#narrow(undefined, bits);
  }

  variable(initial: Value): Variable {
    const local = this.locals.take(wasmType(initial.bits));
    this.push(initial);
    this.code.set(local);
    return { bits: initial.bits, local };
  }
  /** The variable's value now; later assignments do not change it. */
  get(variable: Variable): Value {
    this.code.get(variable.local);
    return this.pop(variable.bits);
  }
  set(variable: Variable, value: Value): void {
    this.push(value);
    this.code.set(variable.local);
  }

  if(condition: Value, then: () => void, otherwise?: () => void): void {
    if (condition.isConstant) {
      if (condition.constant !== 0n) then();
      else otherwise?.();
      return;
    }
    this.push(condition);
    if (this.#isRare) this.code.unlikely();
    this.#isRare = false;
    this.code.if();
    then();
    if (otherwise !== undefined) {
      this.code.else();
      otherwise();
    }
    this.code.end();
  }

  /** The same, of what hardly ever holds. */
  rarely(condition: Value, then: () => void): void {
    this.#isRare = !condition.isConstant;
    this.if(condition, then);
  }

  /** Repeats `body` for as long as what it returns is true. */
  doWhile(body: () => Value): void {
    const again: Label = this.code.loop();
    this.push(body());
    this.code.brIf(again);
    this.code.end();
  }

  // What is on the stack, or `value`, cut to its width.
  #narrow(value: Value | undefined, bits: Bits): Value {
    if (value !== undefined) return value;
    if (bits === 8 || bits === 16) {
      this.code.i32(bits === 8 ? 0xff : 0xffff);
      this.code.op(op.OP_I32_AND);
    }
    return this.pop(bits);
  }

  #keep(value: Value | undefined, bits: Bits): Value {
    return value ?? this.pop(bits);
  }

  // Leaves the result on the stack.
  #binary(op32: number, op64: number, a: Value, b: Value): undefined {
    this.push(a);
    this.push(b);
    this.code.op(a.bits === 64 ? op64 : op32);
    return undefined;
  }

  #shift(op32: number, op64: number, a: Value, count: Value | number): undefined {
    this.push(a);
    this.#pushCount(count, a.bits);
    this.code.op(a.bits === 64 ? op64 : op32);
    return undefined;
  }

  #pushCount(count: Value | number, bits: Bits): void {
    if (typeof count === 'number') {
      if (bits === 64) this.code.i64(BigInt(count));
      else this.code.i32(count);
      return;
    }
    this.push(bits === 64 ? this.zext(count, 64) : this.trunc(count, 32));
  }

  #unary(op32: number, op64: number, a: Value): Value {
    this.push(a);
    this.code.op(a.bits === 64 ? op64 : op32);
    return this.pop(a.bits);
  }

  #compare(op32: number, op64: number, a: Value, b: Value): Value {
    this.#binary(op32, op64, a, b);
    return this.pop(1);
  }

  #compareSigned(op32: number, op64: number, a: Value, b: Value): Value {
    this.#pushSigned(a);
    this.#pushSigned(b);
    this.code.op(a.bits === 64 ? op64 : op32);
    return this.pop(1);
  }

  // An 8- or 16-bit value sign-extended to fill its i32.
  #pushSigned(a: Value): void {
    if (a.isConstant && a.bits < 64) {
      this.code.i32(Number(BigInt.asIntN(a.bits, a.constant)));
      return;
    }
    this.push(a);
    if (a.bits === 8) this.code.op(op.OP_I32_EXTEND8_S);
    else if (a.bits === 16) this.code.op(op.OP_I32_EXTEND16_S);
  }
}

function isZeroConstant(value: Value): boolean {
  return value.isConstant && value.constant === 0n;
}
