/** Moves between XMM registers and memory, of whole registers and of parts. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import { type Form, form, type Instruction, instruction, type OperandHandle } from '../define.ts';
import {
  m128,
  m64,
  maskedDestination128,
  my,
  r,
  reg32,
  regy,
  rm32,
  rm64,
  rw,
  w,
  xmm,
  xmmM128,
  xmmM32,
  xmmM64,
  xmmRegister,
} from '../operands.ts';
import {
  bitSelect,
  checkAligned,
  fromScalar,
  lane,
  manualOf,
  readAligned,
  readLow,
  shiftLanes,
  shuffle,
  splat,
  withLane,
} from './lanes.ts';
import { storeMasked } from './masked-store.ts';

export const SSE_MOVES: readonly Instruction[] = [
  wholeMove('MOVAPS', 'NP 0F 28', 'NP 0F 29', 'aligned'),
  wholeMove('MOVAPD', '66 0F 28', '66 0F 29', 'aligned'),
  wholeMove('MOVDQA', '66 0F 6F', '66 0F 7F', 'aligned'),
  wholeMove('MOVUPS', 'NP 0F 10', 'NP 0F 11', 'unaligned'),
  wholeMove('MOVUPD', '66 0F 10', '66 0F 11', 'unaligned'),
  wholeMove('MOVDQU', 'F3 0F 6F', 'F3 0F 7F', 'unaligned'),
  move('LDDQU', [form('F2 0F F0 /r', [w(xmm), r(m128)])], (m, dst, src) => m.write(dst, m.read(src))),
  move('MOVNTDQA', [form('66 0F 38 2A /r', [w(xmm), r(m128)])], (m, dst, src) => m.write(dst, readAligned(m, src))),
  streamingStore('MOVNTPS', 'NP 0F 2B'),
  streamingStore('MOVNTPD', '66 0F 2B'),
  streamingStore('MOVNTDQ', '66 0F E7'),
  instruction('MOVNTI', {
    manual: 'SDM vol. 2B, MOVNTI',
    forms: [form('NP 0F C3 /r', [w(my), r(regy)])],
    execute: (m, dst, src) => m.write(dst, m.read(src)),
  }),
  scalarMove('MOVSS', 'F3', xmmM32, 32),
  scalarMove('MOVSD', 'F2', xmmM64, 64),
  lowMove('MOVLPS', 'NP'),
  lowMove('MOVLPD', '66'),
  highMove('MOVHPS', 'NP'),
  highMove('MOVHPD', '66'),
  move('MOVHLPS', [form('NP 0F 12 /r', [rw(xmm), r(xmmRegister)])], (m, dst, src) =>
    m.write(dst, lane(m, m.read(src), 64, 1)),
  ),
  move('MOVLHPS', [form('NP 0F 16 /r', [rw(xmm), r(xmmRegister)])], (m, dst, src) =>
    m.write(dst, withLane(m, m.read(dst), 1, m.read(src, 64))),
  ),
  duplicate('MOVSLDUP', 'F3 0F 12', [0, 0, 2, 2]),
  duplicate('MOVSHDUP', 'F3 0F 16', [1, 1, 3, 3]),
  move('MOVDDUP', [form('F2 0F 12 /r', [w(xmm), r(xmmM64)])], (m, dst, src) => m.write(dst, splat(m, m.read(src, 64)))),
  instruction('MOVD', {
    manual: 'SDM vol. 2B, MOVD/MOVQ',
    unit: 'sse',
    hot: true,
    forms: [form('66 W0 0F 6E /r', [w(xmm), r(rm32)])],
    execute: (m, dst, src) => m.write(dst, m.isMemory(src) ? readLow(m, src) : fromScalar(m, m.read(src))),
  }),
  instruction('MOVD', {
    manual: 'SDM vol. 2B, MOVD/MOVQ',
    unit: 'sse',
    hot: true,
    forms: [form('66 W0 0F 7E /r', [w(rm32), r(xmm)])],
    execute: (m, dst, src) => m.write(dst, m.read(src, 32)),
  }),
  instruction('MOVQ', {
    manual: 'SDM vol. 2B, MOVQ',
    unit: 'sse',
    hot: true,
    forms: [form('66 REX.W 0F 6E /r', [w(xmm), r(rm64)]), form('F3 0F 7E /r', [w(xmm), r(xmmM64)])],
    execute: (m, dst, src) => m.write(dst, m.isMemory(src) ? readLow(m, src) : fromScalar(m, m.read(src, 64))),
  }),
  instruction('MOVQ', {
    manual: 'SDM vol. 2B, MOVQ',
    unit: 'sse',
    hot: true,
    forms: [form('66 REX.W 0F 7E /r', [w(rm64), r(xmm)])],
    execute: (m, dst, src) => m.write(dst, m.read(src, 64)),
  }),
  instruction('MOVQ', {
    manual: 'SDM vol. 2B, MOVQ',
    unit: 'sse',
    hot: true,
    forms: [form('66 0F D6 /r', [w(xmmM64), r(xmm)])],
    execute(m, dst, src) {
      if (m.isMemory(dst)) m.write(dst, m.readFloat(src, 64));
      else m.write(dst, fromScalar(m, m.read(src, 64)));
    },
  }),
  signMask('MOVMSKPS', 'NP 0F 50', op.OP_I32X4_BITMASK),
  signMask('MOVMSKPD', '66 0F 50', op.OP_I64X2_BITMASK),
  instruction('PMOVMSKB', {
    manual: 'SDM vol. 2B, PMOVMSKB',
    unit: 'sse',
    hot: true,
    forms: [form('66 0F D7 /r', [w(reg32), r(xmmRegister)])],
    execute: (m, dst, src) => m.write(dst, m.vector(op.OP_I8X16_BITMASK, 32, [m.read(src)])),
  }),
  instruction('MASKMOVDQU', {
    manual: 'SDM vol. 2B, MASKMOVDQU',
    unit: 'sse',
    forms: [form('66 0F F7 /r', [r(xmm), r(xmmRegister), w(maskedDestination128)])],
    execute(m, data, mask, destination) {
      const bytes = shiftLanes(m, op.OP_I8X16_SHR_S, m.read(mask), 7);
      const any = m.vector(op.OP_V128_ANY_TRUE, 1, [bytes]);
      storeMasked(m, destination, any, (old) => bitSelect(m, bytes, m.read(data), old));
    },
  }),
];

type Execute = (m: Semantics, dst: OperandHandle, src: OperandHandle) => void;

function move(mnemonic: string, forms: readonly Form[], execute: Execute): Instruction {
  return instruction(mnemonic, { manual: manualOf(mnemonic), unit: 'sse', forms, execute });
}

function wholeMove(mnemonic: string, load: string, store: string, alignment: 'aligned' | 'unaligned'): Instruction {
  return instruction(mnemonic, {
    manual: manualOf(mnemonic),
    unit: 'sse',
    hot: true,
    forms: [form(`${load} /r`, [w(xmm), r(xmmM128)]), form(`${store} /r`, [w(xmmM128), r(xmm)])],
    execute(m, dst, src) {
      if (alignment === 'aligned') {
        checkAligned(m, src);
        checkAligned(m, dst);
      }
      m.write(dst, m.read(src));
    },
  });
}

function streamingStore(mnemonic: string, encoding: string): Instruction {
  return move(mnemonic, [form(`${encoding} /r`, [w(m128), r(xmm)])], (m, dst, src) => {
    checkAligned(m, dst);
    m.write(dst, m.read(src));
  });
}

/** From a register only the low element is replaced; from memory the rest becomes zero. */
function scalarMove(mnemonic: string, prefix: string, kind: typeof xmmM32, bits: 32 | 64): Instruction {
  const forms = [form(`${prefix} 0F 10 /r`, [rw(xmm), r(kind)]), form(`${prefix} 0F 11 /r`, [w(kind), r(xmm)])];
  return move(mnemonic, forms, (m, dst, src) => {
    if (m.isMemory(src)) m.write(dst, readLow(m, src));
    else if (m.isMemory(dst)) m.write(dst, m.readFloat(src, bits));
    else m.writeFloat(dst, m.readFloat(src, bits));
  });
}

