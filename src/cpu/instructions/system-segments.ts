/** Segment registers: MOV, PUSH, POP, far pointer loads, SWAPGS, FS and GS bases; and what asks about selectors. */
import type { Semantics } from '../emit/semantics.ts';
import type { Value } from '../emit/values.ts';
import * as state from '../state.ts';
import { adjustRpl, loadAccessRights, loadSegmentLimit, verifyRead, verifyWrite } from '../system/selector-queries.ts';
import { loadFarPointer, moveFromSegment, moveToSegment, popSegment } from '../system/segment-registers.ts';
import {
  DEFAULT64,
  type Form,
  form,
  type Instruction,
  instruction,
  NO64,
  ONLY64,
  systemInstruction,
} from './define.ts';
import { moveFromSegmentShortcut } from './register-shortcuts.ts';
import {
  address,
  CS_,
  DS_,
  ES_,
  FS_,
  GS_,
  m as memory,
  type OperandKind,
  r,
  reg,
  reg16,
  rm16,
  rm16v,
  rmRegisterY,
  rw,
  SS_,
  sreg,
  w,
} from './operands.ts';

const fsBase = state.OFFSET_SEGMENTS + state.FS * state.SEGMENT_SIZE + state.SEGMENT_BASE;
const gsBase = state.OFFSET_SEGMENTS + state.GS * state.SEGMENT_SIZE + state.SEGMENT_BASE;

export const MOV_FROM_SREG = systemInstruction('MOV', {
  manual: 'SDM vol. 2B, MOV',
  depends: ['operandSize'],
  forms: [form('8C /r', [w(rm16v), r(sreg)])],
  shortcut: moveFromSegmentShortcut,
  call: moveFromSegment,
});

// CS cannot be loaded: 8E /1 is no instruction, nor are the two register numbers past GS.
const LOADABLE: readonly (readonly [number, OperandKind])[] = [
  [state.ES, ES_],
  [state.SS, SS_],
  [state.DS, DS_],
  [state.FS, FS_],
  [state.GS, GS_],
];

export const MOV_TO_SREG: readonly Instruction[] = LOADABLE.map(([segment, kind]) =>
  systemInstruction('MOV', {
    manual: 'SDM vol. 2B, MOV',
    forms: [form(`8E /${segment}`, [w(kind), r(rm16)])],
    ...endOrShadow(segment),
    call: (cpu, operands) => moveToSegment(cpu, operands, segment),
  }),
);

// The operand size is that of the stack slot; the selector is zero-extended.
const PUSHES: readonly (readonly [number, Form])[] = [
  [state.ES, form('06', [r(ES_)], NO64)],
  [state.CS, form('0E', [r(CS_)], NO64)],
  [state.SS, form('16', [r(SS_)], NO64)],
  [state.DS, form('1E', [r(DS_)], NO64)],
  [state.FS, form('0F A0', [r(FS_)], DEFAULT64)],
  [state.GS, form('0F A8', [r(GS_)], DEFAULT64)],
];

export const PUSH_SREG: readonly Instruction[] = PUSHES.map(([segment, row]) =>
  instruction('PUSH', {
    manual: 'SDM vol. 2B, PUSH',
    depends: ['operandSize', 'stackSize'],
    forms: [row],
    execute(m) {
      const at = state.OFFSET_SEGMENTS + segment * state.SEGMENT_SIZE + state.SEGMENT_SELECTOR;
      m.pushStack(m.zext(m.loadState(at, 16), m.context.operandSize));
    },
  }),
);

const POPS: readonly (readonly [number, Form])[] = [
  [state.ES, form('07', [w(ES_)], NO64)],
  [state.SS, form('17', [w(SS_)], NO64)],
  [state.DS, form('1F', [w(DS_)], NO64)],
  [state.FS, form('0F A1', [w(FS_)], DEFAULT64)],
  [state.GS, form('0F A9', [w(GS_)], DEFAULT64)],
];

export const POP_SREG: readonly Instruction[] = POPS.map(([segment, row]) =>
  systemInstruction('POP', {
    manual: 'SDM vol. 2B, POP',
    depends: ['operandSize', 'stackSize'],
    forms: [row],
    ...endOrShadow(segment),
    call: (cpu, operands) => popSegment(cpu, operands, segment),
  }),
);

const FAR_POINTERS: readonly (readonly [string, number, Form])[] = [
  ['LES', state.ES, form('C4 /r', [w(reg), address(memory)], NO64)],
  ['LDS', state.DS, form('C5 /r', [w(reg), address(memory)], NO64)],
  ['LSS', state.SS, form('0F B2 /r', [w(reg), address(memory)])],
  ['LFS', state.FS, form('0F B4 /r', [w(reg), address(memory)])],
  ['LGS', state.GS, form('0F B5 /r', [w(reg), address(memory)])],
];

