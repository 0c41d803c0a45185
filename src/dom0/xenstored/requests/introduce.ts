import type { Port } from '../../../abi/xen.ts';
import { XsError } from '../errors.ts';
import type { Request } from './request.ts';
import { domidOf, leadingNumber, OK } from './request.ts';

/** INTRODUCE  <domid>|<gfn>|<evtchn>|   The page is found through grant 1; the gfn is not needed. */
export function introduce(request: Request): Uint8Array {
  const [domid, gfn, evtchn] = request.strings;
  if (domid === undefined || gfn === undefined || evtchn === undefined) {
    throw new XsError('EINVAL', 'not a domid, a gfn and an event channel');
  }
  const port = leadingNumber(evtchn);
  if (port <= 0) throw new XsError('EINVAL', `no event channel: ${evtchn}`);
  request.daemon.domains.introduceByGrant(domidOf(domid), port as Port);
  return OK;
}
