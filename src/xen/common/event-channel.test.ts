import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSPC, ENOSYS, EPERM, ESRCH } from '../../abi/errno.ts';
import * as evtchn from '../../abi/event_channel.ts';
import {
  __HYPERVISOR_event_channel_op,
  DOMID_SELF,
  VIRQ_CON_RING,
  VIRQ_DEBUG,
  VIRQ_DOM_EXC,
  VIRQ_TIMER,
} from '../../abi/xen.ts';
import {
  allocUnbound,
  bindInterdomain,
  bindPirq,
  bindVirq,
  close,
  operate,
  pair,
  reset,
  send,
  status,
} from '../testing/events.ts';
import { TestMachine } from '../testing/test-machine.ts';
import * as event2l from './event-2l.ts';
import { NR_PIRQS } from './event-channel.ts';
import { sendGlobalVirq, setVirqHandler } from './virq.ts';
import { EVTCHNOP_reset_cont } from './event-channel-op.ts';

test('ports are given out from 1 on, the lowest free one first', () => {
  const { a } = pair();
  const ports = [1, 2, 3].map(() => allocUnbound(a, DOMID_SELF, 0).argument.port);
  deepEqual(ports, [2, 3, 4]);
  equal(close(a, 3), 0);
  equal(allocUnbound(a, DOMID_SELF, 0).argument.port, 3);
});

test('only the domain a port was left for can bind to it, and once', () => {
  const machine = new TestMachine();
  const [a, b, c] = [machine.domain(), machine.domain(), machine.domain()];
  const { port } = allocUnbound(a, DOMID_SELF, b.domain.id).argument;
  equal(bindInterdomain(c, a.domain.id, port).result, -EINVAL);
  equal(bindInterdomain(b, a.domain.id, port).result, 0);
  equal(bindInterdomain(b, a.domain.id, port).result, -EINVAL);
  equal(bindInterdomain(b, 999, port).result, -ESRCH);
  equal(bindInterdomain(b, a.domain.id, 4000).result, -EINVAL);
  equal(c.domain.events.active, 0, 'a failed bind takes no port');
});

test('binding raises one event on the local end: what was sent before is not lost', () => {
  const { b, bound } = pair();
  equal(event2l.isPending(b.domain, bound), true);
});

test('an event sets pending bit, selector and upcall flag, in that order of need', () => {
  const { a, b, unbound, bound } = pair();
  const { bytes } = a.machine.xen.memory;
  const vcpu = b.domain.vcpu(0);
  event2l.clearPending(b.domain, bound);
  bytes.fill(0, vcpu?.infoAddress, (vcpu?.infoAddress ?? 0) + 64);
  equal(send(a, unbound), 0);
  equal(event2l.isPending(b.domain, bound), true);
  equal(vcpu?.upcallPending, true);
  equal(a.machine.xen.memory.view.getBigUint64((vcpu?.infoAddress ?? 0) + 8, true), 1n);
});

test('a masked port becomes pending without an upcall; unmasking delivers it', () => {
  const { a, b, unbound, bound } = pair();
  const { bytes } = a.machine.xen.memory;
  const vcpu = b.domain.vcpu(0);
  event2l.clearPending(b.domain, bound);
  bytes.fill(0, vcpu?.infoAddress, (vcpu?.infoAddress ?? 0) + 64);
  bytes[b.domain.sharedInfo + 0xa00] = 1 << bound;
  send(a, unbound);
  equal(event2l.isPending(b.domain, bound), true);
  equal(vcpu?.upcallPending, false);
  const unmask = operate(b, evtchn.EVTCHNOP_unmask, evtchn.EvtchnUnmask, (argument) => {
    argument.port = bound;
  });
  equal(unmask.result, 0);
  equal(vcpu?.upcallPending, true);
});

