import { EVTCHNSTAT_interdomain } from '../../abi/event_channel.ts';
import * as params from '../../abi/hvm/params.ts';
import { domid as asDomid, type Domid, gfn, type Port } from '../../abi/xen.ts';
import type { StateCalls } from '../../libs/ctrl/state-calls.ts';
import type { DomainConfig } from './domain-config.ts';
import type { ToolstackHost } from './domain-create.ts';
import { forgetDomain } from './domain-destroy.ts';
import type { DomainRecord } from './domain-record.ts';
import { attempt } from './errors.ts';
import { RestartPace } from './restart-pace.ts';
import { domainPaths, domainStoreNodes } from './store-nodes.ts';

/** What a soft reset takes of a host. */
export interface SoftResetHost extends Pick<ToolstackHost, 'ctrl' | 'store' | 'clock'> {
  readonly state: Pick<StateCalls, 'domain_soft_reset' | 'evtchn_status'>;
  /** Lets everything else have its turn. */
  readonly breathe: () => Promise<void>;
}

/** How many turns dom0's daemons may take to let go of a domain. */
const TURNS_TO_LET_GO = 100;
const DOM0 = asDomid(0);

/**
 * Has a domain go on that shut down to be reset (SHUTDOWN_soft_reset), as a kernel does which starts another (kexec):
 * its memory and its processors stay as they are, and all that it had agreed on with Xen and dom0 is made anew
 * (libxl_domain_soft_reset). It runs again when this resolves. Throws a DomainError with the step that failed.
 */
export async function softReset(host: SoftResetHost, domid: Domid, config: DomainConfig): Promise<void> {
  const { ctrl, state, store } = host;
  const step = <T>(what: string, body: () => T | Promise<T>) => attempt(`${what} (domain ${config.name})`, body);
  const param = (index: number) => Number(ctrl.hvm_param_get(domid, index));

  // Unlike libxl we hold it until all is there: it might look for its store before.
  await step('pause the domain', () => ctrl.domain_pause(domid));
  await step('have the store let go of it', () => store.release(domid));
  await step('remove it from the store', () => forgetDomain(store, domid, config.uuid));
  await step('have its console let go of it', () => letGo(host, domid, param(params.HVM_PARAM_CONSOLE_EVTCHN) as Port));
  await step('reset it', () => state.domain_soft_reset(domid));

  const ports = await step('open its event channels', () => ({
    store: ctrl.evtchn_alloc_unbound(domid, DOM0),
    console: ctrl.evtchn_alloc_unbound(domid, DOM0),
  }));
  await step('set its HVM parameters', () => {
    ctrl.hvm_param_set(domid, params.HVM_PARAM_CONSOLE_EVTCHN, BigInt(ports.console));
    ctrl.hvm_param_set(domid, params.HVM_PARAM_STORE_EVTCHN, BigInt(ports.store));
  });
  const storeGfn = param(params.HVM_PARAM_STORE_PFN);
  const nodes = domainStoreNodes(config, {
    domid,
    storePort: ports.store,
    storeGfn,
    consolePort: ports.console,
    consoleGfn: param(params.HVM_PARAM_CONSOLE_PFN),
    startTimeNs: host.clock.wallclockNs(),
  });
  await step('write it to the store', () => store.replace(domainPaths(domid, config.uuid), nodes));
  await step('introduce it to the store', () => store.introduce(domid, gfn(storeGfn), ports.store, config.storeLimits));
  await step('let it go on', () => ctrl.domain_unpause(domid));
}

/** The soft resets of a host's domains: one that asks for them again and again keeps no others from running. */
export class SoftResets {
  readonly #host: SoftResetHost & { readonly pause: (ns: number) => Promise<void> };
  readonly #pace = new RestartPace();
  readonly #underWay = new Map<Domid, Promise<void>>();
  /** When a domain that was reset began to run again. */
  readonly #begunNs = new Map<Domid, bigint>();

  constructor(host: SoftResetHost & { readonly pause: (ns: number) => Promise<void> }) {
    this.#host = host;
  }

  /** Resets a domain, unless it is not wanted any more by then. Throws as `softReset`. */
  async reset({ domid, config, createdNs }: ResetRecord, wanted: () => boolean): Promise<void> {
    const { clock } = this.#host;
    const lifeNs = clock.wallclockNs() - (this.#begunNs.get(domid) ?? createdNs);
    await this.#host.pause(this.#pace.lived(`${domid}`, lifeNs));
    if (!wanted()) return;
    const reset = softReset(this.#host, domid, config);
    const settled = reset.catch(() => {}).finally(() => this.#underWay.delete(domid));
    this.#underWay.set(domid, settled);
    await reset;
    this.#begunNs.set(domid, clock.wallclockNs());
  }

  /** Resolves once a domain is not being reset: what is done to it meanwhile would be done to half of it. */
  async settled(domid: Domid): Promise<void> {
    await this.#underWay.get(domid);
  }

  forget(domid: Domid): void {
    this.#begunNs.delete(domid);
    this.#pace.forget(`${domid}`);
  }
}

type ResetRecord = Pick<DomainRecord, 'domid' | 'config' | 'createdNs'>;

/** Its new ports may have the numbers of the old ones: whoever holds an end of these has to be gone by then. */
async function letGo({ state, breathe }: SoftResetHost, domid: Domid, console: Port): Promise<void> {
  for (let turns = 0; turns < TURNS_TO_LET_GO; turns++) {
    if (state.evtchn_status(domid, console) !== EVTCHNSTAT_interdomain) return;
    await breathe();
  }
}
