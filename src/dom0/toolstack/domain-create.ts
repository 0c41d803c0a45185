import {
  GNTTAB_RESERVED_CONSOLE,
  GNTTAB_RESERVED_XENSTORE,
  GrantEntryV1,
  GTF_permit_access,
} from '../../abi/grant_table.ts';
import * as params from '../../abi/hvm/params.ts';
import { XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_hvm, XEN_DOMCTL_CDF_nested_virt } from '../../abi/domctl.ts';
import { XENMAPSPACE_grant_table, XENMEMF_populate_on_demand } from '../../abi/memory.ts';
import { XEN_SYSCTL_PHYSCAP_gnttab_v2 } from '../../abi/sysctl.ts';
import { domid as asDomid, type Domid, gfn, type Gfn, type Port } from '../../abi/xen.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock, Random } from '../../lib/ports.ts';
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import type { DomainConfig } from './domain-config.ts';
import { forgetDomain } from './domain-destroy.ts';
import { type DomainPlan, memoryNeededKib } from './domain-plan.ts';
import { attempt, DomainError, reason } from './errors.ts';
import { emulationFlags, hvmParams, type Param } from './hvm-platform.ts';
import { copyToGuest, type FrameRange, PAGE_SIZE, populate, withFrames } from './guest-memory.ts';
import { bootProcessor, MTRR_DEFAULT_WRITE_BACK } from './pvh-start.ts';
import type { DomainStore } from './store-access.ts';
import { withRandomDomid } from './random-domid.ts';
import { domainPaths, domainStoreNodes } from './store-nodes.ts';
import type { Tuning } from './tuning.ts';
import { Undo } from './undo.ts';

/** What the toolstack works on: a dom0's handles to Xen and the store. */
export interface ToolstackHost {
  readonly ctrl: Ctrl;
  readonly foreignMemory: ForeignMemory;
  readonly store: DomainStore;
  readonly clock: Pick<Clock, 'wallclockNs'>;
  /** What sets how domains are scheduled and what time they have; needed by configurations that say so. */
  readonly tuning?: Tuning;
  /** Needed by configurations with a random domid. */
  readonly random?: Random;
}

/** A domain that is there, paused. */
export interface CreatedDomain {
  readonly domid: Domid;
  readonly storePort: Port;
  readonly consolePort: Port;
}

/** Hears of a step before it is taken. */
export type Progress = (step: string) => void | Promise<void>;

/**
 * Makes a PVH or HVM domain, down to its nodes in the store, and leaves it paused (libxl_domain_create_new).
 *
 * All or nothing: when a step fails, everything made before it is taken back, and the DomainError names the step and
 * its cause. `progress` hears of each step before it is taken, which waits for it; what it throws ends the creation.
 */
export async function createDomain(
  host: ToolstackHost,
  config: DomainConfig,
  plan: DomainPlan,
  progress: Progress = () => {},
): Promise<CreatedDomain> {
  const undo = new Undo();
  const builder = new Builder(host, config, plan, undo, progress);
  try {
    return await builder.run();
  } catch (error) {
    const failures = await undo.run(reason);
    if (failures.length === 0) throw error;
    throw new DomainError('DOMAIN_REFUSED', `${reason(error)}; and then ${failures.join(', and ')}`);
  }
}

/** How much memory beyond maxmem a domain may have, for its special pages and ACPI tables: LIBXL_MAXMEM_CONSTANT. */
const EXTRA_MEMORY_KIB = 1024;
/** HVMPTM_no_delay_for_missed_ticks: libxl's default. */
const TIMER_MODE = 1;
const DOM0 = asDomid(0);

class Builder {
  readonly #host: ToolstackHost;
  readonly #config: DomainConfig;
  readonly #plan: DomainPlan;
  readonly #undo: Undo;
  readonly #progress: Progress;

  constructor(host: ToolstackHost, config: DomainConfig, plan: DomainPlan, undo: Undo, progress: Progress) {
    this.#host = host;
    this.#config = config;
    this.#plan = plan;
    this.#undo = undo;
    this.#progress = progress;
  }

