/** ADD to MAX of floating-point numbers, horizontal forms, dot products, estimates. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { SSE_ADDSUB, SSE_MAX, SSE_MIN } from '../../fpu/sse-operations.ts';
import * as state from '../../state.ts';
import { VECTOR_DOT_F32, VECTOR_DOT_F64, VECTOR_RECIPROCAL, VECTOR_RECIPROCAL_ROOT } from '../../system/vector-slow.ts';
import { form, type Instruction, instruction } from '../define.ts';
import { r, rw, w, xmm, xmmM32 } from '../operands.ts';
import { isExactSum } from './exactness.ts';
import {
  ADDITION,
  DIVISION,
  type FloatOperation,
  MULTIPLICATION,
  quickFloat,
  quickLowFloat,
  SQUARE_ROOT,
  SUBTRACTION,
} from './float-operations.ts';
import {
  everywhere,
  FLOAT_ADD,
  FLOAT_LT,
  FLOAT_SHAPES,
  type FloatShape,
  fastOrExactOrSlow,
  native,
  nativeCompare,
  PD,
  PS,
  readFloat,
  slowFloat,
} from './float-shape.ts';
import { constantVector, manualOf, readLow, vectorXor } from './lanes.ts';
import { ofNumbersOrSlow } from './middle.ts';
import { everySecond } from './packed-arrange.ts';
import { packedImmediate, packedSse } from './packed.ts';

export const SSE_ARITHMETIC: readonly Instruction[] = [
  ...arithmetic('58', ADDITION),
  ...arithmetic('5C', SUBTRACTION),
  ...arithmetic('59', MULTIPLICATION),
  ...arithmetic('5E', DIVISION),
  ...FLOAT_SHAPES.map(squareRoot),
  ...FLOAT_SHAPES.map((shape) => extreme('MIN', '5D', SSE_MIN, shape)),
  ...FLOAT_SHAPES.map((shape) => extreme('MAX', '5F', SSE_MAX, shape)),
  ...[PS, PD].map((shape) => horizontalForm('HADD', '7C', ADDITION, shape)),
  ...[PS, PD].map((shape) => horizontalForm('HSUB', '7D', SUBTRACTION, shape)),
  ...[PS, PD].map(addSub),
  dotProduct('DPPS', '66 0F 3A 40', VECTOR_DOT_F32),
  dotProduct('DPPD', '66 0F 3A 41', VECTOR_DOT_F64),
  ...estimate('RCP', '53', VECTOR_RECIPROCAL),
  ...estimate('RSQRT', '52', VECTOR_RECIPROCAL_ROOT),
];

function arithmetic(opcode: string, operation: FloatOperation): Instruction[] {
  return FLOAT_SHAPES.map((shape) =>
    instruction(`${operation.name}${shape.suffix}`, {
      manual: manualOf(`${operation.name}${shape.suffix}`),
      unit: 'sse',
      forms: [form(`${shape.prefix} 0F ${opcode} /r`, [rw(xmm), r(shape.kind)])],
      execute(m, dst, src) {
        if (m.hasVectorLocals && !shape.packed) {
          const low = readLow(m, src);
          const whole = m.read(dst, 128);
          m.write(dst, quickLowFloat(m, shape, operation, [whole, low], whole));
          return;
        }
        const b = readFloat(m, shape, src);
        m.write(dst, quickFloat(m, shape, operation, [m.read(dst, shape.bits), b]));
      },
    }),
  );
}

function squareRoot(shape: FloatShape): Instruction {
  const mnemonic = `SQRT${shape.suffix}`;
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${shape.prefix} 0F 51 /r`, [shape.packed ? w(xmm) : rw(xmm), r(shape.kind)])],
    execute(m, dst, src) {
      if (m.hasVectorLocals && !shape.packed) {
        m.write(dst, quickLowFloat(m, shape, SQUARE_ROOT, [readLow(m, src)], m.read(dst, 128)));
        return;
      }
      m.write(dst, quickFloat(m, shape, SQUARE_ROOT, [readFloat(m, shape, src)]));
    },
  });
}

/** MIN and MAX raise nothing unless there is a NaN or a denormal, whatever MXCSR says. */
function extreme(name: string, opcode: string, slow: number, shape: FloatShape): Instruction {
  const mnemonic = `${name}${shape.suffix}`;
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(`${shape.prefix} 0F ${opcode} /r`, [rw(xmm), r(shape.kind)])],
    execute(m, dst, src) {
      const b = readFloat(m, shape, src);
      const a = m.read(dst, shape.bits);
      const fast = extremeOf(m, shape, slow, a, b);
      m.write(
        dst,
        ofNumbersOrSlow(m, shape, a, b, fast, () => slowFloat(m, shape, slow, { a, b })),
      );
    },
  });
}

