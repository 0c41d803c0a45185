/** BT, BTS, BTR, BTC, BSF, BSR, CMPXCHG, CMPXCHG8B, CMPXCHG16B, XADD. */
import type { Semantics } from '../emit/semantics.ts';
import type { Value } from '../emit/values.ts';
import { MODE_CODE_64 } from '../mode.ts';
import { EXCEPTION_GP, OFFSET_MODE, RAX, RBX, RCX, RDX } from '../state.ts';
import { type Form, form, type Instruction, instruction, LOCK, type OperandHandle } from './define.ts';
import { imm8, m128, m64, r, reg, reg8, rm, rm8, rw, w } from './operands.ts';

const BIT_UNDEFINED = ['OF', 'SF', 'AF', 'PF'];

export const BT = instruction('BT', {
  manual: 'SDM vol. 2A, BT',
  hot: true,
  depends: ['addressSize'],
  undefinedFlags: BIT_UNDEFINED,
  forms: [form('0F A3 /r', [r(rm), r(reg)]), form('0F BA /4 ib', [r(rm), r(imm8)])],
  execute(m, base, offset) {
    const bits = m.bits(base);
    const number = m.read(offset, bits);
    const word = isFar(m, base, offset) ? m.load(wordAddress(m, base, number), bits) : m.read(base);
    m.setCarry(m.bit(m.shr(word, bitInWord(m, number)), 0));
  },
});

export const BTS = modifyBit('BTS', '0F AB', '/5', (m, word, mask) => m.or(word, mask));
export const BTR = modifyBit('BTR', '0F B3', '/6', (m, word, mask) => m.and(word, m.not(mask)));
export const BTC = modifyBit('BTC', '0F BB', '/7', (m, word, mask) => m.xor(word, mask));

export const BSF = instruction('BSF', {
  manual: 'SDM vol. 2A, BSF',
  hot: true,
  undefinedFlags: ['CF', 'OF', 'SF', 'AF', 'PF'],
  forms: [form('0F BC /r', [w(reg), r(rm)])],
  execute(m, dst, src) {
    scan(m, dst, src, (value) => m.ctz(value));
  },
});

export const BSR = instruction('BSR', {
  manual: 'SDM vol. 2A, BSR',
  hot: true,
  undefinedFlags: ['CF', 'OF', 'SF', 'AF', 'PF'],
  forms: [form('0F BD /r', [w(reg), r(rm)])],
  execute(m, dst, src) {
    scan(m, dst, src, (value) => m.sub(m.const(value.bits, value.bits - 1), m.clz(value)));
  },
});

export const CMPXCHG = instruction('CMPXCHG', {
  manual: 'SDM vol. 2A, CMPXCHG',
  hot: true,
  forms: [form('0F B0 /r', [rw(rm8), r(reg8)], LOCK), form('0F B1 /r', [rw(rm), r(reg)], LOCK)],
  execute(m, dst, src) {
    const current = m.readForWrite(dst);
    const { bits } = current;
    const expected = m.readGpr(RAX, bits);
    const equal = m.eq(expected, current);
    // Memory is written either way; a register destination too, which for 32 bits clears its upper half.
    m.write(dst, m.select(equal, m.read(src), current));
    m.flagsOfSub(expected, current, m.sub(expected, current));
    m.if(m.not(equal), () => m.writeGpr(RAX, current));
  },
});

export const CMPXCHG8B = instruction('CMPXCHG8B', {
  manual: 'SDM vol. 2A, CMPXCHG8B/CMPXCHG16B',
  forms: [form('W0 0F C7 /1', [rw(m64)], LOCK)],
  execute(m, dst) {
    const pair = (low: number, high: number): Value =>
      m.or(m.zext(m.readGpr(low, 32), 64), m.shl(m.zext(m.readGpr(high, 32), 64), 32));
    const current = m.readForWrite(dst);
    const equal = m.eq(pair(RAX, RDX), current);
    m.write(dst, m.select(equal, pair(RBX, RCX), current));
    m.if(m.not(equal), () => {
      m.writeGpr(RAX, m.trunc(current, 32));
      m.writeGpr(RDX, m.trunc(m.shr(current, 32), 32));
    });
    setZero(m, equal);
  },
});

