/** CVT: between floating-point formats and integers. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import {
  SSE_CVT_FLOAT,
  SSE_CVT_SI32_TO,
  SSE_CVT_SI64_TO,
  SSE_CVT_TO_SI32,
  SSE_CVT_TO_SI64,
  SSE_CVTT_TO_SI32,
  SSE_CVTT_TO_SI64,
} from '../../fpu/sse-operations.ts';
import { type Form, form, type Instruction, instruction, type OperandHandle } from '../define.ts';
import { mm, mmM64, r, regy, rmy, rw, w, xmm, xmmM128, xmmM32, xmmM64 } from '../operands.ts';
import {
  controlIsUsual,
  convertedOrSlow,
  either,
  everywhere,
  FLOAT_EQ,
  type FloatShape,
  fastOrSlow,
  inexactIsHidden,
  isBetween,
  isOrdinary,
  isZero,
  magnitude,
  native,
  nativeCompare,
  PD,
  PS,
  pushFloats,
  SD,
  SS,
  slowFloat,
} from './float-shape.ts';
import { constantSplat, fromScalar, lane, manualOf, readAligned, readLow, shuffle } from './lanes.ts';
import { enterMmx, raisePendingX87 } from './packed.ts';

export const SSE_CONVERSIONS: readonly Instruction[] = [
  conversion('CVTSI2SS', form('F3 0F 2A /r', [rw(xmm), r(rmy)]), (m, src) => fromInteger(m, SS, m.read(src))),
  conversion('CVTSI2SD', form('F2 0F 2A /r', [rw(xmm), r(rmy)]), (m, src) => fromInteger(m, SD, m.read(src))),
  toInteger('CVTSS2SI', 'F3 0F 2D', SS, 'rounded'),
  toInteger('CVTSD2SI', 'F2 0F 2D', SD, 'rounded'),
  toInteger('CVTTSS2SI', 'F3 0F 2C', SS, 'truncated'),
  toInteger('CVTTSD2SI', 'F2 0F 2C', SD, 'truncated'),
  conversion('CVTSS2SD', form('F3 0F 5A /r', [rw(xmm), r(xmmM32)]), singleToDouble),
  conversion('CVTSD2SS', form('F2 0F 5A /r', [rw(xmm), r(xmmM64)]), doubleToSingle),
  conversion('CVTPS2PD', form('NP 0F 5A /r', [w(xmm), r(xmmM64)]), packedToDouble),
  conversion('CVTPD2PS', form('66 0F 5A /r', [w(xmm), r(xmmM128)]), packedToSingle),
  conversion('CVTDQ2PS', form('NP 0F 5B /r', [w(xmm), r(xmmM128)]), (m, src) => {
    const b = readAligned(m, src);
    const fast = m.vector(op.OP_F32X4_CONVERT_I32X4_S, 128, [b]);
    const slow = (): Value => slowFloat(m, PS, SSE_CVT_SI32_TO, { b });
    return convertedOrSlow(m, m.const(1, 1), controlIsUsual(m), fast, () => fitSignificands(m, b), slow);
  }),
  conversion('CVTDQ2PD', form('F3 0F E6 /r', [w(xmm), r(xmmM64)]), (m, src) =>
    m.vector(op.OP_F64X2_CONVERT_LOW_I32X4_S, 128, [readLow(m, src)]),
  ),
  packedToInteger('CVTPS2DQ', '66 0F 5B', PS, 'rounded'),
  packedToInteger('CVTTPS2DQ', 'F3 0F 5B', PS, 'truncated'),
  packedToInteger('CVTPD2DQ', 'F2 0F E6', PD, 'rounded'),
  packedToInteger('CVTTPD2DQ', '66 0F E6', PD, 'truncated'),
  fromMmx('CVTPI2PS', form('NP 0F 2A /r', [rw(xmm), r(mmM64)]), (m, value) =>
    slowFloat(m, PS, SSE_CVT_SI32_TO, { b: fromScalar(m, value) }, 64),
  ),
  fromMmx('CVTPI2PD', form('66 0F 2A /r', [w(xmm), r(mmM64)]), (m, value) =>
    m.vector(op.OP_F64X2_CONVERT_LOW_I32X4_S, 128, [fromScalar(m, value)]),
  ),
  toMmx('CVTPS2PI', form('NP 0F 2D /r', [w(mm), r(xmmM64)]), PS, SSE_CVT_TO_SI32),
  toMmx('CVTTPS2PI', form('NP 0F 2C /r', [w(mm), r(xmmM64)]), PS, SSE_CVTT_TO_SI32),
  toMmx('CVTPD2PI', form('66 0F 2D /r', [w(mm), r(xmmM128)]), PD, SSE_CVT_TO_SI32),
  toMmx('CVTTPD2PI', form('66 0F 2C /r', [w(mm), r(xmmM128)]), PD, SSE_CVTT_TO_SI32),
];

type Rounding = 'rounded' | 'truncated';

function conversion(mnemonic: string, row: Form, convert: (m: Semantics, src: OperandHandle) => Value): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [row],
    execute(m, dst, src) {
      const value = convert(m, src);
      if (value.isFloat) m.writeFloat(dst, value);
      else m.write(dst, value);
    },
  });
}

// The signed integer as a float, rounded to nearest.
function floatOf(m: Semantics, shape: FloatShape, value: Value): Value {
  const wide = value.bits === 64;
  m.push(value);
  if (shape.double) {
    m.code.op(wide ? op.OP_F64_CONVERT_I64_S : op.OP_F64_CONVERT_I32_S);
    m.code.op(op.OP_I64_REINTERPRET_F64);
  } else {
    m.code.op(wide ? op.OP_F32_CONVERT_I64_S : op.OP_F32_CONVERT_I32_S);
    m.code.op(op.OP_I32_REINTERPRET_F32);
  }
  return m.pop(shape.bits);
}

// Each of four integers has no more bits than a single's significand.
function fitSignificands(m: Semantics, integers: Value): Value {
  const above = m.vector(op.OP_I32X4_ADD, 128, [integers, constantSplat(m, 4, 1 << 24)]);
  const fit = m.vector(op.OP_I32X4_LT_U, 128, [above, constantSplat(m, 4, 1 << 25)]);
  return m.vector(op.OP_I32X4_ALL_TRUE, 1, [fit]);
}

function fromInteger(m: Semantics, shape: FloatShape, value: Value): Value {
  const wide = value.bits === 64;
  if (shape.double && !wide) {
    m.push(value);
    m.code.op(op.OP_F64_CONVERT_I32_S);
    return m.popFloat(64);
  }
  const fast = floatOf(m, shape, value);
  // As many bits as the significand has are exact.
  const limit = 1n << (shape.double ? 53n : 24n);
  const exact = m.below(m.add(value, m.const(value.bits, limit)), m.const(value.bits, 2n * limit));
  const slow = wide ? SSE_CVT_SI64_TO : SSE_CVT_SI32_TO;
  return fastOrSlow(m, m.or(exact, controlIsUsual(m)), fast, () => slowFloat(m, shape, slow, { b: value }));
}

// Bits of 2^31 and 2^63: magnitudes from there on do not fit.
const LIMITS = { SS: { 32: 0x4f000000n, 64: 0x5f000000n }, SD: { 32: 0x41e0000000000000n, 64: 0x43e0000000000000n } };
const TRUNCATIONS = {
  SS: { 32: op.OP_I32_TRUNC_SAT_F32_S, 64: op.OP_I64_TRUNC_SAT_F32_S },
  SD: { 32: op.OP_I32_TRUNC_SAT_F64_S, 64: op.OP_I64_TRUNC_SAT_F64_S },
};
const NEAREST = { SS: op.OP_F32_NEAREST, SD: op.OP_F64_NEAREST, PS: op.OP_F32X4_NEAREST, PD: op.OP_F64X2_NEAREST };

function toInteger(mnemonic: string, encoding: string, shape: FloatShape, rounding: Rounding): Instruction {
  const suffix = shape.double ? 'SD' : 'SS';
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${encoding} /r`, [w(regy), r(shape.kind)])],
    execute(m, dst, src) {
      const bits = m.bits(dst) === 64 ? 64 : 32;
      const b = m.read(src, shape.bits);
      const value = rounding === 'rounded' ? native(m, shape, NEAREST, [b]) : b;
      const fits = m.below(magnitude(m, shape, value), m.const(shape.bits, LIMITS[suffix][bits]));
      pushFloats(m, shape, [value]);
      m.code.op(TRUNCATIONS[suffix][bits]);
      const fast = m.pop(bits);
      const hidden = inexactIsHidden(m, rounding === 'rounded');
      const slow = (): Value => slowFloat(m, shape, slowInteger(rounding, bits), { b }, bits);
      const exact = (): Value => nativeCompare(m, shape, FLOAT_EQ, floatOf(m, shape, fast), b);
      m.write(dst, convertedOrSlow(m, fits, hidden, fast, exact, slow));
    },
  });
}

function slowInteger(rounding: Rounding, bits: 32 | 64): number {
  if (rounding === 'rounded') return bits === 64 ? SSE_CVT_TO_SI64 : SSE_CVT_TO_SI32;
  return bits === 64 ? SSE_CVTT_TO_SI64 : SSE_CVTT_TO_SI32;
}

/** Exact, so that MXCSR does not matter. */
function singleToDouble(m: Semantics, src: OperandHandle): Value {
  const b = m.read(src, 32);
  return fastOrSlow(m, isOrdinary(m, SS, b, true), promoted(m, b), () => slowFloat(m, SS, SSE_CVT_FLOAT, { b }, 64));
}

