import { XsError } from '../errors.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** UNWATCH  <wpath>|<token>| */
export function unwatch(request: Request): Uint8Array {
  const [wpath, token] = request.strings;
  if (wpath === undefined || token === undefined || request.strings.length !== 2)
    throw new XsError('EINVAL', 'not a path and a token');
  const path = request.connection.absolute(wpath);
  if (!request.connection.removeWatch(path, token)) throw new XsError('ENOENT', `${wpath} ${token}`);
  return OK;
}