function lowMove(mnemonic: string, prefix: string): Instruction {
  const forms = [form(`${prefix} 0F 12 /r`, [rw(xmm), r(m64)]), form(`${prefix} 0F 13 /r`, [w(m64), r(xmm)])];
  return move(mnemonic, forms, (m, dst, src) => m.write(dst, m.isMemory(dst) ? m.readFloat(src, 64) : m.read(src, 64)));
}

function highMove(mnemonic: string, prefix: string): Instruction {
  const forms = [form(`${prefix} 0F 16 /r`, [rw(xmm), r(m64)]), form(`${prefix} 0F 17 /r`, [w(m64), r(xmm)])];
  return move(mnemonic, forms, (m, dst, src) => {
    if (m.isMemory(dst)) {
      m.write(dst, lane(m, m.read(src), 64, 1));
      return;
    }
    const high = m.read(src);
    m.write(dst, withLane(m, m.read(dst), 1, high));
  });
}

function duplicate(mnemonic: string, encoding: string, picks: readonly number[]): Instruction {
  return move(mnemonic, [form(`${encoding} /r`, [w(xmm), r(xmmM128)])], (m, dst, src) => {
    const value = readAligned(m, src);
    m.write(dst, shuffle(m, 4, picks, value, value));
  });
}

function signMask(mnemonic: string, encoding: string, opcode: number): Instruction {
  return move(mnemonic, [form(`${encoding} /r`, [w(reg32), r(xmmRegister)])], (m, dst, src) =>
    m.write(dst, m.vector(opcode, 32, [m.read(src)])),
  );
}
