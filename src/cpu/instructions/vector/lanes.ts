/** What the vector instructions share: constants, reading operands, getting at elements. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Bits, Value } from '../../emit/values.ts';
import { EXCEPTION_GP } from '../../state.ts';
import type { OperandHandle } from '../define.ts';

/** A vector from two. */
export type Compute = (m: Semantics, a: Value, b: Value) => Value;

/** Where the manual describes an instruction of this name. */
export function manualOf(mnemonic: string): string {
  return `SDM vol. ${mnemonic < 'M' ? '2A' : '2B'}, ${mnemonic}`;
}

/** The instruction that is one WebAssembly instruction. */
export function direct(opcode: number): Compute {
  return (m, a, b) => m.vector(opcode, 128, [a, b]);
}

/** Raises #GP(0) for a memory operand that is not on a 16-byte boundary, as all legacy SSE but the unaligned moves do. */
export function checkAligned(m: Semantics, handle: OperandHandle): void {
  if (!m.isMemory(handle)) return;
  m.raiseIf(m.isMisaligned(handle), EXCEPTION_GP, 0);
}

/** The 16 bytes of xmm or aligned m128. */
export function readAligned(m: Semantics, handle: OperandHandle): Value {
  checkAligned(m, handle);
  return m.read(handle, 128);
}

/** An operand of which only the low part counts: a whole register, or that much memory with zeros above. */
export function readLow(m: Semantics, handle: OperandHandle): Value {
  if (!m.isMemory(handle)) return m.read(handle, 128);
  const bits = m.bits(handle);
  return bits === 32 || bits === 64 ? m.loadLow(m.address(handle), bits) : fromScalar(m, m.read(handle));
}

/** An imm8, zero-extended to 32 bits. */
export function readImmediate(m: Semantics, handle: OperandHandle): Value {
  return m.zext(m.read(handle, 8), 32);
}

/** A value that is known where code is emitted, as immediates are in a region. */
export function known(value: Value): number | undefined {
  return value.isConstant ? Number(value.constant) : undefined;
}

export function zeroVector(m: Semantics): Value {
  return m.vectorBytes([]);
}

/** A constant from elements of 1, 2, 4 or 8 bytes: as many as fill 16. */
export function constantVector(m: Semantics, bytes: 1 | 2 | 4 | 8, elements: readonly (number | bigint)[]): Value {
  return m.vectorBytes(constantBytes(bytes, elements));
}

/** The same element everywhere. */
export function constantSplat(m: Semantics, bytes: 1 | 2 | 4 | 8, element: number | bigint): Value {
  return constantVector(
    m,
    bytes,
    Array.from({ length: 16 / bytes }, () => element),
  );
}

/** Copies an integer into every element of its width. */
export function splat(m: Semantics, value: Value): Value {
  return m.vector(SPLATS[value.bits] as number, 128, [value]);
}

/** A vector with an integer in its low element and zeros above. */
export function fromScalar(m: Semantics, value: Value): Value {
  const opcode = value.bits === 64 ? op.OP_I64X2_REPLACE_LANE : op.OP_I32X4_REPLACE_LANE;
  return m.vector(opcode, 128, [zeroVector(m), value], 0);
}

/** Two 64-bit integers, the low one first. */
export function fromHalves(m: Semantics, low: Value, high: Value): Value {
  return m.vector(op.OP_I64X2_REPLACE_LANE, 128, [splat(m, low), high], 1);
}

export function lane(m: Semantics, vector: Value, bits: 8 | 16 | 32 | 64, number: number): Value {
  return m.vector(EXTRACTS[bits] as number, bits, [vector], number);
}

export function withLane(m: Semantics, vector: Value, number: number, value: Value): Value {
  return m.vector(REPLACES[value.bits] as number, 128, [vector, value], number);
}

/** Elements picked by number from two vectors; those of the second come after those of the first. */
export function shuffle(m: Semantics, bytes: 1 | 2 | 4 | 8, picks: readonly number[], a: Value, b: Value): Value {
  const numbers = picks.flatMap((pick) => Array.from({ length: bytes }, (_, i) => pick * bytes + i));
  return m.vectorBytes(numbers, [a, b]);
}

/** Shifts all elements alike; the count is an i32 below the width. */
export function shiftLanes(m: Semantics, opcode: number, vector: Value, count: Value | number): Value {
  return m.vector(opcode, 128, [vector, typeof count === 'number' ? m.const(32, count) : count]);
}

/** `a` where the mask has ones, `b` where it has zeros. */
export function bitSelect(m: Semantics, mask: Value, a: Value, b: Value): Value {
  return m.vector(op.OP_V128_BITSELECT, 128, [a, b, mask]);
}

export const vectorAnd = direct(op.OP_V128_AND);
export const vectorOr = direct(op.OP_V128_OR);
export const vectorXor = direct(op.OP_V128_XOR);
/** a and not b, unlike PANDN. */
export const vectorAndNot = direct(op.OP_V128_ANDNOT);

const SPLATS: Partial<Record<Bits, number>> = {
  8: op.OP_I8X16_SPLAT,
  16: op.OP_I16X8_SPLAT,
  32: op.OP_I32X4_SPLAT,
  64: op.OP_I64X2_SPLAT,
};
const EXTRACTS: Partial<Record<Bits, number>> = {
  8: op.OP_I8X16_EXTRACT_LANE_U,
  16: op.OP_I16X8_EXTRACT_LANE_U,
  32: op.OP_I32X4_EXTRACT_LANE,
  64: op.OP_I64X2_EXTRACT_LANE,
};
const REPLACES: Partial<Record<Bits, number>> = {
  8: op.OP_I8X16_REPLACE_LANE,
  16: op.OP_I16X8_REPLACE_LANE,
  32: op.OP_I32X4_REPLACE_LANE,
  64: op.OP_I64X2_REPLACE_LANE,
};

function constantBytes(bytes: 1 | 2 | 4 | 8, elements: readonly (number | bigint)[]): number[] {
  const view = new DataView(new ArrayBuffer(16));
  for (const [i, element] of elements.entries()) {
    const at = i * bytes;
    const value = BigInt.asUintN(bytes * 8, BigInt(element));
    for (let byte = 0; byte < bytes; byte++) view.setUint8(at + byte, Number((value >> BigInt(byte * 8)) & 0xffn));
  }
  return Array.from({ length: 16 }, (_, i) => view.getUint8(i));
}
