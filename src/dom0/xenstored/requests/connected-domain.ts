import type { Domid } from '../../../abi/xen.ts';
import { PRIVILEGED_DOMID } from '../accounts.ts';
import type { IntroducedDomain } from '../domains.ts';
import { XsError } from '../errors.ts';
import type { Request } from './request.ts';

/** The introduced domain a request is about, which cannot be dom0. */
export function connectedDomain(request: Request, domid: Domid): IntroducedDomain {
  if (domid === PRIVILEGED_DOMID) throw new XsError('EINVAL', 'not for domain 0');
  return introducedDomain(request, domid);
}

export function introducedDomain(request: Request, domid: Domid): IntroducedDomain {
  const domain = request.daemon.domains.get(domid);
  if (domain === undefined) throw new XsError('ENOENT', `domain ${domid} was not introduced`);
  return domain;
}
