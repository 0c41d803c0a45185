/** SVM: guests of the guest's own, and RSM, which only their intercepts are for. VMMCALL is with the ways out. */
import {
  clearGlobalInterruptFlag,
  invalidatePageOfGuest,
  loadState,
  runGuest,
  saveState,
  setGlobalInterruptFlag,
} from '../svm/instructions.ts';
import { anyone, ofSvm } from '../svm/instruction-intercepts.ts';
import * as vmcb from '../svm/vmcb.ts';
import { type CalledInstruction, form, type Instruction, systemInstruction } from './define.ts';

const BY_ADDRESS: readonly (readonly [string, string, number, CalledInstruction['call']])[] = [
  ['VMRUN', '0F 01 D8', vmcb.VMEXIT_VMRUN, runGuest],
  ['VMLOAD', '0F 01 DA', vmcb.VMEXIT_VMLOAD, loadState],
  ['VMSAVE', '0F 01 DB', vmcb.VMEXIT_VMSAVE, saveState],
  ['INVLPGA', '0F 01 DF', vmcb.VMEXIT_INVLPGA, invalidatePageOfGuest],
];
const PLAIN: readonly (readonly [string, string, number, CalledInstruction['call']])[] = [
  ['STGI', '0F 01 DC', vmcb.VMEXIT_STGI, setGlobalInterruptFlag],
  ['CLGI', '0F 01 DD', vmcb.VMEXIT_CLGI, clearGlobalInterruptFlag],
];

// There is no system-management mode to return from.
export const RSM = systemInstruction('RSM', {
  manual: 'SDM vol. 2B, RSM',
  system: true,
  ends: true,
  forms: [form('0F AA')],
  intercept: anyone(vmcb.VMEXIT_RSM),
  call: (cpu) => cpu.invalidOpcode(),
});

// There is no secure loader, as CPUID says: the same, whoever might want to intercept it.
export const SKINIT = systemInstruction('SKINIT', {
  manual: 'AMD APM vol. 3, SKINIT',
  system: true,
  ends: true,
  forms: [form('0F 01 DE')],
  call: (cpu) => cpu.invalidOpcode(),
});

export const SYSTEM_GUESTS: readonly Instruction[] = [
  RSM,
  SKINIT,
  ...BY_ADDRESS.map(([mnemonic, encoding, exit, call]) =>
    systemInstruction(mnemonic, {
      manual: `AMD APM vol. 3, ${mnemonic}`,
      system: true,
      ends: true,
      depends: ['addressSize'],
      forms: [form(encoding)],
      intercept: ofSvm(exit),
      call,
    }),
  ),
  ...PLAIN.map(([mnemonic, encoding, exit, call]) =>
    systemInstruction(mnemonic, {
      manual: `AMD APM vol. 3, ${mnemonic}`,
      system: true,
      ends: true,
      forms: [form(encoding)],
      intercept: ofSvm(exit),
      call,
    }),
  ),
];
