import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { NodeClock } from './clock.ts';
import { defer } from './event-loop.ts';

const MS = 1_000_000;

test('a timer is never early, also where setTimeout would be', async () => {
  const clock = new NodeClock();
  const early: number[] = [];
  for (let wait = 0.2; wait < 6; wait += 0.7) {
    const at = clock.nowNs() + wait * MS;
    await new Promise<void>((resolve) => clock.setTimer(at, resolve));
    if (clock.nowNs() < at) early.push(wait);
  }
  deepEqual(early, []);
});

test('a timer that may be early is not earlier than that', async () => {
  const clock = new NodeClock();
  const early: number[] = [];
  for (const wait of [0.3, 1.7, 3.1, 5.9]) {
    const from = clock.nowNs() + wait * MS;
    await new Promise<void>((resolve) => clock.setTimer(from + 2 * MS, resolve, from));
    if (clock.nowNs() < from) early.push(wait);
  }
  deepEqual(early, []);
});

test('a timer whose time is past calls back later, not from inside setTimer', async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    new NodeClock().setTimer(0, () => {
      order.push('fired');
      resolve();
    });
    order.push('set');
  });
  deepEqual(order, ['set', 'fired']);
});

test('a cancelled timer does not call back, whether it was near or far', async () => {
  const clock = new NodeClock();
  let fired = 0;
  for (const wait of [0, 0.5 * MS, 2 * MS]) clock.setTimer(clock.nowNs() + wait, () => fired++).cancel();
  await new Promise<void>((resolve) => clock.setTimer(clock.nowNs() + 5 * MS, resolve));
  equal(fired, 0);
});

test('the wall clock is the date', () => {
  const wallMs = Number(new NodeClock().wallclockNs() / 1_000_000n);
  ok(Math.abs(wallMs - Date.now()) < 60_000);
});

test('what defers itself for ever does not keep a timer from firing', async () => {
  const clock = new NodeClock();
  let busy = true;
  const spin = () => {
    if (busy) defer(spin);
  };
  spin();
  await new Promise<void>((resolve) => clock.setTimer(clock.nowNs() + 2 * MS, resolve));
  busy = false;
});
