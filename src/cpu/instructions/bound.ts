/** BOUND: an array index against its limits. */
import { EXCEPTION_BR } from '../state.ts';
import { form, instruction, NO64 } from './define.ts';
import { mv, r, reg } from './operands.ts';

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
