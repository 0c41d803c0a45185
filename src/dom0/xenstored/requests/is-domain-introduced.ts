import { DOMID_SELF } from '../../../abi/xen.ts';
import { nulTerminated } from '../../../libs/store/wire.ts';
import { PRIVILEGED_DOMID } from '../accounts.ts';
import type { Request } from './request.ts';

/** IS_DOMAIN_INTRODUCED  <domid>|  ->  T| or F|   Dom0 always is, though its processes have streams and no ring. */
export function isDomainIntroduced(request: Request): Uint8Array {
  const domid = request.onlyDomid;
  const introduced =
    domid === DOMID_SELF || domid === PRIVILEGED_DOMID || request.daemon.domains.get(domid) !== undefined;
  return nulTerminated(introduced ? 'T' : 'F');
}
