/** SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD, SHRD. */
import type { Arithmetic } from '../emit/arithmetic.ts';
import type { ShiftKind } from '../emit/flag-semantics.ts';
import type { Semantics } from '../emit/semantics.ts';
import type { Bits, Value } from '../emit/values.ts';
import { type Form, form, type Instruction, instruction, type OperandHandle } from './define.ts';
import { CL, imm8, one, r, reg, rm, rm8, rw } from './operands.ts';

export const SHL = instruction('SHL', {
  manual: 'SDM vol. 2B, SAL/SAR/SHL/SHR',
  hot: true,
  undefinedFlags: ['AF', 'OF unless count is 1', 'CF if count exceeds width'],
  forms: [...shiftForms('/4'), ...shiftForms('/6')],
  execute(m, dst, by) {
    shift(m, 'SHL', dst, by, (a, count) => shiftLeft(m, a, count));
  },
});

export const SHR = instruction('SHR', {
  manual: 'SDM vol. 2B, SAL/SAR/SHL/SHR',
  hot: true,
  undefinedFlags: ['AF', 'OF unless count is 1', 'CF if count exceeds width'],
  forms: shiftForms('/5'),
  execute(m, dst, by) {
    shift(m, 'SHR', dst, by, (a, count) => shiftRight(m, a, count));
  },
});

export const SAR = instruction('SAR', {
  manual: 'SDM vol. 2B, SAL/SAR/SHL/SHR',
  hot: true,
  undefinedFlags: ['AF', 'OF unless count is 1'],
  forms: shiftForms('/7'),
  execute(m, dst, by) {
    shift(m, 'SAR', dst, by, (a, count) => shiftArithmetic(m, a, count));
  },
});

export const ROL = instruction('ROL', {
  manual: 'SDM vol. 2B, RCL/RCR/ROL/ROR',
  hot: true,
  undefinedFlags: ['OF unless count is 1'],
  forms: shiftForms('/0'),
  execute(m, dst, by) {
    const a = m.readForWrite(dst);
    const count = maskedCount(m, by, a.bits);
    const result = rotateLeft(m, a, count);
    m.write(dst, result);
    m.if(count, () => {
      const CF = m.bit(result, 0);
      m.setCarryAndOverflow(CF, m.xor(CF, m.sign(result)));
    });
  },
});

export const ROR = instruction('ROR', {
  manual: 'SDM vol. 2B, RCL/RCR/ROL/ROR',
  hot: true,
  undefinedFlags: ['OF unless count is 1'],
  forms: shiftForms('/1'),
  execute(m, dst, by) {
    const a = m.readForWrite(dst);
    const count = maskedCount(m, by, a.bits);
    const result = rotateLeft(m, a, m.neg(count));
    m.write(dst, result);
    m.if(count, () => {
      const CF = m.sign(result);
      m.setCarryAndOverflow(CF, m.xor(CF, m.bit(result, a.bits - 2)));
    });
  },
});

export const RCL = instruction('RCL', {
  manual: 'SDM vol. 2B, RCL/RCR/ROL/ROR',
  undefinedFlags: ['OF unless count is 1'],
  forms: shiftForms('/2'),
  execute(m, dst, by) {
    rotateThroughCarry(m, dst, by, (count) => count, true);
  },
});

export const RCR = instruction('RCR', {
  manual: 'SDM vol. 2B, RCL/RCR/ROL/ROR',
  undefinedFlags: ['OF unless count is 1'],
  forms: shiftForms('/3'),
  execute(m, dst, by) {
    // A rotation right by n of width + 1 bits is one left by width + 1 - n.
    rotateThroughCarry(m, dst, by, (count, width) => m.sub(width, count), false);
  },
});

export const SHLD = instruction('SHLD', {
  manual: 'SDM vol. 2B, SHLD',
  undefinedFlags: ['AF', 'OF unless count is 1', 'all if count exceeds width'],
  forms: [form('0F A4 /r ib', [rw(rm), r(reg), r(imm8)]), form('0F A5 /r', [rw(rm), r(reg), r(CL)])],
  execute(m, dst, src, by) {
    const b = m.read(src);
    shift(m, 'other', dst, by, (a, count) => {
      const { result, out } = doubleShift(m, a, b, count, true);
      return { result, out: () => ({ CF: m.bit(out, 0), OF: m.xor(m.sign(a), m.sign(result)) }) };
    });
  },
});

