import { EFAULT, EINVAL, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import * as sys from '../../abi/sysctl-sched.ts';
import {
  XEN_SYSCTL_CPU_HOTPLUG_OFFLINE,
  XEN_SYSCTL_CPU_HOTPLUG_ONLINE,
  XenSysctlCpuHotplug,
  XenSysctlCpuinfo,
  XenSysctlCputopo,
  XenSysctlCputopoinfo,
  XenSysctlGetcpuinfo,
  XenSysctlMeminfo,
  XenSysctlNumainfo,
} from '../../abi/sysctl-topology.ts';
import { XenSysctlSchedId } from '../../abi/sysctl.ts';
import { DOMID_SELF, VIRQ_PCPU_STATE } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { storeMask } from './bitmap.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import { Cpupool } from './cpupool.ts';
import { sendGlobalVirq } from './virq.ts';
import { withSysctl } from './sysctl.ts';

// The pCPUs, their pools and schedulers, as a toolstack sees and sets them. One socket on one NUMA node has them all,
// a core each; that one host thread runs them all is nothing a toolstack could arrange anything by.

/** Distance of a NUMA node from itself (ACPI's SLIT). */
const LOCAL_DISTANCE = 10;

/** XEN_SYSCTL_sched_id: the scheduler of Pool-0. */
export function sysctlSchedId(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    new XenSysctlSchedId(call.view, at).sched_id = call.xen.cpupools.first.scheduler.id;
    return 0;
  });
}

/** XEN_SYSCTL_getcpuinfo: how long each pCPU had nothing to run. */
export function sysctlGetcpuinfo(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlGetcpuinfo(call.view, at);
    const { cpus } = call.xen.scheduler;
    const count = Math.min(argument.max_cpus, cpus.length);
    const row = call.room(XenSysctlCpuinfo.SIZE);
    for (const cpu of cpus.slice(0, count)) {
      new XenSysctlCpuinfo(call.view, row).idletime = BigInt(cpu.idleNs(call.xen.now()));
      const pointer = element(argument.info, cpu.id, XenSysctlCpuinfo.SIZE);
      if (!call.store(pointer, row, XenSysctlCpuinfo.SIZE)) return -EFAULT;
    }
    argument.nr_cpus = count;
    return 0;
  });
}

/** XEN_SYSCTL_cputopoinfo */
export function sysctlCputopoinfo(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlCputopoinfo(call.view, at);
    const { cpus } = call.xen.scheduler;
    if (argument.cputopo === 0n) {
      argument.num_cpus = cpus.length;
      return 0;
    }
    const count = Math.min(argument.num_cpus, cpus.length);
    const row = call.room(XenSysctlCputopo.SIZE);
    for (const { id } of cpus.slice(0, count)) {
      new XenSysctlCputopo(call.view, row).core = id;
      const pointer = element(argument.cputopo, id, XenSysctlCputopo.SIZE);
      if (!call.store(pointer, row, XenSysctlCputopo.SIZE)) return -EFAULT;
    }
    argument.num_cpus = count;
    return 0;
  });
}

/** XEN_SYSCTL_cpu_hotplug; no core has a second thread. */
export function sysctlCpuHotplug(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const { cpu, op } = new XenSysctlCpuHotplug(call.view, at);
    const { cpupools } = call.xen;
    if (op !== XEN_SYSCTL_CPU_HOTPLUG_ONLINE && op !== XEN_SYSCTL_CPU_HOTPLUG_OFFLINE) return -EOPNOTSUPP;
    const result = op === XEN_SYSCTL_CPU_HOTPLUG_ONLINE ? cpupools.plug(cpu) : cpupools.unplug(cpu);
    if (result === 0) sendGlobalVirq(call.xen, VIRQ_PCPU_STATE);
    return result;
  });
}

