/** Unpacking, packing, shuffling, horizontal arithmetic, alignment, extension: instructions that move elements about. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { form, type Instruction, instruction } from '../define.ts';
import { imm8, mm, mmM32, mmM64, r, rw, w, xmm, xmmM128, xmmM16, xmmM32, xmmM64 } from '../operands.ts';
import {
  type Compute,
  constantSplat,
  constantVector,
  direct,
  fromHalves,
  fromScalar,
  known,
  lane,
  manualOf,
  readAligned,
  readLow,
  shiftLanes,
  shuffle,
  splat,
  vectorAnd,
  vectorOr,
  readImmediate,
  zeroVector,
} from './lanes.ts';
import { enterMmx, mmxInstruction, packed, packedImmediate, packedSse, upperHalf } from './packed.ts';
import { byteNumbers, bytesFrom, clamped } from './packed-shift.ts';

const LOW_BYTES = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
const LOW_WORDS = [0, 8, 1, 9, 2, 10, 3, 11];
const LOW_DOUBLEWORDS = [0, 4, 1, 5];

// biome-ignore format: a row of the opcode map is a line
export const PACKED_ARRANGEMENTS: readonly Instruction[] = [
  ...unpack('PUNPCKLBW', '60', 'PUNPCKHBW', '68', 1, LOW_BYTES),
  ...unpack('PUNPCKLWD', '61', 'PUNPCKHWD', '69', 2, LOW_WORDS),
  ...unpack('PUNPCKLDQ', '62', 'PUNPCKHDQ', '6A', 4, LOW_DOUBLEWORDS),
  packedSse('PUNPCKLQDQ', '66 0F 6C /r', (m, a, b) => shuffle(m, 8, [0, 2], a, b), true),
  packedSse('PUNPCKHQDQ', '66 0F 6D /r', (m, a, b) => shuffle(m, 8, [1, 3], a, b), true),
  ...packed([
    ['PACKSSWB', '63',    direct(op.OP_I8X16_NARROW_I16X8_S), 'joined'],
    ['PACKUSWB', '67',    direct(op.OP_I8X16_NARROW_I16X8_U), 'joined'],
    ['PACKSSDW', '6B',    direct(op.OP_I16X8_NARROW_I32X4_S), 'joined'],
    ['PACKUSDW', '38 2B', direct(op.OP_I16X8_NARROW_I32X4_U), 'none'],
    ['PHADDW',   '38 01', horizontal(2, op.OP_I16X8_ADD),       'joined'],
    ['PHADDD',   '38 02', horizontal(4, op.OP_I32X4_ADD),       'joined'],
    ['PHADDSW',  '38 03', horizontal(2, op.OP_I16X8_ADD_SAT_S), 'joined'],
    ['PHSUBW',   '38 05', horizontal(2, op.OP_I16X8_SUB),       'joined'],
    ['PHSUBD',   '38 06', horizontal(4, op.OP_I32X4_SUB),       'joined'],
    ['PHSUBSW',  '38 07', horizontal(2, op.OP_I16X8_SUB_SAT_S), 'joined'],
  ]),
  packedSse('PSHUFB', '66 0F 38 00 /r', (m, a, b) => shuffleBytes(m, a, b, 0x8f), true),
  mmxInstruction('PSHUFB', [form('NP 0F 38 00 /r', [rw(mm), r(mmM64)])], (m, dst, src) => {
    const picks = m.read(src);
    enterMmx(m);
    m.write(dst, lane(m, shuffleBytes(m, fromScalar(m, m.read(dst)), splat(m, picks), 0x87), 64, 0));
  }),
  packedImmediate('PALIGNR', '66 0F 3A 0F', align),
  mmxInstruction('PALIGNR', [form('NP 0F 3A 0F /r ib', [rw(mm), r(mmM64), r(imm8)])], (m, dst, src, count) => {
    const low = m.read(src);
    enterMmx(m);
    const numbers = byteNumbers(m, clamped(m, readImmediate(m, count), 16), 1);
    const joined = fromHalves(m, low, m.read(dst));
    m.write(dst, lane(m, m.vector(op.OP_I8X16_SWIZZLE, 128, [joined, numbers]), 64, 0));
  }),
  wordShuffle('PSHUFLW', 'F2 0F 70', 'low'),
  wordShuffle('PSHUFHW', 'F3 0F 70', 'high'),
  instruction('PSHUFD', {
    manual: 'SDM vol. 2B, PSHUFD',
    unit: 'sse',
    hot: true,
    forms: [form('66 0F 70 /r ib', [w(xmm), r(xmmM128), r(imm8)])],
    execute(m, dst, src, control) {
      const value = readAligned(m, src);
      m.write(dst, pickDoublewords(m, value, readImmediate(m, control)));
    },
  }),
  mmxInstruction('PSHUFW', [form('NP 0F 70 /r ib', [w(mm), r(mmM64), r(imm8)])], (m, dst, src, control) => {
    const value = m.read(src);
    enterMmx(m);
    m.write(dst, lane(m, pickWords(m, splat(m, value), readImmediate(m, control), 'low'), 64, 0));
  }),
  packedImmediate('SHUFPS', 'NP 0F C6', shuffleSingles),
  packedImmediate('SHUFPD', '66 0F C6', shuffleDoubles),
  packedSse('UNPCKLPS', 'NP 0F 14 /r', (m, a, b) => shuffle(m, 4, [0, 4, 1, 5], a, b)),
  packedSse('UNPCKLPD', '66 0F 14 /r', (m, a, b) => shuffle(m, 8, [0, 2], a, b)),
  packedSse('UNPCKHPS', 'NP 0F 15 /r', (m, a, b) => shuffle(m, 4, [2, 6, 3, 7], a, b)),
  packedSse('UNPCKHPD', '66 0F 15 /r', (m, a, b) => shuffle(m, 8, [1, 3], a, b)),
  ...extensions(),
];

/** Picks four doublewords, the number of each in two bits of the control. */
export function pickDoublewords(m: Semantics, value: Value, control: Value): Value {
  const picks = knownPicks(control);
  if (picks !== undefined) return shuffle(m, 4, picks, value, value);
  return m.vector(op.OP_I8X16_SWIZZLE, 128, [value, doublewordNumbers(m, control)]);
}

