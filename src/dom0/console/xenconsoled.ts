import { GNTTAB_RESERVED_CONSOLE } from '../../abi/grant_table.ts';
import type { Domid, Gfn, Port } from '../../abi/xen.ts';
import { DOMID_FIRST_RESERVED, grantRef } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { EventChannels } from '../../libs/evtchn/evtchn.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import type { GrantTables } from '../../libs/gnttab/gnttab.ts';
import type { StoreClient } from '../../libs/store/store.ts';
import { StoreError } from '../../libs/store/store.ts';
import type { ConsoleClient } from './console-client.ts';
import type { Overflow } from './domain-console.ts';
import { DomainConsole } from './domain-console.ts';

export interface XenconsoledServices {
  readonly store: StoreClient;
  readonly events: EventChannels;
  readonly grants: GrantTables;
  readonly memory: ForeignMemory;
  readonly ctrl: Pick<Ctrl, 'domain_getinfolist'>;
  /** Where lines of the log go; nowhere by default. */
  readonly log?: (line: string) => void;
}

export interface XenconsoledOptions {
  /** Bytes of the past that a client gets when it attaches; 64 KiB by default. */
  readonly historyBytes?: number;
  /** Whether a guest waits for slow clients, as by default, or they miss some of its output. */
  readonly overflow?: Overflow;
  /** Makes a domain's terminal once it has a console; its name goes to console/tty. */
  readonly openTerminal?: OpenTerminal;
}

/** A terminal that is a client of a domain's console. */
export interface ConsoleTerminal {
  /** What others open. */
  readonly name: string;
  /** The domain is gone. */
  close(): void;
}

export type OpenTerminal = (domid: Domid, attach: (client: ConsoleClient) => () => void) => Promise<ConsoleTerminal>;

/** The page of one console and how it was come by. */
interface Mapping {
  readonly page: Uint8Array;
  /** The frame, where it was mapped by its number and not by grant. */
  readonly gfn: Gfn | undefined;
}

interface Entry {
  readonly console: DomainConsole;
  mapping: Mapping | undefined;
  remotePort: Port | undefined;
  /** Ends the watch of its nodes; undefined until Xen knows the domain. */
  unwatch: (() => Promise<void>) | undefined;
  terminal: ConsoleTerminal | undefined;
  /** Looks at its nodes are one after the other. */
  looking: Promise<void>;
  gone: boolean;
}

const DEFAULT_HISTORY_BYTES = 64 * 1024;

/** Bytes of output kept where console/limit says nothing: what libxl writes there (LIBXL_XENCONSOLE_LIMIT). */
const DEFAULT_LIMIT = 1024 * 1024;

/**
 * The console daemon. For each domain that Xen knows it watches /local/domain/N/console, and once there is a ring and
 * a port it moves bytes between the ring and the clients.
 */
export class Xenconsoled {
  readonly #services: XenconsoledServices;
  readonly #options: XenconsoledOptions;
  readonly #log: (line: string) => void;
  readonly #entries = new Map<Domid, Entry>();
  readonly #unwatches: (() => Promise<void>)[] = [];

  constructor(services: XenconsoledServices, options: XenconsoledOptions = {}) {
    this.#services = services;
    this.#options = options;
    this.#log = services.log ?? (() => {});
  }

  /** Begins to serve the domains there are, and those that come. */
  async start(): Promise<void> {
    for (const event of ['@introduceDomain', '@releaseDomain']) {
      this.#unwatches.push(await this.#services.store.watch(event, () => this.#lookForDomains()));
    }
  }

