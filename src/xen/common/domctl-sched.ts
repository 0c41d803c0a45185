import {
  XEN_DOMCTL_SCHEDOP_getinfo,
  XEN_DOMCTL_SCHEDOP_getvcpuinfo,
  XEN_DOMCTL_SCHEDOP_putinfo,
  XEN_DOMCTL_SCHEDOP_putvcpuinfo,
  XEN_VCPUAFFINITY_FORCE,
  XEN_VCPUAFFINITY_HARD,
  XEN_VCPUAFFINITY_SOFT,
  XenDomctlSchedparamVcpu,
  XenDomctlSchedulerOp,
  XenDomctlVcpuaffinity,
} from '../../abi/domctl-sched.ts';
import { XenDomctlGetvcpuinfo } from '../../abi/domctl.ts';
import { EBUSY, EFAULT, EINVAL, ESRCH } from '../../abi/errno.ts';
import { RUNSTATE_running } from '../../abi/vcpu.ts';
import type { CpuMask } from '../sched/cpu-mask.ts';
import { SCHED_ADJDOM } from '../trace/events.ts';
import { fetchMask, storeMask } from './bitmap.ts';
import { element } from './call.ts';
import { type DomctlCall, onDomain } from './domctl.ts';
import { type Vcpu, VPF_blocked, VPF_down } from './vcpu.ts';

/** XEN_DOMCTL_getvcpuinfo */
export const domctlGetvcpuinfo = onDomain((state) => {
  const { call, at, domain } = state;
  const info = new XenDomctlGetvcpuinfo(call.view, at);
  if (info.vcpu >= domain.maxVcpus) return -EINVAL;
  const vcpu = domain.vcpu(info.vcpu);
  if (vcpu === undefined) return -ESRCH;
  info.online = (vcpu.pauseFlags & VPF_down) === 0 ? 1 : 0;
  info.blocked = (vcpu.pauseFlags & VPF_blocked) === 0 ? 0 : 1;
  info.running = vcpu.onPcpu ? 1 : 0;
  info.cpu_time = BigInt(vcpu.runstate.timeNs(RUNSTATE_running, call.xen.now()));
  info.cpu = vcpu.placement.cpu;
  state.answer = true;
  return 0;
});

/** XEN_DOMCTL_setvcpuaffinity: answers with what is in force, which is within the domain's pool. */
export const domctlSetvcpuaffinity = onDomain((state) => {
  const { call, at } = state;
  const affinity = new XenDomctlVcpuaffinity(call.view, at);
  const vcpu = affected(state, affinity);
  if (typeof vcpu === 'number') return vcpu;
  const { placement } = vcpu;
  const before = { hard: placement.hard, soft: placement.soft };
  if ((affinity.flags & XEN_VCPUAFFINITY_FORCE) !== 0) undoOverride(vcpu);
  let result = setHard(state, affinity, vcpu);
  if (result === 0) result = setSoft(state, affinity, vcpu);
  if (result !== 0) Object.assign(placement, before);
  call.xen.scheduler.affinityChanged(vcpu);
  state.answer = true;
  return result;
});

/** XEN_DOMCTL_getvcpuaffinity */
export const domctlGetvcpuaffinity = onDomain((state) => {
  const { call, at } = state;
  const affinity = new XenDomctlVcpuaffinity(call.view, at);
  const vcpu = affected(state, affinity);
  if (typeof vcpu === 'number') return vcpu;
  const { hard, soft } = vcpu.placement;
  const { online } = call.xen.scheduler;
  if (wants(affinity, XEN_VCPUAFFINITY_HARD) && !storeMask(call, affinity.cpumap_hard, hard & online)) return -EFAULT;
  if (wants(affinity, XEN_VCPUAFFINITY_SOFT) && !storeMask(call, affinity.cpumap_soft, soft & online)) return -EFAULT;
  return 0;
});

