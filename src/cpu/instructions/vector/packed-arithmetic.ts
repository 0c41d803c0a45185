/** PADD to PSADBW: arithmetic, comparison and logic on packed integers, element by element. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import type { Instruction } from '../define.ts';
import { constantSplat, direct, shiftLanes, shuffle, vectorAnd, vectorAndNot, vectorOr, vectorXor } from './lanes.ts';
import { packed } from './packed.ts';

// biome-ignore format: a row of the opcode map is a line
export const PACKED_ARITHMETIC: readonly Instruction[] = packed([
  ['PADDB',   'FC', direct(op.OP_I8X16_ADD),       'lanes'],
  ['PADDW',   'FD', direct(op.OP_I16X8_ADD),       'lanes'],
  ['PADDD',   'FE', direct(op.OP_I32X4_ADD),       'lanes', 'hot'],
  ['PADDQ',   'D4', direct(op.OP_I64X2_ADD),       'lanes'],
  ['PADDSB',  'EC', direct(op.OP_I8X16_ADD_SAT_S), 'lanes'],
  ['PADDSW',  'ED', direct(op.OP_I16X8_ADD_SAT_S), 'lanes'],
  ['PADDUSB', 'DC', direct(op.OP_I8X16_ADD_SAT_U), 'lanes'],
  ['PADDUSW', 'DD', direct(op.OP_I16X8_ADD_SAT_U), 'lanes'],
  ['PSUBB',   'F8', direct(op.OP_I8X16_SUB),       'lanes'],
  ['PSUBW',   'F9', direct(op.OP_I16X8_SUB),       'lanes'],
  ['PSUBD',   'FA', direct(op.OP_I32X4_SUB),       'lanes'],
  ['PSUBQ',   'FB', direct(op.OP_I64X2_SUB),       'lanes'],
  ['PSUBSB',  'E8', direct(op.OP_I8X16_SUB_SAT_S), 'lanes'],
  ['PSUBSW',  'E9', direct(op.OP_I16X8_SUB_SAT_S), 'lanes'],
  ['PSUBUSB', 'D8', direct(op.OP_I8X16_SUB_SAT_U), 'lanes'],
  ['PSUBUSW', 'D9', direct(op.OP_I16X8_SUB_SAT_U), 'lanes'],
  ['PMULLW',  'D5', direct(op.OP_I16X8_MUL),       'lanes'],
  ['PMULHW',  'E5', highProducts(op.OP_I32X4_EXTMUL_LOW_I16X8_S, op.OP_I32X4_EXTMUL_HIGH_I16X8_S), 'lanes'],
  ['PMULHUW', 'E4', highProducts(op.OP_I32X4_EXTMUL_LOW_I16X8_U, op.OP_I32X4_EXTMUL_HIGH_I16X8_U), 'lanes'],
  ['PMADDWD', 'F5', direct(op.OP_I32X4_DOT_I16X8_S), 'lanes'],
  ['PMULUDQ', 'F4', wideProducts(op.OP_I64X2_EXTMUL_LOW_I32X4_U), 'lanes'],
  ['PSADBW',  'F6', sumOfDifferences,              'lanes'],
  ['PCMPEQB', '74', direct(op.OP_I8X16_EQ),        'lanes', 'hot'],
  ['PCMPEQW', '75', direct(op.OP_I16X8_EQ),        'lanes'],
  ['PCMPEQD', '76', direct(op.OP_I32X4_EQ),        'lanes'],
  ['PCMPEQQ', '38 29', direct(op.OP_I64X2_EQ),     'none'],
  ['PCMPGTB', '64', direct(op.OP_I8X16_GT_S),      'lanes'],
  ['PCMPGTW', '65', direct(op.OP_I16X8_GT_S),      'lanes'],
  ['PCMPGTD', '66', direct(op.OP_I32X4_GT_S),      'lanes'],
  ['PCMPGTQ', '38 37', direct(op.OP_I64X2_GT_S),   'none'],
  ['PAND',    'DB', vectorAnd,                     'lanes', 'hot'],
  ['PANDN',   'DF', (m, a, b) => vectorAndNot(m, b, a), 'lanes', 'hot'],
  ['POR',     'EB', vectorOr,                      'lanes', 'hot'],
  ['PXOR',    'EF', vectorXor,                     'lanes', 'hot'],
  ['PMINUB',  'DA', direct(op.OP_I8X16_MIN_U),     'lanes', 'hot'],
  ['PMAXUB',  'DE', direct(op.OP_I8X16_MAX_U),     'lanes'],
  ['PMINSW',  'EA', direct(op.OP_I16X8_MIN_S),     'lanes'],
  ['PMAXSW',  'EE', direct(op.OP_I16X8_MAX_S),     'lanes'],
  ['PMINSB',  '38 38', direct(op.OP_I8X16_MIN_S),  'none'],
  ['PMINSD',  '38 39', direct(op.OP_I32X4_MIN_S),  'none'],
  ['PMINUW',  '38 3A', direct(op.OP_I16X8_MIN_U),  'none'],
  ['PMINUD',  '38 3B', direct(op.OP_I32X4_MIN_U),  'none'],
  ['PMAXSB',  '38 3C', direct(op.OP_I8X16_MAX_S),  'none'],
  ['PMAXSD',  '38 3D', direct(op.OP_I32X4_MAX_S),  'none'],
  ['PMAXUW',  '38 3E', direct(op.OP_I16X8_MAX_U),  'none'],
  ['PMAXUD',  '38 3F', direct(op.OP_I32X4_MAX_U),  'none'],
  ['PAVGB',   'E0', direct(op.OP_I8X16_AVGR_U),    'lanes'],
  ['PAVGW',   'E3', direct(op.OP_I16X8_AVGR_U),    'lanes'],
  ['PMULLD',  '38 40', direct(op.OP_I32X4_MUL),    'none'],
  ['PMULDQ',  '38 28', wideProducts(op.OP_I64X2_EXTMUL_LOW_I32X4_S), 'none'],
  ['PSIGNB',  '38 08', signed(op.OP_I8X16_SHR_S, 7, op.OP_I8X16_SUB, op.OP_I8X16_EQ),    'lanes'],
  ['PSIGNW',  '38 09', signed(op.OP_I16X8_SHR_S, 15, op.OP_I16X8_SUB, op.OP_I16X8_EQ),   'lanes'],
  ['PSIGND',  '38 0A', signed(op.OP_I32X4_SHR_S, 31, op.OP_I32X4_SUB, op.OP_I32X4_EQ),   'lanes'],
  ['PMULHRSW',  '38 0B', roundedProducts,          'lanes'],
  ['PMADDUBSW', '38 04', mixedProducts,            'lanes'],
  ['PABSB',   '38 1C', absolute(op.OP_I8X16_ABS),  'lanes'],
  ['PABSW',   '38 1D', absolute(op.OP_I16X8_ABS),  'lanes'],
  ['PABSD',   '38 1E', absolute(op.OP_I32X4_ABS),  'lanes'],
]);

/** The upper halves of 16-bit products. */
function highProducts(lowHalf: number, highHalf: number) {
  return (m: Semantics, a: Value, b: Value): Value =>
    shuffle(m, 2, [1, 3, 5, 7, 9, 11, 13, 15], m.vector(lowHalf, 128, [a, b]), m.vector(highHalf, 128, [a, b]));
}

