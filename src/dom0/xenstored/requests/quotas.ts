import { nulTerminated } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import type { Quota } from '../quotas.ts';
import type { Request } from './request.ts';
import { knownAccount, leadingNumber, OK } from './request.ts';

/**
 * GET_QUOTA  [[<domid>|]<quota>|]  ->  <value>|
 * Of a domain, or what holds for every domain that has no value of its own; alone: the names there are.
 */
export function getQuota(request: Request): Uint8Array {
  const { strings } = request;
  if (strings.length > 2) throw new XsError('EINVAL', 'more than a domid and a quota');
  const name = strings.at(-1);
  if (name === undefined) return nulTerminated([...request.daemon.state.limits.quotas.byName.keys()].join(' '));
  const quota = named(request, name);
  const [domid] = strings;
  const limit = strings.length === 1 ? quota.limit : knownAccount(request, domid ?? '').ownLimit(quota);
  return nulTerminated(`${limit ?? quota.limit}`);
}

/** SET_QUOTA  [<domid>|]<quota>|<value>|   0 switches the quota off. */
export function setQuota(request: Request): Uint8Array {
  const { strings } = request;
  const [name, value] = strings.slice(-2);
  if (name === undefined || value === undefined || strings.length > 3) {
    throw new XsError('EINVAL', 'not a quota and its value');
  }
  const account = strings.length === 3 ? knownAccount(request, strings[0] ?? '') : undefined;
  const quota = named(request, name);
  const limit = leadingNumber(value);
  if (limit < 0 || limit >= 2 ** 32 - 1) throw new XsError('EINVAL', `no limit: ${value}`);
  if (account === undefined) quota.limit = limit;
  else account.setOwnLimit(quota, limit);
  return OK;
}

function named(request: Request, name: string): Quota {
  const quota = request.daemon.state.limits.quotas.byName.get(name);
  if (quota === undefined) throw new XsError('EINVAL', `no quota: ${name}`);
  return quota;
}