/** a < b ? a : b, or a > b ? a : b: equal operands give the second. */
function extremeOf(m: Semantics, shape: FloatShape, slow: number, a: Value, b: Value): Value {
  if (shape.packed) {
    const minimum = shape.double ? op.OP_F64X2_PMIN : op.OP_F32X4_PMIN;
    const maximum = shape.double ? op.OP_F64X2_PMAX : op.OP_F32X4_PMAX;
    // WebAssembly's take the first operand when they are equal.
    return m.vector(slow === SSE_MIN ? minimum : maximum, 128, [b, a]);
  }
  const first = slow === SSE_MIN ? nativeCompare(m, shape, FLOAT_LT, a, b) : nativeCompare(m, shape, FLOAT_LT, b, a);
  return m.select(first, a, b);
}

function horizontalForm(name: string, opcode: string, operation: FloatOperation, shape: FloatShape): Instruction {
  const bytes = shape.double ? 8 : 4;
  return packedSse(`${name}${shape.suffix}`, `${shape.double ? '66' : 'F2'} 0F ${opcode} /r`, (m, a, b) =>
    quickFloat(m, shape, operation, [everySecond(m, bytes, 0, a, b), everySecond(m, bytes, 1, a, b)]),
  );
}

/** Even elements subtract: a + b with the sign of b's even elements changed, which is the same as long as there is no NaN. */
function addSub(shape: FloatShape): Instruction {
  const signs = shape.double ? [1n << 63n, 0n] : [0x80000000, 0, 0x80000000, 0];
  return packedSse(`ADDSUB${shape.suffix}`, `${shape.double ? '66' : 'F2'} 0F D0 /r`, (m, a, b) => {
    const changed = vectorXor(m, b, constantVector(m, shape.double ? 8 : 4, signs));
    const result = native(m, shape, FLOAT_ADD, [a, changed]);
    return fastOrExactOrSlow(
      m,
      everywhere(m, shape, ADDITION.usable(m, shape, [a, b], result)),
      result,
      () => everywhere(m, shape, isExactSum(m, shape, a, changed, result)),
      () => slowFloat(m, shape, SSE_ADDSUB, { a, b }),
    );
  });
}

function dotProduct(mnemonic: string, encoding: string, kind: number): Instruction {
  return packedImmediate(mnemonic, encoding, (m, a, b, immediate) => {
    m.storeState(state.OFFSET_VECTOR_A, a);
    m.storeState(state.OFFSET_VECTOR_B, b);
    m.vectorSlow(m.or(immediate, m.const(32, kind)));
    return m.loadState(state.OFFSET_VECTOR_RESULT, 128);
  });
}

/** RCP and RSQRT: each processor has its own approximation; see fpu/sse-estimate.ts. */
function estimate(name: string, opcode: string, kind: number): Instruction[] {
  const of = (m: Semantics, b: Value, bits: 32 | 128): Value => {
    m.storeState(state.OFFSET_VECTOR_B, b);
    m.vectorSlow(m.const(32, kind));
    return m.loadState(state.OFFSET_VECTOR_RESULT, bits);
  };
  return [
    packedSse(`${name}PS`, `NP 0F ${opcode} /r`, (m, _a, b) => of(m, b, 128)),
    instruction(`${name}SS`, {
      manual: manualOf(`${name}SS`),
      unit: 'sse',
      forms: [form(`F3 0F ${opcode} /r`, [rw(xmm), r(xmmM32)])],
      execute: (m, dst, src) => m.write(dst, of(m, m.read(src, 32), 32)),
    }),
  ];
}
