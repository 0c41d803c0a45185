/** Repeated string instructions against a model that goes element by element (SDM vol. 2B, REP). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_BUDGET } from '../engine.ts';
import { FLAG_DF, OFFSET_CR2, OFFSET_EVENT, OFFSET_RFLAGS_REST, RAX, RCX, RDI, RSI } from '../state.ts';
import { CODE, TestProcessor } from '../testing/processor.ts';
import { ELEMENTS_AT_ONCE } from './string.ts';

const STAY = [0xeb, 0xfe];
const AREA = 0x100000;
const AREA_BYTES = 0x20000;
const SIZES = [
  [1, [0xa4], [0xaa]],
  [2, [0x66, 0xa5], [0x66, 0xab]],
  [4, [0xa5], [0xab]],
  [8, [0x48, 0xa5], [0x48, 0xab]],
] as const;

/** Numbers that are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

function fill(cpu: TestProcessor, seed: number): Uint8Array {
  const random = numbers(seed);
  for (let i = 0; i < AREA_BYTES; i++) cpu.memory[AREA + i] = random.next().value;
  return cpu.memory.slice(AREA, AREA + AREA_BYTES);
}

function setDirection(cpu: TestProcessor, down: boolean): void {
  cpu.state.setU32(OFFSET_RFLAGS_REST, down ? FLAG_DF : 0);
}

/** Runs until the jump after the instruction is all that is left, and checks that it was reached. */
function finish(cpu: TestProcessor, code: readonly number[]): void {
  equal(cpu.run([...code, ...STAY], CODE, 1000), EXIT_BUDGET);
  equal(cpu.state.rip, BigInt(CODE + code.length));
}

test('REP MOVS copies as element by element would, whatever the distance, length, size and direction', () => {
  using cpu = new TestProcessor();
  const random = numbers(1);
  const below = (n: number): number => random.next().value % n;
  for (let round = 0; round < 250; round++) {
    const [size, movs] = SIZES[below(4)] as (typeof SIZES)[number];
    const down = below(4) === 0;
    const count = below([8, 70, 600, 3000][below(4)] as number);
    const from = 0x8000 + below(0x4000);
    const distance = [below(0x8000) - 0x4000, below(64) - 32, below(600) - 300, 0][below(4)] as number;
    const to = from + distance;
    const expected = fill(cpu, round);
    const step = down ? -size : size;
    for (let i = 0; i < count; i++) expected.copyWithin(to + i * step, from + i * step, from + i * step + size);
    cpu.state.setGpr(RSI, BigInt(AREA + from));
    cpu.state.setGpr(RDI, BigInt(AREA + to));
    cpu.state.setGpr(RCX, BigInt(count));
    setDirection(cpu, down);
    finish(cpu, [0xf3, ...movs]);
    equal(cpu.state.gpr(RCX), 0n);
    equal(cpu.state.gpr(RSI), BigInt(AREA + from + count * step));
    equal(cpu.state.gpr(RDI), BigInt(AREA + to + count * step));
    const what = `round ${round}: ${count} of ${size} bytes, distance ${distance}${down ? ', down' : ''}`;
    ok(Buffer.from(expected.buffer).equals(cpu.memory.subarray(AREA, AREA + AREA_BYTES)), what);
  }
});

test('REP STOS stores as element by element would', () => {
  using cpu = new TestProcessor();
  const random = numbers(2);
  const below = (n: number): number => random.next().value % n;
  for (let round = 0; round < 150; round++) {
    const [size, , stos] = SIZES[below(4)] as (typeof SIZES)[number];
    const down = below(4) === 0;
    const count = below([8, 70, 600, 3000][below(4)] as number);
    const to = 0x8000 + below(0x4000);
    const value = below(2) === 0 ? 0n : 0x1122334455667788n;
    const expected = fill(cpu, round);
    const step = down ? -size : size;
    const element = Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
    for (let i = 0; i < count; i++) expected.set(element, to + i * step);
    cpu.state.setGpr(RAX, value);
    cpu.state.setGpr(RDI, BigInt(AREA + to));
    cpu.state.setGpr(RCX, BigInt(count));
    setDirection(cpu, down);
    finish(cpu, [0xf3, ...stos]);
    equal(cpu.state.gpr(RDI), BigInt(AREA + to + count * step));
    const what = `round ${round}: ${count} of ${size} bytes${down ? ', down' : ''}`;
    ok(Buffer.from(expected.buffer).equals(cpu.memory.subarray(AREA, AREA + AREA_BYTES)), what);
  }
});

