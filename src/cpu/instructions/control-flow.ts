/** JMP, Jcc, CALL, RET, LOOP, JrCXZ, SETcc, CMOVcc: near transfers and what depends on conditions. */
import { CONDITIONS } from '../emit/flag-semantics.ts';
import type { Semantics } from '../emit/semantics.ts';
import type { Value } from '../emit/values.ts';
import { EXCEPTION_GP, RCX, RSP } from '../state.ts';
import { FORCE64, form, type Instruction, instruction } from './define.ts';
import { imm16, r, reg, rel8, relz, rm, rm8, w } from './operands.ts';

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, '0');

export const JMP = instruction('JMP', {
  manual: 'SDM vol. 2A, JMP',
  hot: true,
  ends: true,
  depends: ['operandSize'],
  forms: [form('EB cb', [r(rel8)], FORCE64), form('E9 cz', [r(relz)], FORCE64)],
  execute(m, target) {
    m.control.jumpRelative(target);
  },
});

export const JMP_INDIRECT = instruction('JMP', {
  manual: 'SDM vol. 2A, JMP',
  hot: true,
  ends: true,
  forms: [form('FF /4', [r(rm)], FORCE64)],
  execute(m, operand) {
    const target = m.read(operand);
    checkTarget(m, target);
    m.control.jump(m.zext(target, 64));
  },
});

export const JCC: readonly Instruction[] = CONDITIONS.map((condition, code) =>
  instruction(`J${condition}`, {
    manual: 'SDM vol. 2A, Jcc',
    hot: true,
    depends: ['operandSize'],
    forms: [form(`${hex(0x70 + code)} cb`, [r(rel8)], FORCE64), form(`0F ${hex(0x80 + code)} cz`, [r(relz)], FORCE64)],
    execute(m, target) {
      m.if(m.condition(code), () => m.control.jumpRelative(target));
    },
  }),
);

export const CALL = instruction('CALL', {
  manual: 'SDM vol. 2A, CALL',
  hot: true,
  ends: true,
  depends: ['operandSize', 'stackSize'],
  forms: [form('E8 cz', [r(relz)], FORCE64)],
  execute(m, target) {
    m.pushStack(m.trunc(m.control.nextRip(), m.context.operandSize));
    m.control.jumpRelative(target);
  },
});

export const CALL_INDIRECT = instruction('CALL', {
  manual: 'SDM vol. 2A, CALL',
  hot: true,
  ends: true,
  depends: ['stackSize'],
  forms: [form('FF /2', [r(rm)], FORCE64)],
  execute(m, operand) {
    const target = m.read(operand);
    checkTarget(m, target, () => {
      // A stack that cannot be written comes before a target that cannot be fetched.
      const top = m.sub(m.readGpr(RSP, 64), m.const(64, 8));
      m.checkWritable(top, 64);
    });
    m.pushStack(m.trunc(m.control.nextRip(), m.context.operandSize));
    m.control.jump(m.zext(target, 64));
  },
});

export const RET = instruction('RET', {
  manual: 'SDM vol. 2B, RET',
  hot: true,
  ends: true,
  depends: ['operandSize', 'stackSize'],
  forms: [form('C3', [], FORCE64)],
  execute(m) {
    const { operandSize } = m.context;
    const target = m.peekStack(operandSize);
    checkTarget(m, target);
    m.dropStack(operandSize / 8);
    m.control.jump(m.zext(target, 64));
  },
});

export const RET_IMMEDIATE = instruction('RET', {
  manual: 'SDM vol. 2B, RET',
  ends: true,
  depends: ['operandSize', 'stackSize'],
  forms: [form('C2 iw', [r(imm16)], FORCE64)],
  execute(m, bytes) {
    const { operandSize } = m.context;
    const target = m.peekStack(operandSize);
    checkTarget(m, target);
    m.dropStack(operandSize / 8);
    m.dropStack(m.read(bytes));
    m.control.jump(m.zext(target, 64));
  },
});

/** LOOPNE, LOOPE, LOOP: the count register is as wide as an address. */
export const LOOPS: readonly Instruction[] = (['NE', 'E', ''] as const).map((condition, index) =>
  instruction(`LOOP${condition}`, {
    manual: 'SDM vol. 2A, LOOP/LOOPcc',
    depends: ['operandSize', 'addressSize'],
    forms: [form(`${hex(0xe0 + index)} cb`, [r(rel8)], FORCE64)],
    execute(m, target) {
      const { addressSize } = m.context;
      const count = m.sub(m.readGpr(RCX, addressSize), m.const(addressSize, 1));
      m.writeGpr(RCX, count);
      let taken = m.not(m.isZero(count));
      if (condition === 'E') taken = m.and(taken, m.flag('ZF'));
      if (condition === 'NE') taken = m.and(taken, m.not(m.flag('ZF')));
      m.if(taken, () => m.control.jumpRelative(target));
    },
  }),
);

export const JRCXZ = instruction('JRCXZ', {
  manual: 'SDM vol. 2A, Jcc',
  depends: ['operandSize', 'addressSize'],
  forms: [form('E3 cb', [r(rel8)], FORCE64)],
  execute(m, target) {
    m.if(m.isZero(m.readGpr(RCX, m.context.addressSize)), () => m.control.jumpRelative(target));
  },
});

export const SETCC: readonly Instruction[] = CONDITIONS.map((condition, code) =>
  instruction(`SET${condition}`, {
    manual: 'SDM vol. 2B, SETcc',
    hot: true,
    forms: [form(`0F ${hex(0x90 + code)} /r`, [w(rm8)])],
    execute(m, dst) {
      m.write(dst, m.zext(m.condition(code), 8));
    },
  }),
);

export const CMOVCC: readonly Instruction[] = CONDITIONS.map((condition, code) =>
  instruction(`CMOV${condition}`, {
    manual: 'SDM vol. 2A, CMOVcc',
    hot: true,
    forms: [form(`0F ${hex(0x40 + code)} /r`, [w(reg), r(rm)])],
    execute(m, dst, src) {
      // The source is read, and may fault, even when the condition does not hold; a 32-bit destination is
      // zero-extended either way.
      const moved = m.read(src);
      m.write(dst, m.select(m.condition(code), moved, m.read(dst)));
    },
  }),
);

export const CONTROL_FLOW: readonly Instruction[] = [
  JMP,
  JMP_INDIRECT,
  ...JCC,
  CALL,
  CALL_INDIRECT,
  RET,
  RET_IMMEDIATE,
  ...LOOPS,
  JRCXZ,
  ...SETCC,
  ...CMOVCC,
];

/** A target that is not canonical faults at the branch, before anything has changed (SDM vol. 2A, JMP, 64-bit mode). */
function checkTarget(m: Semantics, target: Value, first: () => void = () => {}): void {
  if (target.bits !== 64) return;
  m.if(m.ne(m.sar(m.shl(target, 16), 16), target), () => {
    first();
    m.control.raise(EXCEPTION_GP, 0);
  });
}