/** XEN_SYSCTL_numainfo: one node. */
export function sysctlNumainfo(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlNumainfo(call.view, at);
    const asks = argument.meminfo !== 0n || argument.distance !== 0n;
    const count = asks ? Math.min(argument.num_nodes, 1) : 1;
    argument.num_nodes = count;
    if (!asks || count === 0) return 0;
    const { frames } = call.xen;
    const row = call.room(XenSysctlMeminfo.SIZE);
    const info = new XenSysctlMeminfo(call.view, row);
    info.memsize = frames.total * PAGE_SIZE;
    info.memfree = frames.free * PAGE_SIZE;
    if (argument.meminfo !== 0n && !call.store(argument.meminfo, row, XenSysctlMeminfo.SIZE)) return -EFAULT;
    const distance = call.room(4);
    call.view.setUint32(distance, LOCAL_DISTANCE, true);
    if (argument.distance !== 0n && !call.store(argument.distance, distance, 4)) return -EFAULT;
    return 0;
  });
}

/** XEN_SYSCTL_scheduler_op: parameters of a pool's scheduler. */
export function sysctlSchedulerOp(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const operation = new sys.XenSysctlSchedulerOp(call.view, at);
    if (operation.cmd !== sys.XEN_SYSCTL_SCHEDOP_putinfo && operation.cmd !== sys.XEN_SYSCTL_SCHEDOP_getinfo) {
      return -EINVAL;
    }
    const pool = call.xen.cpupools.find(operation.cpupool_id);
    if (pool === undefined) return -ESRCH;
    return operation.sched_id === pool.scheduler.id ? pool.scheduler.adjustPool(operation) : -EINVAL;
  });
}

/** XEN_SYSCTL_cpupool_op */
export function sysctlCpupoolOp(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const operation = new sys.XenSysctlCpupoolOp(call.view, at);
    const { cpupools } = call.xen;
    switch (operation.op) {
      case sys.XEN_SYSCTL_CPUPOOL_OP_CREATE: {
        const pool = cpupools.create(any(operation.cpupool_id), operation.sched_id);
        if (!(pool instanceof Cpupool)) return pool;
        operation.cpupool_id = pool.id;
        return 0;
      }
      case sys.XEN_SYSCTL_CPUPOOL_OP_INFO:
        return describePool(call, operation);
      case sys.XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return moveDomain(call, operation);
      case sys.XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return storeMask(call, operation.cpumap, cpupools.free) ? 0 : -EFAULT;
      case sys.XEN_SYSCTL_CPUPOOL_OP_DESTROY:
      case sys.XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
      case sys.XEN_SYSCTL_CPUPOOL_OP_RMCPU: {
        const pool = cpupools.find(operation.cpupool_id);
        if (pool === undefined) return -ENOENT;
        if (operation.op === sys.XEN_SYSCTL_CPUPOOL_OP_DESTROY) return cpupools.destroy(pool);
        const cpu = any(operation.cpu);
        const adds = operation.op === sys.XEN_SYSCTL_CPUPOOL_OP_ADDCPU;
        return adds ? cpupools.addCpu(pool, cpu) : cpupools.removeCpu(pool, cpu);
      }
      default:
        return -ENOSYS;
    }
  });
}

function any(value: number): number | undefined {
  return value === sys.XEN_SYSCTL_CPUPOOL_PAR_ANY ? undefined : value;
}

function describePool(call: Call, operation: sys.XenSysctlCpupoolOp): number {
  const pool = call.xen.cpupools.findFrom(operation.cpupool_id);
  if (pool === undefined) return -ENOENT;
  operation.cpupool_id = pool.id;
  operation.sched_id = pool.scheduler.id;
  operation.n_dom = pool.domains.size;
  return storeMask(call, operation.cpumap, pool.cpus) ? 0 : -EFAULT;
}

function moveDomain(call: Call, operation: sys.XenSysctlCpupoolOp): number {
  const { domid, cpupool_id: id } = operation;
  if (domid === DOMID_SELF || domid === call.domain.id) return -EPERM;
  const domain = call.xen.domains.get(domid);
  if (domain === undefined) return -ESRCH;
  if (domain.cpupool.id === id) return 0;
  const pool = call.xen.cpupools.find(id);
  return pool === undefined ? -ENOENT : call.xen.cpupools.move(domain, pool);
}
