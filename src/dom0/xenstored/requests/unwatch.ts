import { XsError } from '../errors.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** UNWATCH  <wpath>|<token>| */
export function unwatch(request: Request): Uint8Array {
  const [wpath, token] = request.strings;
  if (wpath === undefined || request.strings.length !== 2) throw new XsError('EINVAL', 'not a path and a token');
  const path = request.connection.absolute(wpath);
  const found = request.connection.watches.find((watch) => watch.path === path && watch.token === token);
  if (found === undefined) throw new XsError('ENOENT', `${wpath} ${token}`);
  request.connection.removeWatch(found);
  return OK;
}
