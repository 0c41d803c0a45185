import {
  XENMEM_access_n2rwx,
  XENMEM_access_rw,
  XENMEM_access_rwx,
  XENMEM_access_rx2rw,
} from '../../../abi/memory-tools.ts';
import { NESTED_WRITE, PAGE_SIZE, type RefusedAccess } from '../../../cpu/engine.ts';
import type { Domain } from '../../common/domain.ts';

/**
 * A guest met a restriction of mem access (Xen's p2m_mem_access_check). Two kinds end with the first access that meets
 * them. Where nobody listens the others are lifted too, or crash a domain that must have a listener.
 *
 * @param tell sends the event; whether its vCPU waits for an answer. False where nobody listens.
 */
export function meetRestriction(domain: Domain, access: RefusedAccess, tell: (waits: boolean) => boolean): void {
  const { p2m } = domain;
  const gfn = Math.floor(access.gpa / PAGE_SIZE);
  const restriction = p2m?.access(gfn);
  if (p2m === undefined || restriction === undefined) return;
  if (restriction === XENMEM_access_rx2rw && access.intent === NESTED_WRITE) {
    p2m.setAccess(gfn, XENMEM_access_rw);
    return;
  }
  const isOnce = restriction === XENMEM_access_n2rwx;
  if (isOnce) p2m.setAccess(gfn, XENMEM_access_rwx);
  if (tell(!isOnce)) return;
  if (domain.hvm?.accessRequired !== true) p2m.setAccess(gfn, XENMEM_access_rwx);
  else if (!domain.shuttingDown) {
    domain.crash(`memory access permissions failure at gfn ${gfn.toString(16)}, no vm_event listener`);
  }
}
