/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM, CRC32, POPCNT. */
import { ORDER_ZF } from '../../emit/flag-semantics.ts';
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import * as state from '../../state.ts';
import { VECTOR_CRC32, VECTOR_STRING_EXPLICIT, VECTOR_STRING_IMPLICIT } from '../../system/vector-slow.ts';
import { form, type Instruction, instruction } from '../define.ts';
import { imm8, r, reg, reg32, reg64, rm, rm64, rm8, rw, w, xmm, xmmM128 } from '../operands.ts';
import { bitSelect, constantVector, fromScalar, manualOf, splat, vectorAnd, readImmediate } from './lanes.ts';

export const STRINGS_AND_SUMS: readonly Instruction[] = [
  stringComparison('PCMPESTRM', '66 0F 3A 60', 'explicit', 'mask'),
  stringComparison('PCMPESTRI', '66 0F 3A 61', 'explicit', 'index'),
  stringComparison('PCMPISTRM', '66 0F 3A 62', 'implicit', 'mask'),
  stringComparison('PCMPISTRI', '66 0F 3A 63', 'implicit', 'index'),
  instruction('CRC32', {
    manual: 'SDM vol. 2A, CRC32',
    forms: [
      form('F2 REX.W 0F 38 F0 /r', [rw(reg64), r(rm8)]),
      form('F2 W0 0F 38 F0 /r', [rw(reg32), r(rm8)]),
      form('F2 REX.W 0F 38 F1 /r', [rw(reg64), r(rm64)]),
      form('F2 W0 0F 38 F1 /r', [rw(reg32), r(rm)]),
    ],
    depends: ['operandSize'],
    execute(m, dst, src) {
      const data = m.read(src);
      m.storeState(state.OFFSET_VECTOR_A, m.read(dst, 32));
      m.storeState(state.OFFSET_VECTOR_B, data);
      m.vectorSlow(m.const(32, VECTOR_CRC32 | (data.bits / 8)));
      m.write(dst, m.loadState(state.OFFSET_VECTOR_RESULT, 32));
    },
  }),
  instruction('POPCNT', {
    manual: 'SDM vol. 2B, POPCNT',
    forms: [form('F3 0F B8 /r', [w(reg), r(rm)])],
    execute(m, dst, src) {
      const value = m.read(src);
      m.flagsOfOrder(m.shl(m.zext(m.isZero(value), 32), ORDER_ZF));
      m.write(dst, value.bits === 16 ? m.trunc(m.popcnt(m.zext(value, 32)), 16) : m.popcnt(value));
    },
  }),
];

/** The memory operand may be anywhere: these raise no #GP for its alignment (SDM vol. 2B, 4.1.8). */
function stringComparison(
  mnemonic: string,
  encoding: string,
  lengths: 'explicit' | 'implicit',
  output: 'mask' | 'index',
): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    ...(lengths === 'explicit' ? { depends: ['operandSize'] as const } : {}),
    forms: [form(`${encoding} /r ib`, [r(xmm), r(xmmM128), r(imm8)])],
    execute(m, first, second, control) {
      const b = m.read(second, 128);
      const immediate = readImmediate(m, control);
      m.storeState(state.OFFSET_VECTOR_A, m.read(first));
      m.storeState(state.OFFSET_VECTOR_B, b);
      if (lengths === 'explicit') storeLengths(m, immediate);
      const kind = lengths === 'explicit' ? VECTOR_STRING_EXPLICIT : VECTOR_STRING_IMPLICIT;
      m.vectorSlow(m.or(immediate, m.const(32, kind)));
      const result = m.loadState(state.OFFSET_VECTOR_RESULT, 32);
      stringFlags(m, result);
      if (output === 'mask') writeMask(m, immediate, result);
      else writeIndex(m, immediate, result);
    },
  });
}

/** EAX and EDX, or RAX and RDX: their absolute values, at most as many elements as there are. */
function storeLengths(m: Semantics, immediate: Value): void {
  const bits = m.context.operandSize === 64 ? 64 : 32;
  const limit = m.sub(m.const(32, 16), m.shl(m.and(immediate, m.const(32, 1)), 3));
  for (const [i, register] of [state.RAX, state.RDX].entries()) {
    const value = m.readGpr(register, bits);
    const magnitude = m.select(m.sign(value), m.neg(value), value);
    const fits = m.below(magnitude, m.zext(limit, bits));
    m.storeState(state.OFFSET_VECTOR_RESULT + i * 4, m.select(fits, m.trunc(magnitude, 32), limit));
  }
}

function stringFlags(m: Semantics, result: Value): void {
  const ended = m.loadState(state.OFFSET_VECTOR_RESULT + 4, 32);
  const clear = m.const(1, 0);
  m.flags({
    CF: m.ne(result, m.const(32, 0)),
    ZF: m.bit(ended, 1),
    SF: m.bit(ended, 0),
    OF: m.bit(result, 0),
    AF: clear,
    PF: clear,
  });
}

/** imm8 bit 6: the last match instead of the first. Without a match, how many elements there are. */
function writeIndex(m: Semantics, immediate: Value, result: Value): void {
  const count = m.sub(m.const(32, 16), m.shl(m.and(immediate, m.const(32, 1)), 3));
  const last = m.sub(m.const(32, 31), m.clz(result));
  const found = m.select(m.bit(immediate, 6), last, m.ctz(result));
  m.writeGpr(state.RCX, m.select(m.isZero(result), count, found));
}

/** imm8 bit 6: a mask of elements in XMM0 instead of one of bits. */
function writeMask(m: Semantics, immediate: Value, result: Value): void {
  const low = splat(m, m.trunc(result, 8));
  const high = splat(m, m.trunc(m.shr(result, 8), 8));
  const inHigh = constantVector(m, 8, [0, 0xffffffffffffffffn]);
  const bit = Array.from({ length: 16 }, (_, i) => 1 << (i & 7));
  const ofBytes = masked(m, bitSelect(m, inHigh, high, low), constantVector(m, 1, bit), op.OP_I8X16_EQ);
  const words = constantVector(m, 2, bit.slice(0, 8));
  const ofWords = masked(m, splat(m, m.trunc(result, 16)), words, op.OP_I16X8_EQ);
  const elements = m.select(m.bit(immediate, 0), ofWords, ofBytes);
  const mask = m.select(m.bit(immediate, 6), elements, fromScalar(m, result));
  m.storeState(state.OFFSET_XMM, mask);
}

function masked(m: Semantics, value: Value, bits: Value, equal: number): Value {
  return m.vector(equal, 128, [vectorAnd(m, value, bits), bits]);
}
