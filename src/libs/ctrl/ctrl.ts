import type { Domid, Gfn, Port } from '../../abi/xen.ts';

/**
 * Privileged control of domains (the role of Xen's tools/libs/ctrl): the domctl, sysctl, memory_op, hvm_op and
 * event_channel_op calls a toolstack makes, under libxc's names without `xc_`. Fields keep the public headers' names.
 *
 * Every operation is synchronous and throws a HypercallError, named after the operation of the header
 * ('XEN_DOMCTL_createdomain'), where Xen refuses.
 */
export interface Ctrl {
  /** XEN_DOMCTL_createdomain: makes an empty, paused domain; Xen chooses its id unless `config.domid` is given. */
  domain_create(config: CreateDomain): Domid;

  /** XEN_DOMCTL_max_vcpus: allocates the vCPUs; all of them are down, and vCPU 0 starts with the domain. */
  domain_max_vcpus(domid: Domid, max: number): void;

  /** XEN_DOMCTL_max_mem: the most memory the domain may ever hold, in KiB. */
  domain_setmaxmem(domid: Domid, maxKib: number): void;

  /**
   * XENMEM_populate_physmap: puts fresh zeroed memory at each extent of 2^`order` frames starting at a gfn.
   * All or an ENOMEM error; extents populated before the error stay, and go with the domain.
   *
   * @param memFlags XENMEMF_*, such as XENMEMF_populate_on_demand
   */
  domain_populate_physmap_exact(domid: Domid, gfns: readonly Gfn[], order?: number, memFlags?: number): void;

  /**
   * XENMEM_set_pod_target: how many pages a domain that is populated on demand is to have; before it is populated, and
   * whenever its target changes.
   */
  domain_set_pod_target(domid: Domid, targetPages: number): PodTarget;

  /** XENMEM_get_pod_target. */
  domain_get_pod_target(domid: Domid): PodTarget;

  /** XENMEM_add_to_physmap: puts Xen's own frame `index` of `space` (XENMAPSPACE_*) at `gfn`. */
  domain_add_to_physmap(domid: Domid, space: number, index: number, gfn: Gfn): void;

  /** XENMEM_remove_from_physmap: leaves a hole at `gfn`; Xen's own frame stays where it was. */
  domain_remove_from_physmap(domid: Domid, gfn: Gfn): void;

  /** XENMEM_set_memory_map: what XENMEM_memory_map will tell the guest. */
  domain_set_memory_map(domid: Domid, entries: readonly E820Entry[]): void;

  /** HVMOP_set_param with HVM_PARAM_* `index`. */
  hvm_param_set(domid: Domid, index: number, value: bigint): void;

  /** HVMOP_get_param. */
  hvm_param_get(domid: Domid, index: number): bigint;

  /** EVTCHNOP_alloc_unbound: a new port of `domid` that `remote` may bind to. */
  evtchn_alloc_unbound(domid: Domid, remote: Domid): Port;

  /**
   * XEN_DOMCTL_sethvmcontext with the records given, of one vCPU. Xen takes every vCPU of the domain down first; the
   * one that gets a CPU record comes up. So the boot processor's CPU record is loaded last.
   */
  domain_hvm_setcontext(domid: Domid, vcpu: number, context: HvmContext): void;

  /** XEN_DOMCTL_getdomaininfo: undefined where there is no such domain (ESRCH). */
  domain_getinfo(domid: Domid): DomainInfo | undefined;

  /** XEN_SYSCTL_getdomaininfolist: at most `max` domains with an id of `first` or more, ascending. */
  domain_getinfolist(first: Domid, max: number): DomainInfo[];

  /** XEN_DOMCTL_pausedomain. Nests: each pause needs its unpause. */
  domain_pause(domid: Domid): void;

  /** XEN_DOMCTL_unpausedomain. A new domain starts to run here. */
  domain_unpause(domid: Domid): void;

  /** SCHEDOP_remote_shutdown with SHUTDOWN_* `reason`: stops the domain as if it had asked for it itself. */
  domain_shutdown(domid: Domid, reason: number): void;

  /** XEN_DOMCTL_destroydomain: frees everything of the domain. @releaseDomain fires once it is gone. */
  domain_destroy(domid: Domid): void;

  /** XEN_SYSCTL_physinfo. */
  physinfo(): PhysInfo;
}

