/** AND, OR, XOR, NOT, TEST. */
import { form, instruction, LOCK } from './define.ts';
import { binaryForms } from './forms.ts';
import { AL, imm8, immz, r, rAX, reg, reg8, rm, rm8, rw } from './operands.ts';

export const AND = instruction('AND', {
  manual: 'SDM vol. 2A, AND',
  hot: true,
  undefinedFlags: ['AF'],
  forms: binaryForms(0x20, '/4'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const result = m.and(a, m.read(src));
    m.write(dst, result);
    m.flagsOfLogic(result);
  },
});

export const OR = instruction('OR', {
  manual: 'SDM vol. 2B, OR',
  hot: true,
  undefinedFlags: ['AF'],
  forms: binaryForms(0x08, '/1'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const result = m.or(a, m.read(src));
    m.write(dst, result);
    m.flagsOfLogic(result);
  },
});

export const XOR = instruction('XOR', {
  manual: 'SDM vol. 2B, XOR',
  hot: true,
  undefinedFlags: ['AF'],
  forms: binaryForms(0x30, '/6'),
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const result = m.xor(a, m.read(src));
    m.write(dst, result);
    m.flagsOfLogic(result);
  },
});

export const NOT = instruction('NOT', {
  manual: 'SDM vol. 2B, NOT',
  hot: true,
  forms: [form('F6 /2', [rw(rm8)], LOCK), form('F7 /2', [rw(rm)], LOCK)],
  execute(m, dst) {
    m.write(dst, m.not(m.readForWrite(dst)));
  },
});

export const TEST = instruction('TEST', {
  manual: 'SDM vol. 2B, TEST',
  hot: true,
  undefinedFlags: ['AF'],
  forms: [
    form('84 /r', [r(rm8), r(reg8)]),
    form('85 /r', [r(rm), r(reg)]),
    form('A8 ib', [r(AL), r(imm8)]),
    form('A9 iz', [r(rAX), r(immz)]),
    form('F6 /0 ib', [r(rm8), r(imm8)]),
    form('F6 /1 ib', [r(rm8), r(imm8)]),
    form('F7 /0 iz', [r(rm), r(immz)]),
    form('F7 /1 iz', [r(rm), r(immz)]),
  ],
  execute(m, first, second) {
    const a = m.read(first);
    m.flagsOfLogic(m.and(a, m.read(second)));
  },
});
