import { assert } from '../../lib/assert.ts';
import type { Domid } from '../../abi/xen.ts';
import { FEATURES } from './features.ts';
import type { Quota } from './quotas.ts';

/** The domain whose daemons may do everything, and who owns what nobody else does. */
export const PRIVILEGED_DOMID = 0 as Domid;

/** What xenstored knows of a domain that exists, introduced or not, and what that domain takes up. */
export class Account {
  readonly domid: Domid;
  /** The store's generation when it was opened: permissions given before were meant for another of that number. */
  readonly since: number;
  nodes = 0;
  watches = 0;
  /** Replies not yet read, with the watch events their requests caused. */
  outstanding = 0;
  /** Bytes, of nodes it owns, watches and messages on their way to it. */
  memory = 0;
  /** How the memory stands to its quotas, as last logged. */
  memoryLogged: 'below' | 'soft' | 'hard' = 'below';
  memoryLoggedMs = Number.NEGATIVE_INFINITY;
  /** Writes it may still do while others have transactions open, in thousandths (write-rate.ts). */
  credit = 0;
  creditMs = 0;
  slowedLogged = false;
  /** XENSTORE_SERVER_FEATURE_* that it is told of. */
  features = FEATURES;
  readonly #ownLimits = new Map<Quota, number>();

  constructor(domid: Domid, since: number) {
    this.domid = domid;
    this.since = since;
  }

  get privileged(): boolean {
    return this.domid === PRIVILEGED_DOMID;
  }

  /** How much it may have: what was set for it, or else for all; Infinity where that is 0. */
  limitOf(quota: Quota): number {
    return (this.#ownLimits.get(quota) ?? quota.limit) || Number.POSITIVE_INFINITY;
  }

  /** What was set for it alone. */
  ownLimit(quota: Quota): number | undefined {
    return this.#ownLimits.get(quota);
  }

  setOwnLimit(quota: Quota, limit: number): void {
    this.#ownLimits.set(quota, limit);
  }
}

/** All accounts. One is opened as soon as a node or a permission speaks of a domain that Xen knows. */
export class Accounts {
  readonly #accounts = new Map<Domid, Account>();
  readonly #existsInXen: (domid: Domid) => boolean;

  constructor(existsInXen: (domid: Domid) => boolean) {
    this.#existsInXen = existsInXen;
    this.open(PRIVILEGED_DOMID, 0);
  }

  find(domid: Domid): Account | undefined {
    return this.#accounts.get(domid);
  }

  /** The account of a domain that owns nodes: nodes of domains without one are not kept. */
  owner(domid: Domid): Account {
    const account = this.#accounts.get(domid);
    assert(account !== undefined, `domain ${domid} owns a node, so it has an account`);
    return account;
  }

  /** Finds or opens it; undefined where Xen knows no such domain. */
  findExisting(domid: Domid, generation: number): Account | undefined {
    return this.#accounts.get(domid) ?? (this.#existsInXen(domid) ? this.open(domid, generation) : undefined);
  }

  /** Finds or opens it without asking Xen. */
  open(domid: Domid, generation: number): Account {
    let account = this.#accounts.get(domid);
    if (account === undefined) {
      account = new Account(domid, generation);
      this.#accounts.set(domid, account);
    }
    return account;
  }

  close(domid: Domid): void {
    this.#accounts.delete(domid);
  }

  /** Whether the domain was there when something of `generation` was written, and still is. */
  wasThere(domid: Domid, generation: number): boolean {
    const account = this.#accounts.get(domid);
    return account !== undefined && account.since <= generation;
  }

  values(): Iterable<Account> {
    return this.#accounts.values();
  }
}