/** struct xen_domctl_createdomain, as far as it concerns an x86 guest here. */
export interface CreateDomain {
  /** The id to have; undefined lets Xen choose (DOMID_ANY). */
  readonly domid?: Domid;
  readonly ssidref: number;
  /** 16 bytes: the UUID. */
  readonly handle: Uint8Array;
  /** XEN_DOMCTL_CDF_* */
  readonly flags: number;
  readonly max_vcpus: number;
  /** The highest event channel port the domain may use. */
  readonly max_evtchn_port: number;
  readonly max_grant_frames: number;
  readonly max_maptrack_frames: number;
  /** XEN_DOMCTL_GRANT_version(1 or 2) */
  readonly grant_opts: number;
  readonly cpupool_id: number;
  /** arch.emulation_flags: XEN_X86_EMU_*, the devices that Xen itself shows the guest. */
  readonly emulation_flags: number;
}

/** struct xen_pod_target, in pages. */
export interface PodTarget {
  readonly tot_pages: number;
  /** Of those: not in the guest's memory yet, for what it touches first. */
  readonly pod_cache_pages: number;
  /** Guest pages that have no memory yet. */
  readonly pod_entries: number;
}

/** A row of the guest's memory map; `type` is E820_* (1 RAM, 2 reserved, 3 ACPI, 4 NVS). */
export interface E820Entry {
  readonly addr: bigint;
  readonly size: bigint;
  readonly type: number;
}

/** struct xen_domctl_getdomaininfo; the XEN_DOMINF_* flags are told one by one. */
export interface DomainInfo {
  readonly domid: Domid;
  readonly dying: boolean;
  readonly hvm: boolean;
  /** The domain has stopped and `shutdown_reason` says why; it is still there until it is destroyed. */
  readonly shutdown: boolean;
  readonly paused: boolean;
  readonly blocked: boolean;
  readonly running: boolean;
  /** SHUTDOWN_*; meaningful only with `shutdown`. */
  readonly shutdown_reason: number;
  readonly tot_pages: number;
  readonly max_pages: number;
  readonly outstanding_pages: number;
  /** Nanoseconds over all vCPUs. */
  readonly cpu_time: bigint;
  readonly nr_online_vcpus: number;
  readonly max_vcpu_id: number;
  readonly ssidref: number;
  /** 16 bytes: the UUID. */
  readonly handle: Uint8Array;
  readonly cpupool: number;
}

/** struct xen_sysctl_physinfo */
export interface PhysInfo {
  readonly threads_per_core: number;
  readonly cores_per_socket: number;
  readonly nr_cpus: number;
  readonly max_cpu_id: number;
  readonly nr_nodes: number;
  readonly cpu_khz: number;
  /** XEN_SYSCTL_PHYSCAP_* */
  readonly capabilities: number;
  /** Frames of 4 KiB, as the rest. */
  readonly total_pages: number;
  readonly free_pages: number;
  readonly scrub_pages: number;
  readonly outstanding_pages: number;
  readonly max_mfn: number;
}

/** Records of one vCPU for XEN_DOMCTL_sethvmcontext. */
export interface HvmContext {
  /** HVM_SAVE_TYPE(CPU). Registers that are not named become zero. */
  readonly cpu?: HvmCpu;
  /** HVM_SAVE_TYPE(MTRR); what is not named keeps the value it has. */
  readonly mtrr?: { readonly msr_mtrr_def_type: bigint };
}

/** struct hvm_hw_cpu (public/arch-x86/hvm/save.h), the registers a toolstack sets for a 32-bit entry, paging off. */
export interface HvmCpu {
  readonly rax: number;
  readonly rbx: number;
  readonly rcx: number;
  readonly rdx: number;
  readonly rbp: number;
  readonly rsi: number;
  readonly rdi: number;
  readonly rsp: number;
  readonly rip: number;
  readonly rflags: number;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly dr6: number;
  readonly dr7: number;
  readonly cs: HvmSegment;
  readonly ds: HvmSegment;
  readonly es: HvmSegment;
  readonly fs: HvmSegment;
  readonly gs: HvmSegment;
  readonly ss: HvmSegment;
  readonly tr: HvmSegment;
  readonly ldtr: HvmSegment;
}

/** A segment register with its hidden part. */
export interface HvmSegment {
  readonly sel: number;
  readonly base: number;
  /** In bytes, inclusive. */
  readonly limit: number;
  /** The descriptor's attributes without the gap: type, S, DPL, P in bits 0-7; AVL, L, D/B, G in bits 8-11. */
  readonly arbytes: number;
}
