import { XenolithError } from '../../../lib/errors.ts';
import { DOMID_ANY } from '../../../libs/store/later-types.ts';
import { PRIVILEGED_DOMID } from '../accounts.ts';
import type { Connection } from '../connection.ts';
import { isValidPath, leafOf, parentOf, ROOT } from '../paths.ts';
import type { Permission, Permissions } from '../permissions.ts';
import type { Daemon } from '../requests/request.ts';
import type { State } from '../state.ts';
import type { SpecialWatch } from '../store.ts';
import { childListLength } from '../store.ts';
import { Transaction } from '../transactions.ts';
import type { NodeRecord, StoreImage } from './records.ts';

/**
 * Fills a daemon that has nothing yet: quotas, what is known of domains, the tree. Nodes of domains that are no more
 * are left out with all below them, as if they had died under this daemon.
 *
 * @throws XenolithError where the tree makes no sense
 */
export function restoreStore(state: State, image: StoreImage): void {
  const { limits, accounts, store } = state;
  for (const [name, limit] of image.quotas) {
    const quota = limits.quotas.byName.get(name);
    if (quota !== undefined) quota.limit = limit;
  }
  for (const { domid, features, quotas } of image.domains) {
    const account = accounts.findExisting(domid, 0);
    if (account === undefined) continue;
    if (features !== undefined) account.features = features;
    for (const [name, limit] of quotas) {
      const quota = limits.quotas.byName.get(name);
      if (quota !== undefined) account.setOwnLimit(quota, limit);
    }
  }
  for (const { path, permissions } of image.nodes) {
    const name = path as SpecialWatch;
    if (!store.specialWatches.has(name) || accounts.findExisting(permissions[0].domid, 0) === undefined) continue;
    store.specialWatches.set(name, knownOnly(state, permissions));
  }
  restoreTree(
    state,
    image.nodes.filter(({ path }) => !path.startsWith('@')),
  );
}

/**
 * What connections had set up, and their messages on the way. Transactions come back as ones that cannot be committed:
 * their clients get EAGAIN and begin anew.
 *
 * @throws XenolithError where bytes on the way are no messages
 */
export function restoreConnections(daemon: Daemon, image: StoreImage, connections: Connections): void {
  for (const { id, ring, input, output, partial } of image.connections) {
    const connection = connections.get(id);
    if (connection === undefined) continue;
    const target = ring?.target === undefined ? undefined : daemon.domains.get(ring.target);
    if (target !== undefined) connection.setTarget(target.connection);
    if (!connection.resume(input, output, partial)) throw nonsense(`connection ${id} has no messages on its way`);
  }
  for (const { connection: id, wpath, token, depth } of image.watches) {
    const connection = connections.get(id);
    if (connection === undefined) continue;
    const path = connection.absolute(wpath);
    connection.addWatch({ path, token, prefix: path === wpath ? '' : `${connection.home}/`, depth });
  }
  const { store, limits } = daemon.state;
  for (const { connection: connectionId, id } of image.transactions) {
    const connection = connections.get(connectionId);
    if (connection === undefined) continue;
    const transaction = new Transaction(id, store, connection.account, limits.quotas);
    transaction.overtaken = true;
    connection.transactions.set(id, transaction);
    limits.transactionStarted();
  }
}

type Connections = ReadonlyMap<number, Connection>;

function restoreTree(state: State, nodes: readonly NodeRecord[]): void {
  const { store, accounts } = state;
  const children = new Map<string, string[]>();
  const kept: NodeRecord[] = [];
  for (const node of nodes) {
    const { path } = node;
    if (!isValidPath(path, Number.POSITIVE_INFINITY)) throw nonsense(`a node called "${path}"`);
    if (children.has(path)) throw nonsense(`${path} twice`);
    const siblings = path === ROOT ? [] : children.get(parentOf(path));
    const [owner, ...others] = node.permissions;
    const isOwned = accounts.findExisting(owner.domid, 0) !== undefined;
    if (siblings === undefined || (path !== ROOT && !isOwned)) continue;
    if (path !== ROOT) siblings.push(leafOf(path));
    children.set(path, []);
    // The root stays whoever owned it.
    const permissions: Permissions = [isOwned ? owner : { ...owner, domid: PRIVILEGED_DOMID }, ...others];
    kept.push({ ...node, permissions });
  }
  if (!children.has(ROOT)) throw nonsense('no root');
  for (const { path, value, permissions } of kept) {
    const names = children.get(path) ?? [];
    const node = { value, children: names, childBytes: childListLength(names) };
    const generation = store.nextGeneration();
    store.set(path, { ...node, generation, permissions: knownOnly(state, permissions) });
  }
}

/** Permissions of domains that are no more are nobody's, whoever gets the number next. */
function knownOnly({ accounts }: State, [owner, ...others]: Permissions): Permissions {
  const isKnown = ({ domid }: Permission) => domid === DOMID_ANY || accounts.findExisting(domid, 0) !== undefined;
  return [owner, ...others.map((entry) => (isKnown(entry) ? entry : { ...entry, ignored: true }))];
}

function nonsense(what: string): XenolithError {
  return new XenolithError('XENSTORED_STATE', `xenstored's state: ${what}: expected what a xenstored has saved`);
}
