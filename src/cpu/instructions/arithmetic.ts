/** ADD, ADC, SUB, SBB, CMP, INC, DEC, NEG. */
import type { Semantics } from '../emit/semantics.ts';
import { type Form, form, instruction, LOCK, NO64, type OperandHandle } from './define.ts';
import { binaryForms } from './forms.ts';
import { AL, imm8, imm8sx, immz, opcodeReg, r, rAX, reg, reg8, rm, rm8, rw } from './operands.ts';

export const ADD = instruction('ADD', {
  manual: 'SDM vol. 2A, ADD',
  hot: true,
  forms: binaryForms(0x00, '/0'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const b = m.read(src);
    const sum = m.add(a, b);
    m.write(dst, sum);
    m.flagsOfAdd(a, b, sum);
  },
});

export const ADC = instruction('ADC', {
  manual: 'SDM vol. 2A, ADC',
  hot: true,
  forms: binaryForms(0x10, '/2'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const b = m.read(src);
    const sum = m.add(m.add(a, b), m.zext(m.flag('CF'), a.bits));
    m.write(dst, sum);
    m.flagsOfAddWithCarry(a, b, sum);
  },
});

export const SUB = instruction('SUB', {
  manual: 'SDM vol. 2B, SUB',
  hot: true,
  forms: binaryForms(0x28, '/5'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const b = m.read(src);
    const difference = m.sub(a, b);
    m.write(dst, difference);
    m.flagsOfSub(a, b, difference);
  },
});

export const SBB = instruction('SBB', {
  manual: 'SDM vol. 2B, SBB',
  hot: true,
  forms: binaryForms(0x18, '/3'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const b = m.read(src);
    const difference = m.sub(m.sub(a, b), m.zext(m.flag('CF'), a.bits));
    m.write(dst, difference);
    m.flagsOfSubWithBorrow(a, b, difference);
  },
});

export const CMP = instruction('CMP', {
  manual: 'SDM vol. 2A, CMP',
  hot: true,
  forms: [
    form('38 /r', [r(rm8), r(reg8)]),
    form('39 /r', [r(rm), r(reg)]),
    form('3A /r', [r(reg8), r(rm8)]),
    form('3B /r', [r(reg), r(rm)]),
    form('3C ib', [r(AL), r(imm8)]),
    form('3D iz', [r(rAX), r(immz)]),
    form('80 /7 ib', [r(rm8), r(imm8)]),
    form('82 /7 ib', [r(rm8), r(imm8)], NO64),
    form('81 /7 iz', [r(rm), r(immz)]),
    form('83 /7 ib', [r(rm), r(imm8sx)]),
  ],
  execute(m, first, second) {
    const a = m.read(first);
    const b = m.read(second);
    m.flagsOfSub(a, b, m.sub(a, b));
  },
});

export const INC = instruction('INC', {
  manual: 'SDM vol. 2A, INC',
  hot: true,
  forms: stepForms('/0', '40+r'),
  execute(m, dst) {
    step(m, dst, 1);
  },
});

export const DEC = instruction('DEC', {
  manual: 'SDM vol. 2A, DEC',
  hot: true,
  forms: stepForms('/1', '48+r'),
  execute(m, dst) {
    step(m, dst, -1);
  },
});

export const NEG = instruction('NEG', {
  manual: 'SDM vol. 2B, NEG',
  hot: true,
  forms: [form('F6 /3', [rw(rm8)], LOCK), form('F7 /3', [rw(rm)], LOCK)],
  execute(m, dst) {
    const a = m.readForWrite(dst);
    const zero = m.const(a.bits, 0);
    const difference = m.neg(a);
    m.write(dst, difference);
    m.flagsOfSub(zero, a, difference);
  },
});

function stepForms(extension: string, short: string): Form[] {
  return [
    form(`FE ${extension}`, [rw(rm8)], LOCK),
    form(`FF ${extension}`, [rw(rm)], LOCK),
    form(short, [rw(opcodeReg)], NO64),
  ];
}

/** Adds 1 or -1 without touching CF. */
function step(m: Semantics, dst: OperandHandle, by: 1 | -1): void {
  const a = m.readForWrite(dst);
  const result = m.add(a, m.const(a.bits, by));
  m.write(dst, result);
  m.flagsOfStep(result, by);
}
