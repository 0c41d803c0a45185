import {
  XEN_DOMCTL_bind_pt_irq,
  XEN_DOMCTL_CDF_xs_domain,
  XEN_DOMCTL_getdomaininfo,
  XEN_DOMCTL_ioport_mapping,
  XEN_DOMCTL_memory_mapping,
  XEN_DOMCTL_unbind_pt_irq,
} from '../abi/domctl.ts';
import { XEN_SYSCTL_getdomaininfolist } from '../abi/sysctl.ts';
import type { Domain } from './common/domain.ts';

// Who may do what: the checks of Xen's dummy security module (xen/include/xsm/dummy.h), all in one place so that
// another policy can stand here.

/** XSM_PRIV: operations on the machine or on any domain: dom0's. */
export function isPrivileged(caller: Domain): boolean {
  return caller.privileged;
}

/** XSM_TARGET: operations on a domain: its own, those of the domain that serves it, or a privileged domain's. */
export function mayControl(caller: Domain, target: Domain): boolean {
  return caller === target || mayServe(caller, target);
}

/** XSM_DM_PRIV: what a domain's device model does for it: the domain that serves it, or a privileged one. */
export function mayServe(caller: Domain, target: Domain): boolean {
  return caller.privileged || caller.target === target;
}

/** XSM_XS_PRIV: what the domain that runs xenstored, or a privileged one, may ask about others. */
export function mayWatch(caller: Domain, target?: Domain): boolean {
  if ((caller.options & XEN_DOMCTL_CDF_xs_domain) !== 0) return true;
  return target === undefined ? caller.privileged : mayServe(caller, target);
}

/** Who may make a domctl on a domain, which a few have none of. */
export function mayDomctl(caller: Domain, cmd: number, target: Domain | undefined): boolean {
  switch (cmd) {
    case XEN_DOMCTL_getdomaininfo:
      return mayWatch(caller, target);
    case XEN_DOMCTL_ioport_mapping:
    case XEN_DOMCTL_memory_mapping:
    case XEN_DOMCTL_bind_pt_irq:
    case XEN_DOMCTL_unbind_pt_irq:
      return target !== undefined && mayServe(caller, target);
    default:
      return caller.privileged;
  }
}

/** Who may make a sysctl. */
export function maySysctl(caller: Domain, cmd: number): boolean {
  return cmd === XEN_SYSCTL_getdomaininfolist ? mayWatch(caller) : caller.privileged;
}

/**
 * Console output through CONSOLEIO_write. Xen allows every guest in builds for debugging; here everybody may, since
 * early printk is the only way to see why a kernel does not get far enough to have a console.
 */
export function mayWriteConsole(_caller: Domain): boolean {
  return true;
}

/** Console input is dom0's. */
export function mayReadConsole(caller: Domain): boolean {
  return caller.privileged;
}

/** Rings of Argo's that anybody may send to: as without Xen's argo=mac-permissive, nobody's. */
export function mayArgoFromAnybody(_caller: Domain): boolean {
  return false;
}
