/**
 * MOVS, STOS, LODS, CMPS, SCAS. Repeated moves and stores go by blocks that stay in one page on either side; where a
 * block cannot be had (a TLB miss, MMIO, watched pages, DF, overlap) one element goes by itself, and the next round
 * tries again. Registers are up to date after each round, so a fault leaves them at the iteration that faulted.
 */
import type { Semantics } from '../emit/semantics.ts';
import type { Bits, Value } from '../emit/values.ts';
import { MODE_FLAT } from '../mode.ts';
import { ES, OFFSET_MODE, OFFSET_RFLAGS_REST, OFFSET_TSC_WINDOW, RCX, RDI, RSI } from '../state.ts';
import { form, type Instruction, instruction, type OperandHandle, REPEAT } from './define.ts';
import { AL, r, rAX, stringDestination, stringDestination8, stringSource, stringSource8, w } from './operands.ts';

/**
 * After so many elements a repeated instruction counts as one instruction, and starts again: interrupts get in. By
 * elements, not by how fast they went, so that the count is the guest's alone (engine.ts, exactBudget).
 */
export const ELEMENTS_AT_ONCE = 16384;
/** The same of what goes one by one, downwards or with a look at each, and may miss the TLB every time. */
export const ELEMENTS_ONE_BY_ONE = 512;
/** Bytes at once that take longer than instructions do. */
const LARGE_BLOCK = 1024;

export const MOVS = instruction('MOVS', {
  manual: 'SDM vol. 2B, MOVS/MOVSB/MOVSW/MOVSD/MOVSQ',
  depends: ['addressSize', 'stackSize'],
  forms: [
    form('A4', [w(stringDestination8), r(stringSource8)], REPEAT),
    form('A5', [w(stringDestination), r(stringSource)], REPEAT),
  ],
  execute(m, _dst, src) {
    const bits = m.bits(src);
    const moveOne = (): void => {
      const value = m.load(m.address(src), bits);
      m.store(destination(m, bits, true), value);
    };
    if (m.context.repeat === '') {
      moveOne();
      step(m, [RSI, RDI], bits);
      return;
    }
    repeatByBlocks(m, bits, [RSI, RDI], moveOne, () => {
      const from = m.address(src);
      const to = destination(m, bits, true);
      return { from, to, allowed: m.and(isFlat(m), sourceIsFlat(m, src)) };
    });
  },
});

export const STOS = instruction('STOS', {
  manual: 'SDM vol. 2B, STOS/STOSB/STOSW/STOSD/STOSQ',
  depends: ['addressSize', 'stackSize'],
  forms: [form('AA', [w(stringDestination8), r(AL)], REPEAT), form('AB', [w(stringDestination), r(rAX)], REPEAT)],
  execute(m, _dst, src) {
    const bits = m.bits(src);
    const storeOne = (): void => m.store(destination(m, bits, true), m.read(src));
    if (m.context.repeat === '') {
      storeOne();
      step(m, [RDI], bits);
      return;
    }
    repeatByBlocks(m, bits, [RDI], storeOne, () => {
      const to = destination(m, bits, true);
      return { pattern: repeated(m, m.read(src)), to, allowed: isFlat(m) };
    });
  },
});

export const LODS = instruction('LODS', {
  manual: 'SDM vol. 2A, LODS/LODSB/LODSW/LODSD/LODSQ',
  depends: ['addressSize', 'stackSize'],
  forms: [form('AC', [w(AL), r(stringSource8)], REPEAT), form('AD', [w(rAX), r(stringSource)], REPEAT)],
  execute(m, dst, src) {
    const bits = m.bits(src);
    const loadOne = (): void => {
      m.write(dst, m.load(m.address(src), bits));
      step(m, [RSI], bits);
    };
    if (m.context.repeat === '') {
      loadOne();
      return;
    }
    m.if(m.not(m.isZero(counter(m))), () => {
      repeatElements(m, () => {
        loadOne();
        return m.const(1, 1);
      });
    });
  },
});

export const CMPS = instruction('CMPS', {
  manual: 'SDM vol. 2A, CMPS/CMPSB/CMPSW/CMPSD/CMPSQ',
  depends: ['addressSize', 'stackSize'],
  forms: [
    form('A6', [r(stringSource8), r(stringDestination8)], REPEAT),
    form('A7', [r(stringSource), r(stringDestination)], REPEAT),
  ],
  execute(m, first) {
    const bits = m.bits(first);
    compare(m, bits, [RSI, RDI], () => {
      const a = m.load(m.address(first), bits);
      return [a, m.load(destination(m, bits, false), bits)];
    });
  },
});

