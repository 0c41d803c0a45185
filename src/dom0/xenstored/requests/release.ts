import { connectedDomain } from './connected-domain.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** RELEASE  <domid>| */
export function release(request: Request): Uint8Array {
  const domid = request.onlyDomid;
  connectedDomain(request, domid);
  request.daemon.domains.release(domid);
  return OK;
}
