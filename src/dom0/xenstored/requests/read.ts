import { XS_PERM_READ } from '../permissions.ts';
import type { Request } from './request.ts';

/** READ  <path>|  ->  <value|> */
export function read(request: Request): Uint8Array {
  return request.view.require(request.onlyPath, XS_PERM_READ).value;
}
