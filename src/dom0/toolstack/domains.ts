import { SHUTDOWN_crash } from '../../abi/sched.ts';
import { DOMID_FIRST_RESERVED, domid as asDomid, type Domid } from '../../abi/xen.ts';
import type { DomainInfo } from '../../libs/ctrl/ctrl.ts';
import { Creation, requireFree, sameUuid } from './creation.ts';
import { explainCrash } from './crash.ts';
import { deathAction, preservedSuffix } from './death-action.ts';
import { type DomainConfig, randomUuid, uuidText } from './domain-config.ts';
import { resumeSuspended } from './domain-control.ts';
import { createDomain } from './domain-create.ts';
import { destroyDomain } from './domain-destroy.ts';
import { type DomainEnd, watchForEnd } from './domain-events.ts';
import { DomainNews } from './domain-news.ts';
import type { DomainsHost } from './domains-host.ts';
import { DeviceStates } from './device-states.ts';
import {
  type DomainEvent,
  type DomainEventKind,
  type DomainRecord,
  type DomainRequest,
  type EndedDomain,
  SHUTDOWN_REASONS,
} from './domain-record.ts';
import { attempt, DomainError, reason } from './errors.ts';
import { RestartPace } from './restart-pace.ts';
import { SoftResets } from './soft-reset.ts';
import { preservedNodes } from './store-nodes.ts';

/** How many turns a destroyed domain may take to be gone. */
const TURNS_TO_GO = 100;
/** More than there are domids. */
const MAX_DOMAINS = 1 << 15;

/** All domains of a host: makes them, acts upon their ends as their configuration says, and tells what happens. */
export class Domains {
  readonly #host: DomainsHost;
  readonly #records = new Map<Domid, DomainRecord>();
  readonly #goners = new Map<Domid, (ended: EndedDomain) => void>();
  readonly #creations = new Set<Creation>();
  readonly #news: DomainNews;
  readonly #devices: DeviceStates;
  readonly #pace = new RestartPace();
  readonly #resets: SoftResets;
  /** Being destroyed by us: that they are gone is no news. */
  readonly #destroying = new Set<Domid>();

  constructor(host: DomainsHost) {
    this.#host = host;
    this.#news = new DomainNews(host.clock);
    this.#resets = new SoftResets(host);
    this.#devices = new DeviceStates(host.store, (domid, change) => this.tell('device', domid, change));
  }

  /** Calls back for everything that happens from now on; returns how to stop that. */
  onEvent(listener: (event: DomainEvent) => void): () => void {
    return this.#news.onEvent(listener);
  }

  /** The domains there are, dom0 included, ascending. */
  list(): DomainInfo[] {
    return this.#host.ctrl.domain_getinfolist(asDomid(0), MAX_DOMAINS);
  }

  record(domid: Domid): DomainRecord | undefined {
    return this.#records.get(domid);
  }

  records(): Iterable<DomainRecord> {
    return this.#records.values();
  }

  /** The youngest that is gone of that name or number. */
  ended(nameOrId: string): EndedDomain | undefined {
    return this.#news.ended(nameOrId);
  }

