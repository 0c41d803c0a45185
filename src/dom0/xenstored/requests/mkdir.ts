import { XS_PERM_WRITE } from '../permissions.ts';
import { NO_VALUE } from '../store.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** MKDIR  <path>|   A node that is there already keeps its value. */
export function mkdir(request: Request): Uint8Array {
  const path = request.onlyPath;
  if (request.view.requireOrMissing(path, XS_PERM_WRITE) === undefined) request.view.create(path, NO_VALUE);
  return OK;
}
