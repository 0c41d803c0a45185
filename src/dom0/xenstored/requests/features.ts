import { nulTerminated } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import { FEATURES } from '../features.ts';
import type { Request } from './request.ts';
import { knownAccount, leadingNumber, OK } from './request.ts';

/** GET_FEATURE  [<domid>|]  ->  <value>|   Without a domid the caller's own; only dom0 asks of others. */
export function getFeature(request: Request): Uint8Array {
  const [domid, ...more] = request.strings;
  const { account, privileged } = request.connection;
  if (domid === undefined) return nulTerminated(`${account.features}`);
  if (!privileged) throw new XsError('EACCES', 'the features of another domain');
  if (more.length > 0) throw new XsError('EINVAL', 'more than a domid');
  return nulTerminated(`${knownAccount(request, domid).features}`);
}

/** SET_FEATURE  <domid>|<value>|   Before INTRODUCE: afterwards the domain has read them in its ring page. */
export function setFeature(request: Request): Uint8Array {
  const [domid, value] = request.strings;
  if (domid === undefined || value === undefined || request.strings.length !== 2) {
    throw new XsError('EINVAL', 'not a domid and features');
  }
  const account = knownAccount(request, domid);
  const features = leadingNumber(value);
  if (account.privileged || request.daemon.domains.get(account.domid) !== undefined) {
    throw new XsError('EBUSY', `domain ${domid} was introduced`);
  }
  if ((features & ~FEATURES) !== 0 || features > FEATURES) throw new XsError('EINVAL', `not all are here: ${value}`);
  account.features = features;
  return OK;
}
