/** NOP, PAUSE, the hints that are NOPs here, and BOUND. */
import { EXCEPTION_BR } from '../state.ts';
import { form, type Instruction, instruction, NO64 } from './define.ts';
import { address, mv, r, reg, rm } from './operands.ts';

const NOT_REX_B = { noRexB: true } as const;

export const NOP = instruction('NOP', {
  manual: 'SDM vol. 2B, NOP; AMD APM vol. 3, NOP',
  hot: true,
  forms: [
    form('90', [], NOT_REX_B),
    form('0F 1F /r', [address(rm)]),
    // Reserved for hints (AMD APM vol. 3, table A-3, group P and group 16): ENDBR and PREFETCH are among them.
    ...['0D', '18', '19', '1A', '1B', '1C', '1D', '1E'].map((opcode) => form(`0F ${opcode} /r`, [address(rm)])),
  ],
  execute() {},
});

export const PAUSE = instruction('PAUSE', {
  manual: 'SDM vol. 2B, PAUSE',
  forms: [form('F3 90', [], NOT_REX_B)],
  execute() {},
});

export const BOUND = instruction('BOUND', {
  manual: 'SDM vol. 2A, BOUND',
  forms: [form('62 /r', [r(reg), r(mv)], NO64)],
  execute(m, index, bounds) {
    const value = m.read(index);
    const lower = m.read(bounds);
    const upper = m.load(m.add(m.address(bounds), m.const(64, value.bits / 8)), value.bits);
    m.raiseIf(m.or(m.less(value, lower), m.less(upper, value)), EXCEPTION_BR);
  },
});

export const MISCELLANEOUS: readonly Instruction[] = [NOP, PAUSE, BOUND];
