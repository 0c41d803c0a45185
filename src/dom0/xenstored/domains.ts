import { GNTTAB_RESERVED_XENSTORE } from '../../abi/grant_table.ts';
import type { Domid, Port } from '../../abi/xen.ts';
import { grantRef } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { EventChannels } from '../../libs/evtchn/evtchn.ts';
import type { GrantTables } from '../../libs/gnttab/gnttab.ts';
import type { Clock } from '../../lib/ports.ts';
import { PRIVILEGED_DOMID } from './accounts.ts';
import { Connection } from './connection.ts';
import { XsError, xsErrorName } from './errors.ts';
import { childOf, ROOT } from './paths.ts';
import type { Permissions } from './permissions.ts';
import { RingTransport } from './ring.ts';
import type { State } from './state.ts';
import { ownerOf } from './store.ts';
import { View } from './view.ts';

/** A domain that was introduced. */
export interface IntroducedDomain {
  readonly connection: Connection;
  readonly ring: RingTransport;
  /** Gives the ring page back. */
  readonly unmap: () => void;
  /** That it shut down was told; RESUME forgets it. */
  shutdown: boolean;
}

/** What of Xen the domains' coming and going needs. */
export interface DomainServices {
  readonly events: EventChannels;
  readonly grants: GrantTables;
  readonly ctrl: Pick<Ctrl, 'domain_getinfo'>;
  readonly clock: Clock;
}

/** The domains xenstored talks to: introduction, shutdown, death. */
export class Domains {
  readonly #state: State;
  readonly #services: DomainServices;
  readonly #introduced = new Map<Domid, IntroducedDomain>();
  readonly #onConnection: (connection: Connection) => void;

  constructor(state: State, services: DomainServices, onConnection: (connection: Connection) => void) {
    this.#state = state;
    this.#services = services;
    this.#onConnection = onConnection;
  }

  get(domid: Domid): IntroducedDomain | undefined {
    return this.#introduced.get(domid);
  }

  /**
   * INTRODUCE with the ring page found through the domain's grant.
   *
   * @throws XsError where the domain grants no page, or its port cannot be bound
   */
  introduceByGrant(domid: Domid, remotePort: Port): void {
    if (this.#introduced.has(domid)) {
      this.#rebind(domid, remotePort);
      return;
    }
    const { grants } = this.#services;
    const page = asXsError(() => grants.mapGrantRef(domid, grantRef(GNTTAB_RESERVED_XENSTORE), true));
    try {
      this.introduce(domid, page, remotePort, () => grants.unmap(page));
    } catch (error) {
      grants.unmap(page);
      throw error;
    }
  }

  /** Starts to talk to a domain over its ring page; one that is known gets a new event channel and starts afresh. */
  introduce(domid: Domid, page: Uint8Array, remotePort: Port, unmap: () => void): void {
    if (this.#introduced.has(domid)) {
      this.#rebind(domid, remotePort);
      return;
    }
    const { events, clock } = this.#services;
    const { accounts, store, limits, connections, watches } = this.#state;
    const port = asXsError(() => events.bindInterdomain(domid, remotePort));
    const account = accounts.open(domid, store.generation);
    const ring = new RingTransport(page, events, account.features);
    const connection = new Connection(account, true, ring, { clock, limits, watches });
    this.#introduced.set(domid, { connection, ring, unmap, shutdown: false });
    limits.rate.addDomain(account);
    connections.add(connection);
    this.#onConnection(connection);
    ring.bind(port);
    if (domid !== PRIVILEGED_DOMID) this.#state.fireSpecialWatches('@introduceDomain', domid);
    ring.reset();
  }

