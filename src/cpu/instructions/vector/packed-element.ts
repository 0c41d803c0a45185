/** Insertion, extraction and blending of elements; the instructions on whole vectors that have no family. */
import { ORDER_CF, ORDER_ZF } from '../../emit/flag-semantics.ts';
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { type Form, form, type Instruction, instruction, type OperandHandle } from '../define.ts';
import {
  imm8,
  mm,
  mmRegister,
  r,
  r32m16,
  r32m8,
  reg32,
  rm32,
  rm64,
  rw,
  w,
  XMM0,
  xmm,
  xmmM128,
  xmmM32,
  xmmRegister,
} from '../operands.ts';
import {
  bitSelect,
  constantSplat,
  constantVector,
  fromScalar,
  known,
  lane,
  manualOf,
  readAligned,
  shiftLanes,
  shuffle,
  splat,
  vectorAnd,
  vectorAndNot,
  vectorOr,
  readImmediate,
  withLane,
} from './lanes.ts';
import { enterMmx, mmxInstruction, packedImmediate, packedSse } from './packed.ts';

export const PACKED_ELEMENTS: readonly Instruction[] = [
  insertion('PINSRB', form('66 0F 3A 20 /r ib', [rw(xmm), r(r32m8), r(imm8)]), 8),
  insertion('PINSRW', form('66 0F C4 /r ib', [rw(xmm), r(r32m16), r(imm8)]), 16),
  insertion('PINSRD', form('66 W0 0F 3A 22 /r ib', [rw(xmm), r(rm32), r(imm8)]), 32),
  insertion('PINSRQ', form('66 REX.W 0F 3A 22 /r ib', [rw(xmm), r(rm64), r(imm8)]), 64),
  extraction('PEXTRB', form('66 0F 3A 14 /r ib', [w(r32m8), r(xmm), r(imm8)]), 8),
  extraction('PEXTRW', form('66 0F C5 /r ib', [w(reg32), r(xmmRegister), r(imm8)]), 16),
  extraction('PEXTRW', form('66 0F 3A 15 /r ib', [w(r32m16), r(xmm), r(imm8)]), 16),
  extraction('PEXTRD', form('66 W0 0F 3A 16 /r ib', [w(rm32), r(xmm), r(imm8)]), 32),
  extraction('PEXTRQ', form('66 REX.W 0F 3A 16 /r ib', [w(rm64), r(xmm), r(imm8)]), 64),
  extraction('EXTRACTPS', form('66 0F 3A 17 /r ib', [w(rm32), r(xmm), r(imm8)]), 32),
  mmxInstruction('PINSRW', [form('NP 0F C4 /r ib', [rw(mm), r(r32m16), r(imm8)])], (m, dst, src, number) => {
    const word = m.read(src, 16);
    enterMmx(m);
    const number4 = m.and(readImmediate(m, number), m.const(32, 3));
    m.write(dst, lane(m, inserted(m, splat(m, m.read(dst)), word, number4), 64, 0));
  }),
  mmxInstruction('PEXTRW', [form('NP 0F C5 /r ib', [w(reg32), r(mmRegister), r(imm8)])], (m, dst, src, number) => {
    enterMmx(m);
    const bit = m.shl(m.and(readImmediate(m, number), m.const(32, 3)), 4);
    m.write(dst, m.zext(m.trunc(m.shr(m.read(src), bit), 16), 32));
  }),
  instruction('INSERTPS', {
    manual: 'SDM vol. 2A, INSERTPS',
    unit: 'sse',
    forms: [form('66 0F 3A 21 /r ib', [rw(xmm), r(xmmM32), r(imm8)])],
    execute: insertSingle,
  }),
  variableBlend('PBLENDVB', '10', (m, mask) => shiftLanes(m, op.OP_I8X16_SHR_S, mask, 7)),
  variableBlend('BLENDVPS', '14', (m, mask) => shiftLanes(m, op.OP_I32X4_SHR_S, mask, 31)),
  variableBlend('BLENDVPD', '15', (m, mask) => shiftLanes(m, op.OP_I64X2_SHR_S, mask, 63)),
  blend('BLENDPS', '66 0F 3A 0C', 4, op.OP_I32X4_EQ),
  blend('BLENDPD', '66 0F 3A 0D', 8, op.OP_I64X2_EQ),
  blend('PBLENDW', '66 0F 3A 0E', 2, op.OP_I16X8_EQ),
  instruction('PTEST', {
    manual: 'SDM vol. 2B, PTEST',
    unit: 'sse',
    forms: [form('66 0F 38 17 /r', [r(xmm), r(xmmM128)])],
    execute(m, first, second) {
      const b = readAligned(m, second);
      const a = m.read(first);
      const none = (vector: Value): Value => m.zext(m.not(m.vector(op.OP_V128_ANY_TRUE, 1, [vector])), 32);
      const ZF = m.shl(none(vectorAnd(m, a, b)), ORDER_ZF);
      m.flagsOfOrder(m.or(ZF, m.shl(none(vectorAndNot(m, b, a)), ORDER_CF)));
    },
  }),
  packedSse('PHMINPOSUW', '66 0F 38 41 /r', (m, _a, b) => minimumAndPosition(m, b)),
  packedImmediate('MPSADBW', '66 0F 3A 42', sumsOfDifferences),
];

