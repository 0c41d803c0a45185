import {
  XEN_DOMCTL_CDF_hap,
  XEN_DOMCTL_CDF_hvm,
  XEN_DOMCTL_CDF_nested_virt,
  XEN_DOMCTL_CDF_oos_off,
  XEN_DOMCTL_CDF_s3_integrity,
  XEN_DOMCTL_CDF_xs_domain,
  XEN_DOMCTL_createdomain,
  XEN_DOMCTL_gdbsx_guestmemio,
  XEN_DOMCTL_getdomaininfo,
  XEN_DOMCTL_GRANT_version_mask,
  XEN_DOMCTL_INTERFACE_VERSION,
  XEN_DOMCTL_vm_event_op,
  XenDomctl,
  XenDomctlCreatedomain,
  XenDomctlGetdomaininfo,
  XenDomctlMaxMem,
  XenDomctlMaxVcpus,
  XenDomctlPagingMempool,
} from '../../abi/domctl.ts';
import { XEN_X86_EMU_HPET, XEN_X86_EMU_IOAPIC, XEN_X86_EMU_LAPIC, XEN_X86_EMU_PM } from '../../abi/arch-x86/xen.ts';
import { EACCES, EEXIST, EFAULT, EINVAL, ENODEV, ENOMEM, EOVERFLOW, EPERM, ESRCH } from '../../abi/errno.ts';
import { DOMID_FIRST_RESERVED, DOMID_INVALID, type Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { createHvmDomain, createHvmVcpu } from '../x86/hvm/create.ts';
import { mayDomctl } from '../xsm.ts';
import { type Call, CONTINUE, type HypercallResult } from './call.ts';
import type { Domain, DomainConfig } from './domain.ts';
import { describeDomain } from './domain-info.ts';

// HYPERVISOR_domctl: argument 0 points at a struct xen_domctl; the operation's own structure lies at `u` in it.

/** The devices that Xen emulates here. */
const EMULATED = XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC | XEN_X86_EMU_HPET | XEN_X86_EMU_PM;
/** HVM_MAX_VCPUS */
const HVM_MAX_VCPUS = 128;
/** controller_pause_count is bounded so that a toolstack cannot make it wrap. */
const MAX_CONTROLLER_PAUSES = 255;
const MAX_PAGES = 0xffffffff;
/** Everything else is refused with -ESRCH before anybody asks who the caller is. */
const NEEDS_NO_DOMAIN: ReadonlySet<number> = new Set([
  XEN_DOMCTL_createdomain,
  XEN_DOMCTL_getdomaininfo,
  XEN_DOMCTL_gdbsx_guestmemio,
]);

/** One domctl on its way. */
export interface DomctlCall {
  readonly call: Call;
  readonly domctl: XenDomctl;
  /** Where in `call.view` the operation's own structure lies. */
  readonly at: number;
  readonly domain: Domain;
  /** The structure goes back to the caller, who then finds the answer in it. */
  answer: boolean;
}

type DomctlOperation = (operation: DomctlCall) => HypercallResult;

/** A domctl on a domain that must be there. */
export function onDomain(operation: DomctlOperation): (call: Call) => HypercallResult {
  return (call) =>
    withDomctl(call, (domctl, at) => {
      const domain = call.xen.domains.get(domctl.domain);
      if (domain === undefined) return [-ESRCH, false];
      const state: DomctlCall = { call, domctl, at, domain, answer: false };
      const result = operation(state);
      return [result, state.answer];
    });
}

/** XEN_DOMCTL_createdomain */
export function domctlCreatedomain(call: Call): HypercallResult {
  return withDomctl(call, (domctl, at) => {
    const argument = new XenDomctlCreatedomain(call.view, at);
    const refused = refuse(call, argument);
    if (refused !== undefined) {
      call.xen.log(`createdomain: ${refused}`);
      return [-EINVAL, false];
    }
    const id = chooseId(call, domctl.domain);
    if (id < 0) return [id, false];
    const cpupool = call.xen.cpupools.find(argument.cpupool_id);
    if (cpupool === undefined) return [-ESRCH, false];
    if (cpupool.cpus === 0) return [-ENODEV, false];
    const config = { ...configure(call, argument, id as Domid), cpupool };
    const domain = createHvmDomain(call.xen, config, argument.arch.emulation_flags);
    if (domain === undefined) return [-ENOMEM, false];
    domctl.domain = domain.id;
    return [0, true];
  });
}

/** XEN_DOMCTL_destroydomain */
export const domctlDestroydomain = onDomain(({ call, domain }) => {
  if (domain === call.domain) return -EINVAL;
  domain.kill();
  return 0;
});

/** XEN_DOMCTL_pausedomain: nests. */
export const domctlPausedomain = onDomain(({ call, domain }) => {
  if (domain === call.domain) return -EINVAL;
  if (domain.controllerPauseCount >= MAX_CONTROLLER_PAUSES) return -EOVERFLOW;
  domain.controllerPauseCount += 1;
  domain.pause();
  return 0;
});

/** XEN_DOMCTL_unpausedomain */
export const domctlUnpausedomain = onDomain(({ domain }) => {
  if (domain.controllerPauseCount === 0) return -EINVAL;
  domain.controllerPauseCount -= 1;
  if (domain.controllerPauseCount === 0) domain.creationFinished = true;
  domain.unpause();
  return 0;
});

/** XEN_DOMCTL_resumedomain */
export const domctlResumedomain = onDomain(({ call, domain }) => {
  if (domain === call.domain) return -EINVAL;
  domain.resume();
  return 0;
});

/**
 * XEN_DOMCTL_getdomaininfo: of the domain asked for, or the next one there is, whose id is then in the answer; a
 * toolstack that means just one compares.
 */
export function domctlGetdomaininfo(call: Call): HypercallResult {
  return withDomctl(call, (domctl, at) => {
    const asked = domctl.domain;
    const domain = call.xen.domains.get(asked) ?? next(call, asked);
    if (asked >= DOMID_FIRST_RESERVED) return [-EINVAL, false];
    if (domain === undefined) return [-ESRCH, false];
    describeDomain(domain, new XenDomctlGetdomaininfo(call.view, at));
    domctl.domain = domain.id;
    return [0, true];
  });
}

/** XEN_DOMCTL_max_vcpus: makes all the vCPUs the domain was created for. */
export const domctlMaxVcpus = onDomain(({ call, at, domain }) => {
  const { max } = new XenDomctlMaxVcpus(call.view, at);
  if (domain === call.domain || max !== domain.maxVcpus) return -EINVAL;
  while (domain.vcpus.length < max) if (createHvmVcpu(domain) === undefined) return -ENOMEM;
  return 0;
});

/** XEN_DOMCTL_max_mem: may go below what the domain has; it then gets no more. */
export const domctlMaxMem = onDomain(({ call, at, domain }) => {
  const pages = new XenDomctlMaxMem(call.view, at).max_memkb >> 2n;
  domain.maxPages = pages > BigInt(MAX_PAGES) ? MAX_PAGES : Number(pages);
  domain.p2m?.reserve(domain.maxPages);
  return 0;
});

/** XEN_DOMCTL_get_paging_mempool_size: what the domain's p2m may take. */
export const domctlGetPagingMempoolSize = onDomain((state) => {
  const { call, at, domain } = state;
  if (domain.hvm === undefined) return -EINVAL;
  new XenDomctlPagingMempool(call.view, at).size = domain.hvm.pagingPoolBytes;
  state.answer = true;
  return 0;
});

/** XEN_DOMCTL_set_paging_mempool_size: remembered; our p2m grows on its own, within the domain's size. */
export const domctlSetPagingMempoolSize = onDomain(({ call, at, domain }) => {
  const { size } = new XenDomctlPagingMempool(call.view, at);
  if (domain.hvm === undefined || size % PAGE_SIZE !== 0) return -EINVAL;
  domain.hvm.pagingPoolBytes = size;
  return 0;
});

/** Brings the structure in, checks who asks and for which version, and stores the answer where there is one. */
export function withDomctl(
  call: Call,
  operation: (domctl: XenDomctl, at: number) => [HypercallResult, answer: boolean],
): HypercallResult {
  const at = call.fetch(call.handle(0), XenDomctl.SIZE);
  if (at < 0) return -EFAULT;
  const domctl = new XenDomctl(call.view, at);
  const refused = refuseCaller(call, domctl);
  if (refused !== 0) return refused;
  const [result, answer] = operation(domctl, at + XenDomctl.AT_u);
  if (!answer || result === CONTINUE) return result;
  return call.store(call.handle(0), at, XenDomctl.SIZE) ? result : -EFAULT;
}

/** What comes before any operation, there or not: the structure's version, then the caller's right. */
export function admitDomctl(call: Call): HypercallResult {
  const at = call.fetch(call.handle(0), XenDomctl.SIZE);
  return at < 0 ? -EFAULT : refuseCaller(call, new XenDomctl(call.view, at));
}

function refuseCaller(call: Call, domctl: XenDomctl): HypercallResult {
  if (domctl.interface_version !== XEN_DOMCTL_INTERFACE_VERSION) return -EACCES;
  const target = call.xen.domains.get(domctl.domain);
  const isForNobody = domctl.cmd === XEN_DOMCTL_vm_event_op && domctl.domain === DOMID_INVALID;
  if (target === undefined && !isForNobody && !NEEDS_NO_DOMAIN.has(domctl.cmd)) return -ESRCH;
  return mayDomctl(call.domain, domctl.cmd, target) ? 0 : -EPERM;
}

/** Why a domain like this cannot be made here; undefined where it can. */
function refuse(call: Call, argument: XenDomctlCreatedomain): string | undefined {
  const { flags, max_vcpus: vcpus, grant_opts: grants, arch } = argument;
  const known =
    XEN_DOMCTL_CDF_hvm |
    XEN_DOMCTL_CDF_hap |
    XEN_DOMCTL_CDF_s3_integrity |
    XEN_DOMCTL_CDF_oos_off |
    XEN_DOMCTL_CDF_xs_domain |
    XEN_DOMCTL_CDF_nested_virt;
  if ((flags & ~known) !== 0) return `flags ${(flags & ~known).toString(16)} are not supported`;
  if ((flags & XEN_DOMCTL_CDF_hvm) === 0) return 'PV guests are not supported';
  if ((flags & XEN_DOMCTL_CDF_hap) === 0) return 'HVM guests need HAP';
  if (vcpus < 1 || vcpus > HVM_MAX_VCPUS) return `${vcpus} vCPUs, but 1 to ${HVM_MAX_VCPUS} are possible`;
  if ((arch.emulation_flags & XEN_X86_EMU_LAPIC) === 0 || (arch.emulation_flags & ~EMULATED) !== 0) {
    return `emulation flags ${arch.emulation_flags.toString(16)}, but there are 1, and of ${EMULATED.toString(16)} any`;
  }
  if (arch.emulation_flags !== XEN_X86_EMU_LAPIC && (arch.emulation_flags & XEN_X86_EMU_IOAPIC) === 0) {
    return 'devices without an I/O APIC have nowhere to send their interrupts';
  }
  if (arch.misc_flags !== 0) return `flags ${arch.misc_flags.toString(16)} of x86 are not supported`;
  if (argument.iommu_opts !== 0 || argument.vmtrace_size !== 0) return 'there is no IOMMU and no processor trace';
  const version = grants & XEN_DOMCTL_GRANT_version_mask;
  if (version < 1 || version > 2 || grants !== version) return `grant table version ${version}, but 1 and 2 are there`;
  if (argument.max_grant_frames > call.xen.limits.maxGrantFrames || argument.max_grant_frames === 0) {
    return `${argument.max_grant_frames} grant frames, but 1 to ${call.xen.limits.maxGrantFrames} are possible`;
  }
  if (argument.max_maptrack_frames > call.xen.limits.maxMaptrackFrames) {
    return `${argument.max_maptrack_frames} maptrack frames, but at most ${call.xen.limits.maxMaptrackFrames} are possible`;
  }
  return undefined;
}

function chooseId(call: Call, asked: number): number {
  if (asked > 0 && asked < DOMID_FIRST_RESERVED) return call.xen.domains.has(asked) ? -EEXIST : asked;
  return call.xen.freeDomid() ?? -ENOMEM;
}

function configure(call: Call, argument: XenDomctlCreatedomain, id: Domid): DomainConfig {
  const { limits } = call.xen;
  return {
    id,
    privileged: false,
    handle: argument.handle.slice(),
    options: argument.flags,
    maxVcpus: argument.max_vcpus,
    maxEvtchnPort: argument.max_evtchn_port,
    maxGrantFrames: argument.max_grant_frames < 0 ? limits.maxGrantFrames : argument.max_grant_frames,
    maxMaptrackFrames: argument.max_maptrack_frames < 0 ? limits.maxMaptrackFrames : argument.max_maptrack_frames,
    maxGrantVersion: (argument.grant_opts & XEN_DOMCTL_GRANT_version_mask) === 1 ? 1 : 2,
    ssidref: argument.ssidref,
  };
}

function next(call: Call, id: number): Domain | undefined {
  const later = [...call.xen.domains.keys()].filter((other) => other > id);
  return later.length === 0 ? undefined : call.xen.domains.get(Math.min(...later));
}
