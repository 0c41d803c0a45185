import type { Domain } from '../../common/domain.ts';

/**
 * A guest met a restriction of mem access that nobody listens for (Xen's p2m_mem_access_check without a monitor). True:
 * the restriction is lifted, and the access goes on. A domain that must have a listener crashes instead.
 */
export function accessDenied(domain: Domain, gfn: number): boolean {
  if (domain.hvm?.accessRequired !== true) return true;
  if (!domain.shuttingDown) {
    domain.crash(`memory access permissions failure at gfn ${gfn.toString(16)}, no vm_event listener`);
  }
  return false;
}