  async run(): Promise<CreatedDomain> {
    const { ctrl, store } = this.#host;
    await this.#step('look at the host', () => this.#requireFreeMemory());
    await this.#step('look at the other domains', () => this.#requireFreeName());

    const domid = await this.#step('create the domain', () => this.#createEmpty());
    this.#undo.push(`destroy domain ${domid}`, () => ctrl.domain_destroy(domid));

    await this.#step('allocate its vCPUs', () => ctrl.domain_max_vcpus(domid, this.#config.maxVcpus));
    const limitKib = this.#config.maxMemoryKib + EXTRA_MEMORY_KIB;
    await this.#step('limit its memory', () => ctrl.domain_setmaxmem(domid, limitKib));
    const ports = await this.#step('open its event channels', () => ({
      store: ctrl.evtchn_alloc_unbound(domid, DOM0),
      console: ctrl.evtchn_alloc_unbound(domid, DOM0),
    }));
    await this.#step('set what it sees and how it runs', () => this.#tune(domid));
    await this.#step('give it memory', () => this.#populate(domid));
    await this.#step('set its memory map', () => this.#setMemoryMap(domid));
    await this.#step('load its kernel', () => this.#load(domid));
    await this.#step('set its HVM parameters', () => this.#setParams(domid, ports));
    await this.#step('fill its grant table', () => this.#seedGrants(domid));
    await this.#step('set its registers', () => this.#setRegisters(domid));

    this.#undo.push(`remove domain ${domid} from the store`, () => forgetDomain(store, domid, this.#config.uuid));
    await this.#step('write it to the store', () => this.#writeNodes(domid, ports));
    await this.#step('introduce it to the store', () =>
      store.introduce(domid, gfn(this.#plan.specialPages.xenstore), ports.store, this.#config.storeLimits),
    );
    return { domid, storePort: ports.store, consolePort: ports.console };
  }

  async #step<T>(what: string, body: () => T | Promise<T>): Promise<T> {
    await this.#progress(what);
    return await attempt(`${what} (domain ${this.#config.name})`, body);
  }

  #requireFreeMemory(): void {
    const freeKib = (this.#host.ctrl.physinfo().free_pages * PAGE_SIZE) / 1024;
    const { memoryKib, maxMemoryKib } = this.#config;
    const neededKib = memoryNeededKib(this.#plan) - (maxMemoryKib - memoryKib);
    if (neededKib <= freeKib) return;

    const mib = (kib: number) => Math.floor(kib / 1024);
    const most = mib(freeKib - (neededKib - memoryKib));
    const advice = most > 0 ? `expected at most ${most}, for example memory = ${most}` : 'stop another domain';
    const text = `memory = ${mib(memoryKib)}: the host has ${mib(freeKib)} MiB free: ${advice}`;
    throw new DomainError('DOMAIN_MEMORY', text, 'memory');
  }

  /** Names are what operators type: no two domains share one. */
  async #requireFreeName(): Promise<void> {
    const { ctrl, store } = this.#host;
    for (const { domid } of ctrl.domain_getinfolist(asDomid(0), MAX_DOMAINS)) {
      const name = await store.read(`/local/domain/${domid}/name`);
      if (name !== this.#config.name) continue;
      const message = `Domain with name "${name}" already exists, as domain ${domid}: expected another name`;
      throw new DomainError('DOMAIN_NAME', message, 'name');
    }
  }

  #createEmpty(): Domid {
    const { random } = this.#host;
    if (this.#config.hasRandomDomid !== true) return this.#createAs(undefined);
    assert(random !== undefined, 'a host that takes such configurations can draw a number');
    return withRandomDomid(random, (domid) => this.#createAs(domid));
  }

  #createAs(domid: Domid | undefined): Domid {
    return this.#host.ctrl.domain_create({
      ...(domid === undefined ? {} : { domid }),
      ssidref: 0,
      handle: this.#config.uuid,
      flags: XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | (this.#config.nestedVirt ? XEN_DOMCTL_CDF_nested_virt : 0),
      max_vcpus: this.#config.maxVcpus,
      max_evtchn_port: this.#config.maxEventChannels,
      max_grant_frames: this.#config.maxGrantFrames,
      max_maptrack_frames: this.#config.maxMaptrackFrames,
      grant_opts: this.#config.maxGrantVersion ?? this.#highestGrantVersion(),
      cpupool_id: 0,
      emulation_flags: emulationFlags(this.#config),
    });
  }

  #highestGrantVersion(): number {
    return (this.#host.ctrl.physinfo().capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2) !== 0 ? 2 : 1;
  }

  async #tune(domid: Domid): Promise<void> {
    const { cpuid, scheduling, timeOffsetSeconds = 0, tscMode } = this.#config;
    const { tuning } = this.#host;
    if (scheduling === undefined && cpuid === undefined && timeOffsetSeconds === 0 && tscMode === undefined) return;
    assert(tuning !== undefined, 'a host that takes such configurations can act on them');
    await tuning.schedule(domid, this.#config);
    if (cpuid !== undefined) tuning.setCpuid(domid, cpuid);
    if (timeOffsetSeconds !== 0) tuning.setTimeOffset(domid, timeOffsetSeconds);
    if (tscMode !== undefined) tuning.setTscMode(domid, tscMode);
  }

  /** With memory below maxmem the RAM comes when it is touched, and no more than memory until it has ballooned. */
  #populate(domid: Domid): void {
    const { ctrl } = this.#host;
    const { memoryKib, maxMemoryKib } = this.#config;
    const isRam = ({ gfn: first }: FrameRange) =>
      first * PAGE_SIZE < this.#plan.lowMemoryEnd || first * PAGE_SIZE >= 2 ** 32;
    const onDemand = memoryKib < maxMemoryKib;
    if (onDemand) ctrl.domain_set_pod_target(domid, (memoryKib * 1024) / PAGE_SIZE);
    const ram = this.#plan.populate.filter(isRam);
    populate(ctrl, domid, ram, onDemand ? XENMEMF_populate_on_demand : 0);
    const others = this.#plan.populate.filter((range) => !isRam(range));
    populate(ctrl, domid, others);
  }

  #setMemoryMap(domid: Domid): void {
    const entries = this.#plan.memmap.map(({ addr, size, type }) => ({ addr: BigInt(addr), size: BigInt(size), type }));
    this.#host.ctrl.domain_set_memory_map(domid, entries);
  }

  #load(domid: Domid): void {
    // Memory is new and therefore zero: only what the segments have in them is written.
    for (const { gpa, bytes } of this.#plan.segments) copyToGuest(this.#host.foreignMemory, domid, gpa, bytes);
  }

  #setParams(domid: Domid, ports: { readonly store: Port; readonly console: Port }): void {
    const pages = this.#plan.specialPages;
    const values: Param[] = [
      [params.HVM_PARAM_TIMER_MODE, this.#config.timerMode ?? TIMER_MODE],
      [params.HVM_PARAM_STORE_PFN, pages.xenstore],
      [params.HVM_PARAM_BUFIOREQ_PFN, pages.bufioreq],
      [params.HVM_PARAM_IOREQ_PFN, pages.ioreq],
      [params.HVM_PARAM_CONSOLE_PFN, pages.console],
      [params.HVM_PARAM_PAGING_RING_PFN, pages.paging],
      [params.HVM_PARAM_MONITOR_RING_PFN, pages.access],
      [params.HVM_PARAM_SHARING_RING_PFN, pages.sharing],
      [params.HVM_PARAM_IDENT_PT, pages.identPt * PAGE_SIZE],
      [params.HVM_PARAM_CONSOLE_EVTCHN, ports.console],
      [params.HVM_PARAM_STORE_EVTCHN, ports.store],
    ];
    values.push(...hvmParams(this.#config, this.#plan));
    for (const [index, value] of values) this.#host.ctrl.hvm_param_set(domid, index, BigInt(value));
  }

  /** Grants dom0 the two rings, as references the daemons know without being told. */
  #seedGrants(domid: Domid): void {
    const { ctrl, foreignMemory } = this.#host;
    const { xenstore, console } = this.#plan.specialPages;
    // Xen has no other place to look at another domain's grant table from; the frame after the last page is free.
    const scratch = gfn(console + 1);
    ctrl.domain_add_to_physmap(domid, XENMAPSPACE_grant_table, 0, scratch);
    try {
      withFrames(foreignMemory, domid, [scratch], (views) => {
        for (const view of views) {
          grant(view, GNTTAB_RESERVED_CONSOLE, gfn(console));
          grant(view, GNTTAB_RESERVED_XENSTORE, gfn(xenstore));
        }
      });
    } finally {
      ctrl.domain_remove_from_physmap(domid, scratch);
    }
  }

  #setRegisters(domid: Domid): void {
    const { ctrl } = this.#host;
    // Firmware sets the MTRRs of an HVM domain itself.
    for (let vcpu = 0; vcpu < this.#config.maxVcpus && this.#config.hvm === undefined; vcpu++) {
      ctrl.domain_hvm_setcontext(domid, vcpu, { mtrr: { msr_mtrr_def_type: MTRR_DEFAULT_WRITE_BACK } });
    }
    ctrl.domain_hvm_setcontext(domid, 0, { cpu: bootProcessor(this.#plan.entry, this.#plan.startInfoGpa) });
  }

  async #writeNodes(domid: Domid, ports: { readonly store: Port; readonly console: Port }): Promise<void> {
    const nodes = domainStoreNodes(this.#config, {
      domid,
      storePort: ports.store,
      storeGfn: this.#plan.specialPages.xenstore,
      consolePort: ports.console,
      consoleGfn: this.#plan.specialPages.console,
      startTimeNs: this.#host.clock.wallclockNs(),
    });
    await this.#host.store.replace(domainPaths(domid, this.#config.uuid), nodes);
  }
}

/** More than there are domids. */
const MAX_DOMAINS = 1 << 15;

function grant(table: Uint8Array, reference: number, frame: Gfn): void {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const entry = new GrantEntryV1(view, reference * GrantEntryV1.SIZE);
  entry.domid = DOM0;
  entry.frame = frame;
  entry.flags = GTF_permit_access;
}