export const SHRD = instruction('SHRD', {
  manual: 'SDM vol. 2B, SHRD',
  undefinedFlags: ['AF', 'OF unless count is 1', 'all if count exceeds width'],
  forms: [form('0F AC /r ib', [rw(rm), r(reg), r(imm8)]), form('0F AD /r', [rw(rm), r(reg), r(CL)])],
  execute(m, dst, src, by) {
    const b = m.read(src);
    shift(m, 'other', dst, by, (a, count) => {
      const { result, out } = doubleShift(m, a, b, count, false);
      return { result, out: () => ({ CF: m.bit(out, 0), OF: m.xor(m.sign(a), m.sign(result)) }) };
    });
  },
});

export const SHIFTS: readonly Instruction[] = [SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD, SHRD];

function shiftForms(digit: string): Form[] {
  return [
    form(`C0 ${digit} ib`, [rw(rm8), r(imm8)]),
    form(`C1 ${digit} ib`, [rw(rm), r(imm8)]),
    form(`D0 ${digit}`, [rw(rm8), r(one)]),
    form(`D1 ${digit}`, [rw(rm), r(one)]),
    form(`D2 ${digit}`, [rw(rm8), r(CL)]),
    form(`D3 ${digit}`, [rw(rm), r(CL)]),
  ];
}

/** The count, modulo 32 or, for 64-bit operands, 64; as a 32-bit value. */
function maskedCount(m: Semantics, by: OperandHandle, bits: Bits): Value {
  return m.and(m.zext(m.read(by, 8), 32), m.const(32, bits === 64 ? 63 : 31));
}

/** A shift's result, and the flags that are bits of what it shifted out. */
export interface Shifted {
  readonly result: Value;
  readonly out: () => { CF: Value; OF: Value };
}

/** SHL by a 32-bit count of 1 to the width less one; the flags hold for those. */
export function shiftLeft(m: Arithmetic, a: Value, count: Value): Shifted {
  const result = m.trunc(m.shl(m.zext(a, 64), count), a.bits);
  return {
    result,
    out: () => {
      // The last bit shifted out: bit `width` of the wide result, or bit `64 - count` of a 64-bit operand.
      const last = a.bits === 64 ? m.shr(a, m.neg(count)) : m.shr(m.shl(m.zext(a, 64), count), a.bits);
      const CF = m.bit(last, 0);
      return { CF, OF: m.xor(CF, m.sign(result)) };
    },
  };
}

/** As `shiftLeft`, for SHR. */
export function shiftRight(m: Arithmetic, a: Value, count: Value): Shifted {
  const wide = m.zext(a, 64);
  const out = (): { CF: Value; OF: Value } => {
    const CF = m.bit(m.shr(wide, m.sub(count, m.const(32, 1))), 0);
    return { CF, OF: m.sign(a) };
  };
  return { result: m.trunc(m.shr(wide, count), a.bits), out };
}

/** As `shiftLeft`, for SAR. */
export function shiftArithmetic(m: Arithmetic, a: Value, count: Value): Shifted {
  const wide = m.sext(a, 64);
  const out = (): { CF: Value; OF: Value } => {
    const CF = m.bit(m.sar(wide, m.sub(count, m.const(32, 1))), 0);
    return { CF, OF: m.const(1, 0) };
  };
  return { result: m.trunc(m.sar(wide, count), a.bits), out };
}

/** Writes the shifted operand; a count of zero leaves the flags alone. */
function shift(
  m: Semantics,
  kind: ShiftKind,
  dst: OperandHandle,
  by: OperandHandle,
  compute: (a: Value, count: Value) => Shifted,
): void {
  const a = m.readForWrite(dst);
  const count = maskedCount(m, by, a.bits);
  const { result, out } = compute(a, count);
  m.write(dst, result);
  m.if(count, () => m.flagsOfShift(kind, a, count, result, out));
}