test('closing one end leaves the other unbound for the same domain, and events to it vanish', () => {
  const { a, b, unbound, bound } = pair();
  equal(close(b, bound), 0);
  const { argument } = status(a, unbound);
  deepEqual([argument.status, argument.unbound_dom], [evtchn.EVTCHNSTAT_unbound, b.domain.id]);
  equal(send(a, unbound), 0);
  equal(send(b, bound), -EINVAL);
  equal(close(b, bound), -EINVAL);
  equal(bindInterdomain(b, a.domain.id, unbound).result, 0);
});

test('a domain can join two ports of its own', () => {
  const machine = new TestMachine();
  const a = machine.domain();
  const one = allocUnbound(a, DOMID_SELF, DOMID_SELF).argument.port;
  const two = bindInterdomain(a, DOMID_SELF, one).argument.local_port;
  event2l.clearPending(a.domain, two);
  send(a, one);
  equal(event2l.isPending(a.domain, two), true);
  equal(close(a, one), 0);
  equal(status(a, two).argument.status, evtchn.EVTCHNSTAT_unbound);
});

test('status tells what each port is; free ports of a used bucket are closed, others -EINVAL', () => {
  const { a, b, unbound, bound } = pair();
  const interdomain = status(a, unbound).argument;
  deepEqual([interdomain.status, interdomain.interdomain_dom, interdomain.interdomain_port], [2, b.domain.id, bound]);
  equal(status(a, 0).argument.status, evtchn.EVTCHNSTAT_closed);
  equal(status(a, 63).argument.status, evtchn.EVTCHNSTAT_closed);
  equal(status(a, 64).result, -EINVAL);
  equal(status(a, 1, b.domain.id).result, -EPERM, 'of another domain');
  equal(status(a, 1, 777).result, -ESRCH);
  const virq = bindVirq(b, VIRQ_TIMER, 1).argument.port;
  const virqStatus = status(b, virq).argument;
  deepEqual([virqStatus.status, virqStatus.virq, virqStatus.vcpu], [evtchn.EVTCHNSTAT_virq, VIRQ_TIMER, 1]);
});

test('a VIRQ is bound once a vCPU, a global one on vCPU 0 alone', () => {
  const { b } = pair();
  equal(bindVirq(b, VIRQ_TIMER, 0).result, 0);
  equal(bindVirq(b, VIRQ_TIMER, 0).result, -EEXIST);
  equal(bindVirq(b, VIRQ_TIMER, 1).result, 0);
  equal(bindVirq(b, VIRQ_DEBUG, 5).result, -ENOENT);
  equal(bindVirq(b, VIRQ_DOM_EXC, 1).result, -EINVAL);
  equal(bindVirq(b, 24, 0).result, -EINVAL);
  equal(bindVirq(b, 0xffffffff, 0).result, -EINVAL);
});

test('closing a VIRQ lets it be bound again, even after it was moved to another vCPU', () => {
  const { b } = pair();
  const { port } = bindVirq(b, VIRQ_DOM_EXC, 0).argument;
  const move = (vcpu: number) =>
    operate(b, evtchn.EVTCHNOP_bind_vcpu, evtchn.EvtchnBindVcpu, (argument) => {
      argument.port = port;
      argument.vcpu = vcpu;
    }).result;
  equal(move(1), 0);
  equal(move(2), -ENOENT);
  equal(close(b, port), 0);
  equal(bindVirq(b, VIRQ_DOM_EXC, 0).result, 0);
});

test('an IPI port notifies the vCPU it was made for, and does not move', () => {
  const { b } = pair();
  const { argument, result } = operate(b, evtchn.EVTCHNOP_bind_ipi, evtchn.EvtchnBindIpi, (bind) => {
    bind.vcpu = 1;
  });
  equal(result, 0);
  const { port } = argument;
  equal(send(b, port), 0);
  equal(b.domain.vcpu(1)?.upcallPending, true);
  const moved = operate(b, evtchn.EVTCHNOP_bind_vcpu, evtchn.EvtchnBindVcpu, (bind) => {
    bind.port = port;
    bind.vcpu = 0;
  });
  equal(moved.result, -EINVAL);
});

