// What an unprivileged domain may take of xenstored; names, order and defaults are the C daemon's (Xen 4.17).

import { XENSTORE_REL_PATH_MAX } from '../../abi/io/xs_wire.ts';

export interface Quota {
  readonly name: string;
  readonly description: string;
  /** 0: there is none. May be changed at run time, for one domain too (`Account.limitOf`). */
  limit: number;
}

/** How many milliseconds a watch event waits for an unprivileged domain to read it before it is dropped. */
export const WATCH_EVENT_TIMEOUT_MS = 20_000;

/** The limits of one daemon. Each is the most a domain may have, except where the field says otherwise. */
export class Quotas {
  readonly nodes = quota('nodes', 1000, 'Nodes per domain');
  readonly watches = quota('watches', 128, 'Watches per domain');
  readonly transactions = quota('transactions', 10, 'Transactions per domain');
  /** At this many unread replies no further request is read. */
  readonly outstanding = quota('outstanding', 20, 'Outstanding requests per domain');
  readonly transactionNodes = quota('transaction-nodes', 1024, 'Max. number of accessed nodes per transaction');
  /** Bytes. At this many nothing more is stored and no further request is read. */
  readonly memory = quota('memory', 2.5 * 1024 * 1024, 'Total Xenstore memory per domain (error level)');
  /** Bytes. A node stays below it. */
  readonly nodeSize = quota('node-size', 2048, 'Max. size of a node');
  readonly pathMax = quota('path-max', XENSTORE_REL_PATH_MAX, 'Max. length of a node path');
  readonly permissions = quota('permissions', 5, 'Max. number of permissions per node');

  /** Bytes at which the log gets a warning. */
  readonly softMemory = quota('memory', 2 * 1024 * 1024, 'Total Xenstore memory per domain (warning level)');

  /** As CONTROL "quota" lists them. */
  readonly hard: readonly Quota[] = [
    this.nodes,
    this.watches,
    this.transactions,
    this.outstanding,
    this.transactionNodes,
    this.memory,
    this.nodeSize,
    this.pathMax,
    this.permissions,
  ];

  /** As CONTROL "quota-soft" lists them. */
  readonly soft: readonly Quota[] = [this.softMemory];

  /** As GET_QUOTA and SET_QUOTA name them. */
  readonly byName: ReadonlyMap<string, Quota> = new Map([
    ...this.hard.map((row) => [row.name, row] as const),
    ...this.soft.map((row) => [`soft-${row.name}`, row] as const),
  ]);
}

function quota(name: string, limit: number, description: string): Quota {
  return { name, description, limit };
}
