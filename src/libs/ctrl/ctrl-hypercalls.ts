import {
  XEN_DOMCTL_createdomain,
  XEN_DOMCTL_destroydomain,
  XEN_DOMCTL_getdomaininfo,
  XEN_DOMCTL_INTERFACE_VERSION,
  XEN_DOMCTL_max_mem,
  XEN_DOMCTL_max_vcpus,
  XEN_DOMCTL_pausedomain,
  XEN_DOMCTL_sethvmcontext,
  XEN_DOMCTL_unpausedomain,
  XenDomctl,
  XenDomctlCreatedomain,
  XenDomctlGetdomaininfo,
  XenDomctlMaxMem,
  XenDomctlMaxVcpus,
} from '../../abi/domctl.ts';
import { XenDomctlHvmcontext } from '../../abi/domctl-state.ts';
import { ENOMEM, ESRCH } from '../../abi/errno.ts';
import { EVTCHNOP_alloc_unbound, EvtchnAllocUnbound } from '../../abi/event_channel.ts';
import { HVMOP_get_param, HVMOP_set_param, XenHvmParam } from '../../abi/hvm/hvm_op.ts';
import {
  XENMEM_add_to_physmap,
  XENMEM_get_pod_target,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  XENMEM_set_memory_map,
  XENMEM_set_pod_target,
  XenAddToPhysmap,
  XenForeignMemoryMap,
  XenMemoryReservation,
  XenPodTarget,
  XenRemoveFromPhysmap,
} from '../../abi/memory.ts';
import { SCHEDOP_remote_shutdown, SchedRemoteShutdown } from '../../abi/sched.ts';
import {
  XEN_SYSCTL_getdomaininfolist,
  XEN_SYSCTL_INTERFACE_VERSION,
  XEN_SYSCTL_physinfo,
  XenSysctl,
  XenSysctlGetdomaininfolist,
  XenSysctlPhysinfo,
} from '../../abi/sysctl.ts';
import {
  __HYPERVISOR_domctl,
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_hvm_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_sysctl,
  type Domid,
  type Gfn,
  type Port,
} from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, HypercallError, type Hypercaller } from '../call/call.ts';
import type { CreateDomain, Ctrl, DomainInfo, E820Entry, HvmContext, PhysInfo, PodTarget } from './ctrl.ts';
import { readDomainInfo } from './domain-info.ts';
import { encodeHvmContext } from './hvm-records.ts';

/** Extents of one populate_physmap: a page of frame numbers, as libxc does it. */
const EXTENTS_A_CALL = 512;
const E820_ENTRY_SIZE = 20;

