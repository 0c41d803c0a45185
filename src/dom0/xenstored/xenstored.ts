import { XENSTORE_PAYLOAD_MAX } from '../../abi/io/xs_wire.ts';
import type { Domid, Port } from '../../abi/xen.ts';
import { VIRQ_DOM_EXC } from '../../abi/xen.ts';
import type { ByteStream } from '../../libs/store/stream.ts';
import type { Message } from '../../libs/store/wire.ts';
import { textOf } from '../../libs/store/wire.ts';
import type { TimerHandle } from '../../lib/ports.ts';
import { Accounts, PRIVILEGED_DOMID } from './accounts.ts';
import { Connection } from './connection.ts';
import type { DomainServices } from './domains.ts';
import { Domains } from './domains.ts';
import type { XsErrorName } from './errors.ts';
import { XsError } from './errors.ts';
import { Limits } from './limits.ts';
import { createPipe } from './pipe.ts';
import { Quotas } from './quotas.ts';
import type { Daemon } from './requests/request.ts';
import { Request } from './requests/request.ts';
import type { RequestRow } from './requests/table.ts';
import { REQUESTS } from './requests/table.ts';
import type { Socket } from './socket.ts';
import { SocketTransport } from './socket.ts';
import { State } from './state.ts';
import { imageOf } from './state-stream/image.ts';
import { readStream } from './state-stream/read.ts';
import type { StoreImage } from './state-stream/records.ts';
import { restoreConnections, restoreStore } from './state-stream/restore.ts';
import { writeStream } from './state-stream/write.ts';
import { Store } from './store.ts';
import type { Transaction } from './transactions.ts';
import type { Transport } from './transport.ts';
import { WriteRate } from './write-rate.ts';

export interface XenstoredServices extends DomainServices {
  /** Where lines of the log go; nowhere by default. */
  readonly log?: (line: string) => void;
}

/** After so many turns without a pause the rest of dom0 gets one. */
const TURNS_BEFORE_PAUSE = 10_000;

/**
 * The store's daemon. Everything it does is in answer to bytes of a client, an event channel or a timer: a call of
 * this class never waits.
 */
export class Xenstored {
  readonly #services: XenstoredServices;
  #daemon: Daemon;
  readonly #ready = new Set<Connection>();
  /** Those with a request that their quotas keep from being read. */
  readonly #held = new Set<Connection>();
  #retry: TimerHandle | undefined;
  #running = false;

  /**
   * @param saved what `save` gave: the store starts with that, less what belonged to domains that are no more
   * @throws XenolithError where `saved` is something else
   */
  constructor(services: XenstoredServices, saved?: Uint8Array) {
    this.#services = services;
    this.#daemon = this.#begin(saved && readStream(saved));
    const virq = services.events.bindVirq(VIRQ_DOM_EXC);
    services.events.onEvent(virq, () => {
      this.#daemon.domains.checkAll();
      this.#run();
    });
  }

  /** Nodes, permissions, quotas and features, as a stream of docs/designs/xenstore-migration.md; no connections. */
  save(): Uint8Array {
    return writeStream(imageOf(this.#daemon, new Map()));
  }

  #begin(image: StoreImage | undefined): Daemon {
    const { clock, ctrl, log = () => {} } = this.#services;
    const accounts = new Accounts((domid) => ctrl.domain_getinfo(domid) !== undefined);
    const limits = new Limits(new Quotas(), new WriteRate(clock, log), clock, log);
    const state = new State(new Store(accounts, image === undefined ? 'fresh' : 'empty'), accounts, limits);
    if (image !== undefined) restoreStore(state, image);
    const domains = new Domains(state, this.#services, (connection) => this.#watchOver(connection));
    return { state, domains, log, clock, tracing: false, updateAskedNs: undefined, updateNow: false };
  }

  /**
   * Puts a daemon in this one's place that knows of it what the stream says, and nothing else. Clients keep what
   * carries their connections, watches, and messages on their way; transactions end with EAGAIN.
   */
  #update(): void {
    const before = this.#daemon;
    // Who died meanwhile is told of by the one that knew it.
    before.domains.checkAll();
    const ids = new Map([...before.state.connections].map((connection, i) => [connection, i + 1] as const));
    const image = readStream(writeStream(imageOf(before, ids)));
    const daemon = this.#begin(image);
    daemon.tracing = before.tracing;
    this.#daemon = daemon;
    this.#ready.clear();
    this.#held.clear();

    const connections = new Map<number, Connection>();
    for (const [old, id] of ids) {
      const wasIgnored = old.ignored;
      old.handOver();
      const domain = old.isDomain ? before.domains.get(old.domid) : undefined;
      const connection =
        domain === undefined
          ? this.#attach(old.transport)
          : daemon.domains.takeOver(old.domid, domain.ring, domain.unmap);
      if (domain !== undefined) this.#watchOver(connection);
      connections.set(id, connection);
      if (wasIgnored) connection.ignore();
      else this.#ready.add(connection);
    }
    restoreConnections(daemon, image, connections);
    daemon.log('live-update: done');
  }

  /** A new connection of a process in dom0, with dom0's rights. */
  connect(): ByteStream {
    const { client, transport } = createPipe();
    this.#attach(transport);
    return client;
  }

  /** Serves a process that connected to the daemon's Unix socket, with dom0's rights. */
  accept(socket: Socket): void {
    this.#attach(new SocketTransport(socket));
  }

  /**
   * Starts to talk to a domain over its ring page, as the request INTRODUCE does with the page it maps.
   *
   * @param remotePort a port the domain left unbound for us
   * @throws XsError where the port cannot be bound
   */
  introduce(domid: Domid, page: Uint8Array, remotePort: Port): void {
    this.#daemon.domains.introduce(domid, page, remotePort, () => {});
    this.#run();
  }

  /** Stops to talk to a domain and forgets what it owned, as RELEASE does. Without effect where it is not known. */
  release(domid: Domid): void {
    this.#daemon.domains.release(domid);
    this.#run();
  }

  #attach(transport: Transport): Connection {
    const { state } = this.#daemon;
    const { limits, watches } = state;
    const { clock } = this.#services;
    const account = state.accounts.owner(PRIVILEGED_DOMID);
    const connection = new Connection(account, false, transport, { clock, limits, watches });
    state.connections.add(connection);
    this.#watchOver(connection);
    return connection;
  }

