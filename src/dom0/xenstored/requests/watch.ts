import { XENSTORE_REL_PATH_MAX } from '../../../abi/io/xs_wire.ts';
import { XENSTORE_SERVER_FEATURE_WATCHDEPTH } from '../../../libs/store/later-types.ts';
import { XsError } from '../errors.ts';
import { isValidPath } from '../paths.ts';
import type { Request } from './request.ts';
import { leadingNumber, OK } from './request.ts';

/**
 * WATCH  <wpath>|<token>|[<depth>|]
 * Fires once right away, so that a client need not look first and watch then. A depth is for whom it was offered to.
 */
export function watch(request: Request): Uint8Array {
  const { strings } = request;
  const [wpath, token, depthText] = strings;
  const mayHaveDepth = (request.connection.account.features & XENSTORE_SERVER_FEATURE_WATCHDEPTH) !== 0;
  if (wpath === undefined || token === undefined || strings.length > (mayHaveDepth ? 3 : 2)) {
    throw new XsError('EINVAL', 'not a path and a token');
  }
  const depth = depthText === undefined ? undefined : leadingNumber(depthText);
  if (depth !== undefined && depth < 0) throw new XsError('EINVAL', `no depth: ${depthText}`);
  const { connection } = request;
  const { limits } = request.daemon.state;
  const path = connection.absolute(wpath);
  const isValid = path.startsWith('@')
    ? path.length <= XENSTORE_REL_PATH_MAX
    : isValidPath(path, connection.account.limitOf(limits.quotas.pathMax));
  if (!isValid) throw new XsError('EINVAL', `not to be watched: ${wpath}`);
  if (connection.hasWatch(path, token)) throw new XsError('EEXIST', `${wpath} ${token}`);
  const limit = connection.account.limitOf(limits.quotas.watches);
  if (!connection.privileged && connection.account.watches >= limit) {
    throw new XsError('E2BIG', `more than ${limit} watches`);
  }
  if (!limits.allowsMemory(connection, path.length + token.length)) throw new XsError('ENOMEM', wpath);

  connection.addWatch({ path, token, prefix: path === wpath ? '' : `${connection.home}/`, depth });
  request.afterReply = () => connection.sendEvent(wpath, token, undefined);
  return OK;
}
