import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EAGAIN, EBUSY, EINVAL, EOPNOTSUPP } from '../../abi/errno.ts';
import * as evtchn from '../../abi/event_channel.ts';
import { SCHEDOP_poll, SchedPoll } from '../../abi/sched.ts';
import { __HYPERVISOR_event_channel_op, __HYPERVISOR_sched_op, DOMID_SELF } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { allocUnbound, bindInterdomain, close, operate, pair, reset, send, status } from '../testing/events.ts';
import { ARRAY_GFN, CONTROL_GFN, FifoGuest, PENDING } from '../testing/fifo-guest.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { CONTINUE } from './call.ts';
import * as event2l from './event-2l.ts';
import { EVTCHNOP_reset_cont } from './event-channel-op.ts';

// One test for each advisory about event channels whose kind of mistake could be made here. What each was about is told
// in our own words; the advisories are at xenbits.xen.org/xsa.

function poll(guest: Guest, port: number): number {
  return guest.withStructure(
    SchedPoll,
    (argument) => {
      guest.view(0x3000).setUint32(0, port, true);
      argument.ports = 0x3000n;
      argument.nr_ports = 1;
    },
    (at) => guest.hypercall(__HYPERVISOR_sched_op, [SCHEDOP_poll, at]),
  ).result;
}

/** Ports of a domain, as many as asked for, all unbound. */
function takePorts(guest: Guest, count: number): void {
  for (let taken = 0; taken < count; taken++) guest.domain.events.allocUnbound(guest.domain.id, guest.domain);
}

test('XSA-47: ports are there once all of them that came into being together are', () => {
  const { a } = pair();
  for (let port = 2; port < 64; port++) equal(allocUnbound(a, DOMID_SELF, 0).result, 0);
  equal(status(a, 64).result, -EINVAL);
  equal(allocUnbound(a, DOMID_SELF, 0).argument.port, 64);
  equal(status(a, 127).argument.status, evtchn.EVTCHNSTAT_closed);
});

test('XSA-107: an event for a vCPU that has no control block is dropped', () => {
  const it = new FifoGuest(2);
  equal(it.initControl(CONTROL_GFN, 0), 0);
  equal(it.expandArray(ARRAY_GFN), 0);
  const port = it.ipi(1);
  it.send(port);
  equal(it.word(port), 0);
  const moved = it.ipi(1);
  equal(it.unmask(moved), 0);
  equal(it.upcall(1), false);
});

test('XSA-188: an init_control that fails leaves no page, and the next one works', () => {
  const it = new FifoGuest();
  const held = () => it.machine.xen.frames.references(it.guest.domain.p2m?.mfn(CONTROL_GFN) ?? 0);
  equal(it.initControl(0x4000, 0), -EINVAL);
  equal(it.initControl(CONTROL_GFN, 4), -EINVAL);
  equal(it.expandArray(ARRAY_GFN), -EOPNOTSUPP);
  equal(held(), 1);
  equal(it.initControl(CONTROL_GFN, 0), 0);
  equal(held(), 2);
});

test('XSA-221: polling a port that there is not, or one whose word has no page yet, is answered', () => {
  const { a, unbound } = pair();
  equal(poll(a, 4000), -EINVAL);
  equal(poll(a, 0xffffffff), -EINVAL);
  a.domain.events.notify(unbound);
  equal(poll(a, unbound), 0);
  const it = new FifoGuest();
  equal(it.initControl(CONTROL_GFN, 0), 0);
  const port = it.ipi();
  it.send(port);
  it.guest.domain.vcpu(0)?.domain.events.poll(port);
  equal(it.guest.domain.events.poll(port), false);
  equal(it.expandArray(ARRAY_GFN), 0);
  equal(it.guest.domain.events.poll(port), true);
});

test('XSA-317: a port past the limit is refused, and the next request works as before', () => {
  const machine = new TestMachine();
  const a = machine.domain();
  takePorts(a, 2000);
  equal(a.domain.events.active, 1023);
  equal(allocUnbound(a, DOMID_SELF, 0).result < 0, true);
  equal(close(a, 1000), 0);
  equal(allocUnbound(a, DOMID_SELF, 0).argument.port, 1000);
});

