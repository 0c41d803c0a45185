import { EACCES, EFAULT, EINVAL, EPERM, ESRCH } from '../../abi/errno.ts';
import {
  EVTCHN_FIFO_LINK_BITS,
  EVTCHNSTAT_closed,
  EVTCHNSTAT_interdomain,
  EVTCHNSTAT_ipi,
  EVTCHNSTAT_pirq,
  EVTCHNSTAT_unbound,
  EVTCHNSTAT_virq,
  EvtchnAllocUnbound,
  EvtchnBindInterdomain,
  EvtchnBindIpi,
  EvtchnBindPirq,
  EvtchnBindVcpu,
  EvtchnBindVirq,
  EvtchnClose,
  EvtchnExpandArray,
  EvtchnInitControl,
  EvtchnReset,
  EvtchnSend,
  EvtchnSetPriority,
  EvtchnStatus,
  EvtchnUnmask,
} from '../../abi/event_channel.ts';
import type { Domid, Port } from '../../abi/xen.ts';
import { mayControl } from '../xsm.ts';
import { type Call, CONTINUE, type HypercallResult } from './call.ts';
import { ECS_INTERDOMAIN, ECS_IPI, ECS_PIRQ, ECS_UNBOUND, ECS_VIRQ, type EventChannel } from './event-channel.ts';

/** The header has it for Xen itself alone: how the rest of a reset is asked for. */
export const EVTCHNOP_reset_cont = 14;

// HYPERVISOR_event_channel_op: argument 1 points at the operation's structure, which has one layout for all callers.

/** EVTCHNOP_alloc_unbound: a port of `dom` that `remote_dom` may bind to. */
export function evtchnAllocUnbound(call: Call): HypercallResult {
  return withStructure(call, EvtchnAllocUnbound, (argument) => {
    const domain = call.xen.find(argument.dom, call.domain);
    if (domain === undefined) return -ESRCH;
    if (!mayControl(call.domain, domain)) return -EPERM;
    const port = domain.events.allocUnbound(argument.remote_dom, call.domain);
    if (port > 0) argument.port = port as Port;
    return port;
  });
}

/** EVTCHNOP_bind_interdomain: a port of the caller, joined to one that another domain left unbound for it. */
export function evtchnBindInterdomain(call: Call): HypercallResult {
  return withStructure(call, EvtchnBindInterdomain, (argument) => {
    const remote = call.xen.find(argument.remote_dom, call.domain);
    if (remote === undefined) return -ESRCH;
    const port = call.domain.events.bindInterdomain(remote, argument.remote_port);
    if (port > 0) argument.local_port = port as Port;
    return port;
  });
}

/** EVTCHNOP_bind_virq */
export function evtchnBindVirq(call: Call): HypercallResult {
  return withStructure(call, EvtchnBindVirq, (argument) => {
    const port = call.domain.events.bindVirq(argument.virq, argument.vcpu);
    if (port > 0) argument.port = port as Port;
    return port;
  });
}

/** EVTCHNOP_bind_ipi */
export function evtchnBindIpi(call: Call): HypercallResult {
  return withStructure(call, EvtchnBindIpi, (argument) => {
    const port = call.domain.events.bindIpi(argument.vcpu);
    if (port > 0) argument.port = port as Port;
    return port;
  });
}

/** EVTCHNOP_bind_pirq */
export function evtchnBindPirq(call: Call): HypercallResult {
  return withStructure(call, EvtchnBindPirq, (argument) => {
    const port = call.domain.events.bindPirq(argument.pirq);
    if (port > 0) argument.port = port as Port;
    return port;
  });
}

/** EVTCHNOP_close */
export function evtchnClose(call: Call): HypercallResult {
  const at = call.fetchArgument(1, EvtchnClose.SIZE);
  return at < 0 ? -EFAULT : call.domain.events.close(new EvtchnClose(call.view, at).port);
}

/** EVTCHNOP_send: raises the other end of a port. */
export function evtchnSend(call: Call): HypercallResult {
  const at = call.fetchArgument(1, EvtchnSend.SIZE);
  return at < 0 ? -EFAULT : call.domain.events.send(new EvtchnSend(call.view, at).port);
}

/** EVTCHNOP_status: what a port is. Ports below the highest there ever was answer `closed` where they are free. */
export function evtchnStatus(call: Call): HypercallResult {
  return withStructure(call, EvtchnStatus, (argument) => {
    const domain = call.xen.find(argument.dom, call.domain);
    if (domain === undefined) return -ESRCH;
    const channel = domain.events.at(argument.port);
    if (channel === undefined) return -EINVAL;
    if (channel.consumer !== undefined) return -EACCES;
    if (!mayControl(call.domain, domain)) return -EPERM;
    describe(channel, argument);
    return 0;
  });
}

