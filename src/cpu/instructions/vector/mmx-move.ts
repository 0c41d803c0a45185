/** Moves of MMX registers, and EMMS. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { form, type Instruction, type OperandHandle } from '../define.ts';
import {
  m64,
  maskedDestination64,
  mm,
  mmM64,
  mmRegister,
  r,
  reg32,
  rm32,
  rm64,
  w,
  xmm,
  xmmRegister,
} from '../operands.ts';
import { fromScalar, lane, shiftLanes, splat } from './lanes.ts';
import { storeMasked } from './masked-store.ts';
import { enterMmx, leaveMmx, mmxInstruction } from './packed.ts';

export const MMX_MOVES: readonly Instruction[] = [
  mmxInstruction('MOVD', [form('NP W0 0F 6E /r', [w(mm), r(rm32)])], (m, dst, src) => {
    const value = m.read(src);
    enterMmx(m);
    m.write(dst, m.zext(value, 64));
  }),
  mmxInstruction('MOVD', [form('NP W0 0F 7E /r', [w(rm32), r(mm)])], (m, dst, src) => {
    m.write(dst, m.read(src, 32));
    enterMmx(m);
  }),
  mmxInstruction(
    'MOVQ',
    [form('NP REX.W 0F 6E /r', [w(mm), r(rm64)]), form('NP 0F 6F /r', [w(mm), r(mmM64)])],
    (m, dst, src) => {
      const value = m.read(src);
      enterMmx(m);
      m.write(dst, value);
    },
  ),
  mmxInstruction(
    'MOVQ',
    [form('NP REX.W 0F 7E /r', [w(rm64), r(mm)]), form('NP 0F 7F /r', [w(mmM64), r(mm)])],
    (m, dst, src) => {
      m.write(dst, m.read(src));
      enterMmx(m);
    },
  ),
  mmxInstruction('MOVNTQ', [form('NP 0F E7 /r', [w(m64), r(mm)])], (m, dst, src) => {
    m.write(dst, m.read(src));
    enterMmx(m);
  }),
  mmxInstruction('MOVQ2DQ', [form('F3 0F D6 /r', [w(xmm), r(mmRegister)])], (m, dst, src) => {
    enterMmx(m);
    m.write(dst, fromScalar(m, m.read(src)));
  }),
  mmxInstruction('MOVDQ2Q', [form('F2 0F D6 /r', [w(mm), r(xmmRegister)])], (m, dst, src) => {
    enterMmx(m);
    m.write(dst, m.read(src, 64));
  }),
  mmxInstruction('PMOVMSKB', [form('NP 0F D7 /r', [w(reg32), r(mmRegister)])], (m, dst, src) => {
    enterMmx(m);
    m.write(dst, m.and(m.vector(op.OP_I8X16_BITMASK, 32, [splat(m, m.read(src))]), m.const(32, 0xff)));
  }),
  mmxInstruction('MASKMOVQ', [form('NP 0F F7 /r', [r(mm), r(mmRegister), w(maskedDestination64)])], maskedMove),
  mmxInstruction('EMMS', [form('NP 0F 77')], (m) => leaveMmx(m)),
];

function maskedMove(m: Semantics, data: OperandHandle, mask: OperandHandle, destination: OperandHandle): void {
  const bytes = lane(m, shiftLanes(m, op.OP_I8X16_SHR_S, splat(m, m.read(mask)), 7), 64, 0);
  storeMasked(m, destination, m.ne(bytes, m.const(64, 0)), (old) => merged(m, bytes, m.read(data), old));
  enterMmx(m);
}

function merged(m: Semantics, mask: Value, value: Value, old: Value): Value {
  return m.or(m.and(value, mask), m.and(old, m.not(mask)));
}
