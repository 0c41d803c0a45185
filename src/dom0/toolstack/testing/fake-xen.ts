import { ENOMEM, ESRCH } from '../../../abi/errno.ts';
import { XENMEMF_populate_on_demand } from '../../../abi/memory.ts';
import { domid as asDomid, type Domid, type Gfn, port, type Port } from '../../../abi/xen.ts';
import { HypercallError } from '../../../libs/call/call.ts';
import type {
  CreateDomain,
  Ctrl,
  DomainInfo,
  E820Entry,
  HvmContext,
  PhysInfo,
  PodTarget,
} from '../../../libs/ctrl/ctrl.ts';
import type { ForeignMemory } from '../../../libs/foreignmemory/foreignmemory.ts';

/** What a fake domain has been given. */
export interface FakeDomain {
  readonly config: CreateDomain;
  readonly frames: Map<number, Uint8Array>;
  readonly grantTable: Uint8Array;
  readonly params: Map<number, bigint>;
  readonly contexts: { readonly vcpu: number; readonly context: HvmContext }[];
  readonly ports: Domid[];
  memoryMap: readonly E820Entry[];
  maxVcpus: number;
  maxKib: number;
  paused: boolean;
  shutdownReason: number | undefined;
  /** Pages that are the domain's, but in no frame yet; and frames that have none. */
  podTarget: number;
  podEntries: number;
}

/**
 * A Xen for tests of the toolstack: keeps what it is told, refuses what makes no sense, and fails one call on demand.
 * `onRelease` is called when a domain shuts down or is gone, as VIRQ_DOM_EXC would.
 */
export class FakeXen implements Ctrl, ForeignMemory {
  readonly domains = new Map<number, FakeDomain>();
  /** The names of all calls made. */
  readonly calls: string[] = [];
  onRelease: () => void = () => {};
  /** Called when a domain starts to run. */
  onUnpause: (domid: Domid) => void = () => {};
  freePages: number;
  /** Views of foreign frames that were not given back. */
  mapped = 0;
  readonly #totalPages: number;
  #failAt: number | undefined;
  #nextDomid = 1;

  constructor(mib = 256) {
    this.#totalPages = mib * 256;
    this.freePages = this.#totalPages;
  }

  /** Lets the `nth` call from now on, counted from 0, fail with ENOMEM. */
  failCall(nth: number): void {
    this.#failAt = this.calls.length + nth;
  }

  domain(domid: number): FakeDomain {
    const domain = this.domains.get(domid);
    if (domain === undefined) throw new HypercallError('no such domain', ESRCH);
    return domain;
  }

  /** The domain stops, as by SCHEDOP_shutdown. */
  shutDown(domid: number, reason: number): void {
    this.domain(domid).shutdownReason = reason;
    this.onRelease();
  }

