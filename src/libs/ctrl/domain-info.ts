import {
  XEN_DOMINF_blocked,
  XEN_DOMINF_dying,
  XEN_DOMINF_hvm_guest,
  XEN_DOMINF_paused,
  XEN_DOMINF_running,
  XEN_DOMINF_shutdown,
  XEN_DOMINF_shutdownmask,
  XEN_DOMINF_shutdownshift,
  type XenDomctlGetdomaininfo,
} from '../../abi/domctl.ts';
import type { DomainInfo } from './ctrl.ts';

/** Copies what Xen tells of a domain out of its structure. */
export function readDomainInfo(info: XenDomctlGetdomaininfo): DomainInfo {
  const has = (flag: number) => (info.flags & flag) !== 0;
  return {
    domid: info.domain,
    dying: has(XEN_DOMINF_dying),
    hvm: has(XEN_DOMINF_hvm_guest),
    shutdown: has(XEN_DOMINF_shutdown),
    paused: has(XEN_DOMINF_paused),
    blocked: has(XEN_DOMINF_blocked),
    running: has(XEN_DOMINF_running),
    shutdown_reason: (info.flags >>> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask,
    tot_pages: info.tot_pages,
    max_pages: Number(info.max_pages),
    outstanding_pages: info.outstanding_pages,
    cpu_time: info.cpu_time,
    nr_online_vcpus: info.nr_online_vcpus,
    max_vcpu_id: info.max_vcpu_id,
    ssidref: info.ssidref,
    handle: info.handle.slice(),
    cpupool: info.cpupool,
  };
}
