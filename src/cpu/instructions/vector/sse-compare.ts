/** CMPPS and its kin, COMISS, UCOMISS, ROUNDPS and its kin, logic on floating-point bits, MXCSR. */
import { ORDER_CF, ORDER_ZF } from '../../emit/flag-semantics.ts';
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { MXCSR_MASK } from '../../fpu/fxsave.ts';
import { SSE_CMP, SSE_COMI, SSE_ROUND, SSE_UCOMI } from '../../fpu/sse-operations.ts';
import * as state from '../../state.ts';
import { form, type Instruction, instruction } from '../define.ts';
import { imm8, m32, r, rw, w, xmm } from '../operands.ts';
import {
  everywhere,
  FLOAT_EQ,
  FLOAT_LT,
  FLOAT_SHAPES,
  type FloatOpcodes,
  type FloatShape,
  fastOrSlow,
  inexactIsHidden,
  isOrdinary,
  native,
  type Mask,
  nativeCompare,
  readFloat,
  SD,
  SS,
  slowFloat,
} from './float-shape.ts';
import {
  known,
  manualOf,
  readImmediate,
  splat,
  vectorAnd,
  vectorAndNot,
  vectorOr,
  vectorXor,
  zeroVector,
} from './lanes.ts';
import { ofNumbersOrSlow } from './middle.ts';
import { packedSse } from './packed.ts';

const ROUND_OPCODES = { PS: '08', PD: '09', SS: '0A', SD: '0B' } as const;

export const SSE_COMPARISONS: readonly Instruction[] = [
  ...FLOAT_SHAPES.map(comparison),
  orderToFlags('UCOMI', '2E', SSE_UCOMI, 'NP', SS),
  orderToFlags('UCOMI', '2E', SSE_UCOMI, '66', SD),
  orderToFlags('COMI', '2F', SSE_COMI, 'NP', SS),
  orderToFlags('COMI', '2F', SSE_COMI, '66', SD),
  ...FLOAT_SHAPES.map(rounding),
  packedSse('ANDPS', 'NP 0F 54 /r', vectorAnd),
  packedSse('ANDPD', '66 0F 54 /r', vectorAnd),
  packedSse('ANDNPS', 'NP 0F 55 /r', (m, a, b) => vectorAndNot(m, b, a)),
  packedSse('ANDNPD', '66 0F 55 /r', (m, a, b) => vectorAndNot(m, b, a)),
  packedSse('ORPS', 'NP 0F 56 /r', vectorOr),
  packedSse('ORPD', '66 0F 56 /r', vectorOr),
  packedSse('XORPS', 'NP 0F 57 /r', vectorXor, true),
  packedSse('XORPD', '66 0F 57 /r', vectorXor),
  instruction('LDMXCSR', {
    manual: 'SDM vol. 2A, LDMXCSR',
    unit: 'sse',
    forms: [form('NP 0F AE /2', [r(m32)])],
    execute(m, src) {
      const value = m.read(src);
      m.raiseIf(m.ne(m.and(value, m.const(32, ~MXCSR_MASK)), m.const(32, 0)), state.EXCEPTION_GP, 0);
      m.storeState(state.OFFSET_MXCSR, value);
    },
  }),
  instruction('STMXCSR', {
    manual: 'SDM vol. 2B, STMXCSR',
    unit: 'sse',
    forms: [form('NP 0F AE /3', [w(m32)])],
    execute: (m, dst) => m.write(dst, m.loadState(state.OFFSET_MXCSR, 32)),
  }),
];

