import {
  XEN_DOMCTL_SCHEDOP_getinfo,
  XEN_DOMCTL_SCHEDOP_putinfo,
  XEN_SCHEDULER_CREDIT2,
  type XenDomctlSchedulerOp,
} from '../../abi/domctl-sched.ts';
import { EINVAL } from '../../abi/errno.ts';
import {
  XEN_SYSCTL_SCHED_RATELIMIT_MAX,
  XEN_SYSCTL_SCHED_RATELIMIT_MIN,
  XEN_SYSCTL_SCHEDOP_putinfo,
  type XenSysctlSchedulerOp,
} from '../../abi/sysctl-sched.ts';
import type { Domain } from '../common/domain.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { hasCpu } from './cpu-mask.ts';
import { DomainBudget, REPLENISH_PERIOD_NS } from './credit2-budget.ts';
import type { Pcpu } from './pcpu.ts';
import { CREDIT_INIT_NS, DEFAULT_WEIGHT, MIN_SLICE_NS, Share, Unit, unitOf } from './credit2-unit.ts';
import { type Decision, IDLE, type Scheduler, type SchedulerContext } from './scheduler.ts';
import { idlePcpuFor, WaitQueue } from './wait-queue.ts';

/**
 * Xen forgives a debt above CREDIT_INIT, which a vCPU of little weight has after its shortest slice already, and so
 * gets more than its weight says. A debt is remembered here, but nobody has to wait longer than a second for one.
 */
const CREDIT_MIN_NS = -100 * CREDIT_INIT_NS;
const CREDIT_MAX_NS = CREDIT_INIT_NS + MIN_SLICE_NS;
/** A vCPU stays where it was unless it has so much more credit than who runs elsewhere. */
const MIGRATE_RESIST_NS = 500_000;
const DEFAULT_RATELIMIT_NS = 1_000_000;
const US = 1000;

/**
 * Xen's credit2: who has most credit runs; running burns it, faster for lower weights; when the first in line has
 * none left everybody gets more. All pCPUs of the pool share one queue.
 */
