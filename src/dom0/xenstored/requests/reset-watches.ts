import type { Request } from './request.ts';
import { OK } from './request.ts';

/** RESET_WATCHES  |   Watches and transactions of the caller: a kernel that was just booted by another wants neither. */
export function resetWatches(request: Request): Uint8Array {
  request.connection.removeAllWatches();
  request.connection.endTransactions();
  return OK;
}