// 2^-125 and 2^127 as f64: between them a single-precision result is neither tiny nor too great.
const SINGLE_LEAST = 0x3820000000000000n;
const SINGLE_LIMIT = 0x47e0000000000000n;

function doubleToSingle(m: Semantics, src: OperandHandle): Value {
  const b = m.read(src, 64);
  pushFloats(m, SD, [b]);
  m.code.op(op.OP_F32_DEMOTE_F64);
  m.code.op(op.OP_I32_REINTERPRET_F32);
  const fast = m.pop(32);
  const exact = (): Value => nativeCompare(m, SD, FLOAT_EQ, promoted(m, fast), b);
  const slow = (): Value => slowFloat(m, SD, SSE_CVT_FLOAT, { b }, 32);
  return convertedOrSlow(m, fitsSingle(m, SD, b), controlIsUsual(m), fast, exact, slow);
}

function promoted(m: Semantics, single: Value): Value {
  pushFloats(m, SS, [single]);
  m.code.op(op.OP_F64_PROMOTE_F32);
  m.code.op(op.OP_I64_REINTERPRET_F64);
  return m.pop(64);
}

function fitsSingle(m: Semantics, shape: FloatShape, b: Value): Value {
  const inRange = isBetween(m, shape, magnitude(m, shape, b), SINGLE_LEAST, SINGLE_LIMIT);
  return everywhere(m, shape, either(m, shape, inRange, isZero(m, shape, b)));
}

