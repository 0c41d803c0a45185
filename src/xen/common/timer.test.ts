import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { slackOf, Timer, TimerQueue } from './timer.ts';

test('timers fire in the order of their moments, whatever the order they were set in', () => {
  const queue = new TimerQueue();
  const fired: number[] = [];
  const moments = Array.from({ length: 200 }, (_, index) => (index * 7919) % 1009);
  for (const moment of moments) queue.set(new Timer(() => fired.push(moment)), moment);
  queue.expire(2000);
  deepEqual(
    fired,
    moments.toSorted((a, b) => a - b),
  );
  equal(queue.size, 0);
});

test('only what is due fires, and the next moment is told', () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  queue.set(new Timer(() => fired.push('early')), 10);
  queue.set(new Timer(() => fired.push('late')), 20);
  queue.expire(19);
  deepEqual(fired, ['early']);
  equal(queue.nextNs, 20);
});

test('setting a timer again moves it, stopping it twice is harmless', () => {
  const queue = new TimerQueue();
  const fired: string[] = [];
  const moved = new Timer(() => fired.push('moved'));
  const stopped = new Timer(() => fired.push('stopped'));
  queue.set(moved, 10);
  queue.set(stopped, 15);
  queue.set(moved, 30);
  queue.stop(stopped);
  queue.stop(stopped);
  queue.expire(20);
  deepEqual(fired, []);
  equal(moved.active, true);
  queue.expire(30);
  deepEqual(fired, ['moved']);
  equal(moved.active, false);
});

test('a timer that sets itself to the past fires once for each call of expire', () => {
  const queue = new TimerQueue();
  let fired = 0;
  const timer = new Timer(() => {
    fired += 1;
    queue.set(timer, 0);
  });
  queue.set(timer, 0);
  queue.expire(100);
  equal(fired, 1);
  queue.expire(100);
  equal(fired, 2);
});

test('stopping from the middle keeps the rest in order', () => {
  const queue = new TimerQueue();
  const fired: number[] = [];
  const timers = Array.from({ length: 64 }, (_, index) => new Timer(() => fired.push(index)));
  timers.forEach((timer, index) => queue.set(timer, (index * 29) % 64));
  for (let index = 0; index < 64; index += 3) queue.stop(timers[index] as Timer);
  queue.expire(64);
  const expected = timers.map((_, index) => index).filter((index) => index % 3 !== 0);
  deepEqual(
    fired,
    expected.toSorted((a, b) => ((a * 29) % 64) - ((b * 29) % 64)),
  );
});

test('a machine that sleeps wakes up once for timers that may be a little late, and for none too late', () => {
  const queue = new TimerQueue();
  equal(queue.latestNs, Number.POSITIVE_INFINITY);
  queue.set(new Timer(() => {}), 1000, 500);
  queue.set(new Timer(() => {}), 1400, 500);
  equal(queue.latestNs, 1500, 'both at once');
  const exact = new Timer(() => {});
  queue.set(exact, 1200);
  equal(queue.latestNs, 1200, 'a third one may not be late');
  queue.set(exact, 2000);
  equal(queue.latestNs, 1500);
  equal(queue.nextNs, 1000);
});

test('how late a timer may be depends on how long it waits (Xen: timer_slop is 50 us)', () => {
  equal(slackOf(1_000_000), 50_000);
  equal(slackOf(100_000_000), 1_562_500);
  equal(slackOf(10_000_000_000), 4_000_000);
});
