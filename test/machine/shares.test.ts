/** Kernels that compute get of the thread what their weights and caps say, on the real engine. */
import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_SCHEDULER_CREDIT2 } from '../../src/abi/domctl-sched.ts';
import { SchedCalls } from '../../src/libs/ctrl/sched-calls.ts';
import { SPINNING } from './testing/kernels.ts';
import { SmallMachine } from './testing/small-machine.ts';

test('four kernels that spin: weights of 1, 2 and 4, and a cap of a tenth', () => {
  const machine = new SmallMachine();
  const sched = new SchedCalls(machine.xen.dom0);
  const wanted = [
    { weight: 128, cap: 0, share: 0.9 / 7 },
    { weight: 256, cap: 0, share: (0.9 * 2) / 7 },
    { weight: 512, cap: 0, share: (0.9 * 4) / 7 },
    { weight: 512, cap: 10, share: 0.1 },
  ];
  const guests = wanted.map(({ weight, cap }) => {
    const guest = machine.domain(SPINNING);
    sched.credit_set(guest.domid, XEN_SCHEDULER_CREDIT2, { weight, cap });
    machine.ctrl.domain_unpause(guest.domid);
    return guest;
  });
  machine.run(50);
  const counts = () => guests.map((guest) => guest.read('count'));
  const before = counts();
  machine.run(250);
  const done = counts().map((count, index) => count - (before[index] as number));
  const all = done.reduce((a, b) => a + b);
  wanted.forEach(({ share }, index) => {
    const got = (done[index] as number) / all;
    ok(Math.abs(got - share) <= share * 0.05, `domain ${index}: ${got.toFixed(3)} instead of ${share.toFixed(3)}`);
  });
});
