import { XsError } from '../errors.ts';
import { parentOf, ROOT } from '../paths.ts';
import { XS_PERM_WRITE } from '../permissions.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** RM  <path>|   With everything below. No error where it is not there, if its parent is. */
export function rm(request: Request): Uint8Array {
  const path = request.onlyPath;
  const node = request.view.requireOrMissing(path, XS_PERM_WRITE);
  if (path === ROOT) throw new XsError('EINVAL', 'the root stays');
  if (node !== undefined) request.view.remove(path);
  else if (request.view.read(parentOf(path)) === undefined) throw new XsError('ENOENT', parentOf(path));
  return OK;
}
