import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TimerQueue } from '../../common/timer.ts';
import { Vhpet } from './vhpet.ts';

const CONFIGURATION = 0x10;
const STATUS = 0x20;
const COUNTER = 0xf0;
const timer = (n: number) => 0x100 + n * 0x20;
const comparator = (n: number) => 0x108 + n * 0x20;

const LEVEL = 1 << 1;
const ENABLE = 1 << 2;
const PERIODIC = 1 << 3;
const SET_VALUE = 1 << 6;
const MODE_32 = 1 << 8;
const route = (line: number) => line << 9;

class Board {
  readonly timers = new TimerQueue();
  readonly lines: string[] = [];
  now = 0;
  readonly hpet = new Vhpet(this);

  nowNs(): number {
    return this.now;
  }
  pulse(line: number): void {
    this.lines.push(`${line}`);
  }
  assert(line: number): void {
    this.lines.push(`+${line}`);
  }
  deassert(line: number): void {
    this.lines.push(`-${line}`);
  }
  read(offset: number): number {
    return this.hpet.readMmio(offset, 4);
  }
  write(offset: number, ...words: number[]): void {
    for (const [index, word] of words.entries()) this.hpet.writeMmio(offset + index * 4, 4, word);
  }
  /** Lets `ticks` of 16 ns pass. */
  pass(ticks: number): void {
    const end = this.now + ticks * 16;
    while (this.timers.nextNs <= end) {
      this.now = this.timers.nextNs;
      this.timers.expire(this.now);
    }
    this.now = end;
  }
}

test('three timers of 64 bits, 62.5 MHz, legacy replacement (HPET 1.0a, 2.3.4)', () => {
  const board = new Board();
  deepEqual([board.read(0), board.read(4)], [0x8086a201, 16_000_000]);
  deepEqual([board.read(timer(2)), board.read(timer(2) + 4)], [0x30, 0x00f00000]);
  equal(board.hpet.readMmio(1, 2), 0xffff, 'not aligned');
});

test('the main counter stands until it is enabled, and can be written while it stands', () => {
  const board = new Board();
  board.pass(1000);
  equal(board.read(COUNTER), 0);
  board.write(COUNTER, 0xfffffff0, 1);
  board.write(CONFIGURATION, 1);
  board.pass(0x20);
  deepEqual([board.read(COUNTER), board.read(COUNTER + 4)], [0x10, 2]);
  board.write(CONFIGURATION, 0);
  board.pass(5);
  equal(board.read(COUNTER), 0x10);
});

test('a one-shot timer fires once, at its comparator; one in the past at once', () => {
  const board = new Board();
  board.write(timer(0), ENABLE | route(20));
  board.write(comparator(0), 100, 0);
  board.write(CONFIGURATION, 1);
  board.pass(99);
  deepEqual(board.lines, []);
  board.pass(1000);
  deepEqual(board.lines, ['20']);
  board.write(comparator(0), 50, 0);
  board.pass(0);
  deepEqual(board.lines, ['20', '20']);
});

test('a periodic timer: the accumulator first, then the period (2.3.9.2.2); a late read sees the next time', () => {
  const board = new Board();
  board.write(CONFIGURATION, 1);
  board.write(timer(1), ENABLE | PERIODIC | SET_VALUE | MODE_32 | route(21));
  board.write(comparator(1), 10_000);
  board.write(comparator(1), 20_000);
  board.pass(10_000);
  deepEqual(board.lines, ['21']);
  board.pass(45_000);
  deepEqual(board.lines, ['21', '21', '21']);
  equal(board.read(comparator(1)), 70_000);
  equal(board.read(timer(1)) & SET_VALUE, 0);
});

test('a level stays up until its status bit is written with a one', () => {
  const board = new Board();
  board.write(timer(2), ENABLE | LEVEL | route(23));
  board.write(comparator(2), 10, 0);
  board.write(CONFIGURATION, 1);
  board.pass(20);
  deepEqual([board.lines, board.read(STATUS)], [['+23'], 4]);
  board.write(STATUS, 3);
  board.write(STATUS, 4);
  deepEqual([board.lines, board.read(STATUS)], [['+23', '-23'], 0]);
});

test('the line that is let go is the one that was raised, wherever the timer goes now', () => {
  const board = new Board();
  board.write(timer(2), ENABLE | LEVEL | route(23));
  board.write(comparator(2), 10, 0);
  board.write(CONFIGURATION, 1);
  board.pass(20);
  board.write(timer(2), ENABLE | LEVEL | route(21));
  board.write(STATUS, 4);
  deepEqual(board.lines, ['+23', '-23']);
});

test('a line that it cannot drive becomes one that it can, once enabled (XSA-261)', () => {
  const board = new Board();
  board.write(timer(0), route(31));
  equal(board.read(timer(0)) & route(31), 0);
  board.write(timer(0), ENABLE | route(31));
  equal(board.read(timer(0)) & route(31), route(20));
});

test('legacy replacement puts timers 0 and 1 on the lines of PIT and RTC', () => {
  const board = new Board();
  board.write(timer(0), ENABLE | route(20));
  board.write(timer(1), ENABLE | route(20));
  board.write(comparator(0), 10, 0);
  board.write(comparator(1), 20, 0);
  board.write(CONFIGURATION, 3);
  board.pass(30);
  deepEqual(board.lines, ['2', '8']);
});

test('in 32-bit mode the comparator wraps with the low half of the counter', () => {
  const board = new Board();
  board.write(COUNTER, 0xfffffff0, 7);
  board.write(timer(0), ENABLE | MODE_32 | route(20));
  board.write(comparator(0), 0x10);
  board.write(CONFIGURATION, 1);
  board.pass(0x1f);
  deepEqual(board.lines, []);
  board.pass(1);
  deepEqual(board.lines, ['20']);
});
