/** Interrupts by software, returns from them, far transfers, and the fast system calls. */
import * as on from '../svm/instruction-intercepts.ts';
import * as vmcb from '../svm/vmcb.ts';
import { type TransferKind, farDirect, farIndirect, farReturn } from '../system/far-transfer.ts';
import { systemCall, systemEnter, systemExit, systemReturn } from '../system/fast-system-calls.ts';
import { interruptReturn } from '../system/iret.ts';
import { breakpoint, debugTrap, interrupt, interruptOnOverflow } from '../system/software-interrupts.ts';
import { form, type Instruction, NO64, systemInstruction } from './define.ts';
import { interruptReturnShortcut, systemCallShortcut, systemReturnShortcut } from './transfer-shortcuts.ts';
import { address, imm16, imm8, m, pointerOffset, pointerSelector, r } from './operands.ts';

export const SOFTWARE_INTERRUPTS: readonly Instruction[] = [
  systemInstruction('INT3', {
    manual: 'SDM vol. 2A, INT n/INTO/INT3/INT1',
    system: true,
    ends: true,
    forms: [form('CC')],
    intercept: on.breakpointException,
    call: breakpoint,
  }),
  systemInstruction('INT', {
    manual: 'SDM vol. 2A, INT n/INTO/INT3/INT1',
    system: true,
    ends: true,
    forms: [form('CD ib', [r(imm8)])],
    intercept: on.byIopl(vmcb.VMEXIT_SWINT),
    call: interrupt,
  }),
  systemInstruction('INTO', {
    manual: 'SDM vol. 2A, INT n/INTO/INT3/INT1',
    system: true,
    ends: true,
    forms: [form('CE', [], NO64)],
    intercept: on.overflowException,
    call: interruptOnOverflow,
  }),
  systemInstruction('INT1', {
    manual: 'SDM vol. 2A, INT n/INTO/INT3/INT1',
    system: true,
    ends: true,
    forms: [form('F1')],
    intercept: on.debugException,
    call: debugTrap,
  }),
  systemInstruction('IRET', {
    manual: 'SDM vol. 2A, IRET/IRETD/IRETQ',
    system: true,
    ends: true,
    depends: ['operandSize'],
    forms: [form('CF')],
    intercept: on.byIopl(vmcb.VMEXIT_IRET),
    shortcut: interruptReturnShortcut,
    call: interruptReturn,
  }),
];

// Names of their own: near and far transfers with operands alike do different things.
const FAR_KINDS: readonly (readonly [string, TransferKind, string, string])[] = [
  ['JMP_FAR', 'jump', 'EA iz iw', 'FF /5'],
  ['CALL_FAR', 'call', '9A iz iw', 'FF /3'],
];

export const FAR_TRANSFERS: readonly Instruction[] = [
  ...FAR_KINDS.flatMap(([mnemonic, kind, direct, indirect]) => [
    systemInstruction(mnemonic, {
      manual: `SDM vol. 2A, ${mnemonic.slice(0, -4)}`,
      system: true,
      ends: true,
      depends: ['operandSize'],
      forms: [form(direct, [r(pointerOffset), r(pointerSelector)], NO64)],
      call: (cpu, operands) => farDirect(cpu, operands, kind),
    }),
    systemInstruction(mnemonic, {
      manual: `SDM vol. 2A, ${mnemonic.slice(0, -4)}`,
      system: true,
      ends: true,
      depends: ['operandSize'],
      forms: [form(indirect, [address(m)])],
      call: (cpu, operands) => farIndirect(cpu, operands, kind),
    }),
  ]),
  systemInstruction('RET_FAR', {
    manual: 'SDM vol. 2B, RET',
    system: true,
    ends: true,
    depends: ['operandSize'],
    forms: [form('CB')],
    call: (cpu, operands) => farReturn(cpu, operands, 0),
  }),
  systemInstruction('RET_FAR', {
    manual: 'SDM vol. 2B, RET',
    system: true,
    ends: true,
    depends: ['operandSize'],
    forms: [form('CA iw', [r(imm16)])],
    call: (cpu, operands) => farReturn(cpu, operands, operands.immediate & 0xffff),
  }),
];

export const SYSTEM_CALLS: readonly Instruction[] = [
  systemInstruction('SYSCALL', {
    manual: 'SDM vol. 2B, SYSCALL',
    system: true,
    ends: true,
    forms: [form('0F 05')],
    shortcut: systemCallShortcut,
    call: systemCall,
  }),
  systemInstruction('SYSRET', {
    manual: 'SDM vol. 2B, SYSRET',
    system: true,
    ends: true,
    depends: ['operandSize'],
    forms: [form('0F 07')],
    shortcut: systemReturnShortcut,
    call: systemReturn,
  }),
  systemInstruction('SYSENTER', {
    manual: 'SDM vol. 2B, SYSENTER',
    system: true,
    ends: true,
    forms: [form('0F 34')],
    call: systemEnter,
  }),
  systemInstruction('SYSEXIT', {
    manual: 'SDM vol. 2B, SYSEXIT',
    system: true,
    ends: true,
    depends: ['operandSize'],
    forms: [form('0F 35')],
    call: systemExit,
  }),
];

export const SYSTEM_TRANSFERS: readonly Instruction[] = [...SOFTWARE_INTERRUPTS, ...FAR_TRANSFERS, ...SYSTEM_CALLS];