  #rebind(domid: Domid, remotePort: Port): void {
    const domain = this.#introduced.get(domid);
    if (domain === undefined) return;
    domain.ring.bind(undefined);
    domain.connection.reset();
    domain.ring.bind(asXsError(() => this.#services.events.bindInterdomain(domid, remotePort)));
    domain.ring.reset();
  }

  /** A domain that was introduced to another daemon, with what carries its connection. */
  takeOver(domid: Domid, ring: RingTransport, unmap: () => void): Connection {
    const { clock, ctrl } = this.#services;
    const { accounts, limits, connections, watches } = this.#state;
    const account = accounts.open(domid, 0);
    const connection = new Connection(account, true, ring, { clock, limits, watches });
    const shutdown = ctrl.domain_getinfo(domid)?.shutdown ?? false;
    this.#introduced.set(domid, { connection, ring, unmap, shutdown });
    limits.rate.addDomain(account);
    connections.add(connection);
    return connection;
  }

  /** Ends the talk with a domain, takes away the nodes it owns and tells everybody. */
  release(domid: Domid): void {
    const domain = this.#introduced.get(domid);
    if (domain !== undefined) {
      this.#introduced.delete(domid);
      this.#state.connections.delete(domain.connection);
      domain.connection.close();
      domain.unmap();
      this.#state.limits.rate.removeDomain(domain.connection.account);
    }
    this.#removeTracesOf(domid);
    this.#state.accounts.close(domid);
    // A domain that gets the number now must be younger than every permission given so far.
    this.#state.store.nextGeneration();
    if (domain !== undefined) this.#state.fireSpecialWatches('@releaseDomain', domid);
  }

  /** Looks which domains have shut down or died since the last time, upon VIRQ_DOM_EXC. */
  checkAll(): void {
    let shutDown = false;
    let released = false;
    for (const { domid } of [...this.#state.accounts.values()]) {
      if (domid === PRIVILEGED_DOMID) continue;
      const info = this.#services.ctrl.domain_getinfo(domid);
      const domain = this.#introduced.get(domid);
      if (info === undefined || (info.dying && domain !== undefined)) {
        this.release(domid);
        released ||= domain !== undefined;
      } else if (info.shutdown && domain !== undefined && !domain.shutdown) {
        domain.shutdown = true;
        this.#state.fireDomainWatches('@releaseDomain', domid);
        shutDown = true;
      }
    }
    // A release has told everybody to look already.
    if (shutDown && !released) this.#state.fireSpecialWatches('@releaseDomain');
  }

  /** The root stays whoever owned it; dom0 may have given it away, and gets it back. */
  #reclaimRoot(domid: Domid): void {
    const { store } = this.#state;
    const root = store.get(ROOT);
    if (root === undefined || ownerOf(root) !== domid) return;
    const [owner, ...others] = root.permissions;
    const permissions: Permissions = [{ ...owner, domid: PRIVILEGED_DOMID }, ...others];
    store.set(ROOT, { ...root, permissions, generation: store.nextGeneration() });
  }

  /** Nodes a dead domain owned go with all below them; permissions it was given elsewhere end by their age. */
  #removeTracesOf(domid: Domid): void {
    const view = new View(this.#state);
    const visit = (path: string) => {
      const node = this.#state.store.get(path);
      if (node === undefined) return;
      if (path !== ROOT && ownerOf(node) === domid) view.remove(path);
      else for (const leaf of node.children) visit(childOf(path, leaf));
    };
    this.#reclaimRoot(domid);
    if ((this.#state.accounts.find(domid)?.nodes ?? 0) > 0) visit(ROOT);

    const { specialWatches } = this.#state.store;
    for (const [name, [owner, ...others]] of specialWatches) {
      const kept: Permissions = [
        owner.domid === domid ? { ...owner, domid: PRIVILEGED_DOMID } : owner,
        ...others.filter((entry) => entry.domid !== domid),
      ];
      specialWatches.set(name, kept);
    }
  }
}

/** Passes a refusal of Xen's on to the client. */
function asXsError<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (error instanceof HypercallError) throw new XsError(xsErrorName(error.errno), error.message);
    throw error;
  }
}
