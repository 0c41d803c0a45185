import type { Connection } from '../connection.ts';
import { childOf, ROOT } from '../paths.ts';
import type { Daemon } from '../requests/request.ts';
import type { State } from '../state.ts';
import type {
  ConnectionRecord,
  DomainRecord,
  NodeRecord,
  StoreImage,
  TransactionRecord,
  WatchRecord,
} from './records.ts';

/** The daemon as it is now; `ids` names each connection whose records it is to have. */
export function imageOf({ state, domains }: Daemon, ids: ReadonlyMap<Connection, number>): StoreImage {
  const connections: ConnectionRecord[] = [];
  const watches: WatchRecord[] = [];
  const transactions: TransactionRecord[] = [];
  for (const [connection, id] of ids) {
    const domain = connection.isDomain ? domains.get(connection.domid) : undefined;
    const { domid, target } = connection;
    const ring = domain && { domid, target: target?.domid, evtchn: domain.ring.port ?? 0 };
    connections.push({ id, ring, ...connection.pending });
    for (const { path, token, prefix, depth } of connection.watches) {
      watches.push({ connection: id, wpath: path.slice(prefix.length), token, depth });
    }
    for (const transaction of connection.transactions.keys()) transactions.push({ connection: id, id: transaction });
  }
  const nodes = [...nodesOf(state)];
  return { quotas: quotasOf(state), domains: domainsOf(state), connections, watches, transactions, nodes };
}

function quotasOf({ limits }: State): Map<string, number> {
  return new Map([...limits.quotas.byName].map(([name, quota]) => [name, quota.limit]));
}

function domainsOf({ accounts, limits }: State): DomainRecord[] {
  const records: DomainRecord[] = [];
  for (const account of accounts.values()) {
    if (account.privileged) continue;
    const quotas = new Map<string, number>();
    for (const [name, quota] of limits.quotas.byName) {
      const limit = account.ownLimit(quota);
      if (limit !== undefined) quotas.set(name, limit);
    }
    records.push({ domid: account.domid, features: account.features, quotas });
  }
  return records;
}

/** The special watches' permissions, then the tree, each node before its children. */
function* nodesOf(state: State): Generator<NodeRecord> {
  for (const [path, permissions] of state.store.specialWatches) {
    yield { path, value: new Uint8Array(0), permissions };
  }
  const paths = [ROOT];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const node = state.read(path);
    if (node === undefined) continue;
    yield { path, value: node.value, permissions: node.permissions };
    for (const leaf of node.children.toReversed()) paths.push(childOf(path, leaf));
  }
}
