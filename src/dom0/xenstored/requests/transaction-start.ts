import { nulTerminated } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import { Transaction } from '../transactions.ts';
import type { Request } from './request.ts';

/** TRANSACTION_START  |  ->  <transid>| */
export function transactionStart(request: Request): Uint8Array {
  if (request.transaction !== undefined) throw new XsError('EBUSY', 'transactions do not nest');
  const { connection } = request;
  const { store, limits } = request.daemon.state;
  const limit = connection.account.limitOf(limits.quotas.transactions);
  if (!connection.privileged && connection.transactions.size >= limit) {
    throw new XsError('ENOSPC', `more than ${limit} transactions`);
  }
  const transaction = new Transaction(connection.freeTransactionId(), store, connection.account, limits.quotas);
  connection.transactions.set(transaction.id, transaction);
  limits.transactionStarted();
  return nulTerminated(`${transaction.id}`);
}
