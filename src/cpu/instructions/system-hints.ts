/** NOP, PAUSE, prefetches, fences, CLFLUSH, UD: what changes nothing. */
import * as state from '../state.ts';
import { anyone } from '../svm/instruction-intercepts.ts';
import { VMEXIT_PAUSE } from '../svm/vmcb.ts';
import { undefined2 } from '../system/forced-emulation.ts';
import { type Form, form, type Instruction, instruction, SYSTEM_NEXT, systemInstruction } from './define.ts';
import { address, m8, r, rm, rm8, rmRegister32 } from './operands.ts';

// 0F 18 to 0F 1F: prefetches, and opcodes kept for hints, such as ENDBR64 (SDM vol. 2B, NOP; vol. 2D, table A-3).
const HINTS: readonly Form[] = ['0D', '18', '19', '1A', '1B', '1C', '1D', '1E', '1F'].map((opcode) =>
  form(`0F ${opcode} /r`, [address(rm)]),
);

export const NOP = instruction('NOP', {
  manual: 'SDM vol. 2B, NOP; PREFETCHh; PREFETCHW',
  hot: true,
  forms: [form('90', [], { noRexB: true }), ...HINTS],
  execute: nothing,
});

export const PAUSE = instruction('PAUSE', {
  manual: 'SDM vol. 2B, PAUSE',
  forms: [form('F3 90', [], { noRexB: true })],
  intercept: anyone(VMEXIT_PAUSE),
  call: () => SYSTEM_NEXT,
  execute: nothing,
});

// One vCPU's accesses are done in program order, each before the next starts.
export const FENCES: readonly Instruction[] = (
  [
    ['LFENCE', 5],
    ['MFENCE', 6],
    ['SFENCE', 7],
  ] as const
).map(([mnemonic, digit]) =>
  instruction(mnemonic, {
    manual: `SDM vol. 2, ${mnemonic}`,
    forms: [form(`NP 0F AE /${digit}`, [address(rmRegister32)])],
    execute: nothing,
  }),
);

/** Faults as a load of the byte would. */
export const CLFLUSH = instruction('CLFLUSH', {
  manual: 'SDM vol. 2A, CLFLUSH',
  forms: [form('NP 0F AE /7', [r(m8)])],
  execute(m, line) {
    m.read(line);
  },
});

export const UD: readonly Instruction[] = (
  [
    ['UD0', form('0F FF /r', [address(rm8)])],
    ['UD1', form('0F B9 /r', [address(rm8)])],
  ] as const
).map(([mnemonic, row]) =>
  instruction(mnemonic, {
    manual: 'SDM vol. 2B, UD',
    ends: true,
    forms: [row],
    execute(m) {
      m.control.raise(state.EXCEPTION_UD, -1);
    },
  }),
);

export const UD2 = systemInstruction('UD2', {
  manual: 'SDM vol. 2B, UD',
  system: true,
  ends: true,
  forms: [form('0F 0B')],
  call: undefined2,
});

export const SYSTEM_HINTS: readonly Instruction[] = [NOP, PAUSE, ...FENCES, CLFLUSH, ...UD, UD2];

function nothing(): void {
  // No state changes.
}
