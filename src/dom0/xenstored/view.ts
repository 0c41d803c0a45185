import { PRIVILEGED_DOMID } from './accounts.ts';
import type { Connection } from './connection.ts';
import { XsError } from './errors.ts';
import { childOf, isValidPath, leafOf, parentOf, ROOT } from './paths.ts';
import type { Permissions, Subject } from './permissions.ts';
import { accessOf, XS_PERM_WRITE } from './permissions.ts';
import type { Changed, State } from './state.ts';
import type { Node } from './store.ts';
import { childListLength, NO_VALUE, nodeMemory, nodeSize, ownerOf, withChild, withoutChild } from './store.ts';
import type { Transaction } from './transactions.ts';

interface Write {
  readonly path: string;
  readonly node: Node;
}

/**
 * The tree as one request sees and changes it: with the rights of a connection, inside a transaction or not.
 * Without a connection it is xenstored itself, which may do everything and is bound by no quota.
 */
export class View {
  readonly #state: State;
  readonly #connection: Connection | undefined;
  readonly #transaction: Transaction | undefined;

  constructor(state: State, connection?: Connection, transaction?: Transaction) {
    this.#state = state;
    this.#connection = connection;
    this.#transaction = transaction;
  }

  get #pathMax(): number {
    const { pathMax } = this.#state.limits.quotas;
    return this.#connection?.account.limitOf(pathMax) ?? pathMax.limit;
  }

  /** The node whatever its permissions are, or undefined. */
  read(path: string): Node | undefined {
    if (this.#transaction === undefined) return this.#state.read(path);
    const node = this.#transaction.read(path);
    return node && this.#state.current(node);
  }

  /**
   * The node, if the connection has all of `access` (XS_PERM_*) to it.
   *
   * @throws XsError EINVAL where the path is none; EACCES; ENOENT only to whom the nearest parent grants `access` too,
   *   so that nobody learns from an error what there is
   */
  require(path: string, access: number): Node {
    if (!isValidPath(path, this.#pathMax)) throw new XsError('EINVAL', `no path: ${path}`);
    const node = this.read(path);
    if (node !== undefined && (this.#accessTo(node) & access) === access) return node;
    if ((this.#accessTo(this.#nearestParent(path)) & access) === 0) throw new XsError('EACCES', path);
    throw new XsError(node === undefined ? 'ENOENT' : 'EACCES', path);
  }

  /** As `require`, with undefined for a node that is not there but may be created. */
  requireOrMissing(path: string, access: number): Node | undefined {
    try {
      return this.require(path, access);
    } catch (error) {
      if (error instanceof XsError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** WRITE: the node is there afterwards and has the value. */
  write(path: string, value: Uint8Array): void {
    const node = this.requireOrMissing(path, XS_PERM_WRITE);
    if (node === undefined) {
      this.create(path, value);
    } else {
      const changed = { ...node, value, generation: this.#state.store.nextGeneration() };
      this.#put([{ path, node: changed }], 'checked');
      this.#changed({ path, node: changed, reach: 'subtree' });
    }
  }

  /** Makes a node that is not there, and the parents it lacks. It inherits their permissions. */
  create(path: string, value: Uint8Array): void {
    const missing = [path];
    let parentPath = parentOf(path);
    let parent = this.read(parentPath);
    while (parent === undefined) {
      missing.push(parentPath);
      parentPath = parentOf(parentPath);
      parent = this.read(parentPath);
    }
    this.#requireNodes(missing.length);

    const permissions = this.#inherited(parent.permissions);
    const { store } = this.#state;
    const writes = missing.map((missingPath, depth): Write => {
      const below = missing[depth - 1];
      const children = below === undefined ? [] : [leafOf(below)];
      const childBytes = childListLength(children);
      const node = { permissions, value: depth === 0 ? value : NO_VALUE, children, childBytes };
      return { path: missingPath, node: { ...node, generation: store.nextGeneration() } };
    });
    const grown = withChild(parent, leafOf(missing[missing.length - 1] ?? path));
    writes.push({ path: parentPath, node: { ...grown, generation: store.nextGeneration() } });

    if (this.#transaction !== undefined) this.#transaction.nodeCreated = true;
    this.#put(writes, 'checked');
    this.#changed({ path, node: writes[0]?.node, reach: 'subtree' });
  }

  /** Takes a node away that is there, with everything below it. */
  remove(path: string): void {
    const parentPath = parentOf(path);
    const parent = this.read(parentPath);
    if (parent === undefined) throw new XsError('EINVAL', `${path} has no parent`);
    this.#removeTree(path, undefined, 'subtree');
    const generation = this.#state.store.nextGeneration();
    this.#put([{ path: parentPath, node: { ...withoutChild(parent, leafOf(path)), generation } }], 'unchecked');
  }

  setPermissions(path: string, node: Node, permissions: Permissions): void {
    const changed = { ...node, permissions, generation: this.#state.store.nextGeneration() };
    this.#put([{ path, node: changed }], 'checked');
    this.#changed({ path, node: changed, oldPermissions: node.permissions, reach: 'subtree' });
  }

  /** Children first. Watches fire as each goes, while its permissions can still be seen. */
  #removeTree(path: string, parent: Node | undefined, reach: Changed['reach']): void {
    const node = this.read(path);
    // In a transaction a child may have gone since its parent was read, or come. The commit will find that out.
    if (node === undefined) return;
    for (const leaf of node.children) this.#removeTree(childOf(path, leaf), node, 'exact');
    this.#state.store.nextGeneration();
    if (this.#transaction !== undefined) {
      this.#transaction.write(path, undefined);
    } else {
      this.#chargeWrites(1);
      this.#state.store.delete(path);
    }
    this.#changed({ path, node, parent, reach });
  }

  /** Stores all or none. */
  #put(writes: readonly Write[], quotas: 'checked' | 'unchecked'): void {
    if (quotas === 'checked') this.#requireQuotas(writes);
    if (this.#transaction === undefined) {
      this.#chargeWrites(writes.length);
      for (const { path, node } of writes) this.#state.store.set(path, node);
    } else {
      for (const { path, node } of writes) this.#transaction.write(path, node);
    }
  }

  /** @throws XsError ENOSPC or ENOMEM; a transaction in which that happens can not be committed any more */
  #requireQuotas(writes: readonly Write[]): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { limits, accounts } = this.#state;
    try {
      for (const { path, node } of writes) {
        if (!connection.privileged && nodeSize(node) >= connection.account.limitOf(limits.quotas.nodeSize)) {
          throw new XsError('ENOSPC', `${path} would have ${nodeSize(node)} bytes`);
        }
        // What a transaction holds is its client's, what the store holds the owner's.
        const account = this.#transaction === undefined ? accounts.owner(ownerOf(node)) : connection.account;
        const old = this.read(path);
        const growth = nodeMemory(path, node) - (old === undefined ? 0 : nodeMemory(path, old));
        if (!limits.allowsAccountMemory(account, growth)) throw new XsError('ENOMEM', `no memory left for ${path}`);
      }
    } catch (error) {
      if (this.#transaction !== undefined) this.#transaction.failed = true;
      throw error;
    }
  }

  #requireNodes(count: number): void {
    const connection = this.#connection;
    if (connection === undefined || connection.privileged) return;
    const limit = connection.account.limitOf(this.#state.limits.quotas.nodes);
    if (connection.account.nodes + count > limit) throw new XsError('ENOSPC', `more than ${limit} nodes`);
  }

  #chargeWrites(count: number): void {
    const connection = this.#connection;
    if (connection === undefined || !connection.isDomain) return;
    for (let i = 0; i < count; i++) this.#state.limits.rate.chargeWrite(connection.account, 0);
  }

  /** What a new node below these gets: a domain owns what it creates. */
  #inherited(permissions: Permissions): Permissions {
    const connection = this.#connection;
    if (connection === undefined || connection.privileged) return permissions;
    const [owner, ...others] = permissions;
    return [{ ...owner, domid: connection.domid }, ...others];
  }

  #accessTo(node: Node): number {
    return accessOf(this.#connection ?? XENSTORED, node.permissions);
  }

  #nearestParent(path: string): Node {
    for (let parent = parentOf(path); ; parent = parentOf(parent)) {
      const node = this.read(parent);
      if (node !== undefined) return node;
      if (parent === ROOT) throw new XsError('EIO', 'the root is gone');
    }
  }

  #changed(changed: Omit<Changed, 'cause'>): void {
    if (this.#transaction !== undefined) this.#transaction.queueWatches(changed.path, changed.reach);
    else this.#state.fireWatches({ ...changed, cause: this.#connection?.cause });
  }
}

/** xenstored itself, when it acts for nobody. */
const XENSTORED: Subject = { domid: PRIVILEGED_DOMID, privileged: true, target: undefined };
