import { assert } from '../../lib/assert.ts';
import type { Domid } from '../../abi/xen.ts';
import type { Account } from './accounts.ts';
import { XsError } from './errors.ts';
import type { Permissions } from './permissions.ts';
import type { Quotas } from './quotas.ts';
import type { Node, Store } from './store.ts';
import { nodeMemory, ownerOf } from './store.ts';

/** A change that a commit makes. */
export interface Change {
  readonly path: string;
  /** undefined: the node goes, if it is there. */
  readonly node: Node | undefined;
  /** Of the node when the transaction first saw it; undefined where there was none. */
  readonly oldPermissions: Permissions | undefined;
  /** How far the watches reach that it fires; undefined fires none. */
  readonly watches: 'exact' | 'subtree' | undefined;
}

interface Access {
  /** The node as the transaction first saw it. */
  readonly original: Node | undefined;
  current: Node | undefined;
  modified: boolean;
  watches: 'exact' | 'subtree' | undefined;
}

/**
 * A client's view of the store until it commits. Nothing is copied at its start: each node is kept as it stood when
 * the transaction first read it, which costs nothing since nodes never change, and from then on is the client's own.
 * It commits if every one of them is still of the same generation; else the client gets EAGAIN and tries again.
 */
export class Transaction {
  readonly id: number;
  readonly #store: Store;
  readonly #account: Account;
  readonly #quotas: Quotas;
  readonly #accessed = new Map<string, Access>();
  #memory = 0;
  /** A node was created in it, so that the commit asks for the quota of nodes. */
  nodeCreated = false;
  /** It was begun with another daemon, which has not told what was done in it: the client has to begin anew. */
  overtaken = false;
  /** Something in it went wrong half way: it can only be ended. */
  failed = false;

  constructor(id: number, store: Store, account: Account, quotas: Quotas) {
    this.id = id;
    this.#store = store;
    this.#account = account;
    this.#quotas = quotas;
  }

  /** @throws XsError ENOSPC where an unprivileged domain touches too many nodes, which ends what it can do here */
  read(path: string): Node | undefined {
    const known = this.#accessed.get(path);
    if (known !== undefined) return known.current;

    const limit = this.#account.limitOf(this.#quotas.transactionNodes);
    if (!this.#account.privileged && this.#accessed.size >= limit) {
      this.failed = true;
      throw new XsError('ENOSPC', `more than ${limit} nodes in one transaction`);
    }
    const node = this.#store.get(path);
    this.#accessed.set(path, { original: node, current: node, modified: false, watches: undefined });
    this.#charge(path, node, 1);
    return node;
  }

  /** Puts `node` at a path that was read before, or with undefined takes what is there away. */
  write(path: string, node: Node | undefined): void {
    const access = this.#access(path);
    this.#charge(path, access.current, -1);
    access.current = node;
    access.modified = true;
    this.#charge(path, node, 1);
  }

  /** Has watches fired on the commit. The wider reach wins. */
  queueWatches(path: string, reach: 'exact' | 'subtree'): void {
    const access = this.#access(path);
    if (access.watches !== 'subtree') access.watches = reach;
  }

  /** Whether somebody else changed what this transaction has read. */
  get conflicts(): boolean {
    if (this.overtaken) return true;
    for (const [path, { original }] of this.#accessed) {
      if (this.#store.get(path)?.generation !== original?.generation) return true;
    }
    return false;
  }

  /** What a commit does, in the order the nodes were first accessed. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [path, { original, current, modified, watches }] of this.#accessed) {
      if (modified) changes.push({ path, node: current, oldPermissions: original?.permissions, watches });
    }
    return changes;
  }

  /** How many nodes more, or less, each domain will own after the commit. */
  nodeCounts(): Map<Domid, number> {
    const counts = new Map<Domid, number>();
    const count = (node: Node | undefined, by: 1 | -1) => {
      if (node !== undefined) counts.set(ownerOf(node), (counts.get(ownerOf(node)) ?? 0) + by);
    };
    for (const { original, current } of this.#accessed.values()) {
      count(original, -1);
      count(current, 1);
    }
    return counts;
  }

  /** Gives back what it holds; afterwards it must not be used. */
  end(): void {
    this.#account.memory -= this.#memory;
    this.#accessed.clear();
    this.#memory = 0;
  }

  #access(path: string): Access {
    const access = this.#accessed.get(path);
    assert(access !== undefined, `a transaction changes only what it has read: ${path}`);
    return access;
  }

  #charge(path: string, node: Node | undefined, sign: 1 | -1): void {
    if (node === undefined) return;
    const bytes = sign * nodeMemory(path, node);
    this.#memory += bytes;
    this.#account.memory += bytes;
  }
}