/** The four numbers of two bits in a control that is known. */
function knownPicks(control: Value): number[] | undefined {
  const picks = known(control);
  return picks === undefined ? undefined : [0, 2, 4, 6].map((bit) => (picks >> bit) & 3);
}

/** The byte numbers for a swizzle: bits 1:0 of the control choose the first doubleword, 3:2 the second, and so on. */
function doublewordNumbers(m: Semantics, control: Value): Value {
  // A product for each element brings its two bits to the same place.
  const spread = m.vector(op.OP_I32X4_MUL, 128, [splat(m, control), constantVector(m, 4, [64, 16, 4, 1])]);
  const picks = vectorAnd(m, shiftLanes(m, op.OP_I32X4_SHR_U, spread, 6), constantSplat(m, 4, 3));
  const scaled = m.vector(op.OP_I32X4_MUL, 128, [picks, constantSplat(m, 4, 0x04040404)]);
  return m.vector(op.OP_I32X4_ADD, 128, [scaled, constantSplat(m, 4, 0x03020100)]);
}

/** As `pickDoublewords`, among the four words of one half; the other half stays. */
function pickWords(m: Semantics, value: Value, control: Value, half: 'low' | 'high'): Value {
  const wanted = knownPicks(control);
  if (wanted !== undefined) {
    const words = half === 'low' ? [...wanted, 4, 5, 6, 7] : [0, 1, 2, 3, ...wanted.map((pick) => pick + 4)];
    return shuffle(m, 2, words, value, value);
  }
  const factors = half === 'low' ? [64, 16, 4, 1, 0, 0, 0, 0] : [0, 0, 0, 0, 64, 16, 4, 1];
  const stay = half === 'low' ? [0, 0, 0, 0, 4, 5, 6, 7] : [0, 1, 2, 3, 4, 4, 4, 4];
  const control16 = splat(m, m.trunc(control, 16));
  const spread = m.vector(op.OP_I16X8_MUL, 128, [control16, constantVector(m, 2, factors)]);
  const picks = vectorAnd(m, shiftLanes(m, op.OP_I16X8_SHR_U, spread, 6), constantSplat(m, 2, 3));
  const numbers = m.vector(op.OP_I16X8_ADD, 128, [picks, constantVector(m, 2, stay)]);
  const scaled = m.vector(op.OP_I16X8_MUL, 128, [numbers, constantSplat(m, 2, 0x0202)]);
  const bytes = m.vector(op.OP_I16X8_ADD, 128, [scaled, constantSplat(m, 2, 0x0100)]);
  return m.vector(op.OP_I8X16_SWIZZLE, 128, [value, bytes]);
}

