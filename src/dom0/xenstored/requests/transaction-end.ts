import { XsError } from '../errors.ts';
import type { Transaction } from '../transactions.ts';
import type { Request } from './request.ts';
import { OK } from './request.ts';

/** TRANSACTION_END  T| or F|   EAGAIN where somebody else changed what it has read. Either way it is over. */
export function transactionEnd(request: Request): Uint8Array {
  const verdict = request.onlyString;
  if (verdict !== 'T' && verdict !== 'F') throw new XsError('EINVAL', `neither T nor F: ${verdict}`);
  const { transaction, connection } = request;
  if (transaction === undefined) throw new XsError('ENOENT', 'no transaction to end');
  try {
    if (verdict === 'T') commit(request, transaction);
  } finally {
    connection.endTransactions(transaction);
  }
  return OK;
}

function commit(request: Request, transaction: Transaction): void {
  const { connection } = request;
  const { state } = request.daemon;
  if (transaction.failed) throw new XsError('ENOMEM', 'a request of the transaction failed half way');
  requireNodes(request, transaction);
  if (transaction.conflicts) throw new XsError('EAGAIN', 'what it read was changed by others');

  if (connection.isDomain) state.limits.rate.chargeWrite(connection.account, 1);
  for (const { path, node, oldPermissions, watches } of transaction.changes()) {
    const generation = state.store.nextGeneration();
    if (node === undefined) state.store.delete(path);
    else state.store.set(path, { ...state.current(node), generation });
    if (watches === undefined) continue;
    state.fireWatches({ path, node: undefined, oldPermissions, reach: watches, cause: connection.cause });
  }
}

/** The domains that will own more nodes must still be there, and have room for them. */
function requireNodes(request: Request, transaction: Transaction): void {
  const { accounts, store, limits } = request.daemon.state;
  const { nodes: quota } = limits.quotas;
  const isBound = transaction.nodeCreated && !request.connection.privileged;
  for (const [domid, count] of transaction.nodeCounts()) {
    const account = accounts.findExisting(domid, store.generation);
    if (account === undefined) throw new XsError('ENOMEM', `domain ${domid} would own nodes and is gone`);
    if (isBound && !account.privileged && account.nodes + count > account.limitOf(quota)) {
      throw new XsError('ENOSPC', `more than ${account.limitOf(quota)} nodes`);
    }
  }
}
