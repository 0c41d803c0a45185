import * as evtchn from '../../abi/event_channel.ts';
import { __HYPERVISOR_event_channel_op, DOMID_SELF, type Domid, type Port } from '../../abi/xen.ts';
import { type Guest, TestMachine } from './test-machine.ts';

// Event channel operations as a guest makes them, each through its hypercall.

/** An EVTCHNOP_* with its structure. */
export function operate<T>(
  guest: Guest,
  op: number,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  fill: (argument: T) => void,
  vcpu = 0,
) {
  return guest.withStructure(structure, fill, (at) => guest.hypercall(__HYPERVISOR_event_channel_op, [op, at], vcpu));
}

export function allocUnbound(guest: Guest, dom: number, remote: number) {
  return operate(guest, evtchn.EVTCHNOP_alloc_unbound, evtchn.EvtchnAllocUnbound, (argument) => {
    argument.dom = dom as Domid;
    argument.remote_dom = remote as Domid;
  });
}

export function bindInterdomain(guest: Guest, remote: number, port: number) {
  return operate(guest, evtchn.EVTCHNOP_bind_interdomain, evtchn.EvtchnBindInterdomain, (argument) => {
    argument.remote_dom = remote as Domid;
    argument.remote_port = port as Port;
  });
}

export function send(guest: Guest, port: number): number {
  return operate(guest, evtchn.EVTCHNOP_send, evtchn.EvtchnSend, (argument) => {
    argument.port = port as Port;
  }).result;
}

export function close(guest: Guest, port: number): number {
  return operate(guest, evtchn.EVTCHNOP_close, evtchn.EvtchnClose, (argument) => {
    argument.port = port as Port;
  }).result;
}

export function status(guest: Guest, port: number, dom: number = DOMID_SELF) {
  return operate(guest, evtchn.EVTCHNOP_status, evtchn.EvtchnStatus, (argument) => {
    argument.dom = dom as Domid;
    argument.port = port as Port;
  });
}

export function bindVirq(guest: Guest, virq: number, vcpu: number) {
  return operate(guest, evtchn.EVTCHNOP_bind_virq, evtchn.EvtchnBindVirq, (argument) => {
    argument.virq = virq;
    argument.vcpu = vcpu;
  });
}

/** Two domains whose first ports are joined; the second has two vCPUs. */
export function pair() {
  const machine = new TestMachine();
  const a = machine.domain();
  const b = machine.domain({ vcpus: 2 });
  const unbound = allocUnbound(a, DOMID_SELF, b.domain.id).argument.port;
  const bound = bindInterdomain(b, a.domain.id, unbound).argument.local_port;
  return { machine, a, b, unbound, bound };
}

export function reset(guest: Guest, dom: number = DOMID_SELF): number {
  return operate(guest, evtchn.EVTCHNOP_reset, evtchn.EvtchnReset, (argument) => {
    argument.dom = dom as Domid;
  }).result;
}

export function bindPirq(guest: Guest, pirq: number) {
  return operate(guest, evtchn.EVTCHNOP_bind_pirq, evtchn.EvtchnBindPirq, (argument) => {
    argument.pirq = pirq;
  });
}
