import {
  XenDomctlIomemPermission,
  XenDomctlIoportMapping,
  XenDomctlIoportPermission,
  XenDomctlMemoryMapping,
} from '../../abi/domctl-devices.ts';
import { EINVAL, ENODEV, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import { onDomain } from './domctl.ts';

// Giving a domain a part of the host. There is no interrupt line, no device memory and no port of the host's that
// anybody has access to, so that nobody has any to give: after what is wrong with the arguments, -EPERM.

const MAX_IOPORTS = 65536;

/** XEN_DOMCTL_irq_permission: the host has no lines. */
export const domctlIrqPermission = onDomain(() => -EINVAL);

/** XEN_DOMCTL_iomem_permission */
export const domctlIomemPermission = onDomain(({ call, at }) => {
  const { first_mfn: first, nr_mfns: count } = new XenDomctlIomemPermission(call.view, at);
  return count === 0 || first + count > 2 ** 52 ? -EINVAL : -EPERM;
});

/** XEN_DOMCTL_ioport_permission */
export const domctlIoportPermission = onDomain(({ call, at }) => {
  const { first_port: first, nr_ports: count } = new XenDomctlIoportPermission(call.view, at);
  return first + count > MAX_IOPORTS ? -EINVAL : -EPERM;
});

/** XEN_DOMCTL_memory_mapping */
export const domctlMemoryMapping = onDomain(({ call, at }) => {
  const { first_gfn: gfn, first_mfn: mfn, nr_mfns: count } = new XenDomctlMemoryMapping(call.view, at);
  if (count === 0 || mfn + count > 2 ** 52 || gfn + count > 2 ** 52) return -EINVAL;
  return -EPERM;
});

/** XEN_DOMCTL_ioport_mapping */
export const domctlIoportMapping = onDomain(({ call, at, domain }) => {
  const { first_gport: guest, first_mport: host, nr_ports: count } = new XenDomctlIoportMapping(call.view, at);
  if (domain.hvm === undefined) return -EOPNOTSUPP;
  if (count === 0 || count > MAX_IOPORTS) return -EINVAL;
  return guest + count > MAX_IOPORTS || host + count > MAX_IOPORTS ? -EINVAL : -EPERM;
});

/** XEN_DOMCTL_bind_pt_irq, unbind_pt_irq */
export const domctlPtIrq = onDomain(({ domain }) => (domain.hvm === undefined ? -EINVAL : -EPERM));

/** XEN_DOMCTL_assign_device and its like: there is no IOMMU. */
export const domctlNoIommu = onDomain(() => -EOPNOTSUPP);

/** XEN_DOMCTL_setvnumainfo: what Xen built without answers. */
export const domctlNotSupported = onDomain(() => -EOPNOTSUPP);

/** XEN_DOMCTL_psr_cmt_op, psr_alloc: the processor neither watches nor divides its caches. */
export const domctlNoPsr = onDomain(() => -ENODEV);

/** XEN_DOMCTL_vmtrace_op: no domain has a buffer for a trace of its processor. */
export const domctlNoVmtrace = onDomain(() => -EINVAL);