test('XSA-342: ports that a 32-bit layout has no bits for touch no memory', () => {
  const machine = new TestMachine();
  const a = machine.domain({ ports: 4095 });
  const b = machine.domain({ ports: 4095 });
  takePorts(a, 2000);
  const last = allocUnbound(a, DOMID_SELF, b.domain.id).argument.port;
  equal(last, 2001);
  const bound = bindInterdomain(b, a.domain.id, last).argument.local_port;
  a.domain.has32bitSharedInfo = true;
  const page = a.machine.xen.memory.frame(a.domain.sharedInfo / PAGE_SIZE);
  const before = page.slice();
  equal(send(b, bound), 0);
  equal(
    operate(a, evtchn.EVTCHNOP_unmask, evtchn.EvtchnUnmask, (argument) => {
      argument.port = last;
    }).result,
    0,
  );
  equal(poll(a, last), 0);
  deepEqual(page, before);
  equal(allocUnbound(a, DOMID_SELF, 0).result < 0, true, 'none that the layout has no bit for');
  equal(close(a, last), 0);
  deepEqual(page, before);
});

test('XSA-343: a reset with a port opened meanwhile does not succeed, and keeps the ABI', () => {
  const it = FifoGuest.ready(1, 131071);
  const { events } = it.guest.domain;
  takePorts(it.guest, 5000);
  equal(events.reset(false), CONTINUE);
  equal(events.reset(false), -EBUSY, 'one at a time');
  const late = it.ipi();
  equal(events.reset(true), -EAGAIN);
  it.send(late);
  equal(it.word(late) & PENDING, PENDING);
  equal(events.reset(true), -EBUSY, 'there is none to go on with');
  equal(events.reset(false), 0);
});

test('XSA-344: a reset of all 131,071 ports of the FIFO ABI gives way again and again, and ends', () => {
  const it = FifoGuest.ready(1, 0xffffffff);
  takePorts(it.guest, 200_000);
  equal(it.guest.domain.events.active, 131071);
  const { call } = it.guest.hvm[0] ?? { call: undefined };
  it.guest.bytes(0x1000, 2).set([DOMID_SELF & 0xff, DOMID_SELF >> 8]);
  let turns = 0;
  const { dispatch } = it.machine.xen;
  it.machine.xen.dispatch = (one) => {
    turns += 1;
    return dispatch(one);
  };
  equal(it.guest.hypercall(__HYPERVISOR_event_channel_op, [evtchn.EVTCHNOP_reset, 0x1000]), 0);
  equal(turns, 32);
  equal(call?.u32(0), EVTCHNOP_reset_cont);
  equal(it.guest.domain.events.active, 0);
  it.guest.domain.kill();
});

test('XSA-505: after a reset there is no array to expand', () => {
  const it = FifoGuest.ready();
  const page = it.guest.domain.p2m?.mfn(ARRAY_GFN) ?? 0;
  equal(reset(it.guest), 0);
  equal(it.expandArray(ARRAY_GFN), -EOPNOTSUPP);
  equal(it.machine.xen.frames.references(page), 1);
  const port = it.ipi();
  it.send(port);
  equal(event2l.isPending(it.guest.domain, port), true);
});

test('either end of a channel may go at any time: its domain may die, or close it in its own handler', () => {
  const { machine, a, b, unbound, bound } = pair();
  b.domain.kill();
  equal(send(a, unbound), 0, 'to nobody');
  equal(status(a, unbound).argument.status, evtchn.EVTCHNSTAT_unbound);
  equal(status(a, unbound).argument.unbound_dom, b.domain.id);
  const next = machine.domain();
  equal(bindInterdomain(next, a.domain.id, unbound).result, -EINVAL, 'it was left for another');
  equal(close(a, unbound), 0);
  equal(bound, 1);
  a.domain.kill();
  equal(machine.xen.domains.has(a.domain.id), false);
});
