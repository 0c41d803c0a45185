import {
  XEN_DOMCTL_SCHEDOP_getinfo,
  XEN_DOMCTL_SCHEDOP_putinfo,
  XEN_DOMCTL_SCHEDRT_extra,
  type XenDomctlSchedparamVcpu,
  XEN_SCHEDULER_RTDS,
  type XenDomctlSchedulerOp,
} from '../../abi/domctl-sched.ts';
import { EINVAL } from '../../abi/errno.ts';
import type { Domain } from '../common/domain.ts';
import { Timer } from '../common/timer.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { Pcpu } from './pcpu.ts';
import { type Decision, IDLE, type Scheduler, type SchedulerContext } from './scheduler.ts';
import { idlePcpuFor, WaitQueue, worstPcpuFor } from './wait-queue.ts';
import { REFERENCE_WEIGHT } from './thread-shares.ts';

const DEFAULT_PERIOD_NS = 10_000_000;
const DEFAULT_BUDGET_NS = 4_000_000;
const MIN_NS = 10_000;
const US = 1000;
/** Two weeks: no period is that long. */
const A_LONG_TIME_NS = 2 ** 50;

/** What the scheduler knows of a vCPU. */
class Unit {
  readonly vcpu: Vcpu;
  periodNs = DEFAULT_PERIOD_NS;
  budgetNs = DEFAULT_BUDGET_NS;
  /** May go on beyond its budget where nobody with one wants to run. */
  extra = true;
  /** End of its period. */
  deadlineNs = 0;
  leftNs = 0;
  /** Budgets it has used in this period: those with fewer go first. */
  level = 0;
  depleted = false;
  queued = false;

  constructor(vcpu: Vcpu) {
    this.vcpu = vcpu;
  }

  before(other: Unit): boolean {
    return this.level === other.level ? this.deadlineNs < other.deadlineNs : this.level < other.level;
  }

  /** A new period, with a whole budget: the one that `nowNs` is in. */
  renew(nowNs: number): void {
    const periods = Math.max(1, Math.floor((nowNs - this.deadlineNs) / this.periodNs) + 1);
    this.deadlineNs += periods * this.periodNs;
    this.leftNs = this.budgetNs;
    this.level = 0;
    this.depleted = false;
  }
}

/**
 * Xen's real-time deferrable server: each vCPU may execute for its budget in each of its periods, and of those that
 * have some left the one whose period ends first runs. Deadlines go before weights on the thread too.
 */
export class RtdsScheduler implements Scheduler {
  readonly id = XEN_SCHEDULER_RTDS;
  readonly name = 'SMP RTDS Scheduler (rtds)';
  readonly #context: SchedulerContext;
  readonly #units = new Map<Vcpu, Unit>();
  readonly #cpus: Pcpu[] = [];
  /** Those with budget that wait for a pCPU, the most urgent first. */
  readonly #queue = new WaitQueue<Unit>(isBetter);
  readonly #replenish = new Timer(() => this.#renewDue());

  constructor(context: SchedulerContext) {
    this.#context = context;
  }

  addCpu(cpu: Pcpu): void {
    this.#cpus.push(cpu);
  }

  removeCpu(cpu: Pcpu): void {
    this.#cpus.splice(this.#cpus.indexOf(cpu), 1);
  }

  insert(vcpu: Vcpu): void {
    const unit = new Unit(vcpu);
    unit.deadlineNs = this.#context.now();
    this.#units.set(vcpu, unit);
  }

