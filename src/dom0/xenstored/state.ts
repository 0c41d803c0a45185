import type { Domid } from '../../abi/xen.ts';
import { DOMID_ANY } from '../../libs/store/later-types.ts';
import type { Accounts } from './accounts.ts';
import type { Connection } from './connection.ts';
import type { OutstandingRequest } from './output.ts';
import type { Limits } from './limits.ts';
import { parentOf } from './paths.ts';
import type { Permission, Permissions } from './permissions.ts';
import { accessOf, XS_PERM_READ } from './permissions.ts';
import type { Node, SpecialWatch, Store } from './store.ts';
import type { Watch } from './watches.ts';
import { WatchIndex } from './watches.ts';

/** What is known of a node that changed. */
export interface Changed {
  readonly path: string;
  /** As it is now, or was until its removal; undefined: as the store has it. */
  readonly node: Node | undefined;
  /** Its parent where that is not in the store any more. */
  readonly parent?: Node | undefined;
  /** Where they changed: who could read it then is told too. */
  readonly oldPermissions?: Permissions | undefined;
  /** 'exact': only watches of this very path, since those further up hear of the removal of the whole. */
  readonly reach: 'exact' | 'subtree';
  readonly cause: OutstandingRequest | undefined;
}

/** The store and who is connected to it: what every request works on. */
export class State {
  readonly store: Store;
  readonly accounts: Accounts;
  readonly limits: Limits;
  readonly watches = new WatchIndex<Connection>();
  /** In the order they came. */
  readonly connections = new Set<Connection>();

  constructor(store: Store, accounts: Accounts, limits: Limits) {
    this.store = store;
    this.accounts = accounts;
    this.limits = limits;
  }

  /** `node` with those permissions ignored that speak of a domain which is gone, or younger than the node. */
  current(node: Node): Node {
    const permissions = this.currentPermissions(node.permissions, node.generation);
    return permissions === node.permissions ? node : { ...node, permissions };
  }

  currentPermissions(permissions: Permissions, generation: number): Permissions {
    const isStale = (entry: Permission) =>
      !entry.ignored && entry.domid !== DOMID_ANY && !this.accounts.wasThere(entry.domid, generation);
    const [owner, ...others] = permissions;
    if (!others.some(isStale)) return permissions;
    return [owner, ...others.map((entry) => (isStale(entry) ? { ...entry, ignored: true } : entry))];
  }

  /** The node outside of any transaction. */
  read(path: string): Node | undefined {
    const node = this.store.get(path);
    return node && this.current(node);
  }

  /** Sends events for a change to everybody who watches it and may know of it. */
  fireWatches(changed: Changed): void {
    const { path, reach, cause } = changed;
    const watches = reach === 'exact' ? this.watches.at(path) : this.watches.reaching(path);
    const known = new Map<Connection, boolean>();
    for (const { owner, prefix, token } of watches) {
      const mayKnow = known.get(owner) ?? this.#mayKnow(owner, changed);
      known.set(owner, mayKnow);
      if (mayKnow) owner.sendEvent(path.slice(prefix.length), token, cause);
    }
  }

  /**
   * Sends events of xenstored's own making to everybody who watches them and may read them: of the name to watches
   * without a depth, of the name and the domain, where one is given, to those of just that and those with a depth.
   */
  fireSpecialWatches(name: SpecialWatch, domid?: Domid): void {
    this.#fireSpecial(name, name, (watch) => watch.depth === undefined);
    if (domid !== undefined) this.fireDomainWatches(name, domid);
  }

  /** As `fireSpecialWatches`, to those alone who want to know which domain it is. */
  fireDomainWatches(name: SpecialWatch, domid: Domid): void {
    const path = `${name}/${domid}`;
    this.#fireSpecial(name, path, (watch) => watch.path === path || (watch.depth ?? 0) > 0);
  }

  #fireSpecial(name: SpecialWatch, path: string, concerns: (watch: Watch) => boolean): void {
    const permissions = this.store.specialWatches.get(name);
    if (permissions === undefined) return;
    const watches = path === name ? this.watches.at(name) : [...this.watches.at(name), ...this.watches.at(path)];
    for (const watch of watches) {
      if (!concerns(watch) || !(accessOf(watch.owner, permissions) & XS_PERM_READ)) continue;
      watch.owner.sendEvent(path, watch.token, undefined);
    }
  }

  /** A change is told to whom the node or its parent is readable, now or before. */
  #mayKnow(connection: Connection, changed: Changed): boolean {
    const mayRead = (permissions: Permissions) => (accessOf(connection, permissions) & XS_PERM_READ) !== 0;
    if (changed.oldPermissions !== undefined && mayRead(changed.oldPermissions)) return true;
    const node = changed.node ?? this.read(changed.path);
    if (node === undefined) return false;
    if (mayRead(node.permissions)) return true;
    const parent = changed.parent ?? this.read(parentOf(changed.path));
    return parent !== undefined && mayRead(parent.permissions);
  }

  /** The connection of a domain that was introduced. */
  connectionOf(domid: Domid): Connection | undefined {
    for (const connection of this.connections) {
      if (connection.isDomain && connection.domid === domid) return connection;
    }
    return undefined;
  }
}
