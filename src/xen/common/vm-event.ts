import { EINVAL, ENODEV, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import * as abi from '../../abi/vm_event.ts';
import type { Call, HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { onDomain, withDomctl } from './domctl.ts';

// Rings on which a program is told of what a domain does, and holds it until it has answered. None can be set up here:
// the processor cannot take an access back once it is under way. Everything else is answered as where none was set up.

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
    return [controlRing(domain, operation), false];
  });
}

/** XEN_DOMCTL_monitor_op: there is no event that anybody could be told of. */
export const domctlMonitorOp = onDomain((state) => {
  const { call, at, domain } = state;
  if (domain === call.domain) return -EPERM;
  const operation = new abi.XenDomctlMonitorOp(call.view, at);
  switch (operation.op) {
    case abi.XEN_DOMCTL_MONITOR_OP_ENABLE:
    case abi.XEN_DOMCTL_MONITOR_OP_DISABLE:
      return operation.event >= MONITOR_EVENTS ? -EINVAL : -EOPNOTSUPP;
    case abi.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES:
      operation.event = 0;
      state.answer = true;
      return 0;
    default:
      return -EOPNOTSUPP;
  }
});

function controlRing(domain: Domain, { op, mode }: abi.XenDomctlVmEventOp): number {
  if (domain.dying) return 0;
  if (domain.vcpus.length === 0) return -EINVAL;
  // Paging and sharing are not built in, as in Debian.
  if (mode !== abi.XEN_DOMCTL_VM_EVENT_OP_MONITOR) return -ENOSYS;
  switch (op) {
    case abi.XEN_VM_EVENT_ENABLE:
      return -EOPNOTSUPP;
    case abi.XEN_VM_EVENT_DISABLE:
      return -EINVAL;
    case abi.XEN_VM_EVENT_RESUME:
      return -ENODEV;
    default:
      return -ENOSYS;
  }
}
