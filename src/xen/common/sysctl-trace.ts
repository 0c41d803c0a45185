import { EFAULT, EINVAL } from '../../abi/errno.ts';
import * as sys from '../../abi/sysctl.ts';
import { fetchMask } from './bitmap.ts';
import type { Call, HypercallResult } from './call.ts';
import { withSysctl } from './sysctl.ts';

/**
 * XEN_SYSCTL_tbuf_op: what is recorded, where it is, whether it goes on. Records are kept in the hypervisor's own memory:
 * there is no page that a dom0 could map, and get_info says so, as Xen does before its buffers are allocated.
 */
export function sysctlTbufOp(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const operation = new sys.XenSysctlTbufOp(call.view, at);
    const { traceControl } = call.xen;
    const { filter } = traceControl;
    switch (operation.cmd) {
      case sys.XEN_SYSCTL_TBUFOP_get_info:
        operation.evt_mask = filter.events;
        operation.buffer_mfn = 0 as typeof operation.buffer_mfn;
        operation.size = 0;
        return 0;
      case sys.XEN_SYSCTL_TBUFOP_set_cpu_mask: {
        const cpus = fetchMask(call, operation.cpu_mask);
        if (cpus === undefined) return -EFAULT;
        traceControl.filter = { ...filter, cpus };
        return 0;
      }
      case sys.XEN_SYSCTL_TBUFOP_set_evt_mask:
        traceControl.filter = { ...filter, events: operation.evt_mask };
        return 0;
      case sys.XEN_SYSCTL_TBUFOP_set_size:
        return traceControl.setPages(operation.size);
      case sys.XEN_SYSCTL_TBUFOP_enable:
        return traceControl.enable();
      case sys.XEN_SYSCTL_TBUFOP_disable:
        traceControl.disable();
        return 0;
      default:
        return -EINVAL;
    }
  });
}
