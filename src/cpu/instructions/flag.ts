/** LAHF, SAHF, CLC, STC, CMC, CLD, STD. What touches IF, IOPL or TF is a system instruction. */
import { FLAG_DF, OFFSET_RFLAGS_REST, RAX } from '../state.ts';
import { form, type Instruction, instruction } from './define.ts';

export const LAHF = instruction('LAHF', {
  manual: 'SDM vol. 2A, LAHF',
  forms: [form('9F')],
  execute(m) {
    const bit = (name: 'CF' | 'PF' | 'AF' | 'ZF' | 'SF', place: number) => m.shl(m.zext(m.flag(name), 32), place);
    const low = m.or(m.or(bit('CF', 0), bit('PF', 2)), bit('AF', 4));
    const high = m.or(bit('ZF', 6), bit('SF', 7));
    // Bit 1 of RFLAGS is always set.
    m.writeHighByte(RAX, m.trunc(m.or(m.or(low, high), m.const(32, 2)), 8));
  },
});

export const SAHF = instruction('SAHF', {
  manual: 'SDM vol. 2B, SAHF',
  forms: [form('9E')],
  execute(m) {
    const byte = m.readHighByte(RAX);
    m.flags({
      CF: m.bit(byte, 0),
      PF: m.bit(byte, 2),
      AF: m.bit(byte, 4),
      ZF: m.bit(byte, 6),
      SF: m.bit(byte, 7),
      OF: m.flag('OF'),
    });
  },
});

export const CLC = instruction('CLC', {
  manual: 'SDM vol. 2A, CLC',
  forms: [form('F8')],
  execute(m) {
    m.setCarry(m.const(1, 0));
  },
});

export const STC = instruction('STC', {
  manual: 'SDM vol. 2B, STC',
  forms: [form('F9')],
  execute(m) {
    m.setCarry(m.const(1, 1));
  },
});

export const CMC = instruction('CMC', {
  manual: 'SDM vol. 2A, CMC',
  forms: [form('F5')],
  execute(m) {
    m.setCarry(m.not(m.flag('CF')));
  },
});

export const CLD = instruction('CLD', {
  manual: 'SDM vol. 2A, CLD',
  forms: [form('FC')],
  execute(m) {
    const rest = m.loadState(OFFSET_RFLAGS_REST, 32);
    m.storeState(OFFSET_RFLAGS_REST, m.and(rest, m.const(32, ~FLAG_DF)));
  },
});

export const STD = instruction('STD', {
  manual: 'SDM vol. 2B, STD',
  forms: [form('FD')],
  execute(m) {
    const rest = m.loadState(OFFSET_RFLAGS_REST, 32);
    m.storeState(OFFSET_RFLAGS_REST, m.or(rest, m.const(32, FLAG_DF)));
  },
});

export const FLAGS: readonly Instruction[] = [LAHF, SAHF, CLC, STC, CMC, CLD, STD];