/** A toolstack's operations, made as hypercalls. */
export class HypercallCtrl implements Ctrl {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  domain_create(config: CreateDomain): Domid {
    return this.#domctl('XEN_DOMCTL_createdomain', XEN_DOMCTL_createdomain, config.domid ?? (0 as Domid), {
      fill: (view, at) => {
        const argument = new XenDomctlCreatedomain(view, at);
        argument.ssidref = config.ssidref;
        argument.handle.set(config.handle);
        argument.flags = config.flags;
        argument.max_vcpus = config.max_vcpus;
        argument.max_evtchn_port = config.max_evtchn_port;
        argument.max_grant_frames = config.max_grant_frames;
        argument.max_maptrack_frames = config.max_maptrack_frames;
        argument.grant_opts = config.grant_opts;
        argument.cpupool_id = config.cpupool_id;
        argument.arch.emulation_flags = config.emulation_flags;
      },
      read: (_view, _at, domctl) => domctl.domain,
    });
  }

  domain_max_vcpus(domid: Domid, max: number): void {
    this.#domctl('XEN_DOMCTL_max_vcpus', XEN_DOMCTL_max_vcpus, domid, {
      fill: (view, at) => {
        new XenDomctlMaxVcpus(view, at).max = max;
      },
    });
  }

  domain_setmaxmem(domid: Domid, maxKib: number): void {
    this.#domctl('XEN_DOMCTL_max_mem', XEN_DOMCTL_max_mem, domid, {
      fill: (view, at) => {
        new XenDomctlMaxMem(view, at).max_memkb = BigInt(maxKib);
      },
    });
  }

  domain_populate_physmap_exact(domid: Domid, gfns: readonly Gfn[], order = 0, memFlags = 0): void {
    for (let first = 0; first < gfns.length; first += EXTENTS_A_CALL) {
      const extents = gfns.slice(first, first + EXTENTS_A_CALL);
      this.#memory('XENMEM_populate_physmap', XENMEM_populate_physmap, XenMemoryReservation.SIZE, extents.length * 8, {
        fill: (view, at, tail) => {
          const reservation = new XenMemoryReservation(view, at);
          reservation.extent_start = BigInt(tail);
          reservation.nr_extents = extents.length;
          reservation.extent_order = order;
          reservation.mem_flags = memFlags;
          reservation.domid = domid;
          extents.forEach((gfn, index) => view.setBigUint64(tail + index * 8, BigInt(gfn), true));
        },
        expect: extents.length,
      });
    }
  }

  domain_set_pod_target(domid: Domid, targetPages: number): PodTarget {
    return this.#podTarget('XENMEM_set_pod_target', XENMEM_set_pod_target, domid, targetPages);
  }

  domain_get_pod_target(domid: Domid): PodTarget {
    return this.#podTarget('XENMEM_get_pod_target', XENMEM_get_pod_target, domid, 0);
  }

  domain_add_to_physmap(domid: Domid, space: number, index: number, gfn: Gfn): void {
    this.#memory('XENMEM_add_to_physmap', XENMEM_add_to_physmap, XenAddToPhysmap.SIZE, 0, {
      fill: (view, at) => {
        const argument = new XenAddToPhysmap(view, at);
        argument.domid = domid;
        argument.space = space;
        argument.idx = index;
        argument.gpfn = gfn;
      },
    });
  }

  domain_remove_from_physmap(domid: Domid, gfn: Gfn): void {
    this.#memory('XENMEM_remove_from_physmap', XENMEM_remove_from_physmap, XenRemoveFromPhysmap.SIZE, 0, {
      fill: (view, at) => {
        const argument = new XenRemoveFromPhysmap(view, at);
        argument.domid = domid;
        argument.gpfn = gfn;
      },
    });
  }

  domain_set_memory_map(domid: Domid, entries: readonly E820Entry[]): void {
    const tailSize = entries.length * E820_ENTRY_SIZE;
    this.#memory('XENMEM_set_memory_map', XENMEM_set_memory_map, XenForeignMemoryMap.SIZE, tailSize, {
      fill: (view, at, tail) => {
        const argument = new XenForeignMemoryMap(view, at);
        argument.domid = domid;
        argument.map.nr_entries = entries.length;
        argument.map.buffer = BigInt(tail);
        entries.forEach(({ addr, size, type }, index) => {
          view.setBigUint64(tail + index * E820_ENTRY_SIZE, addr, true);
          view.setBigUint64(tail + index * E820_ENTRY_SIZE + 8, size, true);
          view.setUint32(tail + index * E820_ENTRY_SIZE + 16, type, true);
        });
      },
    });
  }

  hvm_param_set(domid: Domid, index: number, value: bigint): void {
    this.#param('HVMOP_set_param', HVMOP_set_param, domid, index, value);
  }

  hvm_param_get(domid: Domid, index: number): bigint {
    return this.#param('HVMOP_get_param', HVMOP_get_param, domid, index, 0n);
  }

  evtchn_alloc_unbound(domid: Domid, remote: Domid): Port {
    return withBuffer(this.#call, EvtchnAllocUnbound.SIZE, (view, at) => {
      const argument = new EvtchnAllocUnbound(view, at);
      argument.dom = domid;
      argument.remote_dom = remote;
      this.#make('EVTCHNOP_alloc_unbound', __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, at);
      return argument.port;
    });
  }

  domain_hvm_setcontext(domid: Domid, vcpu: number, context: HvmContext): void {
    const records = encodeHvmContext(vcpu, context);
    withBuffer(this.#call, records.length, (_view, buffer) => {
      this.#call.memory.set(records, buffer);
      this.#domctl('XEN_DOMCTL_sethvmcontext', XEN_DOMCTL_sethvmcontext, domid, {
        fill: (view, at) => {
          const argument = new XenDomctlHvmcontext(view, at);
          argument.size = records.length;
          argument.buffer = BigInt(buffer);
        },
      });
    });
  }

  domain_getinfo(domid: Domid): DomainInfo | undefined {
    try {
      return this.#domctl('XEN_DOMCTL_getdomaininfo', XEN_DOMCTL_getdomaininfo, domid, {
        // Xen answers for the next domain where there is none of that id.
        read: (view, at, domctl) =>
          domctl.domain === domid ? readDomainInfo(new XenDomctlGetdomaininfo(view, at)) : undefined,
      });
    } catch (refused) {
      if (refused instanceof HypercallError && refused.errno === ESRCH) return undefined;
      throw refused;
    }
  }

  domain_getinfolist(first: Domid, max: number): DomainInfo[] {
    return withBuffer(this.#call, Math.max(8, max * XenDomctlGetdomaininfo.SIZE), (_view, buffer) =>
      this.#sysctl('XEN_SYSCTL_getdomaininfolist', XEN_SYSCTL_getdomaininfolist, {
        fill: (view, at) => {
          const argument = new XenSysctlGetdomaininfolist(view, at);
          argument.first_domain = first;
          argument.max_domains = max;
          argument.buffer = BigInt(buffer);
        },
        read: (view, at) =>
          Array.from({ length: new XenSysctlGetdomaininfolist(view, at).num_domains }, (_, index) =>
            readDomainInfo(new XenDomctlGetdomaininfo(view, buffer + index * XenDomctlGetdomaininfo.SIZE)),
          ),
      }),
    );
  }

  domain_pause(domid: Domid): void {
    this.#domctl('XEN_DOMCTL_pausedomain', XEN_DOMCTL_pausedomain, domid, {});
  }

  domain_unpause(domid: Domid): void {
    this.#domctl('XEN_DOMCTL_unpausedomain', XEN_DOMCTL_unpausedomain, domid, {});
  }

  domain_shutdown(domid: Domid, reason: number): void {
    withBuffer(this.#call, SchedRemoteShutdown.SIZE, (view, at) => {
      const argument = new SchedRemoteShutdown(view, at);
      argument.domain_id = domid;
      argument.reason = reason;
      this.#make('SCHEDOP_remote_shutdown', __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, at);
    });
  }

  domain_destroy(domid: Domid): void {
    this.#domctl('XEN_DOMCTL_destroydomain', XEN_DOMCTL_destroydomain, domid, {});
  }

  physinfo(): PhysInfo {
    return this.#sysctl('XEN_SYSCTL_physinfo', XEN_SYSCTL_physinfo, {
      read: (view, at) => {
        const info = new XenSysctlPhysinfo(view, at);
        return {
          threads_per_core: info.threads_per_core,
          cores_per_socket: info.cores_per_socket,
          nr_cpus: info.nr_cpus,
          max_cpu_id: info.max_cpu_id,
          nr_nodes: info.nr_nodes,
          cpu_khz: info.cpu_khz,
          capabilities: info.capabilities,
          total_pages: info.total_pages,
          free_pages: info.free_pages,
          scrub_pages: info.scrub_pages,
          outstanding_pages: info.outstanding_pages,
          max_mfn: info.max_mfn,
        };
      },
    });
  }

  #param(name: string, op: number, domid: Domid, index: number, value: bigint): bigint {
    return withBuffer(this.#call, XenHvmParam.SIZE, (view, at) => {
      const argument = new XenHvmParam(view, at);
      argument.domid = domid;
      argument.index = index;
      argument.value = value;
      this.#make(name, __HYPERVISOR_hvm_op, op, at);
      return argument.value;
    });
  }

  #podTarget(name: string, op: number, domid: Domid, targetPages: number): PodTarget {
    return withBuffer(this.#call, XenPodTarget.SIZE, (view, at) => {
      const target = new XenPodTarget(view, at);
      target.domid = domid;
      target.target_pages = targetPages;
      this.#make(name, __HYPERVISOR_memory_op, op, at);
      const { tot_pages, pod_cache_pages, pod_entries } = target;
      return { tot_pages, pod_cache_pages, pod_entries };
    });
  }

  #make(name: string, nr: number, op: number, at: number): number {
    return checked(name, this.#call.hypercall(nr, op, at));
  }

  /** A memory_op with its structure and, behind it, `tailSize` bytes that the structure points at. */
  #memory(
    name: string,
    op: number,
    size: number,
    tailSize: number,
    { fill, expect }: { fill: (view: DataView, at: number, tail: number) => void; expect?: number },
  ): void {
    withBuffer(this.#call, size + tailSize, (view, at) => {
      fill(view, at, at + size);
      const done = this.#make(name, __HYPERVISOR_memory_op, op, at);
      // Xen tells how many extents it did, and nothing of why it stopped: most often there is no more memory.
      if (expect !== undefined && done !== expect) throw new HypercallError(name, ENOMEM);
    });
  }

  #domctl<T>(
    name: string,
    cmd: number,
    domid: Domid,
    {
      fill = () => {},
      read,
    }: {
      fill?: (view: DataView, at: number) => void;
      read?: (view: DataView, at: number, domctl: XenDomctl) => T;
    },
  ): T {
    return withBuffer(this.#call, XenDomctl.SIZE, (view, at) => {
      const domctl = new XenDomctl(view, at);
      domctl.cmd = cmd;
      domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
      domctl.domain = domid;
      fill(view, at + XenDomctl.AT_u);
      checked(name, this.#call.hypercall(__HYPERVISOR_domctl, at));
      return read?.(view, at + XenDomctl.AT_u, domctl) as T;
    });
  }

  #sysctl<T>(
    name: string,
    cmd: number,
    { fill = () => {}, read }: { fill?: (view: DataView, at: number) => void; read: (view: DataView, at: number) => T },
  ): T {
    return withBuffer(this.#call, XenSysctl.SIZE, (view, at) => {
      const sysctl = new XenSysctl(view, at);
      sysctl.cmd = cmd;
      sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
      fill(view, at + XenSysctl.AT_u);
      checked(name, this.#call.hypercall(__HYPERVISOR_sysctl, at));
      return read(view, at + XenSysctl.AT_u);
    });
  }
}
