import type { XenDomctlSchedparamVcpu, XenDomctlSchedulerOp } from '../../abi/domctl-sched.ts';
import type { XenSysctlSchedulerOp } from '../../abi/sysctl-sched.ts';
import type { Domain } from '../common/domain.ts';
import type { TimerQueue } from '../common/timer.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { Pcpu } from './pcpu.ts';

/** What a pCPU runs from now on, and how long it may execute before the pCPU asks again. */
export interface Decision {
  /** undefined lets the pCPU idle until it is tickled. */
  readonly vcpu: Vcpu | undefined;
  readonly sliceNs: number;
}

export const IDLE: Decision = { vcpu: undefined, sliceNs: Number.POSITIVE_INFINITY };

/** What a scheduler needs of the machine. */
export interface SchedulerContext {
  now(): number;
  readonly timers: TimerQueue;
  /** The pCPU asks its scheduler again before it executes anything more. */
  tickle(cpu: Pcpu): void;
}

/**
 * Decides which vCPU each pCPU of a pool runs (Xen's struct scheduler). All times are nanoseconds of execution on the
 * thread, except where a scheduler counts periods, which are system time.
 */
export interface Scheduler {
  /** XEN_SCHEDULER_* that toolstacks are told. */
  readonly id: number;
  readonly name: string;

  addCpu(cpu: Pcpu): void;
  /** A pCPU leaves the pool. It is idle by now. */
  removeCpu(cpu: Pcpu): void;

  /** A vCPU came into the pool; it sleeps. */
  insert(vcpu: Vcpu): void;
  /** A vCPU leaves the pool, or goes away for good. No pCPU has it any more. */
  remove(vcpu: Vcpu): void;
  /** A domain leaves the pool: its parameters are forgotten. Its vCPUs have left. */
  removeDomain(domain: Domain): void;

  /** A vCPU is runnable, perhaps was before. */
  wake(vcpu: Vcpu): void;
  /** A vCPU is not runnable any more. Where a pCPU has it, that pCPU asks again. */
  sleep(vcpu: Vcpu): void;
  /** The current vCPU of a pCPU lets others go first; its pCPU asks again. */
  yield(vcpu: Vcpu): void;
  /** Affinities changed, or pCPUs came or went: a vCPU that waits may have a place to run now. */
  replace(vcpu: Vcpu): void;

  /** A vCPU executed for some time on the pCPU that has it. */
  ran(vcpu: Vcpu, cpu: Pcpu, ns: number): void;
  /** What a pCPU runs from now on. What it ran until now may be runnable still, and then waits its turn. */
  schedule(cpu: Pcpu, nowNs: number): Decision;

  /** How much of the thread a vCPU gets next to one with another weight. */
  weight(vcpu: Vcpu): number;
  /**
   * How long, in nanoseconds, a vCPU that has a pCPU might wait for the thread compared with others of the pool: the
   * lowest is next. Without it the pool's pCPUs are served alike, as far as weights let them.
   */
  standing?(vcpu: Vcpu): number;

  /** XEN_DOMCTL_SCHEDOP_getinfo and putinfo. */
  adjustDomain(domain: Domain, operation: XenDomctlSchedulerOp): number;
  /** One vCPU's row of XEN_DOMCTL_SCHEDOP_getvcpuinfo (not `put`) or putvcpuinfo; absent where all have the same. */
  adjustVcpu?(vcpu: Vcpu, row: XenDomctlSchedparamVcpu, put: boolean): number;
  /** XEN_SYSCTL_SCHEDOP_getinfo and putinfo. */
  adjustPool(operation: XenSysctlSchedulerOp): number;
}