/** Maps one page at SECOND to AREA, and nothing after it. */
const SECOND = 0x40000000;
function mapOnePage(cpu: TestProcessor): void {
  cpu.view.setUint32(0x2008, 0x3007, true);
  cpu.view.setUint32(0x3000, 0x4007, true);
  cpu.view.setUint32(0x4000, AREA | 7, true);
  cpu.vcpu.flushTlb();
}

test('a fault in the middle leaves the registers at the element that faulted, and what is before it done', () => {
  using cpu = new TestProcessor();
  mapOnePage(cpu);
  cpu.memory.fill(0, AREA, AREA + 0x2000);
  cpu.state.setGpr(RAX, 0x5a5a5a5an);
  cpu.state.setGpr(RDI, BigInt(SECOND + 0xf00));
  cpu.state.setGpr(RCX, 1000n);
  // There is no IDT: the page fault ends in a shutdown, with RIP and registers as the fault found them.
  cpu.run([0xf3, 0xab, ...STAY], CODE, 100);
  equal(cpu.state.rip, BigInt(CODE));
  equal(cpu.state.gpr(RDI), BigInt(SECOND + 0x1000));
  equal(cpu.state.gpr(RCX), 1000n - 64n);
  equal(cpu.state.u64(OFFSET_CR2) >= BigInt(SECOND + 0x1000), true);
  equal(cpu.state.u32(OFFSET_EVENT), 0);
  ok(cpu.memory.subarray(AREA + 0xf00, AREA + 0x1000).every((byte) => byte === 0x5a));
});

test('a long one lets interrupts in: the run ends with RIP on the instruction and some of it done', () => {
  using cpu = new TestProcessor();
  const bytes = 0x400000;
  cpu.state.setGpr(RDI, 0x200000n);
  cpu.state.setGpr(RAX, 7n);
  cpu.state.setGpr(RCX, BigInt(bytes));
  cpu.load(CODE, [0xf3, 0xaa, ...STAY]);
  cpu.state.rip = BigInt(CODE);
  let stops = 0;
  while (cpu.state.rip === BigInt(CODE)) {
    equal(cpu.continue(1), EXIT_BUDGET);
    stops++;
  }
  equal(stops, bytes / ELEMENTS_AT_ONCE);
  equal(cpu.state.gpr(RCX), 0n);
  ok(cpu.memory.subarray(0x200000, 0x200000 + bytes).every((byte) => byte === 7));
});

test('code that a block overwrites is seen to have changed', () => {
  using cpu = new TestProcessor();
  const target = 0x30000;
  const source = 0x31000;
  const returns = (value: number): number[] => [0xb8, value, 0, 0, 0, 0xc3];
  cpu.load(target, returns(1));
  cpu.load(source, returns(2));
  const call = (at: number): number[] => [0xe8, ...int32(target - (CODE + at + 5))];
  cpu.state.setGpr(RSI, BigInt(source));
  cpu.state.setGpr(RDI, BigInt(target));
  cpu.state.setGpr(RCX, 6n);
  // call; rep movsb; call
  finish(cpu, [...call(0), 0xf3, 0xa4, ...call(7)]);
  equal(cpu.state.gpr(RAX), 2n);
});

test('MMIO is read and written an element at a time', () => {
  const seen: string[] = [];
  using cpu = new TestProcessor({
    readMmio: (gpa, size) => {
      seen.push(`read ${gpa.toString(16)} ${size}`);
      return gpa & 0xff;
    },
    writeMmio: (gpa, size, value) => void seen.push(`write ${gpa.toString(16)} ${size} ${value.toString(16)}`),
  });
  cpu.state.setGpr(RSI, 0x3000_0000n);
  cpu.state.setGpr(RDI, 0x3100_0000n);
  cpu.state.setGpr(RCX, 2n);
  finish(cpu, [0xf3, 0xa5]);
  deepEqual(seen, ['read 30000000 4', 'write 31000000 4 0', 'read 30000004 4', 'write 31000004 4 4']);
});

test('a 32-bit count and 32-bit pointers: 67H in 64-bit code', () => {
  using cpu = new TestProcessor();
  fill(cpu, 5);
  cpu.state.setGpr(RSI, 0xffffffff00000000n + BigInt(AREA));
  cpu.state.setGpr(RDI, 0x1200000000n + BigInt(AREA + 0x4000));
  cpu.state.setGpr(RCX, 0x700000100n);
  finish(cpu, [0x67, 0xf3, 0xa4]);
  equal(cpu.state.gpr(RCX), 0n);
  equal(cpu.state.gpr(RSI), BigInt(AREA + 0x100));
  deepEqual(cpu.memory.subarray(AREA + 0x4000, AREA + 0x4100), cpu.memory.subarray(AREA, AREA + 0x100));
});

function int32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