test('a domain has no more ports than it was created with (XSA-317)', () => {
  const machine = new TestMachine();
  const a = machine.domain();
  let last = 0;
  for (;;) {
    const { result, argument } = allocUnbound(a, DOMID_SELF, 0);
    if (result !== 0) {
      equal(result, -ENOSPC);
      break;
    }
    last = argument.port;
  }
  equal(last, 1023);
  equal(a.domain.events.active, 1023);
});

test('a 32-bit guest has 1024 ports at most, and its own bitmaps', () => {
  const { a, b, unbound, bound } = pair();
  b.domain.has32bitSharedInfo = true;
  const { bytes } = a.machine.xen.memory;
  bytes.fill(0, b.domain.sharedInfo, b.domain.sharedInfo + 4096);
  send(a, unbound);
  equal(bytes[b.domain.sharedInfo + 0x800], 1 << bound);
  equal(a.machine.xen.memory.view.getUint32((b.domain.vcpu(0)?.infoAddress ?? 0) + 4, true), 1);
  equal(event2l.maxPorts(b.domain), 1024);
});

test('ports for another domain are a privileged caller’s to make', () => {
  const { a, b } = pair();
  equal(allocUnbound(a, b.domain.id, 0).result, -EPERM);
  equal(allocUnbound(a, 500, 0).result, -ESRCH);
});

test('reset closes everything of the caller', () => {
  const { a, b, unbound } = pair();
  bindVirq(b, VIRQ_TIMER, 0);
  equal(reset(a, b.domain.id), -EPERM);
  equal(reset(b), 0);
  equal(b.domain.events.active, 0);
  equal(status(a, unbound).argument.status, evtchn.EVTCHNSTAT_unbound);
});

test('an HVM guest may bind a number of an interrupt, once, though none is behind it', () => {
  const { b } = pair();
  const { result, argument } = bindPirq(b, 5);
  equal(result, 0);
  const { port } = argument;
  equal(bindPirq(b, 5).result, -EEXIST);
  equal(bindPirq(b, NR_PIRQS).result, -EINVAL);
  equal(bindPirq(b, 0xffffffff).result, -EINVAL);
  const { argument: told } = status(b, port);
  deepEqual([told.status, told.pirq], [evtchn.EVTCHNSTAT_pirq, 5]);
  equal(send(b, port), -EINVAL);
  equal(close(b, port), 0);
  equal(bindPirq(b, 5).result, 0);
});

test('a global VIRQ goes to dom0, or to whom dom0 appointed for it until that one dies', () => {
  const { machine, b } = pair();
  const port = bindVirq(b, VIRQ_CON_RING, 0).argument.port;
  sendGlobalVirq(machine.xen, VIRQ_CON_RING);
  equal(event2l.isPending(b.domain, port), false);
  equal(setVirqHandler(b.domain, VIRQ_TIMER), -EINVAL, 'not global');
  equal(setVirqHandler(b.domain, 24), -EINVAL);
  equal(setVirqHandler(b.domain, VIRQ_CON_RING), 0);
  sendGlobalVirq(machine.xen, VIRQ_CON_RING);
  equal(event2l.isPending(b.domain, port), true);
  b.domain.kill();
  equal(machine.xen.virqHandlers.size, 0);
  sendGlobalVirq(machine.xen, VIRQ_CON_RING);
});

test('a bad pointer is -EFAULT for every operation', () => {
  const { a } = pair();
  for (let op = evtchn.EVTCHNOP_bind_interdomain; op <= EVTCHNOP_reset_cont; op++) {
    equal(a.hypercall(__HYPERVISOR_event_channel_op, [op, 0xdead0000]), -EFAULT, `operation ${op}`);
  }
  equal(a.hypercall(__HYPERVISOR_event_channel_op, [99, 0x1000]), -ENOSYS);
});