export class Credit2Scheduler implements Scheduler {
  readonly id = XEN_SCHEDULER_CREDIT2;
  readonly name = 'SMP Credit Scheduler rev2 (credit2)';
  readonly #context: SchedulerContext;
  readonly #units = new Set<Unit>();
  readonly #shares = new Map<Domain, Share>();
  readonly #cpus: Pcpu[] = [];
  /** Those that wait for a pCPU, most credit first. */
  readonly #queue = new WaitQueue<Unit>((unit, other) => unit.creditNs > other.creditNs);
  #ratelimitNs = DEFAULT_RATELIMIT_NS;
  #maxWeight = DEFAULT_WEIGHT;

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
    const share = this.#share(vcpu.domain);
    const unit = new Unit(vcpu, share);
    vcpu.placement.unit = unit;
    this.#units.add(unit);
    share.units.add(unit);
    this.#findMaxWeight();
  }

  remove(vcpu: Vcpu): void {
    const unit = unitOf(vcpu);
    if (unit === undefined) return;
    this.#stop(unit);
    unit.share.units.delete(unit);
    vcpu.placement.unit = undefined;
    this.#units.delete(unit);
    this.#findMaxWeight();
  }

  removeDomain(domain: Domain): void {
    this.#shares.get(domain)?.budget.stop();
    this.#shares.delete(domain);
    this.#findMaxWeight();
  }

  wake(vcpu: Vcpu): void {
    const unit = unitOf(vcpu);
    if (unit === undefined || !vcpu.runnable || unit.queued || unit.parked || vcpu.placement.on !== undefined) return;
    this.#queueOrPark(unit);
  }

  sleep(vcpu: Vcpu): void {
    const unit = unitOf(vcpu);
    if (unit !== undefined) this.#stop(unit);
  }

  yield(vcpu: Vcpu): void {
    const unit = unitOf(vcpu);
    if (unit !== undefined) unit.yields = true;
  }

  replace(vcpu: Vcpu): void {
    const unit = unitOf(vcpu);
    if (unit?.queued) this.#offer(unit);
  }

  ran(vcpu: Vcpu, _cpu: Pcpu, ns: number): void {
    const unit = unitOf(vcpu);
    if (unit === undefined) return;
    unit.creditNs = Math.max(CREDIT_MIN_NS, unit.creditNs - (ns * this.#maxWeight) / unit.share.weight);
    if (unit.share.cap !== 0) unit.budgetNs -= ns;
  }

  schedule(cpu: Pcpu, nowNs: number): Decision {
    const current = cpu.current === undefined ? undefined : unitOf(cpu.current);
    const chosen = this.#choose(cpu, current, nowNs);
    if (chosen !== current && current !== undefined) this.#preempt(current);
    if (chosen === undefined) return IDLE;
    this.#queue.remove(chosen);
    chosen.tickled = undefined;
    this.#resetCredits(chosen);
    return {
      vcpu: chosen.vcpu,
      sliceNs: this.#slice(chosen, chosen === current ? cpu.heldNs(nowNs) : 0),
    };
  }

  weight(vcpu: Vcpu): number {
    return unitOf(vcpu)?.share.weight ?? DEFAULT_WEIGHT;
  }

  /** Whoever has most credit, so that shares are those of the weights whichever pCPUs the vCPUs are on. */
  standing(vcpu: Vcpu): number {
    return -(unitOf(vcpu)?.creditNs ?? 0);
  }

  adjustDomain(domain: Domain, operation: XenDomctlSchedulerOp): number {
    const share = this.#share(domain);
    const { credit2 } = operation;
    switch (operation.cmd) {
      case XEN_DOMCTL_SCHEDOP_getinfo:
        credit2.weight = share.weight;
        credit2.cap = share.cap;
        return 0;
      case XEN_DOMCTL_SCHEDOP_putinfo:
        if (credit2.weight !== 0) share.weight = credit2.weight;
        this.#findMaxWeight();
        if (credit2.cap > 100 * domain.vcpus.length) return -EINVAL;
        this.#setCap(share, credit2.cap);
        return 0;
      default:
        return -EINVAL;
    }
  }

  adjustPool(operation: XenSysctlSchedulerOp): number {
    const parameters = operation.sched_credit2;
    if (operation.cmd === XEN_SYSCTL_SCHEDOP_putinfo) {
      const us = parameters.ratelimit_us;
      if (us !== 0 && (us > XEN_SYSCTL_SCHED_RATELIMIT_MAX || us < XEN_SYSCTL_SCHED_RATELIMIT_MIN)) return -EINVAL;
      this.#ratelimitNs = us * US;
    }
    parameters.ratelimit_us = this.#ratelimitNs / US;
    return 0;
  }

  // Choosing

  /** Who is to run on a pCPU: what it has, or the first in the queue that has more credit and may run there. */
  #choose(cpu: Pcpu, current: Unit | undefined, nowNs: number): Unit | undefined {
    const yields = current?.yields === true;
    if (current !== undefined) current.yields = false;
    const goesOn = current?.vcpu.runnable === true && this.#hasBudget(current);
    if (goesOn && !yields && cpu.heldNs(nowNs) < this.#ratelimitNs) return current;

    const kept = goesOn && !this.#ratherElsewhere(current, cpu) ? current : undefined;
    const keptNs = kept?.creditNs ?? Number.NEGATIVE_INFINITY;
    for (const unit of this.#queue.units) {
      const { placement } = unit.vcpu;
      if (!yields && unit.creditNs <= keptNs) break;
      if (!hasCpu(placement.hard, cpu.id)) continue;
      if (unit.tickled !== undefined && unit.tickled !== cpu && unit.tickled.tickled) continue;
      if (!yields && placement.cpu !== cpu.id && keptNs + MIGRATE_RESIST_NS > unit.creditNs) continue;
      if (this.#hasBudget(unit)) return unit;
    }
    return kept;
  }

  /** A vCPU runs where it would rather not, while a pCPU that it prefers is idle. */
  #ratherElsewhere(unit: Unit, cpu: Pcpu): boolean {
    const { placement } = unit.vcpu;
    if (!placement.hasPreference || hasCpu(placement.soft, cpu.id)) return false;
    return this.#cpus.some((other) => isIdle(other) && hasCpu(placement.soft & placement.hard, other.id));
  }

  /** Until it has as little credit as the next one, or none, or no budget, within the bounds. */
  #slice(unit: Unit, heldNs: number): number {
    const next = this.#queue.units[0];
    const spare = unit.creditNs - Math.max(0, next?.creditNs ?? 0);
    const burning = Math.max(0, (spare * unit.share.weight) / this.#maxWeight);
    const wanted = unit.share.cap === 0 ? burning : Math.min(burning, unit.budgetNs);
    const least = Math.max(MIN_SLICE_NS, this.#ratelimitNs - heldNs);
    return Math.min(Math.max(wanted, least), Math.max(least, CREDIT_INIT_NS));
  }

  /**
   * Where nobody that wants to run has any credit left, everybody gets more; little of what they had is carried over.
   * As the thread is shared, those on other pCPUs count as well.
   */
  #resetCredits(chosen: Unit): void {
    let mostNs = Math.max(chosen.creditNs, this.#queue.units[0]?.creditNs ?? chosen.creditNs);
    if (mostNs > 0) return;
    for (const { current } of this.#cpus) {
      const unit = current?.runnable ? unitOf(current) : undefined;
      if (unit !== undefined) mostNs = Math.max(mostNs, unit.creditNs);
    }
    if (mostNs > 0) return;
    const more = (Math.floor(-mostNs / CREDIT_INIT_NS) + 1) * CREDIT_INIT_NS;
    for (const unit of this.#units) unit.creditNs = Math.min(unit.creditNs + more, CREDIT_MAX_NS);
  }

  // Waiting

  /** A vCPU loses its pCPU, and waits if it is runnable. */
  #preempt(unit: Unit): void {
    this.#returnBudget(unit);
    if (unit.vcpu.runnable) this.#queueOrPark(unit);
  }

  #queueOrPark(unit: Unit): void {
    if (!this.#hasBudget(unit)) {
      unit.parked = true;
      return;
    }
    this.#queue.add(unit);
    this.#offer(unit);
  }

  /** Has the pCPU look at its queue that a waiting vCPU would run on: an idle one, or one with less credit. */
  #offer(unit: Unit): void {
    const best = idlePcpuFor(unit, this.#cpus) ?? this.#weakest(unit);
    if (best === undefined) return;
    unit.tickled = best;
    this.#context.tickle(best);
  }

  /** The pCPU whose vCPU has least credit, and less than a waiting one: it would rather have that. */
  #weakest(unit: Unit): Pcpu | undefined {
    const { placement } = unit.vcpu;
    let weakest: Pcpu | undefined;
    let leastNs = unit.creditNs;
    for (const cpu of this.#cpus) {
      if (cpu.current === undefined || cpu.tickled || !hasCpu(placement.hard, cpu.id)) continue;
      const current = unitOf(cpu.current);
      if (current === undefined) continue;
      const creditNs = current.creditNs + (cpu.id === placement.cpu ? 0 : MIGRATE_RESIST_NS);
      if (creditNs >= leastNs) continue;
      const leftNs = this.#ratelimitNs - cpu.heldNs(this.#context.now());
      if (leftNs > 0) {
        // It may go on for now, but not to the end of a slice that was given it while nobody waited.
        cpu.sliceLeftNs = Math.min(cpu.sliceLeftNs, leftNs);
        continue;
      }
      weakest = cpu;
      leastNs = creditNs;
    }
    return weakest;
  }

  /** It waits for nothing any more. */
  #stop(unit: Unit): void {
    this.#queue.remove(unit);
    unit.parked = false;
    unit.tickled = undefined;
    unit.yields = false;
    this.#returnBudget(unit);
  }

  // Caps

  /** It may run: uncapped, or with a part of its domain's budget, which it takes now. */
  #hasBudget(unit: Unit): boolean {
    const { share } = unit;
    if (share.cap === 0) return true;
    if (unit.budgetNs <= 0) unit.budgetNs += share.budget.grab(share.quotaNs - unit.budgetNs);
    return unit.budgetNs > 0;
  }

  #returnBudget(unit: Unit): void {
    if (unit.share.cap !== 0) unit.share.budget.giveBack(unit.budgetNs);
    unit.budgetNs = 0;
  }

  #setCap(share: Share, cap: number): void {
    for (const unit of share.units) this.#returnBudget(unit);
    share.cap = cap;
    if (cap === 0) share.budget.stop();
    else share.budget.set((REPLENISH_PERIOD_NS * cap) / 100);
    this.#unpark(share);
  }

  #unpark(share: Share): void {
    for (const unit of share.units) {
      if (!unit.parked) continue;
      unit.parked = false;
      this.#queueOrPark(unit);
    }
  }

  #share(domain: Domain): Share {
    let share = this.#shares.get(domain);
    if (share === undefined) {
      const { timers } = this.#context;
      const made: Share = new Share(
        new DomainBudget(
          timers,
          () => this.#context.now(),
          () => this.#unpark(made),
        ),
      );
      share = made;
      this.#shares.set(domain, made);
    }
    return share;
  }

  /** Credit is worth its nanoseconds for the highest weight there is. */
  #findMaxWeight(): void {
    let max = 1;
    for (const { weight, units } of this.#shares.values()) if (units.size > 0) max = Math.max(max, weight);
    this.#maxWeight = max;
  }
}

function isIdle(cpu: Pcpu): boolean {
  return cpu.current === undefined && !cpu.tickled;
}
