import { XenDomctlGetdomaininfo } from '../../abi/domctl.ts';
import { EACCES, EFAULT, EINVAL, EPERM } from '../../abi/errno.ts';
import {
  XEN_SYSCTL_INTERFACE_VERSION,
  XEN_SYSCTL_PHYSCAP_gnttab_v1,
  XEN_SYSCTL_PHYSCAP_gnttab_v2,
  XEN_SYSCTL_PHYSCAP_hap,
  XEN_SYSCTL_PHYSCAP_hvm,
  XenSysctl,
  XenSysctlGetdomaininfolist,
  XenSysctlPhysinfo,
  XenSysctlReadconsole,
} from '../../abi/sysctl.ts';
import { XenSysctlAvailheap } from '../../abi/sysctl-topology.ts';
import { countCpus } from '../sched/cpu-mask.ts';
import { TSC_KHZ } from '../x86/time.ts';
import { maySysctl } from '../xsm.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import { describeDomain } from './domain-info.ts';

// HYPERVISOR_sysctl: argument 0 points at a struct xen_sysctl; the operation's own structure lies at `u` in it.

/** XEN_SYSCTL_readconsole: Xen's log. */
export function sysctlReadconsole(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlReadconsole(call.view, at);
    const { console } = call.xen;
    const { bytes, next } = console.read(argument.incremental !== 0 ? argument.index : undefined, argument.count);
    if (!call.guest.write(argument.buffer, bytes)) return -EFAULT;
    if (argument.clear !== 0) console.clear();
    argument.count = bytes.length;
    argument.index = next;
    return 0;
  });
}

/** XEN_SYSCTL_physinfo */
export function sysctlPhysinfo(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const { frames, memory, scheduler } = call.xen;
    const info = new XenSysctlPhysinfo(call.view, at);
    info.threads_per_core = 1;
    info.cores_per_socket = scheduler.cpus.length;
    info.nr_cpus = countCpus(scheduler.online);
    info.max_cpu_id = scheduler.cpus.length - 1;
    info.nr_nodes = 1;
    info.max_node_id = 0;
    info.cpu_khz = TSC_KHZ;
    info.capabilities =
      XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    info.arch_capabilities = 0;
    info.total_pages = frames.total;
    info.free_pages = frames.free;
    info.scrub_pages = 0;
    info.outstanding_pages = frames.outstanding;
    info.max_mfn = memory.frameCount - 1;
    featureWords(call).forEach((word, index) => info.set_hw_cap(index, word));
    return 0;
  });
}

/** XEN_SYSCTL_getdomaininfolist: domains from an id on, ascending. */
export function sysctlGetdomaininfolist(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlGetdomaininfolist(call.view, at);
    const ids = [...call.xen.domains.keys()].filter((id) => id >= argument.first_domain).sort((a, b) => a - b);
    let count = 0;
    for (const id of ids.slice(0, argument.max_domains)) {
      const domain = call.xen.domains.get(id);
      if (domain === undefined) continue;
      const row = call.room(XenDomctlGetdomaininfo.SIZE);
      describeDomain(domain, new XenDomctlGetdomaininfo(call.view, row));
      const pointer = element(argument.buffer, count, XenDomctlGetdomaininfo.SIZE);
      if (!call.store(pointer, row, XenDomctlGetdomaininfo.SIZE)) return -EFAULT;
      call.release(row);
      count += 1;
    }
    argument.num_domains = count;
    return 0;
  });
}

/** XEN_SYSCTL_availheap: free bytes; there are no zones to tell apart. */
export function sysctlAvailheap(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlAvailheap(call.view, at);
    if (argument.node !== -1 && argument.node !== 0) return -EINVAL;
    argument.avail_bytes = call.xen.frames.free * 4096;
    return 0;
  });
}

/** What comes before any operation, there or not: the structure's version, then the caller's right. */
export function admitSysctl(call: Call): HypercallResult {
  const at = call.fetch(call.handle(0), XenSysctl.SIZE);
  return at < 0 ? -EFAULT : refuse(call, at);
}

function refuse(call: Call, at: number): HypercallResult {
  const sysctl = new XenSysctl(call.view, at);
  if (sysctl.interface_version !== XEN_SYSCTL_INTERFACE_VERSION) return -EACCES;
  return maySysctl(call.domain, sysctl.cmd) ? 0 : -EPERM;
}

/** Brings the structure in, checks who asks and for which version, and stores the answer unless there is an error. */
export function withSysctl(call: Call, operation: (at: number) => HypercallResult): HypercallResult {
  const at = call.fetch(call.handle(0), XenSysctl.SIZE);
  if (at < 0) return -EFAULT;
  const refused = refuse(call, at);
  if (refused !== 0) return refused;
  const result = operation(at + XenSysctl.AT_u);
  if (result < 0) return result;
  return call.store(call.handle(0), at, XenSysctl.SIZE) ? result : -EFAULT;
}

/** The first words of Xen's CPU feature set: leaf 1 EDX and ECX, leaf 0x80000001 EDX and ECX, and so on. */
function featureWords(call: Call): number[] {
  const out = new Uint32Array(4);
  const word = (leaf: number, subleaf: number, register: number) => {
    call.xen.platform.cpuid.leaf(leaf, subleaf, out);
    return out[register] as number;
  };
  return [
    word(1, 0, 3),
    word(1, 0, 2),
    word(0x80000001, 0, 3),
    word(0x80000001, 0, 2),
    word(0xd, 1, 0),
    word(7, 0, 1),
    word(7, 0, 2),
    word(0x80000007, 0, 3),
  ];
}