export const CMPXCHG16B = instruction('CMPXCHG16B', {
  manual: 'SDM vol. 2A, CMPXCHG8B/CMPXCHG16B',
  forms: [form('REX.W 0F C7 /1', [rw(m128)], LOCK)],
  execute(m, dst) {
    const address = m.address(dst);
    m.raiseIf(m.not(m.isZero(m.and(address, m.const(64, 15)))), EXCEPTION_GP, 0);
    // Aligned, so both halves are in one page: the first check covers the second.
    m.checkWritable(address, 64);
    const upper = m.add(address, m.const(64, 8));
    const low = m.load(address, 64);
    const high = m.load(upper, 64);
    const equal = m.and(m.eq(low, m.readGpr(RAX, 64)), m.eq(high, m.readGpr(RDX, 64)));
    m.store(address, m.select(equal, m.readGpr(RBX, 64), low));
    m.store(upper, m.select(equal, m.readGpr(RCX, 64), high));
    m.if(m.not(equal), () => {
      m.writeGpr(RAX, low);
      m.writeGpr(RDX, high);
    });
    setZero(m, equal);
  },
});

export const XADD = instruction('XADD', {
  manual: 'SDM vol. 2B, XADD',
  hot: true,
  forms: [form('0F C0 /r', [rw(rm8), rw(reg8)], LOCK), form('0F C1 /r', [rw(rm), rw(reg)], LOCK)],
  execute(m, dst, src) {
    const a = m.readForWrite(dst);
    const b = m.read(src);
    const sum = m.add(a, b);
    if (m.isMemory(dst)) {
      m.write(dst, sum);
      m.write(src, a);
    } else {
      // With both operands the same register the sum stays.
      m.write(src, a);
      m.write(dst, sum);
    }
    m.flagsOfAdd(a, b, sum);
  },
});

export const BITS: readonly Instruction[] = [BT, BTS, BTR, BTC, BSF, BSR, CMPXCHG, CMPXCHG8B, CMPXCHG16B, XADD];

function modifyBit(
  mnemonic: string,
  opcode: string,
  digit: string,
  change: (m: Semantics, word: Value, mask: Value) => Value,
): Instruction {
  const forms: Form[] = [
    form(`${opcode} /r`, [rw(rm), r(reg)], LOCK),
    form(`0F BA ${digit} ib`, [rw(rm), r(imm8)], LOCK),
  ];
  return instruction(mnemonic, {
    manual: `SDM vol. 2A, ${mnemonic}`,
    hot: true,
    depends: ['addressSize'],
    undefinedFlags: BIT_UNDEFINED,
    forms,
    execute(m, base, offset) {
      const bits = m.bits(base);
      const number = m.read(offset, bits);
      const word = isFar(m, base, offset) ? m.readForWriteAt(base, wordAddress(m, base, number)) : m.readForWrite(base);
      const place = bitInWord(m, number);
      m.write(base, change(m, word, m.shl(m.const(bits, 1), place)));
      m.setCarry(m.bit(m.shr(word, place), 0));
    },
  });
}

/** A register bit offset reaches memory far from the operand's own address; an immediate one does not. */
function isFar(m: Semantics, base: OperandHandle, offset: OperandHandle): boolean {
  return m.isMemory(base) && !m.isImmediate(offset);
}

/** Address of the word that holds a bit whose number is signed. */
function wordAddress(m: Semantics, base: OperandHandle, number: Value): Value {
  const { bits } = number;
  const shift = bits === 64 ? 6 : bits === 32 ? 5 : 4;
  const words = m.sar(m.sext(number, 64), shift);
  const address = m.add(m.address(base), m.shl(words, shift - 3));
  const { addressSize } = m.context;
  if (addressSize === 64) return address;
  // The offset wraps at the address size. Where a segment has a base, offsets are taken not to wrap.
  const wrapped = m.zext(m.trunc(address, addressSize), 64);
  const is64 = m.bit(m.loadState(OFFSET_MODE, 32), Math.log2(MODE_CODE_64));
  const segmented = m.select(is64, address, m.zext(m.trunc(address, 32), 64));
  return m.select(m.isUnsegmented(base), wrapped, segmented);
}

function bitInWord(m: Semantics, number: Value): Value {
  return m.and(number, m.const(number.bits, number.bits - 1));
}

function scan(m: Semantics, dst: OperandHandle, src: OperandHandle, find: (value: Value) => Value): void {
  const value = m.read(src);
  const zero = m.isZero(value);
  const wide = value.bits === 16 ? m.zext(value, 32) : value;
  const found = m.trunc(find(wide), value.bits);
  // A zero source leaves the destination alone (AMD documents it, Intel does it), the upper half included.
  m.if(m.not(zero), () => m.write(dst, found));
  m.flagsOfResult(value, m.const(1, 0), m.const(1, 0));
}

/** Changes ZF alone. */
function setZero(m: Semantics, ZF: Value): void {
  m.flags({
    CF: m.flag('CF'),
    PF: m.flag('PF'),
    AF: m.flag('AF'),
    ZF,
    SF: m.flag('SF'),
    OF: m.flag('OF'),
  });
}
