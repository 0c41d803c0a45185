import { XsError } from '../errors.ts';
import { introducedDomain } from './connected-domain.ts';
import type { Request } from './request.ts';
import { domidOf, OK } from './request.ts';

/** SET_TARGET  <domid>|<tdomid>|   The first has the second's rights from now on, as its stub domain. */
export function setTarget(request: Request): Uint8Array {
  const [domid, target] = request.strings;
  if (domid === undefined || target === undefined) throw new XsError('EINVAL', 'not two domids');
  const stub = introducedDomain(request, domidOf(domid));
  stub.connection.setTarget(introducedDomain(request, domidOf(target)).connection);
  return OK;
}