  domain_create(config: CreateDomain): Domid {
    this.#enter('XEN_DOMCTL_createdomain');
    const domid = asDomid(this.#nextDomid++);
    this.domains.set(domid, {
      config,
      frames: new Map(),
      grantTable: new Uint8Array(4096),
      params: new Map(),
      contexts: [],
      ports: [],
      memoryMap: [],
      maxVcpus: 0,
      maxKib: 0,
      podTarget: 0,
      podEntries: 0,
      paused: true,
      shutdownReason: undefined,
    });
    return domid;
  }

  domain_max_vcpus(domid: Domid, max: number): void {
    this.#enter('XEN_DOMCTL_max_vcpus');
    this.domain(domid).maxVcpus = max;
  }

  domain_setmaxmem(domid: Domid, maxKib: number): void {
    this.#enter('XEN_DOMCTL_max_mem');
    this.domain(domid).maxKib = maxKib;
  }

  domain_populate_physmap_exact(domid: Domid, gfns: readonly Gfn[], order = 0, memFlags = 0): void {
    this.#enter('XENMEM_populate_physmap');
    const domain = this.domain(domid);
    for (const first of gfns) {
      if (first % (1 << order) !== 0) throw new Error(`extent ${first} is not aligned to order ${order}`);
      for (let frame = first; frame < first + (1 << order); frame++) {
        if (domain.frames.has(frame)) throw new Error(`frame ${frame} is populated twice`);
        domain.frames.set(frame, NOT_TOUCHED);
        if ((memFlags & XENMEMF_populate_on_demand) === 0) this.freePages--;
        else domain.podEntries++;
      }
    }
    const limit = domain.maxKib / 4;
    if (domain.frames.size > limit) throw new HypercallError('XENMEM_populate_physmap', ENOMEM);
  }

  domain_set_pod_target(domid: Domid, targetPages: number): PodTarget {
    this.#enter('XENMEM_set_pod_target');
    const domain = this.domain(domid);
    if (domain.frames.size > 0 && domain.podEntries === 0) return this.domain_get_pod_target(domid);
    this.freePages -= targetPages - domain.podTarget;
    domain.podTarget = targetPages;
    return this.domain_get_pod_target(domid);
  }

  domain_get_pod_target(domid: Domid): PodTarget {
    const { frames, podTarget, podEntries } = this.domain(domid);
    const populated = frames.size - podEntries;
    return { tot_pages: populated + podTarget, pod_cache_pages: podTarget, pod_entries: podEntries };
  }

  domain_add_to_physmap(domid: Domid, space: number, index: number, gfn: Gfn): void {
    this.#enter('XENMEM_add_to_physmap');
    if (space !== 1 || index !== 0) throw new Error(`no space ${space}, index ${index} here`);
    this.domain(domid).frames.set(gfn, this.domain(domid).grantTable);
  }

  domain_remove_from_physmap(domid: Domid, gfn: Gfn): void {
    this.#enter('XENMEM_remove_from_physmap');
    this.domain(domid).frames.delete(gfn);
  }

  domain_set_memory_map(domid: Domid, entries: readonly E820Entry[]): void {
    this.#enter('XENMEM_set_memory_map');
    this.domain(domid).memoryMap = entries;
  }

  hvm_param_set(domid: Domid, index: number, value: bigint): void {
    this.#enter('HVMOP_set_param');
    this.domain(domid).params.set(index, value);
  }

  hvm_param_get(domid: Domid, index: number): bigint {
    this.#enter('HVMOP_get_param');
    return this.domain(domid).params.get(index) ?? 0n;
  }

  evtchn_alloc_unbound(domid: Domid, remote: Domid): Port {
    this.#enter('EVTCHNOP_alloc_unbound');
    return port(this.domain(domid).ports.push(remote));
  }

  domain_hvm_setcontext(domid: Domid, vcpu: number, context: HvmContext): void {
    this.#enter('XEN_DOMCTL_sethvmcontext');
    this.domain(domid).contexts.push({ vcpu, context });
  }

  domain_getinfo(domid: Domid): DomainInfo | undefined {
    this.#enter('XEN_DOMCTL_getdomaininfo');
    return this.domains.has(domid) ? this.#info(domid) : undefined;
  }

  domain_getinfolist(first: Domid, max: number): DomainInfo[] {
    this.#enter('XEN_SYSCTL_getdomaininfolist');
    const domids = [...this.domains.keys()].filter((domid) => domid >= first).slice(0, max);
    return domids.map((domid) => this.#info(domid));
  }

  domain_pause(domid: Domid): void {
    this.#enter('XEN_DOMCTL_pausedomain');
    this.domain(domid).paused = true;
  }

  domain_unpause(domid: Domid): void {
    this.#enter('XEN_DOMCTL_unpausedomain');
    this.domain(domid).paused = false;
    this.onUnpause(domid);
  }

  domain_shutdown(domid: Domid, reason: number): void {
    this.#enter('SCHEDOP_remote_shutdown');
    this.shutDown(domid, reason);
  }

  domain_destroy(domid: Domid): void {
    this.#enter('XEN_DOMCTL_destroydomain');
    const { frames, grantTable, podEntries, podTarget } = this.domain(domid);
    this.freePages += [...frames.values()].filter((frame) => frame !== grantTable).length - podEntries + podTarget;
    this.domains.delete(domid);
    this.onRelease();
  }

  physinfo(): PhysInfo {
    this.#enter('XEN_SYSCTL_physinfo');
    return {
      threads_per_core: 1,
      cores_per_socket: 1,
      nr_cpus: 1,
      max_cpu_id: 0,
      nr_nodes: 1,
      cpu_khz: 1_000_000,
      capabilities: 0,
      total_pages: this.#totalPages,
      free_pages: this.freePages,
      scrub_pages: 0,
      outstanding_pages: 0,
      max_mfn: this.#totalPages,
    };
  }

  map(domid: Domid, gfns: readonly Gfn[]): Uint8Array[] {
    this.#enter('foreign map');
    const views = gfns.map((gfn) => this.#frame(domid, gfn));
    this.mapped += views.length;
    return views;
  }

  map_resource(domid: Domid): Uint8Array[] {
    this.#enter('map resource');
    this.mapped += 1;
    return [this.domain(domid).grantTable];
  }

  unmap(views: readonly Uint8Array[]): void {
    this.mapped -= views.length;
  }

  /** Reads a domain's memory. */
  read(domid: number, address: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const frame = this.#frame(domid, Math.floor((address + done) / 4096));
      const piece = frame.subarray((address + done) % 4096).subarray(0, size - done);
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }

  #frame(domid: number, gfn: number): Uint8Array {
    const { frames } = this.domain(domid);
    const frame = frames.get(gfn);
    if (frame === undefined) throw new Error(`domain ${domid} has nothing at frame 0x${gfn.toString(16)}`);
    if (frame !== NOT_TOUCHED) return frame;
    const fresh = new Uint8Array(4096);
    frames.set(gfn, fresh);
    return fresh;
  }

  #info(domid: number): DomainInfo {
    const domain = this.domain(domid);
    return {
      domid: asDomid(domid),
      dying: false,
      hvm: true,
      shutdown: domain.shutdownReason !== undefined,
      paused: domain.paused,
      blocked: false,
      running: false,
      shutdown_reason: domain.shutdownReason ?? 0,
      tot_pages: domain.frames.size,
      max_pages: domain.maxKib / 4,
      outstanding_pages: 0,
      cpu_time: 0n,
      nr_online_vcpus: 1,
      max_vcpu_id: domain.maxVcpus - 1,
      ssidref: 0,
      handle: domain.config.handle,
      cpupool: 0,
    };
  }

  #enter(call: string): void {
    const fails = this.calls.length === this.#failAt;
    this.calls.push(call);
    if (!fails) return;
    this.#failAt = undefined;
    throw new HypercallError(call, ENOMEM);
  }
}

const NOT_TOUCHED = new Uint8Array(0);
