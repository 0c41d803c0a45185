import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as evtchn from '../../abi/event_channel.ts';
import { __HYPERVISOR_event_channel_op, DOMID_SELF, type Domid, type Gfn, type Port } from '../../abi/xen.ts';
import { allocUnbound, bindInterdomain, bindPirq, bindVirq, close, operate, reset, send } from '../testing/events.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { ECS_FREE, ECS_INTERDOMAIN, ECS_VIRQ } from './event-channel.ts';

// What three domains do with their ports at random, valid or not, in both ABIs, while they spoil the memory they share
// with Xen. After each step the books must agree: both ends of a channel with each other, and VIRQs with their ports.

const STEPS = 4000;
const PORTS = 100;
const VCPUS = 2;
const CONTROL_GFN = 0x18;
const ARRAY_GFN = 0x1a;

/** Marsaglia's xorshift: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function bindVcpu(guest: Guest, port: number, vcpu: number): void {
  operate(guest, evtchn.EVTCHNOP_bind_vcpu, evtchn.EvtchnBindVcpu, (argument) => {
    argument.port = port as Port;
    argument.vcpu = vcpu;
  });
}

function unmask(guest: Guest, port: number): void {
  operate(guest, evtchn.EVTCHNOP_unmask, evtchn.EvtchnUnmask, (argument) => {
    argument.port = port as Port;
  });
}

function initControl(guest: Guest, vcpu: number, offset: number): void {
  operate(guest, evtchn.EVTCHNOP_init_control, evtchn.EvtchnInitControl, (argument) => {
    argument.control_gfn = CONTROL_GFN as Gfn;
    argument.vcpu = vcpu;
    argument.offset = offset;
  });
}

function expandArray(guest: Guest): void {
  operate(guest, evtchn.EVTCHNOP_expand_array, evtchn.EvtchnExpandArray, (argument) => {
    argument.array_gfn = ARRAY_GFN as Gfn;
  });
}

function setPriority(guest: Guest, port: number, priority: number): void {
  operate(guest, evtchn.EVTCHNOP_set_priority, evtchn.EvtchnSetPriority, (argument) => {
    argument.port = port as Port;
    argument.priority = priority;
  });
}

function bindIpi(guest: Guest, vcpu: number): void {
  operate(guest, evtchn.EVTCHNOP_bind_ipi, evtchn.EvtchnBindIpi, (argument) => {
    argument.vcpu = vcpu;
  });
}

type Act = (one: Guest, two: Guest, pick: (below: number) => number) => void;

/** More of those that make something than of those that end it. */
const ACTS: readonly Act[] = [
  (one, two) => allocUnbound(one, DOMID_SELF, two.domain.id),
  (one, two) => allocUnbound(one, DOMID_SELF, two.domain.id),
  (one, two, pick) => bindInterdomain(one, two.domain.id, pick(PORTS)),
  (one, two, pick) => bindInterdomain(one, two.domain.id, pick(PORTS)),
  (one, two, pick) => bindInterdomain(one, two.domain.id, pick(PORTS)),
  (one, _two, pick) => bindVirq(one, pick(26), pick(3)),
  (one, _two, pick) => bindPirq(one, pick(60)),
  (one, _two, pick) => bindIpi(one, pick(3)),
  (one, _two, pick) => close(one, pick(PORTS)),
  (one, _two, pick) => close(one, pick(PORTS)),
  (one, _two, pick) => send(one, pick(PORTS)),
  (one, _two, pick) => send(one, pick(PORTS)),
  (one, _two, pick) => unmask(one, pick(PORTS)),
  (one, _two, pick) => bindVcpu(one, pick(PORTS), pick(3)),
  (one, _two, pick) => setPriority(one, pick(PORTS), pick(17)),
  (one, _two, pick) => (pick(10) === 0 ? initControl(one, pick(3), pick(40) * 128) : undefined),
  (one, _two, pick) => (pick(10) === 0 ? expandArray(one) : undefined),
  (one, _two, pick) => (pick(200) === 0 ? reset(one) : undefined),
  (one, _two, pick) =>
    one.view((pick(2) === 0 ? CONTROL_GFN : ARRAY_GFN) * 4096).setUint32(pick(PORTS) * 4, pick(2 ** 32), true),
  (one, _two, pick) => one.hypercall(__HYPERVISOR_event_channel_op, [pick(16), pick(2) === 0 ? 0xdead0000 : 0x1000]),
];

function compareBooks(guests: readonly Guest[]): void {
  for (const { domain } of guests) {
    let taken = 0;
    for (let port = 0; domain.events.at(port) !== undefined; port++) {
      const channel = domain.events.at(port);
      if (channel === undefined || channel.state === ECS_FREE) continue;
      taken += 1;
      ok(channel.notifyVcpuId < VCPUS);
      if (channel.state === ECS_INTERDOMAIN) {
        const { remote } = channel;
        const other = remote?.domain.events.at(remote.port);
        equal(other?.state, ECS_INTERDOMAIN);
        equal(other?.remote?.domain, domain);
        equal(other?.remote?.port, port);
      }
      if (channel.state === ECS_VIRQ) {
        const owners = domain.vcpus.filter(({ virqToPort }) => virqToPort[channel.virq] === port);
        equal(owners.length, 1, `VIRQ ${channel.virq}`);
      }
    }
    equal(taken, domain.events.active);
    for (const { virqToPort } of domain.vcpus) {
      for (const port of virqToPort) if (port !== 0) equal(domain.events.at(port)?.state, ECS_VIRQ);
    }
  }
}

for (const seed of [2, 30, 444, 5555]) {
  test(`domains make, use and end channels at random, seed ${seed}`, () => {
    const machine = new TestMachine();
    const { free } = machine.xen.frames;
    const guests = [0, 1, 2].map(() => machine.domain({ vcpus: VCPUS, ports: PORTS }));
    const pick = random(seed);
    for (let count = 0; count < STEPS; count++) {
      const act = ACTS[pick(ACTS.length)] as Act;
      act(guests[pick(3)] as Guest, guests[pick(3)] as Guest, pick);
      if (count % 20 === 0) compareBooks(guests);
    }
    for (const index of [pick(3), pick(3), 0, 1, 2]) {
      guests[index]?.domain.kill();
      compareBooks(guests.filter(({ domain }) => machine.xen.domains.get(domain.id as Domid) === domain));
    }
    equal(machine.xen.domains.size, 1, 'none is left but dom0');
    equal(machine.xen.frames.free, free, 'nor any frame of theirs');
  });
}
