import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../lib/ports.ts';
import { Callbacks } from './callbacks.ts';

/** A clock and an event loop under the test's hand. */
function world() {
  const timers = new Set<() => void>();
  const deferred: (() => void)[] = [];
  const clock: Clock = {
    nowNs: () => 5,
    nsPerInstruction: undefined,
    wallclockNs: () => 7n,
    setTimer: (_, callback) => {
      timers.add(callback);
      return { cancel: () => timers.delete(callback) };
    },
  };
  const errors: unknown[] = [];
  const callbacks = new Callbacks(
    clock,
    (callback) => deferred.push(callback),
    (error) => errors.push(error),
  );
  const fire = () => {
    for (const callback of [...timers, ...deferred.splice(0)]) callback();
  };
  return { callbacks, timers, errors, fire };
}

test('what a timer or a deferred call throws breaks the machine, and not the event loop', () => {
  const { callbacks, errors, fire } = world();
  const bug = new Error('ours');
  const fail = () => {
    throw bug;
  };
  callbacks.clock.setTimer(0, fail);
  callbacks.defer(fail);
  fire();
  deepEqual(errors, [bug, bug]);
});

test('after close nothing is called, and no timer is left to keep the process alive', () => {
  const { callbacks, timers, fire } = world();
  let calls = 0;
  callbacks.clock.setTimer(0, () => calls++);
  callbacks.defer(() => calls++);
  callbacks.close();
  equal(timers.size, 0);
  fire();
  equal(calls, 0);
});

test('a cancelled timer is not called', () => {
  const { callbacks, timers } = world();
  callbacks.clock.setTimer(0, () => {}).cancel();
  equal(timers.size, 0);
});
