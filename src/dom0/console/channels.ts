import {
  XenbusStateClosed,
  XenbusStateConnected,
  XenbusStateInitialised,
  XenbusStateInitWait,
} from '../../abi/io/xenbus.ts';
import { domid as asDomid, type Domid, grantRef, type Port } from '../../abi/xen.ts';
import { XenolithError } from '../../lib/errors.ts';
import { HypercallError } from '../../libs/call/call.ts';
import { StoreError } from '../../libs/store/store.ts';
import type { ConsoleClient } from './console-client.ts';
import { DomainConsole } from './domain-console.ts';
import type { ConsoleTerminal, XenconsoledServices } from './xenconsoled.ts';

/** Where what serves a channel to others is made, once the domain has it. */
export interface ChannelOptions {
  /** For connection=pty; its name goes to the frontend's tty. */
  readonly openTerminal?: (domid: Domid, attach: AttachClient) => Promise<ConsoleTerminal>;
  /** For connection=socket; rejects with a sentence where the path cannot be had. */
  readonly openSocket?: (path: string, attach: AttachClient) => Promise<ConsoleTerminal>;
}

type AttachClient = (client: ConsoleClient) => () => void;
type ChannelServices = Omit<XenconsoledServices, 'memory' | 'ctrl'>;

const ROOT = '/local/domain/0/backend/console';
const HISTORY_BYTES = 64 * 1024;
const LIMIT = 1024 * 1024;

interface Channel {
  readonly backend: string;
  readonly domid: Domid;
  readonly console: DomainConsole;
  page: Uint8Array | undefined;
  terminal: ConsoleTerminal | undefined;
  /** What the frontend's tty is to name. */
  tty: string | undefined;
  /** Ends the watch of its frontend. */
  unwatch: (() => Promise<void>) | undefined;
  /** Looks at its nodes are one after the other. */
  looking: Promise<void>;
  gone: boolean;
}

/**
 * The other end of domains' further consoles, 1 and up, which are devices that drivers connect to (xen-pv-channel(7));
 * on a dom0 a process of QEMU's serves them. Console 0 is xenconsoled's.
 */
export class Channels {
  readonly #services: ChannelServices;
  readonly #options: ChannelOptions;
  readonly #channels = new Map<string, Channel>();
  #unwatch: (() => Promise<void>) | undefined;

  constructor(services: ChannelServices, options: ChannelOptions = {}) {
    this.#services = services;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#unwatch = await this.#services.store.watch(ROOT, (path) => this.#changed(path));
  }

  async stop(): Promise<void> {
    await this.#unwatch?.();
    for (const channel of [...this.#channels.values()]) await this.#remove(channel);
  }

  /** Has `client` see a channel, as Xenconsoled.attach does; undefined where there is no such channel. */
  attach(domid: Domid, number: number, client: ConsoleClient, from: 'unread' | 'all'): (() => void) | undefined {
    return this.#channels.get(`${domid}/${number}`)?.console.attach(client, from);
  }

  #changed(path: string): void {
    const [, domid, number] = /^\/(\d+)(?:\/(\d+))?/.exec(path.slice(ROOT.length)) ?? [];
    // What is removed above takes what is below with it, without a word for each.
    if (number === undefined) for (const channel of this.#channels.values()) this.#lookAt(channel);
    else if (number !== '0') this.#lookAt(this.#channel(Number(domid), number));
  }

  #channel(domid: number, number: string): Channel {
    const key = `${domid}/${number}`;
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const console = new DomainConsole(asDomid(domid), this.#services.events, 'keep', HISTORY_BYTES, LIMIT);
    const channel: Channel = {
      backend: `${ROOT}/${key}`,
      domid: asDomid(domid),
      console,
      page: undefined,
      terminal: undefined,
      tty: undefined,
      unwatch: undefined,
      looking: Promise.resolve(),
      gone: false,
    };
    this.#channels.set(key, channel);
    return channel;
  }

  #lookAt(channel: Channel): void {
    channel.looking = channel.looking
      .then(() => this.#look(channel))
      .catch((error: unknown) => {
        const isForeign =
          error instanceof XenolithError || error instanceof StoreError || error instanceof HypercallError;
        if (!isForeign) throw error;
        this.#services.log?.(`${channel.backend}: ${error.message}`);
      });
  }

  async #look(channel: Channel): Promise<void> {
    const { store } = this.#services;
    const frontend = await store.read(`${channel.backend}/frontend`);
    if (channel.gone) {
      // Its nodes went, and others may have come: another channel's.
      if (frontend !== undefined) this.#changed(channel.backend);
      return;
    }
    if (frontend === undefined) {
      await this.#remove(channel);
      return;
    }
    if (channel.unwatch === undefined) {
      await this.#serve(channel);
      channel.unwatch = await store.watch(`${frontend}/state`, () => this.#lookAt(channel));
      return;
    }
    if (channel.tty !== undefined) await this.#replace(`${frontend}/tty`, channel.tty);
    const state = Number(await store.read(`${frontend}/state`));
    if (state === XenbusStateInitialised || state === XenbusStateConnected) {
      if (channel.page === undefined) await this.#connect(channel, frontend);
      return;
    }
    const wasConnected = channel.page !== undefined;
    this.#disconnect(channel);
    await this.#setState(channel, state < XenbusStateInitialised ? XenbusStateInitWait : XenbusStateClosed);
    if (wasConnected) this.#services.log?.(`${channel.backend}: the driver has let go of it`);
  }

  /** Makes what others reach it by. */
  async #serve(channel: Channel): Promise<void> {
    const attach: AttachClient = (client) => channel.console.attach(client);
    const path = await this.#services.store.read(`${channel.backend}/path`);
    const opened =
      path === undefined
        ? await this.#options.openTerminal?.(channel.domid, attach)
        : await this.#options.openSocket?.(path, attach);
    if (channel.gone) {
      opened?.close();
      return;
    }
    channel.terminal = opened;
    if (path === undefined) channel.tty = opened?.name;
  }

  async #connect(channel: Channel, frontend: string): Promise<void> {
    const { store, grants, events } = this.#services;
    const [ring, port] = await Promise.all(['ring-ref', 'port'].map((name) => store.read(`${frontend}/${name}`)));
    if (channel.gone || !isNumber(ring) || !isNumber(port)) return;
    const local = events.bindInterdomain(channel.domid, Number(port) as Port);
    try {
      channel.page = grants.mapGrantRef(channel.domid, grantRef(Number(ring)), true);
    } catch (error) {
      events.unbind(local);
      throw error;
    }
    channel.console.connect(channel.page, local);
    await this.#setState(channel, XenbusStateConnected);
  }

  #disconnect(channel: Channel): void {
    const { page } = channel;
    if (page === undefined) return;
    channel.console.service();
    channel.console.disconnect();
    channel.page = undefined;
    this.#services.grants.unmap(page);
  }

  async #remove(channel: Channel): Promise<void> {
    channel.gone = true;
    this.#channels.delete(channel.backend.slice(ROOT.length + 1));
    this.#disconnect(channel);
    channel.console.end();
    channel.terminal?.close();
    await channel.unwatch?.();
  }

  async #setState(channel: Channel, state: number): Promise<void> {
    await this.#replace(`${channel.backend}/state`, `${state}`);
  }

  /** Changes a node that is there: that of a domain which is gone meanwhile must not come back. */
  async #replace(node: string, value: string): Promise<void> {
    await this.#services.store.transaction(async (transaction) => {
      const before = await transaction.read(node);
      if (before !== undefined && before !== value) await transaction.write(node, value);
    });
  }
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
