import { HVM_PARAM_MONITOR_RING_PFN } from '../../abi/hvm/params.ts';
import { EBUSY, EINVAL, ENODEV, ENOSYS, ENXIO, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import * as abi from '../../abi/vm_event.ts';
import type { Call, HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { onDomain, withDomctl } from './domctl.ts';
import { MONITOR_CAPABILITIES } from './monitor.ts';
import { VmEventRing } from './vm-event-ring.ts';

// A privileged program is told of what a domain does, and holds its vCPUs until it has answered. Rings for paging to
// disk and for page sharing are not built in, as in Debian.

/** Events whose numbers are valid, whether or not there are any. */
const MONITOR_EVENTS = 32;

/** XEN_DOMCTL_vm_event_op: which version of the rings this is may be asked of no domain. */
export function domctlVmEventOp(call: Call): HypercallResult {
  return withDomctl(call, (domctl, at) => {
    const operation = new abi.XenDomctlVmEventOp(call.view, at);
    if (operation.op === abi.XEN_VM_EVENT_GET_VERSION) {
      operation.version = abi.VM_EVENT_INTERFACE_VERSION;
      return [0, true];
    }
    const domain = call.xen.domains.get(domctl.domain);
    if (domain === undefined) return [-ESRCH, false];
    if (domain === call.domain) return [-EINVAL, false];
    const result = controlRing(domain, operation, call.domain);
    return [result, result === 0];
  });
}

/** XEN_DOMCTL_monitor_op: what the listener wants to be told. */
export const domctlMonitorOp = onDomain((state) => {
  const { call, at, domain } = state;
  if (domain === call.domain) return -EPERM;
  const operation = new abi.XenDomctlMonitorOp(call.view, at);
  const monitor = domain.hvm?.monitor;
  switch (operation.op) {
    case abi.XEN_DOMCTL_MONITOR_OP_ENABLE:
    case abi.XEN_DOMCTL_MONITOR_OP_DISABLE:
      if (operation.event >= MONITOR_EVENTS) return -EINVAL;
      if (monitor === undefined || (MONITOR_CAPABILITIES & (1 << operation.event)) === 0) return -EOPNOTSUPP;
      if (operation.event === abi.XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR && monitor.ring === undefined) return -ENXIO;
      return monitor.set(operation, operation.op === abi.XEN_DOMCTL_MONITOR_OP_ENABLE);
    case abi.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES:
      operation.event = monitor === undefined ? 0 : MONITOR_CAPABILITIES;
      state.answer = true;
      return 0;
    case abi.XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP:
      // One element at a time is for emulators; here an instruction is undone, or done, as by a processor.
      return monitor?.ring === undefined ? -EINVAL : 0;
    case abi.XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS:
      if (monitor !== undefined) monitor.defersWrites = true;
      return 0;
    default:
      return -EOPNOTSUPP;
  }
});

function controlRing(domain: Domain, operation: abi.XenDomctlVmEventOp, listener: Domain): number {
  if (domain.dying) return 0;
  if (domain.vcpus.length === 0 || domain.hvm === undefined) return -EINVAL;
  if (operation.mode !== abi.XEN_DOMCTL_VM_EVENT_OP_MONITOR) return -ENOSYS;
  const { monitor } = domain.hvm;
  switch (operation.op) {
    case abi.XEN_VM_EVENT_ENABLE:
      return openRing(domain, operation, listener);
    case abi.XEN_VM_EVENT_DISABLE:
      if (monitor.ring === undefined) return -EINVAL;
      domain.hvm.closeMonitor();
      return 0;
    case abi.XEN_VM_EVENT_RESUME:
      if (monitor.ring === undefined) return -ENODEV;
      monitor.ring.takeResponses();
      return 0;
    default:
      return -ENOSYS;
  }
}

function openRing(domain: Domain, operation: abi.XenDomctlVmEventOp, listener: Domain): number {
  const { hvm } = domain;
  if (hvm === undefined) return -EINVAL;
  if (hvm.monitor.ring !== undefined) return -EBUSY;
  const gfn = hvm.param(HVM_PARAM_MONITOR_RING_PFN);
  if (gfn === 0n) return -EOPNOTSUPP;
  const ring = VmEventRing.open(domain, Number(gfn), listener.id, (response) => {
    hvm.vcpus[response.vcpu_id]?.monitor.respond(response);
  });
  if (typeof ring === 'number') return ring;
  hvm.monitor.ring = ring;
  operation.port = ring.port;
  return 0;
}
