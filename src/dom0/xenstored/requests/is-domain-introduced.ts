import { DOMID_SELF } from '../../../abi/xen.ts';
import { nulTerminated } from '../../../libs/store/wire.ts';
import type { Request } from './request.ts';

/** IS_DOMAIN_INTRODUCED  <domid>|  ->  T| or F| */
export function isDomainIntroduced(request: Request): Uint8Array {
  const domid = request.onlyDomid;
  const introduced = domid === DOMID_SELF || request.daemon.domains.get(domid) !== undefined;
  return nulTerminated(introduced ? 'T' : 'F');
}
