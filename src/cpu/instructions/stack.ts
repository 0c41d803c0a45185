/** PUSH, POP, PUSHA, POPA, ENTER, LEAVE. PUSHF and POPF are with the flags. */
import { RBP, RSP } from '../state.ts';
import { DEFAULT64, form, type Instruction, instruction, NO64 } from './define.ts';
import { imm16, imm8sx, immz, opcodeReg, r, rm, secondImm8, w } from './operands.ts';

export const PUSH = instruction('PUSH', {
  manual: 'SDM vol. 2B, PUSH',
  hot: true,
  depends: ['stackSize'],
  forms: [
    form('50+r', [r(opcodeReg)], DEFAULT64),
    form('FF /6', [r(rm)], DEFAULT64),
    form('6A ib', [r(imm8sx)], DEFAULT64),
    form('68 iz', [r(immz)], DEFAULT64),
  ],
  execute(m, src) {
    m.pushStack(m.read(src));
  },
});

export const POP = instruction('POP', {
  manual: 'SDM vol. 2B, POP',
  hot: true,
  depends: ['stackSize'],
  forms: [form('58+r', [w(opcodeReg)], DEFAULT64)],
  execute(m, dst) {
    const value = m.peekStack(m.bits(dst));
    // POP rSP keeps what was popped, so the register is written last.
    m.dropStack(value.bits / 8);
    m.write(dst, value);
  },
});

export const POP_MEMORY = instruction('POP', {
  manual: 'SDM vol. 2B, POP',
  depends: ['stackSize'],
  forms: [form('8F /0', [w(rm)], DEFAULT64)],
  execute(m, dst) {
    const value = m.peekStack(m.bits(dst));
    if (!m.isMemory(dst)) {
      m.dropStack(value.bits / 8);
      m.write(dst, value);
      return;
    }
    // An address based on rSP is computed after rSP moved, and a fault must leave rSP as it was.
    const before = m.readGpr(RSP, 64);
    m.dropStack(value.bits / 8);
    const address = m.address(dst);
    const after = m.readGpr(RSP, 64);
    m.storeState(RSP * 8, before);
    m.store(address, value);
    m.storeState(RSP * 8, after);
  },
});

export const PUSHA = instruction('PUSHA', {
  manual: 'SDM vol. 2B, PUSHA/PUSHAD',
  depends: ['operandSize', 'stackSize'],
  forms: [form('60', [], NO64)],
  execute(m) {
    const { operandSize, stackSize } = m.context;
    const bytes = operandSize / 8;
    const top = m.readGpr(RSP, stackSize);
    // All eight slots are checked first: a fault leaves nothing half pushed that matters, for RSP moves last.
    for (let register = 0; register < 8; register++) {
      const offset = m.sub(top, m.const(stackSize, bytes * (register + 1)));
      m.store(m.stackAddress(offset, operandSize, true), m.readGpr(register, operandSize));
    }
    m.writeGpr(RSP, m.sub(top, m.const(stackSize, bytes * 8)));
  },
});

export const POPA = instruction('POPA', {
  manual: 'SDM vol. 2B, POPA/POPAD',
  depends: ['operandSize', 'stackSize'],
  forms: [form('61', [], NO64)],
  execute(m) {
    const { operandSize } = m.context;
    const bytes = operandSize / 8;
    // From the top of the stack on, which is where a fault is found first: DI, SI, BP, SP, BX, DX, CX, AX.
    const values = Array.from({ length: 8 }, (_, place) => m.peekStack(operandSize, bytes * place));
    m.dropStack(bytes * 8);
    for (const [place, value] of values.entries()) {
      if (7 - place !== RSP) m.writeGpr(7 - place, value);
    }
  },
});

export const LEAVE = instruction('LEAVE', {
  manual: 'SDM vol. 2A, LEAVE',
  hot: true,
  depends: ['operandSize', 'stackSize'],
  forms: [form('C9', [], DEFAULT64)],
  execute(m) {
    const { operandSize, stackSize } = m.context;
    const frame = m.readGpr(RBP, stackSize);
    const value = m.load(m.stackAddress(frame, operandSize, false), operandSize);
    m.writeGpr(RSP, m.add(frame, m.const(stackSize, operandSize / 8)));
    m.writeGpr(RBP, value);
  },
});

export const ENTER = instruction('ENTER', {
  manual: 'SDM vol. 2A, ENTER',
  depends: ['operandSize', 'stackSize'],
  forms: [form('C8 iw ib', [r(imm16), r(secondImm8)], DEFAULT64)],
  execute(m, size, nesting) {
    const { operandSize, stackSize } = m.context;
    const bytes = m.const(stackSize, operandSize / 8);
    const level = m.and(m.zext(m.read(nesting, 8), 32), m.const(32, 31));
    const pointer = m.variable(m.sub(m.readGpr(RSP, stackSize), bytes));
    m.store(m.stackAddress(m.get(pointer), operandSize, true), m.readGpr(RBP, operandSize));
    const frame = m.get(pointer);
    m.if(m.not(m.isZero(level)), () => {
      const from = m.variable(m.readGpr(RBP, stackSize));
      const left = m.variable(m.sub(level, m.const(32, 1)));
      m.if(m.not(m.isZero(m.get(left))), () => {
        m.doWhile(() => {
          m.set(from, m.sub(m.get(from), bytes));
          m.set(pointer, m.sub(m.get(pointer), bytes));
          const link = m.load(m.stackAddress(m.get(from), operandSize, false), operandSize);
          m.store(m.stackAddress(m.get(pointer), operandSize, true), link);
          m.set(left, m.sub(m.get(left), m.const(32, 1)));
          return m.not(m.isZero(m.get(left)));
        });
      });
      m.set(pointer, m.sub(m.get(pointer), bytes));
      m.store(m.stackAddress(m.get(pointer), operandSize, true), m.trunc(frame, operandSize));
    });
    const top = m.sub(m.get(pointer), m.zext(m.read(size, 16), stackSize));
    // The last byte of the new frame must be writable (SDM: #SS or #PF before RSP changes).
    m.checkWritable(m.stackAddress(top, 8, true), 8);
    m.writeGpr(RBP, m.trunc(frame, operandSize));
    m.writeGpr(RSP, top);
  },
});

export const STACK: readonly Instruction[] = [PUSH, POP, POP_MEMORY, PUSHA, POPA, LEAVE, ENTER];
