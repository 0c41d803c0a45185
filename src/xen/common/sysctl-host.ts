import { EFAULT, EINVAL, ENODEV } from '../../abi/errno.ts';
import { XenSysctlDebugKeys } from '../../abi/sysctl.ts';
import { XEN_INVALID_DEV, XenSysctlPcitopoinfo } from '../../abi/sysctl-topology.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import { handleKey } from './keyhandler.ts';
import { withSysctl } from './sysctl.ts';

/** Keys of one call, as Xen takes them. */
const MAX_KEYS = 1024;

/** XEN_SYSCTL_debug_keys: as if typed at Xen's own console. */
export function sysctlDebugKeys(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const { keys, nr_keys: count } = new XenSysctlDebugKeys(call.view, at);
    if (count > MAX_KEYS) return -EINVAL;
    const typed = new Uint8Array(count);
    if (!call.guest.read(keys, typed)) return -EFAULT;
    for (const key of typed) handleKey(call.xen, String.fromCharCode(key));
    return 0;
  });
}

/** XEN_SYSCTL_get_pmstat, pm_op: nobody drives this processor's power. */
export function sysctlNoPowerManagement(call: Call): HypercallResult {
  return withSysctl(call, () => -ENODEV);
}

/** XEN_SYSCTL_psr_cmt_op, psr_alloc */
export function sysctlNoPsr(call: Call): HypercallResult {
  return withSysctl(call, () => -ENODEV);
}

/** XEN_SYSCTL_pcitopoinfo: whichever device is asked for, there is none. */
export function sysctlPcitopoinfo(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const { num_devs: count, devs, nodes } = new XenSysctlPcitopoinfo(call.view, at);
    if (devs === 0n || nodes === 0n) return -EINVAL;
    const room = call.room(4);
    call.view.setUint32(room, XEN_INVALID_DEV, true);
    for (let index = 0; index < Math.min(count, MAX_KEYS); index++) {
      if (!call.store(element(nodes, index, 4), room, 4)) return -EFAULT;
    }
    return 0;
  });
}