/** Of even doublewords. */
function wideProducts(opcode: number) {
  return (m: Semantics, a: Value, b: Value): Value => {
    const even = (value: Value): Value => shuffle(m, 4, [0, 2, 0, 2], value, value);
    return m.vector(opcode, 128, [even(a), even(b)]);
  };
}

/** Of each eight bytes. */
function sumOfDifferences(m: Semantics, a: Value, b: Value): Value {
  const above = m.vector(op.OP_I8X16_SUB_SAT_U, 128, [a, b]);
  const differences = vectorOr(m, above, m.vector(op.OP_I8X16_SUB_SAT_U, 128, [b, a]));
  const words = m.vector(op.OP_I16X8_EXTADD_PAIRWISE_I8X16_U, 128, [differences]);
  const doublewords = m.vector(op.OP_I32X4_EXTADD_PAIRWISE_I16X8_U, 128, [words]);
  const high = shiftLanes(m, op.OP_I64X2_SHR_U, doublewords, 32);
  return m.vector(op.OP_I64X2_ADD, 128, [vectorAnd(m, doublewords, constantSplat(m, 8, 0xffffffff)), high]);
}

/** `a` negated where `b` is negative, zero where it is zero. */
function signed(shift: number, count: number, subtract: number, equal: number) {
  return (m: Semantics, a: Value, b: Value): Value => {
    const negative = shiftLanes(m, shift, b, count);
    const result = m.vector(subtract, 128, [vectorXor(m, a, negative), negative]);
    return vectorAndNot(m, result, m.vector(equal, 128, [b, m.vectorBytes([])]));
  };
}

/** WebAssembly saturates the one product that overflows, -1 * -1; PMULHRSW lets it wrap. */
function roundedProducts(m: Semantics, a: Value, b: Value): Value {
  const minimum = constantSplat(m, 2, 0x8000);
  const isMinimum = (value: Value): Value => m.vector(op.OP_I16X8_EQ, 128, [value, minimum]);
  const product = m.vector(op.OP_I16X8_Q15MULR_SAT_S, 128, [a, b]);
  return vectorXor(m, product, vectorAnd(m, isMinimum(a), isMinimum(b)));
}

/** Unsigned bytes of `a` by signed bytes of `b`, neighbours added. */
function mixedProducts(m: Semantics, a: Value, b: Value): Value {
  const evenA = vectorAnd(m, a, constantSplat(m, 2, 0xff));
  const oddA = shiftLanes(m, op.OP_I16X8_SHR_U, a, 8);
  const evenB = shiftLanes(m, op.OP_I16X8_SHR_S, shiftLanes(m, op.OP_I16X8_SHL, b, 8), 8);
  const oddB = shiftLanes(m, op.OP_I16X8_SHR_S, b, 8);
  const products = [m.vector(op.OP_I16X8_MUL, 128, [evenA, evenB]), m.vector(op.OP_I16X8_MUL, 128, [oddA, oddB])];
  return m.vector(op.OP_I16X8_ADD_SAT_S, 128, products);
}

function absolute(opcode: number) {
  return (m: Semantics, _a: Value, b: Value): Value => m.vector(opcode, 128, [b]);
}
