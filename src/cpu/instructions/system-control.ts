/** Control and debug registers, descriptor tables, MSRs, time, CPUID, extended state, and ways out of the guest. */
import { EXIT_HLT } from '../engine.ts';
import * as state from '../state.ts';
import * as on from '../svm/instruction-intercepts.ts';
import { callHypervisor } from '../svm/instructions.ts';
import * as vmcb from '../svm/vmcb.ts';
import {
  clearTaskSwitched,
  loadMachineStatus,
  moveFromControl,
  moveToControl,
  storeMachineStatus,
} from '../system/control-registers.ts';
import { cpuid } from '../system/cpuid.ts';
import { moveFromDebug, moveToDebug } from '../system/debug.ts';
import {
  loadLocalTable,
  loadTableRegister,
  loadTaskRegister,
  storeSelector,
  storeTableRegister,
} from '../system/descriptor-tables.ts';
import {
  readExtendedControl,
  restoreExtended,
  saveExtended,
  saveExtendedOptimized,
  writeExtendedControl,
} from '../system/extended-state.ts';
import { readMsrInstruction, writeMsrInstruction } from '../system/msr.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { invalidateByPcid, invalidatePage } from '../system/translations.ts';
import { readTimeStamp, readTimeStampAndProcessor } from '../system/tsc.ts';
import {
  FORCE64,
  form,
  IGNORES_MOD,
  type Instruction,
  SYSTEM_EXIT,
  SYSTEM_FAULT,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
  systemInstruction,
} from './define.ts';
import {
  moveFromControlShortcut,
  readTimeStampAndProcessorShortcut,
  readTimeStampShortcut,
} from './register-shortcuts.ts';
import { restoreShortcut, saveOptimizedShortcut } from './state-shortcuts.ts';
import { address, creg, dreg, m, r, regy, rm16, rm16v, rmRegisterY, w } from './operands.ts';

export const MOV_CONTROL: readonly Instruction[] = [
  systemInstruction('MOV', {
    manual: 'SDM vol. 2B, MOV to/from control registers',
    system: true,
    forms: [form('0F 20 /r', [w(rmRegisterY), r(creg)], FORCE64, IGNORES_MOD)],
    intercept: on.readControl,
    shortcut: moveFromControlShortcut,
    call: moveFromControl,
  }),
  systemInstruction('MOV', {
    manual: 'SDM vol. 2B, MOV to/from control registers',
    system: true,
    ends: true,
    forms: [form('0F 22 /r', [w(creg), r(rmRegisterY)], FORCE64, IGNORES_MOD)],
    intercept: on.writeControl,
    call: moveToControl,
  }),
];

export const MOV_DEBUG: readonly Instruction[] = [
  systemInstruction('MOV', {
    manual: 'SDM vol. 2B, MOV to/from debug registers',
    system: true,
    forms: [form('0F 21 /r', [w(rmRegisterY), r(dreg)], FORCE64, IGNORES_MOD)],
    intercept: on.readDebug,
    call: moveFromDebug,
  }),
  systemInstruction('MOV', {
    manual: 'SDM vol. 2B, MOV to/from debug registers',
    system: true,
    ends: true,
    forms: [form('0F 23 /r', [w(dreg), r(rmRegisterY)], FORCE64, IGNORES_MOD)],
    intercept: on.writeDebug,
    call: moveToDebug,
  }),
];

export const MACHINE_STATUS: readonly Instruction[] = [
  systemInstruction('CLTS', {
    manual: 'SDM vol. 2A, CLTS',
    system: true,
    ends: true,
    forms: [form('0F 06')],
    intercept: on.privileged(vmcb.VMEXIT_CR0_WRITE),
    call: clearTaskSwitched,
  }),
  systemInstruction('LMSW', {
    manual: 'SDM vol. 2A, LMSW',
    system: true,
    ends: true,
    forms: [form('0F 01 /6', [r(rm16)])],
    intercept: on.loadMachineStatus,
    call: loadMachineStatus,
  }),
  systemInstruction('SMSW', {
    manual: 'SDM vol. 2B, SMSW',
    depends: ['operandSize'],
    forms: [form('0F 01 /4', [w(rm16v)])],
    intercept: on.unlessUserMode(vmcb.VMEXIT_CR0_READ),
    call: storeMachineStatus,
  }),
];

