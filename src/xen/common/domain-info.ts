import {
  XEN_DOMINF_blocked,
  XEN_DOMINF_debugged,
  XEN_DOMINF_dying,
  XEN_DOMINF_hap,
  XEN_DOMINF_hvm_guest,
  XEN_DOMINF_paused,
  XEN_DOMINF_running,
  XEN_DOMINF_shutdown,
  XEN_DOMINF_shutdownmask,
  XEN_DOMINF_shutdownshift,
  XEN_DOMINF_xs_domain,
  XEN_DOMCTL_CDF_xs_domain,
  XEN_INVALID_MAX_VCPU_ID,
  type XenDomctlGetdomaininfo,
} from '../../abi/domctl.ts';
import { RUNSTATE_running } from '../../abi/vcpu.ts';
import type { Mfn } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_ADDRESS_BITS } from '../x86/mm/p2m.ts';
import { DOMDYING_dead, type Domain } from './domain.ts';
import { VPF_blocked, VPF_down } from './vcpu.ts';

/** shutdown_code before any shutdown, as it shows above XEN_DOMINF_shutdownshift. */
const SHUTDOWN_CODE_INVALID = 0xff;

/** Fills in what a toolstack is told of a domain (Xen's getdomaininfo). */
export function describeDomain(domain: Domain, info: XenDomctlGetdomaininfo): void {
  const now = domain.xen.now();
  let cpuTime = 0;
  let flags = XEN_DOMINF_blocked;
  for (const vcpu of domain.vcpus) {
    cpuTime += vcpu.runstate.timeNs(RUNSTATE_running, now);
    if ((vcpu.pauseFlags & VPF_down) !== 0) continue;
    if ((vcpu.pauseFlags & VPF_blocked) === 0) flags &= ~XEN_DOMINF_blocked;
    if (vcpu.onPcpu) flags |= XEN_DOMINF_running;
  }
  const online = domain.onlineVcpus;
  flags = online > 0 ? flags : 0;
  if (domain.dyingState === DOMDYING_dead) flags |= XEN_DOMINF_dying;
  if (domain.shutDown) flags |= XEN_DOMINF_shutdown;
  if (domain.controllerPauseCount > 0) flags |= XEN_DOMINF_paused;
  if (domain.debuggerAttached) flags |= XEN_DOMINF_debugged;
  if ((domain.options & XEN_DOMCTL_CDF_xs_domain) !== 0) flags |= XEN_DOMINF_xs_domain;
  if (domain.hvm !== undefined) flags |= XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;
  const code = (domain.shutdownCode ?? SHUTDOWN_CODE_INVALID) & XEN_DOMINF_shutdownmask;

  const mfn = domain.sharedInfo / PAGE_SIZE;
  info.domain = domain.id;
  info.flags = (flags | (code << XEN_DOMINF_shutdownshift)) >>> 0;
  info.tot_pages = domain.totPages;
  info.max_pages = BigInt(domain.maxPages);
  info.outstanding_pages = domain.outstandingPages;
  info.shr_pages = 0;
  info.paged_pages = 0;
  info.shared_info_frame = (domain.p2m === undefined ? mfn : domain.xen.frames.m2p(mfn)) as Mfn;
  info.cpu_time = BigInt(cpuTime);
  info.nr_online_vcpus = online;
  info.max_vcpu_id = domain.vcpus.length === 0 ? XEN_INVALID_MAX_VCPU_ID : domain.vcpus.length - 1;
  info.ssidref = domain.ssidref;
  info.handle.set(domain.handle);
  info.cpupool = domain.cpupool.id;
  info.gpaddr_bits = P2M_ADDRESS_BITS;
  info.arch_config.emulation_flags = domain.hvm?.emulationFlags ?? 0;
  info.arch_config.misc_flags = 0;
}
