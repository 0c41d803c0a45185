import { XENSTORE_REL_PATH_MAX } from '../../../abi/io/xs_wire.ts';
import { XsError } from '../errors.ts';
import { isValidPath } from '../paths.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** WATCH  <wpath>|<token>|   Fires once right away, so that a client need not look first and watch then. */
export function watch(request: Request): Uint8Array {
  const [wpath, token] = request.strings;
  if (wpath === undefined || token === undefined || request.strings.length !== 2) {
    throw new XsError('EINVAL', 'not a path and a token');
  }
  const { connection } = request;
  const { limits } = request.daemon.state;
  const path = connection.absolute(wpath);
  const isValid = path.startsWith('@')
    ? path.length <= XENSTORE_REL_PATH_MAX
    : isValidPath(path, limits.quotas.pathMax.limit);
  if (!isValid) throw new XsError('EINVAL', `not to be watched: ${wpath}`);
  if (connection.watches.some((other) => other.path === path && other.token === token)) {
    throw new XsError('EEXIST', `${wpath} ${token}`);
  }
  if (!connection.privileged && connection.account.watches >= limits.quotas.watches.limit) {
    throw new XsError('E2BIG', `more than ${limits.quotas.watches.limit} watches`);
  }
  if (!limits.allowsMemory(connection, path.length + token.length)) throw new XsError('ENOMEM', wpath);

  connection.addWatch({ path, token, prefix: path === wpath ? '' : `${connection.home}/` });
  request.afterReply = () => connection.sendEvent(wpath, token, undefined);
  return OK;
}