export const DESCRIPTOR_TABLES: readonly Instruction[] = [
  ...(
    [
      ['SGDT', 0, state.OFFSET_GDTR, vmcb.VMEXIT_GDTR_READ],
      ['SIDT', 1, state.OFFSET_IDTR, vmcb.VMEXIT_IDTR_READ],
    ] as const
  ).map(([mnemonic, digit, register, exit]) =>
    systemInstruction(mnemonic, {
      manual: `SDM vol. 2B, ${mnemonic}`,
      forms: [form(`0F 01 /${digit}`, [address(m)])],
      intercept: on.unlessUserMode(exit),
      call: (cpu, operands) => storeTableRegister(cpu, operands, register),
    }),
  ),
  ...(
    [
      ['LGDT', 2, state.OFFSET_GDTR, vmcb.VMEXIT_GDTR_WRITE],
      ['LIDT', 3, state.OFFSET_IDTR, vmcb.VMEXIT_IDTR_WRITE],
    ] as const
  ).map(([mnemonic, digit, register, exit]) =>
    systemInstruction(mnemonic, {
      manual: 'SDM vol. 2A, LGDT/LIDT',
      system: true,
      depends: ['operandSize'],
      forms: [form(`0F 01 /${digit}`, [address(m)])],
      intercept: on.privileged(exit),
      call: (cpu, operands) => loadTableRegister(cpu, operands, register),
    }),
  ),
  ...(
    [
      ['SLDT', 0, state.LDTR, vmcb.VMEXIT_LDTR_READ],
      ['STR', 1, state.TR, vmcb.VMEXIT_TR_READ],
    ] as const
  ).map(([mnemonic, digit, segment, exit]) =>
    systemInstruction(mnemonic, {
      manual: `SDM vol. 2B, ${mnemonic}`,
      depends: ['operandSize'],
      forms: [form(`0F 00 /${digit}`, [w(rm16v)])],
      intercept: on.protectedOnly(exit, false),
      call: (cpu, operands) => storeSelector(cpu, operands, segment),
    }),
  ),
  systemInstruction('LLDT', {
    manual: 'SDM vol. 2A, LLDT',
    system: true,
    forms: [form('0F 00 /2', [r(rm16)])],
    intercept: on.protectedOnly(vmcb.VMEXIT_LDTR_WRITE, true),
    call: loadLocalTable,
  }),
  systemInstruction('LTR', {
    manual: 'SDM vol. 2A, LTR',
    system: true,
    forms: [form('0F 00 /3', [r(rm16)])],
    intercept: on.protectedOnly(vmcb.VMEXIT_TR_WRITE, true),
    call: loadTaskRegister,
  }),
];

export const TRANSLATIONS: readonly Instruction[] = [
  systemInstruction('INVLPG', {
    manual: 'SDM vol. 2A, INVLPG',
    system: true,
    ends: true,
    unchecked: true,
    forms: [form('0F 01 /7', [address(m)])],
    intercept: on.privileged(vmcb.VMEXIT_INVLPG),
    call: invalidatePage,
  }),
  systemInstruction('INVPCID', {
    manual: 'SDM vol. 2A, INVPCID',
    system: true,
    ends: true,
    forms: [form('66 0F 38 82 /r', [r(regy), address(m)], FORCE64)],
    intercept: on.privileged(vmcb.VMEXIT_INVPCID),
    call: invalidateByPcid,
  }),
  // There is no cache to write back or to lose.
  systemInstruction('INVD', {
    manual: 'SDM vol. 2A, INVD',
    system: true,
    forms: [form('0F 08')],
    intercept: on.privileged(vmcb.VMEXIT_INVD),
    call: requirePrivilege,
  }),
  systemInstruction('WBINVD', {
    manual: 'SDM vol. 2B, WBINVD',
    system: true,
    forms: [form('0F 09')],
    intercept: on.privileged(vmcb.VMEXIT_WBINVD),
    call: requirePrivilege,
  }),
];

