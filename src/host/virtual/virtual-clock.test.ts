import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NS_PER_INSTRUCTION, VirtualClock } from './virtual-clock.ts';

/** Until nothing is left to do; the real clock has no part in it. */
async function settled(turns = 50): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

function running(): VirtualClock {
  const clock = new VirtualClock(setImmediate);
  clock.canJump = true;
  return clock;
}

test('an instruction takes its time, while it executes too', () => {
  const clock = new VirtualClock(setImmediate);
  const counter = { instructions: 500 };
  clock.enter(counter);
  counter.instructions += 70;
  equal(clock.nowNs(), 70 * NS_PER_INSTRUCTION);
  clock.leave();
  counter.instructions += 1000;
  equal(clock.nowNs(), 70 * NS_PER_INSTRUCTION);
  equal(clock.wallclockNs(), VirtualClock.EPOCH_NS + BigInt(70 * NS_PER_INSTRUCTION));
});

test('with nothing to do the clock jumps from timer to timer, in their order', async () => {
  const clock = running();
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name} ${clock.nowNs()}`);
  clock.setTimer(3e12, note('late'));
  clock.setTimer(5, note('first of 5'));
  clock.setTimer(5, note('second of 5'));
  clock.setTimer(4, note('cancelled')).cancel();
  await settled();
  deepEqual(fired, ['first of 5 5', 'second of 5 5', 'late 3000000000000']);
});

test('what is deferred comes before the clock jumps, with the promises that it settles', async () => {
  const clock = running();
  const order: string[] = [];
  clock.setTimer(1, () => order.push('timer'));
  clock.defer(() => {
    void Promise.resolve()
      .then(() => {})
      .then(() => clock.defer(() => order.push('by a promise')));
    order.push('first');
  });
  clock.defer(() => order.push('second'));
  await settled();
  deepEqual(order, ['first', 'second', 'by a promise', 'timer']);
});

test('a timer of the past comes before what is deferred', async () => {
  const clock = running();
  const order: string[] = [];
  clock.defer(() => order.push('deferred'));
  clock.setTimer(-1, () => order.push('timer'));
  await settled();
  deepEqual(order, ['timer', 'deferred']);
});

test('without a guest the clock stands still, and a timer waits for one', async () => {
  const clock = new VirtualClock(setImmediate);
  let fired = 0;
  clock.setTimer(10, () => fired++);
  await settled();
  equal(fired, 0);
  clock.canJump = true;
  await settled();
  equal(fired, 1);
});