export const SCAS = instruction('SCAS', {
  manual: 'SDM vol. 2B, SCAS/SCASB/SCASW/SCASD',
  depends: ['addressSize', 'stackSize'],
  forms: [form('AE', [r(AL), r(stringDestination8)], REPEAT), form('AF', [r(rAX), r(stringDestination)], REPEAT)],
  execute(m, first) {
    const bits = m.bits(first);
    compare(m, bits, [RDI], () => [m.read(first), m.load(destination(m, bits, false), bits)]);
  },
});

export const STRINGS: readonly Instruction[] = [MOVS, STOS, LODS, CMPS, SCAS];

/** CMPS and SCAS: the flags are those of the last comparison, and stay as they were when there was none. */
function compare(m: Semantics, bits: Bits, pointers: readonly number[], read: () => [Value, Value]): void {
  const { repeat } = m.context;
  if (repeat === '') {
    const [a, b] = read();
    step(m, pointers, bits);
    m.flagsOfSub(a, b, m.sub(a, b));
    return;
  }
  m.if(m.not(m.isZero(counter(m))), () => {
    const first = m.variable(m.const(bits, 0));
    const second = m.variable(m.const(bits, 0));
    repeatElements(m, () => {
      const [a, b] = read();
      m.set(first, a);
      m.set(second, b);
      step(m, pointers, bits);
      return repeat === 'rep' ? m.eq(a, b) : m.ne(a, b);
    });
    const [a, b] = [m.get(first), m.get(second)];
    m.flagsOfSub(a, b, m.sub(a, b));
  });
}

/** Runs `element` until rCX is zero or it returns false. rCX is not zero. */
function repeatElements(m: Semantics, element: () => Value): void {
  const left = m.variable(m.const(32, ELEMENTS_ONE_BY_ONE));
  m.doWhile(() => {
    const goOn = element();
    const rest = countDown(m, m.const(32, 1));
    m.set(left, m.sub(m.get(left), m.const(32, 1)));
    const more = m.and(goOn, m.not(m.isZero(rest)));
    pause(m, more, m.get(left));
    return more;
  });
}

/** A block at `to`, filled from `from` or with `pattern`, if `allowed`. */
interface Block {
  readonly to: Value;
  readonly from?: Value;
  readonly pattern?: Value;
  readonly allowed: Value;
}

function repeatByBlocks(
  m: Semantics,
  bits: Bits,
  pointers: readonly number[],
  oneElement: () => void,
  nextBlock: () => Block,
): void {
  const shift = Math.log2(bits / 8);
  m.if(m.not(m.isZero(counter(m))), () => {
    const [upward, downward] = [m.const(32, ELEMENTS_AT_ONCE), m.const(32, ELEMENTS_ONE_BY_ONE)];
    const left = m.variable(m.select(directionFlag(m), downward, upward));
    m.doWhile(() => {
      const done = m.variable(m.const(32, 0));
      tryBlock(m, shift, nextBlock(), m.get(left), done);
      m.if(m.isZero(m.get(done)), () => {
        oneElement();
        m.set(done, m.const(32, 1));
      });
      m.set(left, m.sub(m.get(left), m.get(done)));
      step(m, pointers, bits, m.get(done));
      const rest = countDown(m, m.get(done));
      const more = m.not(m.isZero(rest));
      pause(m, more, m.get(left));
      return more;
    });
  });
}