export const LOAD_FAR_POINTERS: readonly Instruction[] = FAR_POINTERS.map(([mnemonic, segment, row]) =>
  systemInstruction(mnemonic, {
    manual: 'SDM vol. 2A, LDS/LES/LFS/LGS/LSS',
    ends: true,
    depends: ['operandSize'],
    forms: [row],
    call: (cpu, operands) => loadFarPointer(cpu, operands, segment),
  }),
);

export const SWAPGS = instruction('SWAPGS', {
  manual: 'SDM vol. 2B, SWAPGS',
  hot: true,
  system: true,
  forms: [form('NP 0F 01 F8', [], ONLY64)],
  execute(m) {
    m.raiseIf(m.ne(m.loadState(state.OFFSET_CPL, 32), m.const(32, 0)), state.EXCEPTION_GP, 0);
    const kernel = m.loadState(state.OFFSET_KERNEL_GS_BASE, 64);
    m.storeState(state.OFFSET_KERNEL_GS_BASE, m.loadState(gsBase, 64));
    m.storeState(gsBase, kernel);
  },
});

export const READ_BASES: readonly Instruction[] = (
  [
    ['RDFSBASE', 0, fsBase],
    ['RDGSBASE', 1, gsBase],
  ] as const
).map(([mnemonic, digit, base]) =>
  instruction(mnemonic, {
    manual: 'SDM vol. 2B, RDFSBASE/RDGSBASE',
    forms: [form(`F3 0F AE /${digit}`, [w(rmRegisterY)], ONLY64)],
    execute(m, dst) {
      requireFsgsbase(m);
      m.write(dst, m.trunc(m.loadState(base, 64), m.bits(dst)));
    },
  }),
);

export const WRITE_BASES: readonly Instruction[] = (
  [
    ['WRFSBASE', 2, fsBase],
    ['WRGSBASE', 3, gsBase],
  ] as const
).map(([mnemonic, digit, base]) =>
  instruction(mnemonic, {
    manual: 'SDM vol. 2B, WRFSBASE/WRGSBASE',
    forms: [form(`F3 0F AE /${digit}`, [r(rmRegisterY)], ONLY64)],
    execute(m, src) {
      requireFsgsbase(m);
      const value = m.zext(m.read(src), 64);
      const extended: Value = m.sar(m.shl(value, 16), 16);
      m.raiseIf(m.ne(extended, value), state.EXCEPTION_GP, 0);
      m.storeState(base, value);
    },
  }),
);

export const LAR = systemInstruction('LAR', {
  manual: 'SDM vol. 2A, LAR',
  depends: ['operandSize'],
  forms: [form('0F 02 /r', [w(reg), r(rm16)])],
  call: loadAccessRights,
});

export const LSL = systemInstruction('LSL', {
  manual: 'SDM vol. 2A, LSL',
  depends: ['operandSize'],
  forms: [form('0F 03 /r', [w(reg), r(rm16)])],
  call: loadSegmentLimit,
});

export const VERR = systemInstruction('VERR', {
  manual: 'SDM vol. 2B, VERR/VERW',
  forms: [form('0F 00 /4', [r(rm16)])],
  call: verifyRead,
});

export const VERW = systemInstruction('VERW', {
  manual: 'SDM vol. 2B, VERR/VERW',
  forms: [form('0F 00 /5', [r(rm16)])],
  call: verifyWrite,
});

export const ARPL = systemInstruction('ARPL', {
  manual: 'SDM vol. 2A, ARPL',
  forms: [form('63 /r', [rw(rm16), r(reg16)], NO64)],
  call: adjustRpl,
});

export const SYSTEM_SEGMENTS: readonly Instruction[] = [
  MOV_FROM_SREG,
  ...MOV_TO_SREG,
  ...PUSH_SREG,
  ...POP_SREG,
  ...LOAD_FAR_POINTERS,
  SWAPGS,
  ...READ_BASES,
  ...WRITE_BASES,
  LAR,
  LSL,
  VERR,
  VERW,
  ARPL,
];

// Loading SS holds interrupts off for one instruction, which must not be cut from it; the others end a run of records,
// for in legacy modes whether segments are flat decides how addresses are decoded.
function endOrShadow(segment: number): { readonly ends?: true; readonly shadow?: true } {
  return segment === state.SS ? { shadow: true } : { ends: true };
}

function requireFsgsbase(m: Semantics): void {
  m.raiseIf(m.not(m.bit(m.loadState(state.OFFSET_CR4, 32), 16)), state.EXCEPTION_UD);
}