/** XEN_DOMCTL_scheduler_op: what a domain, or each of its vCPUs, gets from the scheduler of its pool. */
export const domctlSchedulerOp = onDomain((state) => {
  const operation = new XenDomctlSchedulerOp(state.call.view, state.at);
  const { scheduler } = state.domain.cpupool;
  if (operation.sched_id !== scheduler.id) return -EINVAL;
  state.answer = true;
  state.call.xen.traceBuffer?.record(SCHED_ADJDOM, state.domain.id, state.domain.id);
  switch (operation.cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
    case XEN_DOMCTL_SCHEDOP_putinfo:
      return scheduler.adjustDomain(state.domain, operation);
    case XEN_DOMCTL_SCHEDOP_getvcpuinfo:
    case XEN_DOMCTL_SCHEDOP_putvcpuinfo:
      if (scheduler.adjustVcpu === undefined) return scheduler.adjustDomain(state.domain, operation);
      return adjustVcpus(state, operation);
    default:
      return -EINVAL;
  }
});

/** The vCPU that an affinity call is about, or an errno. */
function affected({ domain }: DomctlCall, affinity: XenDomctlVcpuaffinity): Vcpu | number {
  if (affinity.vcpu >= domain.maxVcpus) return -EINVAL;
  const vcpu = domain.vcpu(affinity.vcpu);
  if (vcpu === undefined) return -ESRCH;
  if (affinity.flags === 0) return -EINVAL;
  if (wants(affinity, XEN_VCPUAFFINITY_HARD) && affinity.cpumap_hard.bitmap === 0n) return -EINVAL;
  if (wants(affinity, XEN_VCPUAFFINITY_SOFT) && affinity.cpumap_soft.bitmap === 0n) return -EINVAL;
  return vcpu;
}

function wants(affinity: XenDomctlVcpuaffinity, flag: number): boolean {
  return (affinity.flags & flag) !== 0;
}

function setHard({ call, domain }: DomctlCall, affinity: XenDomctlVcpuaffinity, vcpu: Vcpu): number {
  if (!wants(affinity, XEN_VCPUAFFINITY_HARD)) return 0;
  const mask = fetchMask(call, affinity.cpumap_hard);
  if (mask === undefined) return -EFAULT;
  if ((mask & domain.cpupool.cpus) === 0) return -EINVAL;
  if (vcpu.placement.overridden !== undefined) return -EBUSY;
  vcpu.placement.hard = mask;
  return storeMask(call, affinity.cpumap_hard, mask & domain.cpupool.cpus) ? 0 : -EFAULT;
}

function setSoft({ call, domain }: DomctlCall, affinity: XenDomctlVcpuaffinity, vcpu: Vcpu): number {
  if (!wants(affinity, XEN_VCPUAFFINITY_SOFT)) return 0;
  const mask = fetchMask(call, affinity.cpumap_soft);
  if (mask === undefined) return -EFAULT;
  if (vcpu.placement.overridden !== undefined) return -EBUSY;
  vcpu.placement.soft = mask;
  const effective: CpuMask = mask & domain.cpupool.cpus & vcpu.placement.hard;
  return storeMask(call, affinity.cpumap_soft, effective) ? 0 : -EFAULT;
}

function undoOverride({ placement }: Vcpu): void {
  placement.hard = placement.overridden ?? placement.hard;
  placement.overridden = undefined;
}

/** Row by row, each named by its vCPU; `nr_vcpus` becomes how many were done. */
function adjustVcpus({ call, domain }: DomctlCall, operation: XenDomctlSchedulerOp): number {
  const put = operation.cmd === XEN_DOMCTL_SCHEDOP_putvcpuinfo;
  const { size, count } = { size: XenDomctlSchedparamVcpu.SIZE, count: operation.nr_vcpus };
  // No caller has more rows to tell of than a domain has vCPUs, but one may tell of some again.
  for (let index = 0; index < Math.min(count, MAX_ROWS); index++) {
    const pointer = element(operation.vcpus, index, size);
    const at = call.fetch(pointer, size);
    if (at < 0) return -EFAULT;
    const row = new XenDomctlSchedparamVcpu(call.view, at);
    const vcpu = domain.vcpu(row.vcpuid);
    if (vcpu === undefined) return -EINVAL;
    const result = domain.cpupool.scheduler.adjustVcpu?.(vcpu, row, put) ?? -EINVAL;
    if (result !== 0) return result;
    if (!put && !call.store(pointer, at, size)) return -EFAULT;
    call.release(at);
  }
  operation.nr_vcpus = Math.min(count, MAX_ROWS);
  return 0;
}

/** Rows after which a call comes back, and says how many it did: libxc asks again for the rest. */
const MAX_ROWS = 64;
