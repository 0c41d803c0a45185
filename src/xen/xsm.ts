import type { Domain } from './common/domain.ts';

// Who may do what: the checks of Xen's dummy security module (xen/include/xsm/dummy.h), all in one place so that
// another policy can stand here.

/** XSM_PRIV: operations on the machine or on any domain: dom0's. */
export function isPrivileged(caller: Domain): boolean {
  return caller.privileged;
}

/** XSM_TARGET: operations on a domain: its own, or a privileged domain's. */
export function mayControl(caller: Domain, target: Domain): boolean {
  return caller === target || caller.privileged;
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
