/** MOV between general registers and memory, MOVZX, MOVSX, MOVSXD, LEA, XCHG, BSWAP, MOVBE is not advertised. */
import { OFFSET_IMPLICIT_INDEX } from '../state.ts';
import { form, instruction, LOCK, ONLY64 } from './define.ts';
import {
  AL,
  address,
  imm8,
  immv,
  immz,
  m,
  moffs,
  moffs8,
  opcodeReg,
  opcodeReg8,
  r,
  rAX,
  reg,
  reg8,
  rm,
  rm16,
  rm32,
  rm8,
  rw,
  translationTable,
  w,
} from './operands.ts';

export const MOV = instruction('MOV', {
  manual: 'SDM vol. 2B, MOV',
  hot: true,
  forms: [
    form('88 /r', [w(rm8), r(reg8)]),
    form('89 /r', [w(rm), r(reg)]),
    form('8A /r', [w(reg8), r(rm8)]),
    form('8B /r', [w(reg), r(rm)]),
    form('A0', [w(AL), r(moffs8)]),
    form('A1', [w(rAX), r(moffs)]),
    form('A2', [w(moffs8), r(AL)]),
    form('A3', [w(moffs), r(rAX)]),
    form('B0+r ib', [w(opcodeReg8), r(imm8)]),
    form('B8+r iv', [w(opcodeReg), r(immv)]),
    form('C6 /0 ib', [w(rm8), r(imm8)]),
    form('C7 /0 iz', [w(rm), r(immz)]),
  ],
  execute(s, dst, src) {
    s.write(dst, s.read(src));
  },
});

export const MOVZX = instruction('MOVZX', {
  manual: 'SDM vol. 2B, MOVZX',
  hot: true,
  forms: [form('0F B6 /r', [w(reg), r(rm8)]), form('0F B7 /r', [w(reg), r(rm16)])],
  execute(s, dst, src) {
    s.write(dst, s.zext(s.trunc(s.read(src), s.bits(src)), s.bits(dst)));
  },
});

export const MOVSX = instruction('MOVSX', {
  manual: 'SDM vol. 2B, MOVSX/MOVSXD',
  hot: true,
  forms: [form('0F BE /r', [w(reg), r(rm8)]), form('0F BF /r', [w(reg), r(rm16)])],
  execute(s, dst, src) {
    s.write(dst, s.sext(s.read(src), s.bits(dst)));
  },
});

export const MOVSXD = instruction('MOVSXD', {
  manual: 'SDM vol. 2B, MOVSX/MOVSXD',
  hot: true,
  forms: [form('63 /r', [w(reg), r(rm32)], ONLY64)],
  execute(s, dst, src) {
    const value = s.read(src);
    const bits = s.bits(dst);
    s.write(dst, bits === 64 ? s.sext(value, 64) : s.trunc(value, bits));
  },
});

export const LEA = instruction('LEA', {
  manual: 'SDM vol. 2A, LEA',
  hot: true,
  forms: [form('8D /r', [w(reg), address(m)])],
  execute(s, dst, src) {
    s.write(dst, s.trunc(s.address(src), s.bits(dst)));
  },
});

export const XCHG = instruction('XCHG', {
  manual: 'SDM vol. 2B, XCHG',
  hot: true,
  forms: [
    form('86 /r', [rw(rm8), rw(reg8)], LOCK),
    form('87 /r', [rw(rm), rw(reg)], LOCK),
    form('90+r', [rw(opcodeReg), rw(rAX)]),
  ],
  execute(s, first, second) {
    const a = s.readForWrite(first);
    const b = s.read(second);
    s.write(first, b);
    s.write(second, a);
  },
});

export const BSWAP = instruction('BSWAP', {
  manual: 'SDM vol. 2A, BSWAP',
  hot: true,
  forms: [form('0F C8+r', [rw(opcodeReg)])],
  execute(s, dst) {
    const value = s.readForWrite(dst);
    if (value.bits === 16) {
      // Undefined by the manual; processors write zero.
      s.write(dst, s.const(16, 0));
      return;
    }
    const { bits } = value;
    const swapBytes = (mask: bigint, by: number, of: typeof value): typeof value =>
      s.or(s.and(s.shr(of, by), s.const(bits, mask)), s.shl(s.and(of, s.const(bits, mask)), by));
    let swapped = swapBytes(0x00ff00ff00ff00ffn, 8, value);
    if (bits === 64) swapped = swapBytes(0x0000ffff0000ffffn, 16, swapped);
    s.write(dst, s.rotl(swapped, bits / 2));
  },
});

export const CBW = instruction('CBW', {
  manual: 'SDM vol. 2A, CBW/CWDE/CDQE',
  hot: true,
  forms: [form('98', [rw(rAX)])],
  execute(s, accumulator) {
    const bits = s.bits(accumulator);
    const half = bits === 64 ? 32 : bits === 32 ? 16 : 8;
    s.write(accumulator, s.sext(s.trunc(s.read(accumulator), half), bits));
  },
});

export const CWD = instruction('CWD', {
  manual: 'SDM vol. 2A, CWD/CDQ/CQO',
  hot: true,
  forms: [form('99', [r(rAX)])],
  execute(s, accumulator) {
    const value = s.read(accumulator);
    s.writeGpr(2, s.sar(value, value.bits - 1));
  },
});

export const XLAT = instruction('XLAT', {
  manual: 'SDM vol. 2B, XLAT/XLATB',
  depends: ['addressSize'],
  forms: [form('D7', [rw(AL), r(translationTable)])],
  execute(s, accumulator, table) {
    s.storeState(OFFSET_IMPLICIT_INDEX, s.zext(s.read(accumulator), 64));
    s.write(accumulator, s.read(table));
  },
});
