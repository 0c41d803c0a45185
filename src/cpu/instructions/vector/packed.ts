/** How the packed integer instructions are written: one function of two vectors, as SSE and as MMX instruction. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { FSW_ES, FSW_TOP } from '../../fpu/x87-state.ts';
import { EXCEPTION_MF } from '../../state.ts';
import { type Form, form, type Instruction, instruction, type OperandHandle } from '../define.ts';
import { imm8, mm, mmM64, r, rw, xmm, xmmM128 } from '../operands.ts';
import { type Compute, fromHalves, lane, manualOf, readAligned, splat, readImmediate } from './lanes.ts';

/** How a function of 128-bit vectors serves 64-bit ones. */
export type MmxShape =
  /** Element by element: the upper halves do not matter. */
  | 'lanes'
  /** On both operands one behind the other, twice: packs and horizontal operations, which join their operands' halves. */
  | 'joined'
  /** There is no MMX form. */
  | 'none';

/** Mnemonic, opcode after 0F (or 0F 38), what it computes, how MMX has it. */
export type PackedRow = readonly [mnemonic: string, opcode: string, compute: Compute, mmx: MmxShape, hot?: 'hot'];

/** Instructions `xmm, xmm/m128` and `mm, mm/m64` from rows. */
export function packed(rows: readonly PackedRow[]): Instruction[] {
  return rows.flatMap(([mnemonic, opcode, compute, mmx, hot]) => {
    const sse = packedSse(mnemonic, `66 0F ${opcode} /r`, compute, hot === 'hot');
    return mmx === 'none' ? [sse] : [sse, packedMmx(mnemonic, `NP 0F ${opcode} /r`, compute, mmx)];
  });
}

export function packedSse(mnemonic: string, encoding: string, compute: Compute, hot = false): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    ...(hot ? { hot: true } : {}),
    forms: [form(encoding, [rw(xmm), r(xmmM128)])],
    execute(m, dst, src) {
      const b = readAligned(m, src);
      m.write(dst, compute(m, m.read(dst), b));
    },
  });
}

function packedMmx(mnemonic: string, encoding: string, compute: Compute, shape: MmxShape): Instruction {
  return mmxInstruction(mnemonic, [form(encoding, [rw(mm), r(mmM64)])], (m, dst, src) => {
    const b = m.read(src);
    enterMmx(m);
    m.write(dst, onHalves(m, compute, shape, m.read(dst), b));
  });
}

function onHalves(m: Semantics, compute: Compute, shape: MmxShape, a: Value, b: Value): Value {
  if (shape === 'lanes') return lane(m, compute(m, splat(m, a), splat(m, b)), 64, 0);
  const joined = fromHalves(m, a, b);
  return lane(m, compute(m, joined, joined), 64, 0);
}

/** Instructions `xmm, xmm/m128, imm8`. */
export function packedImmediate(
  mnemonic: string,
  encoding: string,
  compute: (m: Semantics, a: Value, b: Value, immediate: Value) => Value,
  hot = false,
): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    ...(hot ? { hot: true } : {}),
    forms: [form(`${encoding} /r ib`, [rw(xmm), r(xmmM128), r(imm8)])],
    execute(m, dst, src, control) {
      const b = readAligned(m, src);
      m.write(dst, compute(m, m.read(dst), b, readImmediate(m, control)));
    },
  });
}

/**
 * An instruction on MMX registers: a pending x87 exception comes first. `execute` calls `enterMmx` when nothing can
 * fault any more.
 */
export function mmxInstruction(
  mnemonic: string,
  forms: readonly Form[],
  execute: (m: Semantics, ...operands: OperandHandle[]) => void,
): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'mmx',
    forms,
    execute(m, ...operands) {
      raisePendingX87(m);
      execute(m, ...operands);
    },
  });
}

/** #MF where an x87 instruction left an unmasked exception. */
export function raisePendingX87(m: Semantics): void {
  m.raiseIf(m.bit(m.x87Control(), STATUS_SHIFT + Math.log2(FSW_ES)), EXCEPTION_MF);
}

/** From x87 to MMX: TOP is 0, no register is empty (SDM vol. 1, 9.5.1). */
export function enterMmx(m: Semantics): void {
  m.setX87Control(m.or(m.and(m.x87Control(), m.const(64, ~TOP_AND_TAGS)), m.const(64, ALL_FULL)));
}

/** EMMS: all registers are empty. TOP is 0 too. */
export function leaveMmx(m: Semantics): void {
  m.setX87Control(m.and(m.x87Control(), m.const(64, ~TOP_AND_TAGS)));
}

/** The upper half of a 128-bit function of the low halves: the PUNPCKH of MMX. */
export function upperHalf(m: Semantics, compute: Compute, a: Value, b: Value): Value {
  return m.vector(op.OP_I64X2_EXTRACT_LANE, 64, [compute(m, splat(m, a), splat(m, b))], 1);
}

// Where FSW and FTW are in `Semantics.x87Control`.
const STATUS_SHIFT = 16;
const TAGS_SHIFT = 32n;
const TOP_AND_TAGS = (0xffffn << TAGS_SHIFT) | (BigInt(FSW_TOP) << BigInt(STATUS_SHIFT));
const ALL_FULL = 0xffn << TAGS_SHIFT;
