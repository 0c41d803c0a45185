import { formatPermissions, XS_PERM_READ } from '../permissions.ts';
import type { Request } from './request.ts';

/** GET_PERMS  <path>|  ->  <perm-as-string>|+ */
export function getPerms(request: Request): Uint8Array {
  return formatPermissions(request.view.require(request.onlyPath, XS_PERM_READ).permissions);
}