/** EVTCHNOP_bind_vcpu: moves a port's notification to another vCPU. */
export function evtchnBindVcpu(call: Call): HypercallResult {
  const at = call.fetchArgument(1, EvtchnBindVcpu.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new EvtchnBindVcpu(call.view, at);
  return call.domain.events.bindVcpu(argument.port, argument.vcpu);
}

/** EVTCHNOP_unmask */
export function evtchnUnmask(call: Call): HypercallResult {
  const at = call.fetchArgument(1, EvtchnUnmask.SIZE);
  return at < 0 ? -EFAULT : call.domain.events.unmask(new EvtchnUnmask(call.view, at).port);
}

/** EVTCHNOP_reset: closes all ports of the caller, or of a domain that its controller paused. */
export function evtchnReset(call: Call): HypercallResult {
  return reset(call, false);
}

/** EVTCHNOP_reset_cont: how a reset goes on that has many ports to close. */
export function evtchnResetCont(call: Call): HypercallResult {
  return reset(call, true);
}

/** EVTCHNOP_init_control: a vCPU's queue heads; the first call changes the caller to the FIFO ABI. */
export function evtchnInitControl(call: Call): HypercallResult {
  return withStructure(call, EvtchnInitControl, (argument) => {
    argument.link_bits = EVTCHN_FIFO_LINK_BITS;
    return call.domain.events.initControl(argument.vcpu, argument.control_gfn, argument.offset);
  });
}

/** EVTCHNOP_expand_array: a page of event words more. */
export function evtchnExpandArray(call: Call): HypercallResult {
  const at = call.fetchArgument(1, EvtchnExpandArray.SIZE);
  return at < 0 ? -EFAULT : call.domain.events.expandArray(new EvtchnExpandArray(call.view, at).array_gfn);
}

/** EVTCHNOP_set_priority: which queue a port's events go to. */
export function evtchnSetPriority(call: Call): HypercallResult {
  const at = call.fetchArgument(1, EvtchnSetPriority.SIZE);
  if (at < 0) return -EFAULT;
  const { port, priority } = new EvtchnSetPriority(call.view, at);
  return call.domain.events.setPriority(port, priority);
}

/** Runs an operation on the structure of argument 1 and copies it back where the operation did not fail. */
function withStructure<T>(
  call: Call,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  operation: (argument: T) => number,
): HypercallResult {
  const at = call.fetchArgument(1, structure.SIZE);
  if (at < 0) return -EFAULT;
  const result = operation(new structure(call.view, at));
  if (result < 0) return result;
  return call.store(call.handle(1), at, structure.SIZE) ? 0 : -EFAULT;
}

function reset(call: Call, resuming: boolean): HypercallResult {
  const at = call.fetchArgument(1, EvtchnReset.SIZE);
  if (at < 0) return -EFAULT;
  const domain = call.xen.find(new EvtchnReset(call.view, at).dom, call.domain);
  if (domain === undefined) return -ESRCH;
  if (!mayControl(call.domain, domain)) return -EPERM;
  if (domain !== call.domain && domain.controllerPauseCount === 0) return -EINVAL;
  const result = domain.events.reset(resuming);
  if (result === CONTINUE) call.args[0] = BigInt(EVTCHNOP_reset_cont);
  return result;
}

function describe(channel: EventChannel, status: EvtchnStatus): void {
  status.vcpu = channel.notifyVcpuId;
  switch (channel.state) {
    case ECS_UNBOUND:
      status.status = EVTCHNSTAT_unbound;
      status.unbound_dom = channel.remoteDomid;
      return;
    case ECS_INTERDOMAIN:
      status.status = EVTCHNSTAT_interdomain;
      status.interdomain_dom = (channel.remote?.domain.id ?? 0) as Domid;
      status.interdomain_port = (channel.remote?.port ?? 0) as Port;
      return;
    case ECS_PIRQ:
      status.status = EVTCHNSTAT_pirq;
      status.pirq = channel.pirq;
      return;
    case ECS_VIRQ:
      status.status = EVTCHNSTAT_virq;
      status.virq = channel.virq;
      return;
    case ECS_IPI:
      status.status = EVTCHNSTAT_ipi;
      return;
    default:
      status.status = EVTCHNSTAT_closed;
  }
}