  #watchOver(connection: Connection): void {
    connection.onReady(() => {
      this.#ready.add(connection);
      this.#run();
    });
  }

  /** Gives turns, round about, until nobody has anything to do. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      let turns = 0;
      while (this.#ready.size > 0 && turns < TURNS_BEFORE_PAUSE) {
        // A set is walked in the order of adding, and what is added meanwhile comes last.
        for (const connection of this.#ready) {
          this.#ready.delete(connection);
          this.#turn(connection);
          if (++turns === TURNS_BEFORE_PAUSE) break;
        }
        if (this.#held.size === 0) continue;
        for (const connection of this.#held) {
          if (connection.canReceive) this.#ready.add(connection);
        }
      }
    } finally {
      this.#running = false;
    }
    this.#armRetry();
  }

  #turn(connection: Connection): void {
    this.#held.delete(connection);
    if (!this.#daemon.state.connections.has(connection)) return;
    if (connection.turn(this.#answerTo)) this.#ready.add(connection);
    if (this.#daemon.updateNow) {
      this.#update();
      return;
    }
    if (connection.ignored && !connection.isDomain) {
      this.#daemon.state.connections.delete(connection);
      connection.close();
    }
    if (connection.held) this.#held.add(connection);
  }

  /** Comes back to what was left: at once after a pause, else when the first of the held has credit to write again. */
  #armRetry(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    if (this.#held.size === 0 && this.#ready.size === 0) return;
    const waits = [...this.#held].map((held) => this.#daemon.state.limits.rate.waitMs(held.account));
    const waitMs = this.#ready.size > 0 ? 0 : Math.min(...waits.filter((ms) => ms > 0));
    if (waitMs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#services;
    this.#retry = clock.setTimer(clock.nowNs() + waitMs * 1_000_000, () => {
      this.#retry = undefined;
      for (const held of this.#held) this.#ready.add(held);
      this.#run();
    });
  }

  readonly #answerTo = (connection: Connection, message: Message) => this.#answer(connection, message);

  #answer(connection: Connection, message: Message): void {
    const row = REQUESTS.get(message.type);
    if (this.#daemon.tracing) this.#trace('IN', connection, row?.name ?? `type ${message.type}`, message.payload);
    connection.begin();
    try {
      const { reply, afterReply } = this.#handle(connection, row, message);
      if (reply.length > XENSTORE_PAYLOAD_MAX) throw new XsError('E2BIG', `a reply of ${reply.length} bytes`);
      connection.reply(message, message.type, reply);
      if (this.#daemon.tracing) this.#trace('OUT', connection, row?.name ?? '', reply);
      afterReply();
    } catch (error) {
      if (!(error instanceof XsError)) throw error;
      this.#refuse(connection, message, error.code);
    }
  }

  #handle(connection: Connection, row: RequestRow | undefined, message: Message) {
    if (row === undefined) throw new XsError('ENOSYS', `request type ${message.type}`);
    if (row.privileged && !connection.privileged) throw new XsError('EACCES', `${row.name} is not for guests`);
    const transaction = row.outsideTransactions ? undefined : transactionOf(connection, message.txId);
    const request = new Request(this.#daemon, connection, transaction, message.payload);
    const reply = row.handler(request);
    return { reply, afterReply: () => request.afterReply() };
  }

  #refuse(connection: Connection, message: Message, code: XsErrorName): void {
    connection.replyError(message, code);
    if (this.#daemon.tracing) this.#trace('OUT', connection, 'ERROR', new Uint8Array(0));
  }

  #trace(direction: string, connection: Connection, name: string, payload: Uint8Array): void {
    const text = textOf(payload).replaceAll(/[^\x20-\x7e]/g, ' ');
    this.#daemon.log(`io: ${direction} (d${connection.domid}) ${name} (${text})`);
  }
}

function transactionOf(connection: Connection, id: number): Transaction | undefined {
  if (id === 0) return undefined;
  const transaction = connection.transactions.get(id);
  if (transaction === undefined) throw new XsError('ENOENT', `no transaction ${id}`);
  return transaction;
}
