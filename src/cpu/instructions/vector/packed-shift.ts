/** Shifts of packed integers, by a register, memory or immediate, and of whole registers by bytes. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { form, type Instruction, instruction, type OperandHandle } from '../define.ts';
import { imm8, mm, mmM64, mmRegister, r, rw, xmm, xmmM128, xmmRegister } from '../operands.ts';
import {
  constantVector,
  known,
  lane,
  manualOf,
  readAligned,
  readImmediate,
  shiftLanes,
  shuffle,
  splat,
  zeroVector,
} from './lanes.ts';
import { enterMmx, mmxInstruction } from './packed.ts';

/** What a count past the width gives: zeros, or the sign everywhere. */
type Beyond = 'zero' | 'sign';

// biome-ignore format: a row is a line
export const PACKED_SHIFTS: readonly Instruction[] = [
  ...shift('PSLLW', 'F1', '71 /6', op.OP_I16X8_SHL,   16, 'zero'),
  ...shift('PSLLD', 'F2', '72 /6', op.OP_I32X4_SHL,   32, 'zero'),
  ...shift('PSLLQ', 'F3', '73 /6', op.OP_I64X2_SHL,   64, 'zero'),
  ...shift('PSRLW', 'D1', '71 /2', op.OP_I16X8_SHR_U, 16, 'zero'),
  ...shift('PSRLD', 'D2', '72 /2', op.OP_I32X4_SHR_U, 32, 'zero'),
  ...shift('PSRLQ', 'D3', '73 /2', op.OP_I64X2_SHR_U, 64, 'zero'),
  ...shift('PSRAW', 'E1', '71 /4', op.OP_I16X8_SHR_S, 16, 'sign'),
  ...shift('PSRAD', 'E2', '72 /4', op.OP_I32X4_SHR_S, 32, 'sign'),
  byteShift('PSLLDQ', '66 0F 73 /7 ib', -1),
  byteShift('PSRLDQ', '66 0F 73 /3 ib', 1),
];

/** Bytes 0 to 15, each plus a count from 0 to 32: what a swizzle picks to move bytes down (or up, by -count). */
export function byteNumbers(m: Semantics, count: Value, direction: 1 | -1): Value {
  const numbers = constantVector(m, 1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  const opcode = direction === 1 ? op.OP_I8X16_ADD : op.OP_I8X16_SUB;
  return m.vector(opcode, 128, [numbers, splat(m, m.trunc(count, 8))]);
}

/** The 16 bytes from number `first` (0 to 16) on, of two vectors one after the other. */
export function bytesFrom(m: Semantics, first: number, low: Value, high: Value): Value {
  const picks = Array.from({ length: 16 }, (_, i) => first + i);
  return shuffle(m, 1, picks, low, high);
}

/** A 32-bit count, or the limit if it is greater. */
export function clamped(m: Semantics, count: Value, limit: number): Value {
  const most = m.const(32, limit);
  return m.select(m.below(count, most), count, most);
}

function shift(
  mnemonic: string,
  byRegister: string,
  byImmediate: string,
  opcode: number,
  width: number,
  beyond: Beyond,
): Instruction[] {
  const compute = (m: Semantics, value: Value, count: Value): Value => shifted(m, opcode, width, beyond, value, count);
  const manual = manualOf(mnemonic);
  return [
    instruction(mnemonic, {
      manual,
      unit: 'sse',
      forms: [form(`66 0F ${byRegister} /r`, [rw(xmm), r(xmmM128)])],
      execute(m, dst, src) {
        const count = lane(m, readAligned(m, src), 64, 0);
        m.write(dst, compute(m, m.read(dst), count));
      },
    }),
    instruction(mnemonic, {
      manual,
      unit: 'sse',
      forms: [form(`66 0F ${byImmediate} ib`, [rw(xmmRegister), r(imm8)])],
      execute: (m, dst, count) => m.write(dst, compute(m, m.read(dst), m.zext(readImmediate(m, count), 64))),
    }),
    mmxInstruction(mnemonic, [form(`NP 0F ${byRegister} /r`, [rw(mm), r(mmM64)])], (m, dst, src) => {
      const count = m.read(src);
      enterMmx(m);
      m.write(
        dst,
        onMmx(m, dst, (value) => compute(m, value, count)),
      );
    }),
    mmxInstruction(mnemonic, [form(`NP 0F ${byImmediate} ib`, [rw(mmRegister), r(imm8)])], (m, dst, count) => {
      enterMmx(m);
      m.write(
        dst,
        onMmx(m, dst, (value) => compute(m, value, m.zext(readImmediate(m, count), 64))),
      );
    }),
  ];
}

function onMmx(m: Semantics, operand: OperandHandle, compute: (value: Value) => Value): Value {
  return lane(m, compute(splat(m, m.read(operand))), 64, 0);
}

/** WebAssembly takes counts modulo the width, the instructions do not. The count has 64 bits. */
function shifted(m: Semantics, opcode: number, width: number, beyond: Beyond, value: Value, count: Value): Value {
  const by = known(count);
  if (by !== undefined) {
    if (by >= width && beyond === 'zero') return zeroVector(m);
    return shiftLanes(m, opcode, value, Math.min(by, width - 1));
  }
  const fits = m.below(count, m.const(64, width));
  const low = m.trunc(count, 32);
  if (beyond === 'sign') return shiftLanes(m, opcode, value, m.select(fits, low, m.const(32, width - 1)));
  return m.select(fits, shiftLanes(m, opcode, value, low), zeroVector(m));
}

function byteShift(mnemonic: string, encoding: string, direction: 1 | -1): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    forms: [form(encoding, [rw(xmmRegister), r(imm8)])],
    execute(m, dst, count) {
      const by = known(readImmediate(m, count));
      if (by !== undefined) {
        const bytes = Math.min(by, 16);
        const value = m.read(dst);
        const zero = zeroVector(m);
        m.write(dst, direction === 1 ? bytesFrom(m, bytes, value, zero) : bytesFrom(m, 16 - bytes, zero, value));
        return;
      }
      const numbers = byteNumbers(m, clamped(m, readImmediate(m, count), 16), direction);
      m.write(dst, m.vector(op.OP_I8X16_SWIZZLE, 128, [m.read(dst), numbers]));
    },
  });
}