  remove(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit !== undefined) this.#queue.remove(unit);
    this.#units.delete(vcpu);
    this.#setTimer();
  }

  removeDomain(): void {}

  wake(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined || !vcpu.runnable || unit.queued || vcpu.placement.on !== undefined) return;
    const now = this.#context.now();
    if (now >= unit.deadlineNs) unit.renew(now);
    if (!unit.depleted) {
      this.#queue.add(unit);
      this.#offer(unit);
    }
    this.#setTimer();
  }

  sleep(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined) return;
    this.#queue.remove(unit);
    this.#setTimer();
  }

  yield(): void {}

  replace(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit?.queued) this.#offer(unit);
  }

  ran(vcpu: Vcpu, cpu: Pcpu, ns: number): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined) return;
    unit.leftNs -= ns;
    if (unit.leftNs > 0) return;
    if (unit.extra) {
      unit.level += 1;
      unit.leftNs = unit.budgetNs;
    } else {
      unit.leftNs = 0;
      unit.depleted = true;
    }
    this.#context.tickle(cpu);
  }

  schedule(cpu: Pcpu): Decision {
    const current = cpu.current === undefined ? undefined : this.#units.get(cpu.current);
    const goesOn = current?.vcpu.runnable === true && !current.depleted;
    const waiting = this.#queue.firstFor(cpu);
    if (goesOn && (waiting === undefined || !waiting.before(current))) {
      return { vcpu: current.vcpu, sliceNs: current.leftNs };
    }
    if (waiting !== undefined) this.#queue.remove(waiting);
    if (goesOn) {
      this.#queue.add(current);
      this.#offer(current);
    }
    this.#setTimer();
    return waiting === undefined ? IDLE : { vcpu: waiting.vcpu, sliceNs: waiting.leftNs };
  }

  weight(): number {
    return REFERENCE_WEIGHT;
  }

  /** Deadlines, and after all of them those of vCPUs that run in extra time. */
  standing(vcpu: Vcpu): number {
    const unit = this.#units.get(vcpu);
    return unit === undefined ? 0 : unit.level * A_LONG_TIME_NS + unit.deadlineNs;
  }

  adjustDomain(domain: Domain, operation: XenDomctlSchedulerOp): number {
    const { rtds } = operation;
    switch (operation.cmd) {
      case XEN_DOMCTL_SCHEDOP_getinfo:
        // What a vCPU starts with: each may have its own, which putvcpuinfo sets.
        rtds.period = DEFAULT_PERIOD_NS / US;
        rtds.budget = DEFAULT_BUDGET_NS / US;
        return 0;
      case XEN_DOMCTL_SCHEDOP_putinfo:
        if (rtds.period === 0 || rtds.budget === 0) return -EINVAL;
        for (const vcpu of domain.vcpus) this.#set(vcpu, rtds.period, rtds.budget);
        return 0;
      default:
        return -EINVAL;
    }
  }

  adjustVcpu(vcpu: Vcpu, row: XenDomctlSchedparamVcpu, put: boolean): number {
    const { rtds } = row;
    const unit = this.#units.get(vcpu);
    if (!put) {
      rtds.period = (unit?.periodNs ?? DEFAULT_PERIOD_NS) / US;
      rtds.budget = (unit?.budgetNs ?? DEFAULT_BUDGET_NS) / US;
      rtds.flags =
        unit?.extra === false ? rtds.flags & ~XEN_DOMCTL_SCHEDRT_extra : rtds.flags | XEN_DOMCTL_SCHEDRT_extra;
      return 0;
    }
    if (rtds.budget > rtds.period || rtds.budget * US < MIN_NS || rtds.period * US < MIN_NS) return -EINVAL;
    this.#set(vcpu, rtds.period, rtds.budget);
    if (unit !== undefined) unit.extra = (rtds.flags & XEN_DOMCTL_SCHEDRT_extra) !== 0;
    return 0;
  }

  /** There is nothing to set, and nothing to tell. */
  adjustPool(): number {
    return 0;
  }

  /** New parameters hold from the next period on. */
  #set(vcpu: Vcpu, periodUs: number, budgetUs: number): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined) return;
    unit.periodNs = periodUs * US;
    unit.budgetNs = budgetUs * US;
  }

  /** Has the pCPU look that a waiting vCPU would run on: an idle one, or the one whose vCPU can wait longest. */
  #offer(unit: Unit): void {
    const unitOf = (vcpu: Vcpu): Unit | undefined => this.#units.get(vcpu);
    const best = idlePcpuFor(unit, this.#cpus) ?? worstPcpuFor(unit, this.#cpus, unitOf, isBetter);
    if (best !== undefined) this.#context.tickle(best);
  }

  // Periods end whether or not a vCPU runs, but only of those that want to run need anybody know

  #setTimer(): void {
    let nextNs = Number.POSITIVE_INFINITY;
    for (const unit of this.#units.values()) if (unit.vcpu.runnable) nextNs = Math.min(nextNs, unit.deadlineNs);
    const { timers } = this.#context;
    if (nextNs === Number.POSITIVE_INFINITY) timers.stop(this.#replenish);
    else if (!this.#replenish.active || this.#replenish.expiresNs !== nextNs) timers.set(this.#replenish, nextNs);
  }

  #renewDue(): void {
    const now = this.#context.now();
    for (const unit of this.#units.values()) {
      const { vcpu } = unit;
      if (!vcpu.runnable || unit.deadlineNs > now) continue;
      this.#queue.remove(unit);
      unit.renew(now);
      if (vcpu.placement.on !== undefined) {
        this.#context.tickle(vcpu.placement.on);
        continue;
      }
      this.#queue.add(unit);
      this.#offer(unit);
    }
    this.#setTimer();
  }
}

function isBetter(unit: Unit, other: Unit): boolean {
  return unit.before(other);
}