function insertion(mnemonic: string, row: Form, bits: 8 | 16 | 32 | 64): Instruction {
  return instruction(mnemonic, {
    manual: `SDM vol. 2B, ${mnemonic === 'PINSRW' ? 'PINSRW' : 'PINSRB/PINSRD/PINSRQ'}`,
    unit: 'sse',
    forms: [row],
    execute(m, dst, src, number) {
      const value = m.read(src, bits);
      m.write(dst, inserted(m, m.read(dst), value, readImmediate(m, number)));
    },
  });
}

/** The element whose number (taken modulo how many there are) is given, replaced. */
function inserted(m: Semantics, vector: Value, value: Value, number: Value): Value {
  const bytes = (value.bits / 8) as 1 | 2 | 4 | 8;
  const count = 16 / bytes;
  const element = known(number);
  if (element !== undefined) return withLane(m, vector, element & (count - 1), value);
  const wanted = m.and(number, m.const(32, count - 1));
  // Bytes of element n are numbered n in a vector: those that equal the wanted number are the ones to replace.
  const numbers = constantVector(
    m,
    1,
    Array.from({ length: 16 }, (_, i) => Math.floor(i / bytes)),
  );
  const mask = m.vector(op.OP_I8X16_EQ, 128, [numbers, splat(m, m.trunc(wanted, 8))]);
  return bitSelect(m, mask, splat(m, value), vector);
}

function extraction(mnemonic: string, row: Form, bits: 8 | 16 | 32 | 64): Instruction {
  return instruction(mnemonic, {
    manual: `SDM vol. ${mnemonic === 'EXTRACTPS' ? '2A' : '2B'}, ${mnemonic}`,
    unit: 'sse',
    forms: [row],
    execute(m, dst, src, number) {
      const value = extracted(m, m.read(src), bits, readImmediate(m, number));
      m.write(dst, m.isMemory(dst) || bits === 64 ? value : m.zext(value, 32));
    },
  });
}

function extracted(m: Semantics, vector: Value, bits: 8 | 16 | 32 | 64, number: Value): Value {
  const bytes = bits / 8;
  const element = known(number);
  if (element !== undefined) return lane(m, vector, bits, element & (16 / bytes - 1));
  const first = m.mul(m.and(number, m.const(32, 16 / bytes - 1)), m.const(32, bytes));
  const within = constantVector(
    m,
    1,
    Array.from({ length: 16 }, (_, i) => i % bytes),
  );
  const numbers = m.vector(op.OP_I8X16_ADD, 128, [splat(m, m.trunc(first, 8)), within]);
  return lane(m, m.vector(op.OP_I8X16_SWIZZLE, 128, [vector, numbers]), bits, 0);
}

/** imm8: bits 7:6 the source's element, if it is a register; 5:4 the one it replaces; 3:0 elements that become zero. */
function insertSingle(m: Semantics, dst: OperandHandle, src: OperandHandle, control: OperandHandle): void {
  const immediate = readImmediate(m, control);
  const value = m.isMemory(src) ? m.read(src) : extracted(m, m.read(src), 32, m.shr(immediate, 6));
  const result = inserted(m, m.read(dst), value, m.shr(immediate, 4));
  m.write(dst, vectorAndNot(m, result, maskOfBits(m, immediate, 4, op.OP_I32X4_EQ)));
}