function packedToDouble(m: Semantics, src: OperandHandle): Value {
  const low = readLow(m, src);
  // What is above the two elements must not send this the slow way.
  const b = shuffle(m, 4, [0, 1, 0, 1], low, low);
  const fast = m.vector(op.OP_F64X2_PROMOTE_LOW_F32X4, 128, [b]);
  const usable = everywhere(m, PS, isOrdinary(m, PS, b, true));
  return fastOrSlow(m, usable, fast, () => slowFloat(m, PS, SSE_CVT_FLOAT, { b }));
}

function packedToSingle(m: Semantics, src: OperandHandle): Value {
  const b = readAligned(m, src);
  const fast = m.vector(op.OP_F32X4_DEMOTE_F64X2_ZERO, 128, [b]);
  const exact = (): Value => {
    const back = m.vector(op.OP_F64X2_PROMOTE_LOW_F32X4, 128, [fast]);
    return everywhere(m, PD, nativeCompare(m, PD, FLOAT_EQ, back, b));
  };
  const slow = (): Value => slowFloat(m, PD, SSE_CVT_FLOAT, { b });
  return convertedOrSlow(m, fitsSingle(m, PD, b), controlIsUsual(m), fast, exact, slow);
}

function packedToInteger(mnemonic: string, encoding: string, shape: FloatShape, rounding: Rounding): Instruction {
  return conversion(mnemonic, form(`${encoding} /r`, [w(xmm), r(xmmM128)]), (m, src) => {
    const b = readAligned(m, src);
    const value = rounding === 'rounded' ? native(m, shape, NEAREST, [b]) : b;
    const limit = LIMITS[shape.double ? 'SD' : 'SS'][32];
    const fits = everywhere(m, shape, isBetween(m, shape, magnitude(m, shape, value), 0n, limit));
    const opcode = shape.double ? op.OP_I32X4_TRUNC_SAT_F64X2_S_ZERO : op.OP_I32X4_TRUNC_SAT_F32X4_S;
    const fast = m.vector(opcode, 128, [value]);
    const exact = (): Value => {
      const convert = shape.double ? op.OP_F64X2_CONVERT_LOW_I32X4_S : op.OP_F32X4_CONVERT_I32X4_S;
      return everywhere(m, shape, nativeCompare(m, shape, FLOAT_EQ, m.vector(convert, 128, [fast]), b));
    };
    const slow = (): Value => slowFloat(m, shape, slowInteger(rounding, 32), { b });
    return convertedOrSlow(m, fits, inexactIsHidden(m, rounding === 'rounded'), fast, exact, slow);
  });
}

/** From an MMX register, which ends the x87's use of them; from memory nothing of that happens. */
function fromMmx(mnemonic: string, row: Form, convert: (m: Semantics, value: Value) => Value): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [row],
    execute(m, dst, src) {
      if (!m.isMemory(src)) {
        raisePendingX87(m);
        enterMmx(m);
      }
      m.write(dst, convert(m, m.read(src, 64)));
    },
  });
}

/** As processors do, MMX is entered even if #XM follows. */
function toMmx(mnemonic: string, row: Form, shape: FloatShape, slow: number): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [row],
    execute(m, dst, src) {
      raisePendingX87(m);
      const b = shape.double ? readAligned(m, src) : fromScalar(m, m.read(src, 64));
      enterMmx(m);
      m.write(dst, lane(m, slowFloat(m, shape, slow, { b }), 64, 0));
    },
  });
}