export const MODEL_SPECIFIC: readonly Instruction[] = [
  systemInstruction('CPUID', {
    manual: 'SDM vol. 2A, CPUID',
    forms: [form('0F A2')],
    intercept: on.anyone(vmcb.VMEXIT_CPUID),
    call: cpuid,
  }),
  systemInstruction('RDMSR', {
    manual: 'SDM vol. 2B, RDMSR',
    system: true,
    forms: [form('0F 32')],
    intercept: on.modelSpecific(false),
    call: readMsrInstruction,
  }),
  systemInstruction('WRMSR', {
    manual: 'SDM vol. 2B, WRMSR',
    system: true,
    ends: true,
    forms: [form('0F 30')],
    intercept: on.modelSpecific(true),
    call: writeMsrInstruction,
  }),
  systemInstruction('RDTSC', {
    manual: 'SDM vol. 2B, RDTSC',
    forms: [form('0F 31')],
    intercept: on.timeStamp(vmcb.VMEXIT_RDTSC),
    shortcut: readTimeStampShortcut,
    call: readTimeStamp,
  }),
  systemInstruction('RDTSCP', {
    manual: 'SDM vol. 2B, RDTSCP',
    forms: [form('0F 01 F9')],
    intercept: on.timeStamp(vmcb.VMEXIT_RDTSCP),
    shortcut: readTimeStampAndProcessorShortcut,
    call: readTimeStampAndProcessor,
  }),
  // There are no performance counters: no value of ECX names one.
  systemInstruction('RDPMC', {
    manual: 'SDM vol. 2B, RDPMC',
    system: true,
    forms: [form('0F 33')],
    intercept: on.performanceCounter,
    call: (cpu) => cpu.generalProtection(),
  }),
];

export const EXTENDED_STATE: readonly Instruction[] = [
  systemInstruction('XGETBV', {
    manual: 'SDM vol. 2C, XGETBV',
    forms: [form('NP 0F 01 D0')],
    call: readExtendedControl,
  }),
  systemInstruction('XSETBV', {
    manual: 'SDM vol. 2C, XSETBV',
    system: true,
    forms: [form('NP 0F 01 D1')],
    intercept: on.writeExtendedControl,
    call: writeExtendedControl,
  }),
  systemInstruction('XSAVE', {
    manual: 'SDM vol. 2C, XSAVE',
    depends: ['operandSize'],
    forms: [form('NP 0F AE /4', [address(m)])],
    call: saveExtended,
  }),
  systemInstruction('XRSTOR', {
    manual: 'SDM vol. 2C, XRSTOR',
    depends: ['operandSize'],
    forms: [form('NP 0F AE /5', [address(m)])],
    shortcut: restoreShortcut,
    call: restoreExtended,
  }),
  systemInstruction('XSAVEOPT', {
    manual: 'SDM vol. 2C, XSAVEOPT',
    depends: ['operandSize'],
    forms: [form('NP 0F AE /6', [address(m)])],
    shortcut: saveOptimizedShortcut,
    call: saveExtendedOptimized,
  }),
];

export const WAYS_OUT: readonly Instruction[] = [
  systemInstruction('HLT', {
    manual: 'SDM vol. 2A, HLT',
    system: true,
    ends: true,
    forms: [form('F4')],
    intercept: on.privileged(vmcb.VMEXIT_HLT),
    call: halt,
  }),
  // At any CPL: the hypervisor decides what user code may ask.
  systemInstruction('VMCALL', {
    manual: 'SDM vol. 3C, 30.3, VMCALL',
    system: true,
    ends: true,
    forms: [form('NP 0F 01 C1')],
    intercept: on.otherHypervisorCall,
    call: callHypervisor,
  }),
  systemInstruction('VMMCALL', {
    manual: 'AMD APM vol. 3, VMMCALL',
    system: true,
    ends: true,
    forms: [form('NP 0F 01 D9')],
    intercept: on.hypervisorCall,
    call: callHypervisor,
  }),
];

export const SYSTEM_CONTROL: readonly Instruction[] = [
  ...MOV_CONTROL,
  ...MOV_DEBUG,
  ...MACHINE_STATUS,
  ...DESCRIPTOR_TABLES,
  ...TRANSLATIONS,
  ...MODEL_SPECIFIC,
  ...EXTENDED_STATE,
  ...WAYS_OUT,
];

function requirePrivilege(cpu: SystemCpu): SystemResult {
  return cpu.isPrivileged() ? SYSTEM_NEXT : SYSTEM_FAULT;
}

function halt(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  cpu.advance(operands.length);
  cpu.exit = EXIT_HLT;
  return SYSTEM_EXIT;
}