/** The predicate is in bits 2:0 of the immediate: EQ, LT, LE, UNORD, and with bit 2 their negations. */
function comparison(shape: FloatShape): Instruction {
  const mnemonic = `CMP${shape.suffix}`;
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${shape.prefix} 0F C2 /r ib`, [rw(xmm), r(shape.kind), r(imm8)])],
    execute(m, dst, src, control) {
      const b = readFloat(m, shape, src);
      const a = m.read(dst, shape.bits);
      const predicate = m.and(readImmediate(m, control), m.const(32, 7));
      const slow = (): Value => slowFloat(m, shape, m.or(m.shl(predicate, 8), m.const(32, SSE_CMP)), { a, b });
      m.write(dst, ofNumbersOrSlow(m, shape, a, b, orderedComparison(m, shape, predicate, a, b), slow));
    },
  });
}

/** All ones where the predicate holds of numbers. */
function orderedComparison(m: Semantics, shape: FloatShape, predicate: Value, a: Value, b: Value): Value {
  const wanted = known(predicate);
  if (wanted !== undefined) return knownComparison(m, shape, wanted, a, b);
  const equal = nativeCompare(m, shape, FLOAT_EQ, a, b);
  const less = nativeCompare(m, shape, FLOAT_LT, a, b);
  // Bits of the words by predicate: EQ and LE count equality, LT and LE less.
  const base = m.and(predicate, m.const(32, 3));
  const counts = (word: number): Value => m.bit(m.shr(m.const(32, word), base), 0);
  const negated = m.bit(predicate, 2);
  if (!shape.packed) {
    const holds = m.xor(m.or(m.and(equal, counts(0b0101)), m.and(less, counts(0b0110))), negated);
    return m.neg(m.zext(holds, shape.bits));
  }
  const everywhereIf = (condition: Value): Value => splat(m, m.neg(m.zext(condition, 32)));
  const ofEqual = vectorAnd(m, equal, everywhereIf(counts(0b0101)));
  const ofLess = vectorAnd(m, less, everywhereIf(counts(0b0110)));
  return vectorXor(m, vectorOr(m, ofEqual, ofLess), everywhereIf(negated));
}

/** The same where the predicate is known. Less or equal is not greater: no operand is a NaN. */
function knownComparison(m: Semantics, shape: FloatShape, predicate: number, a: Value, b: Value): Value {
  const base = predicate & 3;
  const isNegated = (base === 2) !== ((predicate & 4) !== 0);
  let holds: Mask;
  if (base === 3) holds = shape.packed ? zeroVector(m) : m.const(1, 0);
  else if (base === 2) holds = nativeCompare(m, shape, FLOAT_LT, b, a);
  else holds = nativeCompare(m, shape, base === 0 ? FLOAT_EQ : FLOAT_LT, a, b);
  if (shape.packed) return isNegated ? m.vector(op.OP_V128_NOT, 128, [holds]) : holds;
  return m.neg(m.zext(isNegated ? m.not(holds) : holds, shape.bits));
}

function orderToFlags(name: string, opcode: string, slow: number, prefix: string, shape: FloatShape): Instruction {
  const mnemonic = `${name}${shape.suffix}`;
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${prefix} 0F ${opcode} /r`, [r(xmm), r(shape.kind)])],
    execute(m, first, second) {
      const b = readFloat(m, shape, second);
      const a = m.read(first, shape.bits);
      const equal = m.shl(m.zext(nativeCompare(m, shape, FLOAT_EQ, a, b), 32), ORDER_ZF);
      const fast = m.or(equal, m.shl(m.zext(nativeCompare(m, shape, FLOAT_LT, a, b), 32), ORDER_CF));
      m.flagsOfOrder(ofNumbersOrSlow(m, shape, a, b, fast, () => slowFloat(m, shape, slow, { a, b }, 32)));
    },
  });
}

// By rounding control: to nearest, down, up, towards zero.
// biome-ignore format: a row is a line
const ROUNDINGS: readonly FloatOpcodes[] = [
  { SS: op.OP_F32_NEAREST, SD: op.OP_F64_NEAREST, PS: op.OP_F32X4_NEAREST, PD: op.OP_F64X2_NEAREST },
  { SS: op.OP_F32_FLOOR,   SD: op.OP_F64_FLOOR,   PS: op.OP_F32X4_FLOOR,   PD: op.OP_F64X2_FLOOR },
  { SS: op.OP_F32_CEIL,    SD: op.OP_F64_CEIL,    PS: op.OP_F32X4_CEIL,    PD: op.OP_F64X2_CEIL },
  { SS: op.OP_F32_TRUNC,   SD: op.OP_F64_TRUNC,   PS: op.OP_F32X4_TRUNC,   PD: op.OP_F64X2_TRUNC },
];

/** imm8: bits 1:0 rounding control, bit 2 to take MXCSR's instead, bit 3 to report no inexact result. */
function rounding(shape: FloatShape): Instruction {
  const mnemonic = `ROUND${shape.suffix}`;
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [
      form(`66 0F 3A ${ROUND_OPCODES[shape.suffix]} /r ib`, [shape.packed ? w(xmm) : rw(xmm), r(shape.kind), r(imm8)]),
    ],
    execute(m, dst, src, control) {
      const b = readFloat(m, shape, src);
      const immediate = readImmediate(m, control);
      const silent = m.or(m.bit(immediate, 3), inexactIsHidden(m, false));
      const usable = m.and(silent, everywhere(m, shape, isOrdinary(m, shape, b)));
      const slow = (): Value => slowFloat(m, shape, m.or(m.shl(immediate, 8), m.const(32, SSE_ROUND)), { b });
      m.write(dst, fastOrSlow(m, usable, rounded(m, shape, immediate, b), slow));
    },
  });
}

function rounded(m: Semantics, shape: FloatShape, immediate: Value, b: Value): Value {
  const wanted = known(immediate);
  if (wanted !== undefined && (wanted & 4) === 0) {
    return native(m, shape, ROUNDINGS[wanted & 3] as FloatOpcodes, [b]);
  }
  const ofMxcsr = m.shr(m.loadState(state.OFFSET_MXCSR, 32), 13);
  const mode = m.select(m.bit(immediate, 2), ofMxcsr, immediate);
  const [nearest, down, up, truncated] = ROUNDINGS.map((opcodes) => native(m, shape, opcodes, [b])) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const odd = m.bit(mode, 0);
  return m.select(m.bit(mode, 1), m.select(odd, truncated, up), m.select(odd, down, nearest));
}