function rotateLeft(m: Semantics, a: Value, count: Value): Value {
  if (a.bits === 32 || a.bits === 64) return m.rotl(a, count);
  const places = m.and(count, m.const(32, a.bits - 1));
  const left = m.shl(a, places);
  return m.or(left, m.shr(a, m.sub(m.const(32, a.bits), places)));
}

/** `toLeft` turns the masked count and width + 1 into a count to the left of at most width. */
function rotateThroughCarry(
  m: Semantics,
  dst: OperandHandle,
  by: OperandHandle,
  toLeft: (count: Value, width: Value) => Value,
  isLeft: boolean,
): void {
  const a = m.readForWrite(dst);
  const masked = maskedCount(m, by, a.bits);
  const width = m.const(32, a.bits + 1);
  const count = a.bits === 8 || a.bits === 16 ? m.remU(masked, width) : masked;
  const carry = m.flag('CF');
  // A count of zero changes nothing, whichever way it goes.
  const result = m.variable(a);
  const CF = m.variable(carry);
  m.if(count, () => {
    const left = toLeft(count, width);
    if (a.bits === 64) {
      m.set(result, rotated64(m, a, carry, left));
      // Bit 64 of the 65-bit result is bit 64 - left of the operand.
      m.set(CF, m.bit(m.shr(a, m.neg(left)), 0));
    } else {
      const wide = m.or(m.zext(a, 64), m.shl(m.zext(carry, 64), a.bits));
      const turned = m.or(m.shl(wide, left), m.shr(wide, m.sub(width, left)));
      m.set(result, m.trunc(turned, a.bits));
      m.set(CF, m.bit(turned, a.bits));
    }
  });
  const value = m.get(result);
  m.write(dst, value);
  m.if(count, () => {
    const out = m.get(CF);
    const neighbour = isLeft ? out : m.bit(value, a.bits - 2);
    m.setCarryAndOverflow(out, m.xor(m.sign(value), neighbour));
  });
}

/** The low 64 bits of carry:a rotated left by 1 to 64. */
function rotated64(m: Semantics, a: Value, carry: Value, left: Value): Value {
  // Shifts of 64 are done as 1 and then 63: wasm takes counts modulo the width.
  const one32 = m.const(32, 1);
  const high = m.shl(m.shl(a, m.sub(left, one32)), 1);
  const middle = m.shl(m.zext(carry, 64), m.sub(left, one32));
  const low = m.shr(m.shr(a, 1), m.sub(m.const(32, 64), left));
  return m.or(m.or(high, middle), low);
}

/** dst:src shifted left, or src:dst shifted right; `out` has the last bit shifted out of dst at bit 0. */
function doubleShift(m: Semantics, a: Value, b: Value, count: Value, left: boolean): { result: Value; out: Value } {
  if (a.bits === 64) {
    const back = m.sub(m.const(32, 63), count);
    if (left) return { result: m.or(m.shl(a, count), m.shr(m.shr(b, 1), back)), out: m.shr(a, m.neg(count)) };
    return {
      result: m.or(m.shr(a, count), m.shl(m.shl(b, 1), back)),
      out: m.shr(a, m.sub(count, m.const(32, 1))),
    };
  }
  const { bits } = a;
  const first = m.zext(a, 64);
  const second = m.zext(b, 64);
  if (left) {
    // a:b in the upper bits; for 16-bit operands a follows once more, as processors do for counts past the width.
    const pair = m.or(m.shl(first, 64 - bits), m.shl(second, 64 - 2 * bits));
    const filled = bits === 16 ? m.or(pair, m.shl(first, 16)) : pair;
    return { result: m.trunc(m.shr(m.shl(filled, count), 64 - bits), bits), out: m.shr(filled, m.neg(count)) };
  }
  const pair = m.or(first, m.shl(second, bits));
  const filled = bits === 16 ? m.or(pair, m.shl(first, 32)) : pair;
  return {
    result: m.trunc(m.shr(filled, count), bits),
    out: m.shr(filled, m.sub(count, m.const(32, 1))),
  };
}
