import { nulTerminated } from '../../../libs/store/wire.ts';
import { domainPath } from '../paths.ts';
import type { Request } from './request.ts';

/** GET_DOMAIN_PATH  <domid>|  ->  <path>|   Whether there is such a domain or not. */
export function getDomainPath(request: Request): Uint8Array {
  return nulTerminated(domainPath(request.onlyDomid));
}