  /** Lets go of all domains. Their consoles' output stays in their rings. */
  async stop(): Promise<void> {
    for (const unwatch of this.#unwatches.splice(0)) await unwatch();
    for (const entry of [...this.#entries.values()]) await this.#remove(entry);
  }

  /**
   * Has `client` see the console of a domain, from when it has one: it may be attached before the domain is there.
   * `from` says with how much of the past (DomainConsole.attach).
   *
   * @returns what detaches it
   */
  attach(domid: Domid, client: ConsoleClient, from: 'unread' | 'all' = 'unread'): () => void {
    const entry = this.#entry(domid);
    const detach = entry.console.attach(client, from);
    return () => {
      detach();
      const wasNeverThere = entry.unwatch === undefined && !entry.gone;
      if (wasNeverThere && !entry.console.hasClients) this.#entries.delete(domid);
    };
  }

  /** What is kept of a console's output; nothing where there is none. */
  recorded(domid: Domid): Uint8Array {
    return this.#entries.get(domid)?.console.recorded() ?? new Uint8Array(0);
  }

  #entry(domid: Domid): Entry {
    const known = this.#entries.get(domid);
    if (known !== undefined) return known;
    const { overflow = 'keep', historyBytes = DEFAULT_HISTORY_BYTES } = this.#options;
    const console = new DomainConsole(domid, this.#services.events, overflow, historyBytes, DEFAULT_LIMIT);
    const looking = Promise.resolve();
    const entry: Entry = {
      console,
      mapping: undefined,
      remotePort: undefined,
      unwatch: undefined,
      terminal: undefined,
      looking,
      gone: false,
    };
    this.#entries.set(domid, entry);
    return entry;
  }

  /** Compares the domains Xen has with those we know. */
  #lookForDomains(): void {
    const infos = this.#services.ctrl.domain_getinfolist(1 as Domid, DOMID_FIRST_RESERVED - 1);
    const alive = new Set(infos.filter((info) => !info.dying).map((info) => info.domid));
    for (const [domid, entry] of this.#entries) {
      if (entry.unwatch !== undefined && !alive.has(domid)) this.#inBackground(this.#remove(entry));
    }
    for (const domid of alive) {
      const entry = this.#entry(domid);
      if (entry.unwatch === undefined) this.#inBackground(this.#watch(entry));
    }
  }

  async #watch(entry: Entry): Promise<void> {
    let watching: Promise<() => Promise<void>> | undefined;
    // Set before the watch is there, so that the domain is not watched twice.
    entry.unwatch = async () => {
      const unwatch = await watching;
      await unwatch?.();
    };
    watching = this.#services.store.watch(consolePath(entry), () => {
      entry.looking = entry.looking.then(() => this.#connect(entry)).catch((error) => this.#logRefusal(error));
    });
    await watching;
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error) => this.#logRefusal(error));
  }

  /** What xenstored refuses, or cannot answer any more, concerns one domain or none. */
  #logRefusal(error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    this.#log(error.message);
  }

  async #remove(entry: Entry): Promise<void> {
    entry.gone = true;
    this.#entries.delete(entry.console.domid);
    entry.console.end();
    entry.terminal?.close();
    this.#unmap(entry);
    await entry.unwatch?.();
  }

  /** Looks at the domain's nodes, and connects to what they tell if that is not what we have. */
  async #connect(entry: Entry): Promise<void> {
    const path = consolePath(entry);
    const read = (name: string) => this.#services.store.read(`${path}/${name}`);
    const names = ['ring-ref', 'port', 'type', 'limit'] as const;
    const [ringRef, port, type, limit] = await Promise.all(names.map(read));
    const gfn = numberOf(ringRef);
    const remotePort = numberOf(port);
    if (entry.gone) return;
    if (gfn === undefined || remotePort === undefined) {
      this.#letGo(entry);
      return;
    }
    // Somebody else serves it, as QEMU does a HVM guest's.
    if (type !== undefined && type !== 'xenconsoled') return;

    try {
      this.#connectTo(entry, gfn as Gfn, remotePort as Port);
    } catch (error) {
      if (!(error instanceof HypercallError)) throw error;
      this.#log(`domain ${entry.console.domid}: no console: ${error.message}`);
      return;
    }
    const bytes = numberOf(limit);
    if (bytes !== undefined && bytes > 0) entry.console.setLimit(bytes);
    if (entry.terminal === undefined) await this.#openTerminal(entry);
    if (!entry.gone && entry.terminal !== undefined) await this.#tellTerminal(`${path}/tty`, entry.terminal.name);
  }

  async #openTerminal(entry: Entry): Promise<void> {
    const { domid } = entry.console;
    const terminal = await this.#options.openTerminal?.(domid, (client) => this.attach(domid, client));
    if (entry.gone) terminal?.close();
    else entry.terminal = terminal;
  }

  /** A soft reset makes the node anew, with nothing in it; that of a domain that is gone meanwhile must not come back. */
  async #tellTerminal(node: string, name: string): Promise<void> {
    await this.#services.store.transaction(async (transaction) => {
      const before = await transaction.read(node);
      if (before !== undefined && before !== name) await transaction.write(node, name);
    });
  }

  /** Its nodes are gone: what comes in their place is another ring, whatever its numbers are (a soft reset). */
  #letGo(entry: Entry): void {
    if (entry.remotePort === undefined) return;
    entry.console.service();
    entry.console.disconnect();
    entry.remotePort = undefined;
  }

  #connectTo(entry: Entry, gfn: Gfn, remotePort: Port): void {
    const { console, mapping } = entry;
    const moved = mapping?.gfn !== undefined && mapping.gfn !== gfn;
    if (mapping !== undefined && !moved && entry.remotePort === remotePort) return;

    console.disconnect();
    entry.remotePort = undefined;
    if (moved) this.#unmap(entry);
    entry.mapping ??= this.#map(console.domid, gfn);
    const port = this.#services.events.bindInterdomain(console.domid, remotePort);
    entry.remotePort = remotePort;
    console.connect(entry.mapping.page, port);
  }

  /** By the grant the builder leaves for it, or else, since that may be missing, by the frame's number. */
  #map(domid: Domid, gfn: Gfn): Mapping {
    try {
      const page = this.#services.grants.mapGrantRef(domid, grantRef(GNTTAB_RESERVED_CONSOLE), true);
      return { page, gfn: undefined };
    } catch (error) {
      if (!(error instanceof HypercallError)) throw error;
    }
    const [page] = this.#services.memory.map(domid, [gfn]);
    if (page === undefined) throw new HypercallError('map of the console ring', 0);
    return { page, gfn };
  }

  #unmap(entry: Entry): void {
    const { mapping } = entry;
    entry.mapping = undefined;
    if (mapping === undefined) return;
    if (mapping.gfn === undefined) this.#services.grants.unmap(mapping.page);
    else this.#services.memory.unmap([mapping.page]);
  }
}

function consolePath(entry: Entry): string {
  return `/local/domain/${entry.console.domid}/console`;
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
