import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type InterruptMessage, Vioapic, VIOAPIC_PINS } from './vioapic.ts';

const IOREGSEL = 0x00;
const IOWIN = 0x10;
const LEVEL = 1 << 15;
const REMOTE_IRR = 1 << 14;
const MASKED = 1 << 16;

class Board {
  readonly sent: InterruptMessage[] = [];
  readonly ioapic = new Vioapic({ deliver: (message) => this.sent.push(message) });

  read(register: number): number {
    this.ioapic.writeMmio(IOREGSEL, register);
    return this.ioapic.readMmio(IOWIN);
  }
  write(register: number, value: number): void {
    this.ioapic.writeMmio(IOREGSEL, register);
    this.ioapic.writeMmio(IOWIN, value >>> 0);
  }
  entry(pin: number, low: number, destination = 0): void {
    this.write(0x11 + pin * 2, destination << 24);
    this.write(0x10 + pin * 2, low);
  }
  get vectors(): number[] {
    return this.sent.map(({ vector }) => vector);
  }
}

test('it has 48 entries, all masked at first, and an ID that can be written (82093AA, 3.1, 3.2)', () => {
  const board = new Board();
  equal(board.read(0x01), 0x11 | ((VIOAPIC_PINS - 1) << 16));
  equal(board.read(0x10 + 2 * 47), MASKED);
  equal(board.read(0x10 + 2 * 48), 0);
  board.write(0x00, 0xffffffff);
  equal(board.read(0x00), 0x0f000000);
});

test('an edge is sent once, as its entry says, and not at all while masked', () => {
  const board = new Board();
  board.ioapic.pulse(20);
  board.entry(20, 0x31 | (1 << 8) | (1 << 11), 3);
  deepEqual(board.vectors, []);
  board.ioapic.pulse(20);
  deepEqual(board.sent, [{ vector: 0x31, mode: 1, logical: true, destination: 3, level: false }]);
});

test('a level is sent again at the end of interrupt for as long as the line is up', () => {
  const board = new Board();
  board.entry(21, 0x41 | LEVEL);
  board.ioapic.assert(21);
  board.ioapic.assert(21);
  deepEqual(board.vectors, [0x41]);
  equal(board.read(0x10 + 42) & REMOTE_IRR, REMOTE_IRR);
  board.ioapic.deassert(21);
  board.ioapic.endOfInterrupt(0x41);
  deepEqual(board.vectors, [0x41, 0x41], 'the second device is not done');
  board.ioapic.deassert(21);
  board.ioapic.endOfInterrupt(0x41);
  deepEqual(board.vectors, [0x41, 0x41]);
  equal(board.read(0x10 + 42) & REMOTE_IRR, 0);
});

test('unmasking sends a level that waited; status bits cannot be written', () => {
  const board = new Board();
  board.ioapic.assert(22);
  board.entry(22, 0x51 | LEVEL | MASKED | REMOTE_IRR);
  deepEqual(board.vectors, []);
  board.entry(22, 0x51 | LEVEL);
  deepEqual(board.vectors, [0x51]);
});

test('making an entry edge-triggered ends its interrupt, as Linux does without an EOI register', () => {
  const board = new Board();
  board.entry(23, 0x61 | LEVEL);
  board.ioapic.assert(23);
  board.entry(23, 0x61 | MASKED);
  equal(board.read(0x10 + 46) & REMOTE_IRR, 0);
});