/** All ones in each element whose bit in an immediate is set, element 0 having bit 0. */
function maskOfBits(m: Semantics, immediate: Value, bytes: 2 | 4 | 8, equal: number): Value {
  const bits = constantVector(
    m,
    bytes,
    Array.from({ length: 16 / bytes }, (_, i) => 1 << i),
  );
  const wide = bytes === 8 ? m.zext(immediate, 64) : bytes === 4 ? immediate : m.trunc(immediate, 16);
  return m.vector(equal, 128, [vectorAnd(m, splat(m, wide), bits), bits]);
}

function blend(mnemonic: string, encoding: string, bytes: 2 | 4 | 8, equal: number): Instruction {
  const count = 16 / bytes;
  return packedImmediate(mnemonic, encoding, (m, a, b, immediate) => {
    const bits = known(immediate);
    if (bits === undefined) return bitSelect(m, maskOfBits(m, immediate, bytes, equal), b, a);
    const picks = Array.from({ length: count }, (_, i) => (((bits >> i) & 1) === 0 ? i : count + i));
    return shuffle(m, bytes, picks, a, b);
  });
}

function variableBlend(mnemonic: string, opcode: string, maskOf: (m: Semantics, xmm0: Value) => Value): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`66 0F 38 ${opcode} /r`, [rw(xmm), r(xmmM128), r(XMM0)])],
    execute(m, dst, src, mask) {
      const b = readAligned(m, src);
      m.write(dst, bitSelect(m, maskOf(m, m.read(mask)), b, m.read(dst)));
    },
  });
}

/** The least word and, above it, its number: words and numbers are compared as one. */
function minimumAndPosition(m: Semantics, words: Value): Value {
  const numbered = (extend: number, numbers: readonly number[]): Value => {
    const high = shiftLanes(m, op.OP_I32X4_SHL, m.vector(extend, 128, [words]), 16);
    return vectorOr(m, high, constantVector(m, 4, numbers));
  };
  const least = (a: Value, b: Value): Value => m.vector(op.OP_I32X4_MIN_U, 128, [a, b]);
  const low = numbered(op.OP_I32X4_EXTEND_LOW_I16X8_U, [0, 1, 2, 3]);
  const four = least(low, numbered(op.OP_I32X4_EXTEND_HIGH_I16X8_U, [4, 5, 6, 7]));
  const two = least(four, shuffle(m, 4, [2, 3, 0, 1], four, four));
  const one = least(two, shuffle(m, 4, [1, 0, 3, 2], two, two));
  return fromScalar(m, m.rotl(lane(m, one, 32, 0), 16));
}

/** imm8 bits 1:0 choose four bytes of b, bit 2 the first of eight windows of four bytes of a. */
function sumsOfDifferences(m: Semantics, a: Value, b: Value, immediate: Value): Value {
  const ofA = m.and(immediate, m.const(32, 4));
  const ofB = m.shl(m.and(immediate, m.const(32, 3)), 2);
  let sums = constantSplat(m, 2, 0);
  for (let i = 0; i < 4; i++) {
    const windows = constantVector(
      m,
      1,
      Array.from({ length: 16 }, (_, j) => i + (j & 7)),
    );
    const numbersA = m.vector(op.OP_I8X16_ADD, 128, [windows, splat(m, m.trunc(ofA, 8))]);
    const numbersB = splat(m, m.trunc(m.add(ofB, m.const(32, i)), 8));
    const difference = m.vector(op.OP_I16X8_SUB, 128, [widened(m, a, numbersA), widened(m, b, numbersB)]);
    sums = m.vector(op.OP_I16X8_ADD, 128, [sums, m.vector(op.OP_I16X8_ABS, 128, [difference])]);
  }
  return sums;
}

function widened(m: Semantics, vector: Value, numbers: Value): Value {
  const bytes = m.vector(op.OP_I8X16_SWIZZLE, 128, [vector, numbers]);
  return m.vector(op.OP_I16X8_EXTEND_LOW_I8X16_U, 128, [bytes]);
}
