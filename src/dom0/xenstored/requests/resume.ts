import { connectedDomain } from './connected-domain.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** RESUME  <domid>|   A domain that was shut down to be saved runs on: its next shutdown is told again. */
export function resume(request: Request): Uint8Array {
  connectedDomain(request, request.onlyDomid).shutdown = false;
  return OK;
}
