import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TimerQueue } from '../../common/timer.ts';
import { PmTimer } from './pmtimer.ts';

class Board {
  readonly timers = new TimerQueue();
  readonly sci: boolean[] = [];
  now = 0;
  readonly acpi = new PmTimer(this);

  nowNs(): number {
    return this.now;
  }
  setSci(up: boolean): void {
    this.sci.push(up);
  }
}

const STATUS = 0xb000;
const ENABLE = 0xb002;
const TIMER = 0xb008;

test('the timer counts 3,579,545 times a second, in 32 bits (ACPI 6.5, 4.8.3.3)', () => {
  const board = new Board();
  board.acpi.setLocation(1n);
  board.now = 1e9;
  equal(board.acpi.readPort(TIMER, 4), 3_579_545);
  board.now = 2000.5e9;
  equal(board.acpi.readPort(TIMER, 4), Math.floor(2000.5 * 3_579_545) % 2 ** 32);
  deepEqual([board.acpi.readPort(TIMER, 2), board.acpi.readPort(TIMER + 4, 4)], [undefined, undefined]);
});

test('its place is one of two (HVM_PARAM_ACPI_IOPORTS_LOCATION)', () => {
  const { acpi } = new Board();
  deepEqual([acpi.readPort(0x1f48, 4), acpi.readPort(TIMER, 4)], [0, undefined]);
  deepEqual([acpi.setLocation(1n), acpi.setLocation(2n)], [true, false]);
  deepEqual([acpi.readPort(0x1f48, 4), acpi.readPort(TIMER, 4)], [undefined, 0]);
});

test('a change of its highest bit is an event; the interrupt is up while an enabled one is not cleared', () => {
  const board = new Board();
  board.acpi.setLocation(1n);
  board.acpi.writePort(ENABLE, 2, 1);
  board.now = Math.ceil((2 ** 31 * 1e9) / 3_579_545);
  board.timers.expire(board.now);
  equal(board.acpi.readPort(STATUS, 4), 0x10001);
  board.acpi.writePort(STATUS, 2, 0x100);
  board.acpi.writePort(STATUS, 1, 1);
  deepEqual(board.sci, [false, true, true, false]);
  equal(board.acpi.readPort(STATUS, 1), 0);
  equal(board.timers.nextNs > board.now, true);
});
