import { EACCES, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import { XENPF_INTERFACE_VERSION } from '../../abi/platform.ts';
import type { Domid } from '../../abi/xen.ts';
import { isPrivileged } from '../xsm.ts';
import type { Call, HypercallResult } from './call.ts';

// Hypercalls that drive what this host has not, answered as Xen answers those who may not, or where it is absent.

/** struct xen_platform_op: command, version, and 128 bytes of any command's own structure. */
const PLATFORM_OP_BYTES = 136;
const AT_INTERFACE_VERSION = 4;

/** HYPERVISOR_platform_op: the host's processors, firmware and clock, for the dom0 that drives them. */
export function platformOp(call: Call): HypercallResult {
  const at = call.fetch(call.handle(0), PLATFORM_OP_BYTES);
  if (at < 0) return -EFAULT;
  if (call.view.getUint32(at + AT_INTERFACE_VERSION, true) !== XENPF_INTERFACE_VERSION) return -EACCES;
  return isPrivileged(call.domain) ? -ENOSYS : -EPERM;
}

/** HYPERVISOR_xenpmu_op: Xen was started without vpmu. */
export function xenpmuOp(): HypercallResult {
  return -EOPNOTSUPP;
}

/** HYPERVISOR_mmuext_op: page tables of PV guests, of which argument 3 names one. */
export function mmuextOp(call: Call): HypercallResult {
  const count = call.u32(1);
  if (count > 0 && !call.guest.read(call.handle(0), new Uint8Array(1))) return -EFAULT;
  const owner = call.xen.find(call.u32(3) as Domid, call.domain);
  return owner === undefined ? -ESRCH : -EINVAL;
}
