/** What one domain does is its own matter: another one goes on with its work, and the host with its own. */
import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Domid } from '../../src/abi/xen.ts';
import { accountOf } from '../../src/xen/testing/accounting.ts';
import { HOSTILE, TICKING } from './testing/kernels.ts';
import { SmallMachine } from './testing/small-machine.ts';

/** Of the guests' time, for each of them. */
const MS = 60;
/** Turns of Xen's end after a millisecond, and the slice that is then executed. */
const LONGEST_TURN_NS = 2_000_000;

const machine = new SmallMachine();
const ticking = machine.start(TICKING);
machine.run(20);

/** Runs for a while, and has the other domain tick nearly as often as if it were alone. */
function ticksOn(): void {
  const before = ticking.read('count');
  machine.longestTurnNs = 0;
  machine.run(MS);
  const ticks = ticking.read('count') - before;
  ok(ticks >= MS * 0.6, `${ticks} ticks in ${MS} ms`);
  ok(machine.longestTurnNs <= LONGEST_TURN_NS, `a turn of ${machine.longestTurnNs} ns`);
}

for (const [what, kernel] of Object.entries(HOSTILE)) {
  test(`a domain that ${what} leaves the others their time, and goes without a trace`, () => {
    const account = accountOf(machine.hypervisor);
    const guest = machine.domain(kernel);
    const port = machine.ctrl.evtchn_alloc_unbound(guest.domid, 0 as Domid);
    const user = machine.events.open();
    const mine = user.bindInterdomain(guest.domid, port);
    user.onEvent(mine, () => {});
    machine.ctrl.domain_unpause(guest.domid);
    ticksOn();
    machine.ctrl.domain_destroy(guest.domid);
    user.unbind(mine);
    machine.run(2);
    deepEqual({ ...accountOf(machine.hypervisor), busyCpus: 0 }, { ...account, busyCpus: 0 });
  });
}

test('all of them at once', () => {
  const guests = Object.values(HOSTILE).map((kernel) => machine.start(kernel));
  ticksOn();
  for (const { domid } of guests) machine.ctrl.domain_destroy(domid);
});