  /** Its name in the store, which has none for a moment while a domain is reset. */
  async nameOf(domid: Domid): Promise<string | undefined> {
    return (await this.#host.store.read(`/local/domain/${domid}/name`)) ?? this.#records.get(domid)?.config.name;
  }

  /**
   * The domain that an operator means: all digits are its number, whether there is such a domain or not, as long as
   * there could be one; anything else is its name (libxl_domain_qualifier_to_domid).
   */
  async find(nameOrId: string): Promise<Domid | undefined> {
    if (/^[0-9]+$/.test(nameOrId)) {
      const number = Number(nameOrId);
      return number < DOMID_FIRST_RESERVED ? asDomid(number) : undefined;
    }
    for (const { domid } of this.list()) if ((await this.nameOf(domid)) === nameOrId) return domid;
    return undefined;
  }

  /** Makes a domain and, unless it is to stay paused, lets it run. All or nothing. */
  async create(request: DomainRequest): Promise<Domid> {
    const { config } = request;
    requireFree(config, this.list(), this.#creations);
    const creation = new Creation(config);
    this.#creations.add(creation);
    const stopListening = request.cancellation?.onCancel(() => creation.cancel());
    try {
      const domid = await this.#make(request, creation);
      request.onCreated?.(domid);
      await this.#begin(request, domid, creation);
      return domid;
    } finally {
      stopListening?.();
      this.#creations.delete(creation);
      creation.settle();
    }
  }

  /** Destroys a domain; one that is still being made is not made. */
  async destroy(domid: Domid): Promise<void> {
    const info = this.#host.ctrl.domain_getinfo(domid);
    const making = [...this.#creations].find(({ config }) => info !== undefined && sameUuid(config, info));
    if (making !== undefined && !this.#records.has(domid)) {
      making.cancel();
      return await making.settled;
    }
    await this.#destroy(domid, { kind: 'destroyed' });
  }

  /** Resolves once no domain of that name is on its way. */
  async settled(name: string): Promise<void> {
    await [...this.#creations].find(({ config }) => config.name === name)?.settled;
  }

  /** Ends a creation by the name of the domain; false where none is under way. */
  async cancelCreation(name: string): Promise<boolean> {
    const making = [...this.#creations].find(({ config }) => config.name === name);
    making?.cancel();
    await making?.settled;
    return making !== undefined;
  }

  /** Gives a domain another name, which no other may have (libxl_domain_rename). */
  async rename(domid: Domid, name: string): Promise<void> {
    const before = (await this.nameOf(domid)) ?? `${domid}`;
    const other = await this.find(name);
    const taken = (other !== undefined && !/^[0-9]+$/.test(name)) || this.#isBeingMade(name);
    if (taken && other !== domid) {
      const message = `Domain with name "${name}" already exists${other === undefined ? '' : `, as domain ${other}`}`;
      throw new DomainError('DOMAIN_NAME', `${message}: expected another name`, 'name');
    }
    const record = this.#records.get(domid);
    const { store } = this.#host;
    await attempt(`rename domain ${domid}`, async () => {
      const vm = await store.read(`/local/domain/${domid}/vm`);
      const paths = [`/local/domain/${domid}/name`, ...(vm === undefined ? [] : [`${vm}/name`])];
      await store.replace(
        [],
        paths.map((path) => ({ path, value: name })),
      );
    });
    if (record !== undefined) record.config = { ...record.config, name };
    this.tell('renamed', domid, { before });
  }

  async pause(domid: Domid): Promise<void> {
    await attempt(`pause domain ${domid}`, () => this.#host.ctrl.domain_pause(domid));
    this.tell('paused', domid);
  }

  async unpause(domid: Domid): Promise<void> {
    await attempt(`unpause domain ${domid}`, () => this.#host.ctrl.domain_unpause(domid));
    this.tell('unpaused', domid);
  }

  /** Lets a domain that has suspended itself go on, as if it had only asked. */
  async resume(domid: Domid): Promise<void> {
    const record = this.#records.get(domid);
    if (record === undefined) throw notOurs(domid);
    await resumeSuspended(this.#host, domid);
    await this.#host.store.resume(domid);
    await this.#attendAnew(record);
    this.tell('resumed', domid);
  }

  /** Destroys all domains, as a host does that stops. */
  async destroyAll(): Promise<void> {
    for (const creation of this.#creations) creation.cancel();
    for (const creation of [...this.#creations]) await creation.settled;
    for (const domid of [...this.#records.keys()]) await this.#destroy(domid, { kind: 'destroyed' });
  }

  /** Tells whoever listens that something happened to a domain. */
  tell(event: DomainEventKind, domid: Domid, more: Partial<DomainEvent> = {}): void {
    this.#news.tell(event, domid, this.#records.get(domid)?.config, more);
  }

  #isBeingMade(name: string): boolean {
    return [...this.#creations].some(({ config }) => config.name === name);
  }

  async #make(request: DomainRequest, creation: Creation): Promise<Domid> {
    const { config } = request;
    const plan = await request.plan();
    const progress = async (step: string) => {
      request.progress?.(step);
      // Whoever asked may be gone by now: that is only heard of outside of this turn.
      await this.#host.breathe();
      creation.requireWanted();
    };
    const { domid } = await createDomain(this.#host, config, plan, progress);
    return domid;
  }

  /** From here on it is there for good: whoever asked for it may go. */
  async #begin(request: DomainRequest, domid: Domid, creation: Creation): Promise<void> {
    const { config } = request;
    try {
      const watch = await watchForEnd(this.#host, domid);
      await this.#host.breathe();
      creation.requireWanted();
      const gone = new Promise<EndedDomain>((resolve) => this.#goners.set(domid, resolve));
      const createdNs = this.#host.clock.wallclockNs();
      const record: DomainRecord = { domid, config, request, createdNs, end: watch.end, gone };
      this.#records.set(domid, record);
      this.tell('created', domid);
      await this.#devices.watch(domid).catch((error) => this.#host.log(reason(error)));
      void this.#attend(record, watch.stop);
    } catch (error) {
      await destroyDomain(this.#host, domid, config.uuid).catch((failure) => this.#host.log(reason(failure)));
      throw error;
    }
    if (!request.paused) await this.unpause(domid);
  }

  /** Waits for a domain's end and does what its configuration says. */
  async #attend(record: DomainRecord, stopWatch: () => Promise<void>): Promise<void> {
    const { domid } = record;
    try {
      const end = await record.end;
      await stopWatch();
      if (!this.#isWanted(domid)) return;
      if (end.kind === 'destroyed') this.#forget(domid, end);
      else await this.#shutDown(record, end);
    } catch (error) {
      this.#host.log(`domain ${domid} (${record.config.name}): ${reason(error)}`);
    }
  }

  async #shutDown(record: DomainRecord, end: DomainEnd & { readonly kind: 'shutdown' }): Promise<void> {
    const { domid, request } = record;
    record.shutdown = end;
    const { action } = deathAction(end.reason, record.config);
    const crashed = end.reason === SHUTDOWN_crash;
    this.tell(crashed ? 'crashed' : 'shutdown', domid, {
      code: end.reason,
      reason: SHUTDOWN_REASONS[end.reason] ?? 'unknown',
      action: request.unattended ? 'preserve' : action,
      ...(crashed ? await explainCrash(this.#host, record) : {}),
    });
    if (request.unattended) return;
    await this.#act(record, end, action);
  }

  async #act(record: DomainRecord, end: DomainEnd, action: DomainConfig['onPoweroff']): Promise<void> {
    const { domid } = record;
    switch (action) {
      case 'preserve':
        return;
      case 'destroy':
        return await this.#destroy(domid, end);
      case 'coredump-destroy':
        await this.#dump(record);
        return await this.#destroy(domid, end);
      case 'coredump-restart':
        await this.#dump(record);
        await this.#destroy(domid, end);
        return await this.#restart(record);
      case 'restart':
        await this.#destroy(domid, end);
        return await this.#restart(record);
      case 'rename-restart': {
        const { config } = record;
        await this.#preserve(record);
        return await this.#restart({ ...record, config });
      }
      case 'soft-reset':
        return await this.#softReset(record, end);
    }
  }

  async #softReset(record: DomainRecord, end: DomainEnd): Promise<void> {
    const { domid } = record;
    try {
      await this.#resets.reset(record, () => this.#isWanted(domid));
    } catch (error) {
      if (!this.#isWanted(domid)) return;
      this.#host.log(`domain ${domid} (${record.config.name}): soft reset failed: ${reason(error)}`);
      this.tell('failed', domid, { detail: `soft reset failed, the domain is destroyed: ${reason(error)}` });
      return await this.#destroy(domid, end);
    }
    if (!this.#isWanted(domid)) return;
    await this.#attendAnew(record);
    this.tell('soft-reset', domid);
  }

  #isWanted(domid: Domid): boolean {
    return this.#records.has(domid) && !this.#destroying.has(domid);
  }

  /** A domain that had shut down goes on: its next end counts. */
  async #attendAnew(record: DomainRecord): Promise<void> {
    const watch = await watchForEnd(this.#host, record.domid);
    record.end = watch.end;
    record.shutdown = undefined;
    void this.#attend(record, watch.stop);
  }

  /** A dump that fails keeps nothing else from being done: as xl has it, spilled milk. */
  async #dump({ domid, config }: DomainRecord): Promise<void> {
    try {
      const path = await this.#host.dumpCore(domid, config.name);
      this.#host.log(`domain ${domid} (${config.name}): core dumped to ${path}`);
    } catch (error) {
      this.#host.log(`domain ${domid} (${config.name}): core dump failed: ${reason(error)}`);
      this.tell('failed', domid, { detail: `core dump failed: ${reason(error)}` });
    }
  }

  /** Keeps a domain that has stopped, under a name and a UUID that leave its own to the next (libxl_domain_preserve). */
  async #preserve(record: DomainRecord): Promise<void> {
    const { domid } = record;
    const before = record.config;
    const name = `${before.name}${preservedSuffix(this.#host.clock.wallclockNs())}`;
    const uuid = randomUuid(this.#host.random);
    const after = { ...before, name, uuid };
    await attempt(`preserve domain ${domid}`, async () => {
      this.#host.tools.domain_sethandle(domid, uuid);
      await this.#host.store.replace([`/vm/${uuidText(before.uuid)}`], preservedNodes(after, domid));
    });
    record.config = after;
    this.tell('preserved', domid, { before: before.name });
  }

  /** The new one is like the old one was at last: its name, its sizes. */
  async #restart(record: DomainRecord): Promise<void> {
    const { name } = record.config;
    const { cancellation: _, progress: __, onCreated: ___, ...request } = record.request;
    const creation = new Creation(record.config);
    this.#creations.add(creation);
    try {
      const lifeNs = this.#host.clock.wallclockNs() - record.createdNs;
      await this.#host.pause(this.#pace.lived(name, lifeNs));
      this.#creations.delete(creation);
      creation.requireWanted();
      const domid = await this.create({ ...request, config: record.config, ...record.update, paused: false });
      this.tell('restarted', domid);
    } catch (error) {
      this.#host.log(`domain ${name}: cannot be restarted: ${reason(error)}`);
      this.tell('failed', record.domid, { name, detail: `cannot be restarted: ${reason(error)}` });
    } finally {
      this.#creations.delete(creation);
      creation.settle();
    }
  }

  async #destroy(domid: Domid, end: DomainEnd): Promise<void> {
    const record = this.#records.get(domid);
    if (record === undefined) throw notOurs(domid);
    this.#destroying.add(domid);
    try {
      await this.#resets.settled(domid);
      const console = this.#host.consoleLog(domid);
      await destroyDomain(this.#host, domid, record.config.uuid);
      await this.#untilGone(domid);
      this.#forget(domid, record.shutdown ?? end, console);
    } finally {
      this.#destroying.delete(domid);
    }
  }

  /** Its memory is free once dom0's daemons have let go of their pages; one that they do not let go of stays dying. */
  async #untilGone(domid: Domid): Promise<void> {
    for (let turns = 0; turns < TURNS_TO_GO && this.#host.ctrl.domain_getinfo(domid) !== undefined; turns++) {
      await this.#host.breathe();
    }
  }

  #forget(domid: Domid, end: DomainEnd, console: Uint8Array = new Uint8Array(0)): void {
    const record = this.#records.get(domid);
    if (record === undefined) return;
    const { name, uuid } = record.config;
    this.#records.delete(domid);
    this.#resets.forget(domid);
    void this.#devices.forget(domid).catch((error) => this.#host.log(reason(error)));
    this.tell('destroyed', domid, { name, uuid: uuidText(uuid) });
    const ended = { domid, name, end, console };
    this.#news.remember(ended);
    this.#goners.get(domid)?.(ended);
    this.#goners.delete(domid);
  }
}

function notOurs(domid: Domid): DomainError {
  return new DomainError('DOMAIN_REFUSED', `domain ${domid} is not one of the toolstack's`);
}