/** The low and the high interleaving of two operands; `picks` is the low one's. */
function unpack(
  low: string,
  lowOpcode: string,
  high: string,
  highOpcode: string,
  bytes: 1 | 2 | 4,
  picks: readonly number[],
): Instruction[] {
  const computeLow: Compute = (m, a, b) => shuffle(m, bytes, picks, a, b);
  const highPicks = picks.map((pick) => pick + 8 / bytes);
  return [
    packedSse(low, `66 0F ${lowOpcode} /r`, computeLow, true),
    packedSse(high, `66 0F ${highOpcode} /r`, (m, a, b) => shuffle(m, bytes, highPicks, a, b), true),
    mmxInstruction(low, [form(`NP 0F ${lowOpcode} /r`, [rw(mm), r(mmM32)])], (m, dst, src) => {
      const b = m.zext(m.read(src, 32), 64);
      enterMmx(m);
      m.write(dst, lane(m, computeLow(m, splat(m, m.read(dst)), splat(m, b)), 64, 0));
    }),
    mmxInstruction(high, [form(`NP 0F ${highOpcode} /r`, [rw(mm), r(mmM64)])], (m, dst, src) => {
      const b = m.read(src);
      enterMmx(m);
      m.write(dst, upperHalf(m, computeLow, m.read(dst), b));
    }),
  ];
}

/** Even elements of both operands, combined with the odd ones. */
function horizontal(bytes: 2 | 4, opcode: number): Compute {
  return (m, a, b) => m.vector(opcode, 128, [everySecond(m, bytes, 0, a, b), everySecond(m, bytes, 1, a, b)]);
}

/** The even (0) or odd (1) elements of two vectors, those of the first below. */
export function everySecond(m: Semantics, bytes: 2 | 4 | 8, first: 0 | 1, a: Value, b: Value): Value {
  const picks = Array.from({ length: 16 / bytes }, (_, i) => i * 2 + first);
  return shuffle(m, bytes, picks, a, b);
}

/** Bit 7 of a pick gives zero, as every number past 15 does to a swizzle. */
function shuffleBytes(m: Semantics, value: Value, picks: Value, mask: number): Value {
  return m.vector(op.OP_I8X16_SWIZZLE, 128, [value, vectorAnd(m, picks, constantSplat(m, 1, mask))]);
}

/** Bytes of b and, above them, of a, moved down by the immediate. */
function align(m: Semantics, a: Value, b: Value, immediate: Value): Value {
  const by = known(immediate);
  if (by !== undefined)
    return by <= 16 ? bytesFrom(m, by, b, a) : bytesFrom(m, Math.min(by, 32) - 16, a, zeroVector(m));
  const numbers = byteNumbers(m, clamped(m, immediate, 32), 1);
  const numbersOfA = m.vector(op.OP_I8X16_SUB, 128, [numbers, constantSplat(m, 1, 16)]);
  const fromB = m.vector(op.OP_I8X16_SWIZZLE, 128, [b, numbers]);
  return vectorOr(m, fromB, m.vector(op.OP_I8X16_SWIZZLE, 128, [a, numbersOfA]));
}