/** Sets `done` to the number of elements that were moved or stored at once, at most `limit`. */
function tryBlock(
  m: Semantics,
  shift: number,
  block: Block,
  limit: Value,
  done: ReturnType<Semantics['variable']>,
): void {
  const { to, from, pattern } = block;
  const upward = m.not(directionFlag(m));
  const room = from === undefined ? pageRest(m, to) : minimum(m, pageRest(m, to), pageRest(m, from));
  const inPage = minimum(m, m.shr(room, shift), limit);
  const count = counter(m);
  const wide = m.zext(count, 64);
  const elements = m.trunc(minimum(m, wide, m.zext(inPage, 64)), 32);
  m.if(m.and(m.and(block.allowed, upward), m.not(m.isZero(elements))), () => {
    const bytes = m.shl(elements, shift);
    const hostTo = m.fastHost(to, true);
    const hostFrom = from === undefined ? hostTo : m.fastHost(from, false);
    m.if(m.and(m.not(m.isZero(hostTo)), m.not(m.isZero(hostFrom))), () => {
      m.if(m.not(m.below(bytes, m.const(32, LARGE_BLOCK))), () => takeTime(m));
      if (pattern !== undefined) {
        m.fillBlock(hostTo, pattern, bytes);
        m.set(done, elements);
        return;
      }
      // Where the destination begins inside the source each element must see what the ones before it wrote.
      m.if(m.not(m.below(m.sub(hostTo, hostFrom), bytes)), () => {
        m.copyBlock(hostTo, hostFrom, bytes);
        m.set(done, elements);
      });
    });
  });
}

/** Between rounds: when enough was done at once, the instruction starts again, and interrupts get in. */
function pause(m: Semantics, more: Value, left: Value): void {
  m.if(m.and(more, m.less(left, m.const(32, 1))), () => {
    takeTime(m);
    m.control.again();
  });
}

/** The time-stamp counter is not to be told by the instructions since it was read last: see system/tsc.ts. */
function takeTime(m: Semantics): void {
  m.storeState(OFFSET_TSC_WINDOW, m.const(32, 0));
}

/** Linear address of ES:rDI. */
function destination(m: Semantics, bits: Bits, write: boolean): Value {
  const offset = m.readGpr(RDI, m.context.addressSize);
  if (m.context.stackSize === 64) return m.zext(offset, 64);
  const address = m.variable(m.zext(offset, 64));
  m.if(m.not(isFlat(m)), () => m.set(address, m.segmentAddress(ES, offset, bits, write)));
  return m.get(address);
}

/** CS, DS, ES and SS need no check. */
function isFlat(m: Semantics): Value {
  if (m.context.stackSize === 64) return m.const(1, 1);
  return m.bit(m.loadState(OFFSET_MODE, 32), Math.log2(MODE_FLAT));
}

function sourceIsFlat(m: Semantics, src: OperandHandle): Value {
  // In 64-bit code FS and GS have a base and no limit, but ESI may wrap in the midst of a page then.
  return m.context.stackSize === 64 && m.context.addressSize === 64 ? m.const(1, 1) : m.isUnsegmented(src);
}

function directionFlag(m: Semantics): Value {
  return m.bit(m.loadState(OFFSET_RFLAGS_REST, 32), 10);
}

/** Moves the pointers by a number of elements. */
function step(m: Semantics, pointers: readonly number[], bits: Bits, elements: Value = m.const(32, 1)): void {
  const { addressSize } = m.context;
  const bytes = resize(m, m.shl(elements, Math.log2(bits / 8)), addressSize);
  const by = m.select(directionFlag(m), m.neg(bytes), bytes);
  for (const pointer of pointers) m.writeGpr(pointer, m.add(m.readGpr(pointer, addressSize), by));
}

function counter(m: Semantics): Value {
  return m.readGpr(RCX, m.context.addressSize);
}

/** Takes elements off the counter and returns what is left of it. */
function countDown(m: Semantics, elements: Value): Value {
  const rest = m.sub(counter(m), resize(m, elements, m.context.addressSize));
  m.writeGpr(RCX, rest);
  return rest;
}

/** Bytes from an address to the end of its page, as a 32-bit value. */
function pageRest(m: Semantics, address: Value): Value {
  return m.sub(m.const(32, 4096), m.and(m.trunc(address, 32), m.const(32, 0xfff)));
}

function minimum(m: Semantics, a: Value, b: Value): Value {
  return m.select(m.below(a, b), a, b);
}

/** A value of 8 to 64 bits over and over, to fill 64. */
function repeated(m: Semantics, value: Value): Value {
  const wide = m.zext(value, 64);
  switch (value.bits) {
    case 8:
      return m.mul(wide, m.const(64, 0x0101010101010101n));
    case 16:
      return m.mul(wide, m.const(64, 0x0001000100010001n));
    case 32:
      return m.mul(wide, m.const(64, 0x0000000100000001n));
    default:
      return wide;
  }
}

function resize(m: Semantics, value: Value, bits: 16 | 32 | 64): Value {
  return bits === 64 ? m.zext(value, 64) : m.trunc(value, bits);
}
