import { nulTerminated } from '../../../libs/store/wire.ts';
import { XS_PERM_READ } from '../permissions.ts';
import type { Request } from './request.ts';

/** DIRECTORY  <path>|  ->  <child-leaf-name>|*   E2BIG where they do not fit into one reply. */
export function directory(request: Request): Uint8Array {
  return nulTerminated(...request.view.require(request.onlyPath, XS_PERM_READ).children);
}
