/** AAA, AAS, AAM, AAD, DAA, DAS, SALC: arithmetic on decimal digits, gone in 64-bit mode. */
import type { Semantics } from '../emit/semantics.ts';
import type { Value } from '../emit/values.ts';
import { EXCEPTION_DE, RAX } from '../state.ts';
import { form, type Instruction, instruction, NO64 } from './define.ts';
import { imm8, r } from './operands.ts';

export const AAA = adjustAscii('AAA', '37', 'SDM vol. 2A, AAA', (m, a, b) => m.add(a, b));
export const AAS = adjustAscii('AAS', '3F', 'SDM vol. 2A, AAS', (m, a, b) => m.sub(a, b));
export const DAA = adjustDecimal('DAA', '27', 'SDM vol. 2A, DAA', (m, a, b) => m.add(a, b));
export const DAS = adjustDecimal('DAS', '2F', 'SDM vol. 2A, DAS', (m, a, b) => m.sub(a, b));

export const AAM = instruction('AAM', {
  manual: 'SDM vol. 2A, AAM',
  undefinedFlags: ['OF', 'AF', 'CF'],
  forms: [form('D4 ib', [r(imm8)], NO64)],
  execute(m, base) {
    const divisor = m.zext(m.read(base, 8), 32);
    m.raiseIf(m.isZero(divisor), EXCEPTION_DE);
    const al = m.zext(m.readGpr(RAX, 8), 32);
    const digit = m.trunc(m.remU(al, divisor), 8);
    m.writeHighByte(RAX, m.trunc(m.divU(al, divisor), 8));
    m.writeGpr(RAX, digit);
    m.flagsOfResult(digit, m.const(1, 0), m.const(1, 0));
  },
});

export const AAD = instruction('AAD', {
  manual: 'SDM vol. 2A, AAD',
  undefinedFlags: ['OF', 'AF', 'CF'],
  forms: [form('D5 ib', [r(imm8)], NO64)],
  execute(m, base) {
    const sum = m.add(m.readGpr(RAX, 8), m.mul(m.readHighByte(RAX), m.read(base, 8)));
    m.writeGpr(RAX, m.zext(sum, 16));
    m.flagsOfResult(sum, m.const(1, 0), m.const(1, 0));
  },
});

/** Not in Intel's manual until late, but in every processor: AL = CF ? 0xFF : 0. */
export const SALC = instruction('SALC', {
  manual: 'AMD APM vol. 3, appendix A, opcode D6',
  forms: [form('D6', [], NO64)],
  execute(m) {
    m.writeGpr(RAX, m.neg(m.zext(m.flag('CF'), 8)));
  },
});

export const DECIMAL: readonly Instruction[] = [AAA, AAS, AAM, AAD, DAA, DAS, SALC];

type Change = (m: Semantics, a: Value, b: Value) => Value;

function adjustAscii(mnemonic: string, encoding: string, manual: string, change: Change): Instruction {
  return instruction(mnemonic, {
    manual,
    undefinedFlags: ['OF', 'SF', 'ZF', 'PF'],
    forms: [form(encoding, [], NO64)],
    execute(m) {
      const ax = m.readGpr(RAX, 16);
      const adjust = m.or(m.flag('AF'), m.below(m.const(16, 9), m.and(ax, m.const(16, 0xf))));
      const changed = m.select(adjust, change(m, ax, m.const(16, 0x106)), ax);
      const result = m.and(changed, m.const(16, 0xff0f));
      m.writeGpr(RAX, result);
      m.flagsOfResult(m.trunc(result, 8), adjust, m.const(1, 0), adjust);
    },
  });
}

function adjustDecimal(mnemonic: string, encoding: string, manual: string, change: Change): Instruction {
  return instruction(mnemonic, {
    manual,
    undefinedFlags: ['OF'],
    forms: [form(encoding, [], NO64)],
    execute(m) {
      const al = m.readGpr(RAX, 8);
      const carry = m.flag('CF');
      const low = m.or(m.flag('AF'), m.below(m.const(8, 9), m.and(al, m.const(8, 0xf))));
      const high = m.or(carry, m.below(m.const(8, 0x99), al));
      const first = m.select(low, change(m, al, m.const(8, 6)), al);
      const result = m.select(high, change(m, first, m.const(8, 0x60)), first);
      m.writeGpr(RAX, result);
      // DAS also carries where taking the 6 borrowed.
      const borrowed = mnemonic === 'DAS' ? m.and(low, m.below(al, m.const(8, 6))) : m.const(1, 0);
      m.flagsOfResult(result, m.or(high, borrowed), m.const(1, 0), low);
    },
  });
}