function wordShuffle(mnemonic: string, encoding: string, half: 'low' | 'high'): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${encoding} /r ib`, [w(xmm), r(xmmM128), r(imm8)])],
    execute(m, dst, src, control) {
      const value = readAligned(m, src);
      m.write(dst, pickWords(m, value, readImmediate(m, control), half));
    },
  });
}

/** Two of a's elements below, two of b's above. */
function shuffleSingles(m: Semantics, a: Value, b: Value, control: Value): Value {
  const picks = knownPicks(control);
  if (picks !== undefined) {
    return shuffle(
      m,
      4,
      picks.map((pick, i) => (i < 2 ? pick : pick + 4)),
      a,
      b,
    );
  }
  const numbers = doublewordNumbers(m, control);
  const fromA = m.vector(op.OP_I8X16_SWIZZLE, 128, [a, numbers]);
  const fromB = m.vector(op.OP_I8X16_SWIZZLE, 128, [b, numbers]);
  return shuffle(m, 4, [0, 1, 6, 7], fromA, fromB);
}

function shuffleDoubles(m: Semantics, a: Value, b: Value, control: Value): Value {
  const picks = known(control);
  if (picks !== undefined) return shuffle(m, 8, [picks & 1, 2 + ((picks >> 1) & 1)], a, b);
  const pick = (value: Value, bit: number): Value =>
    m.select(m.bit(control, bit), lane(m, value, 64, 1), lane(m, value, 64, 0));
  return fromHalves(m, pick(a, 0), pick(b, 1));
}

// biome-ignore format: a row is a line
function extensions(): Instruction[] {
  const rows = [
    ['BW', '0', xmmM64, [op.OP_I16X8_EXTEND_LOW_I8X16_S], [op.OP_I16X8_EXTEND_LOW_I8X16_U]],
    ['BD', '1', xmmM32, [op.OP_I16X8_EXTEND_LOW_I8X16_S, op.OP_I32X4_EXTEND_LOW_I16X8_S], [op.OP_I16X8_EXTEND_LOW_I8X16_U, op.OP_I32X4_EXTEND_LOW_I16X8_U]],
    ['BQ', '2', xmmM16,
      [op.OP_I16X8_EXTEND_LOW_I8X16_S, op.OP_I32X4_EXTEND_LOW_I16X8_S, op.OP_I64X2_EXTEND_LOW_I32X4_S],
      [op.OP_I16X8_EXTEND_LOW_I8X16_U, op.OP_I32X4_EXTEND_LOW_I16X8_U, op.OP_I64X2_EXTEND_LOW_I32X4_U]],
    ['WD', '3', xmmM64, [op.OP_I32X4_EXTEND_LOW_I16X8_S], [op.OP_I32X4_EXTEND_LOW_I16X8_U]],
    ['WQ', '4', xmmM32, [op.OP_I32X4_EXTEND_LOW_I16X8_S, op.OP_I64X2_EXTEND_LOW_I32X4_S], [op.OP_I32X4_EXTEND_LOW_I16X8_U, op.OP_I64X2_EXTEND_LOW_I32X4_U]],
    ['DQ', '5', xmmM64, [op.OP_I64X2_EXTEND_LOW_I32X4_S], [op.OP_I64X2_EXTEND_LOW_I32X4_U]],
  ] as const;
  return rows.flatMap(([suffix, digit, kind, signExtend, zeroExtend]) => [
    extension(`PMOVSX${suffix}`, `66 0F 38 2${digit}`, kind, signExtend),
    extension(`PMOVZX${suffix}`, `66 0F 38 3${digit}`, kind, zeroExtend),
  ]);
}

function extension(mnemonic: string, encoding: string, kind: typeof xmmM64, steps: readonly number[]): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${encoding} /r`, [w(xmm), r(kind)])],
    execute(m, dst, src) {
      let value = readLow(m, src);
      for (const opcode of steps) value = m.vector(opcode, 128, [value]);
      m.write(dst, value);
    },
  });
}
