import {
  XEN_DOMCTL_SCHEDOP_getinfo,
  XEN_DOMCTL_SCHEDOP_putinfo,
  XEN_SCHEDULER_CREDIT,
  type XenDomctlSchedulerOp,
} from '../../abi/domctl-sched.ts';
import { EINVAL } from '../../abi/errno.ts';
import {
  XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US,
  XEN_SYSCTL_CSCHED_TSLICE_MAX,
  XEN_SYSCTL_CSCHED_TSLICE_MIN,
  XEN_SYSCTL_SCHED_RATELIMIT_MAX,
  XEN_SYSCTL_SCHED_RATELIMIT_MIN,
  XEN_SYSCTL_SCHEDOP_putinfo,
  type XenSysctlSchedulerOp,
} from '../../abi/sysctl-sched.ts';
import type { Domain } from '../common/domain.ts';
import { Timer } from '../common/timer.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { Pcpu } from './pcpu.ts';
import { type Decision, IDLE, type Scheduler, type SchedulerContext } from './scheduler.ts';
import { idlePcpuFor, WaitQueue, worstPcpuFor } from './wait-queue.ts';

const DEFAULT_WEIGHT = 256;
/** XEN_DOMCTL_SCHEDOP_putinfo with this cap leaves the cap alone. */
const CAP_UNCHANGED = 0xffff;
const DEFAULT_TSLICE_NS = 30_000_000;
const DEFAULT_RATELIMIT_NS = 1_000_000;
const TICKS_PER_TSLICE = 3;
const MS = 1_000_000;
const US = 1000;

/** Priorities, the lower the better. */
const BOOST = 0;
const UNDER = 1;
const OVER = 2;

/** A domain's parameters. */
class Share {
  weight = DEFAULT_WEIGHT;
  /** Percent of one pCPU; 0 for as much as it gets. */
  cap = 0;
  readonly active = new Set<Unit>();
}

class Unit {
  readonly vcpu: Vcpu;
  readonly share: Share;
  /** Nanoseconds of execution that it has for nothing. */
  creditNs = 0;
  priority = UNDER;
  queued = false;
  /** Over its domain's cap. */
  parked = false;
  yields = false;
  /** Executed since it woke. */
  sinceWakeNs = 0;

  constructor(vcpu: Vcpu, share: Share) {
    this.vcpu = vcpu;
    this.share = share;
  }
}

/**
 * Xen's credit scheduler: every time slice, vCPUs that want to run are given credit by their weights; those that have
 * some go before those that do not, in turns, and who just woke up goes first of all. Where Xen has a queue for each
 * pCPU and pCPUs that steal from each other, the pool has one queue; and the credit given is one processor's, as that
 * is what there is to spend.
 */
export class CreditScheduler implements Scheduler {
  readonly id = XEN_SCHEDULER_CREDIT;
  readonly name = 'SMP Credit Scheduler (credit)';
  readonly #context: SchedulerContext;
  readonly #units = new Map<Vcpu, Unit>();
  readonly #shares = new Map<Domain, Share>();
  readonly #cpus: Pcpu[] = [];
  /** Those that wait for a pCPU: by priority, then in turn. */
  readonly #queue = new WaitQueue<Unit>(isBetter);
  readonly #account = new Timer(() => this.#giveCredit());
  #tsliceNs = DEFAULT_TSLICE_NS;
  #ratelimitNs = DEFAULT_RATELIMIT_NS;
  #migrationDelayUs = 0;

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
    this.#units.set(vcpu, new Unit(vcpu, this.#share(vcpu.domain)));
  }

  remove(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined) return;
    this.#queue.remove(unit);
    unit.share.active.delete(unit);
    this.#units.delete(vcpu);
    if (this.#units.size === 0) this.#context.timers.stop(this.#account);
  }

  removeDomain(domain: Domain): void {
    this.#shares.delete(domain);
  }

  wake(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined || !vcpu.runnable || unit.queued || unit.parked || vcpu.placement.on !== undefined) return;
    if (unit.priority === UNDER) unit.priority = BOOST;
    unit.sinceWakeNs = 0;
    this.#activate(unit);
    this.#queue.add(unit);
    this.#offer(unit);
  }

  sleep(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit !== undefined) this.#queue.remove(unit);
  }

  yield(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit !== undefined) unit.yields = true;
  }

  replace(vcpu: Vcpu): void {
    const unit = this.#units.get(vcpu);
    if (unit?.queued) this.#offer(unit);
  }

  ran(vcpu: Vcpu, _cpu: Pcpu, ns: number): void {
    const unit = this.#units.get(vcpu);
    if (unit === undefined) return;
    unit.creditNs -= ns;
    this.#activate(unit);
    unit.sinceWakeNs += ns;
    // Who computes for a whole tick did not just answer an event.
    if (unit.priority === BOOST && unit.sinceWakeNs >= this.#tsliceNs / TICKS_PER_TSLICE) unit.priority = UNDER;
  }

  schedule(cpu: Pcpu, nowNs: number): Decision {
    const current = cpu.current === undefined ? undefined : this.#units.get(cpu.current);
    const goesOn = current?.vcpu.runnable === true && !current.parked;
    const yields = current?.yields === true;
    if (current !== undefined) current.yields = false;
    const heldNs = cpu.heldNs(nowNs);
    if (goesOn && !yields && cpu.ranNs > 0 && heldNs < this.#ratelimitNs) {
      return { vcpu: current.vcpu, sliceNs: this.#ratelimitNs - heldNs };
    }
    const waiting = this.#queue.firstFor(cpu);
    // Of equals, the one that has just run is last.
    const keeps = goesOn && (waiting === undefined || (!yields && this.#keeps(current, cpu, waiting)));
    if (keeps) return { vcpu: current.vcpu, sliceNs: Math.max(1, this.#tsliceNs - cpu.ranNs) };
    if (waiting !== undefined) this.#queue.remove(waiting);
    if (goesOn) {
      this.#queue.add(current);
      this.#offer(current);
    }
    return waiting === undefined ? IDLE : { vcpu: waiting.vcpu, sliceNs: this.#tsliceNs };
  }

  weight(vcpu: Vcpu): number {
    return this.#units.get(vcpu)?.share.weight ?? DEFAULT_WEIGHT;
  }

  adjustDomain(domain: Domain, operation: XenDomctlSchedulerOp): number {
    const share = this.#share(domain);
    const { credit } = operation;
    switch (operation.cmd) {
      case XEN_DOMCTL_SCHEDOP_getinfo:
        credit.weight = share.weight;
        credit.cap = share.cap;
        return 0;
      case XEN_DOMCTL_SCHEDOP_putinfo:
        if (credit.weight !== 0) share.weight = credit.weight;
        if (credit.cap !== CAP_UNCHANGED) share.cap = credit.cap;
        return 0;
      default:
        return -EINVAL;
    }
  }

  adjustPool(operation: XenSysctlSchedulerOp): number {
    const parameters = operation.sched_credit;
    if (operation.cmd === XEN_SYSCTL_SCHEDOP_putinfo) {
      const { tslice_ms: tslice, ratelimit_us: ratelimit, vcpu_migr_delay_us: delay } = parameters;
      if (tslice > XEN_SYSCTL_CSCHED_TSLICE_MAX || tslice < XEN_SYSCTL_CSCHED_TSLICE_MIN) return -EINVAL;
      if (ratelimit !== 0 && ratelimit > XEN_SYSCTL_SCHED_RATELIMIT_MAX) return -EINVAL;
      if (ratelimit !== 0 && ratelimit < XEN_SYSCTL_SCHED_RATELIMIT_MIN) return -EINVAL;
      if (ratelimit * US > tslice * MS || delay > XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US) return -EINVAL;
      this.#tsliceNs = tslice * MS;
      this.#ratelimitNs = ratelimit * US;
      this.#migrationDelayUs = delay;
    }
    parameters.tslice_ms = this.#tsliceNs / MS;
    parameters.ratelimit_us = this.#ratelimitNs / US;
    parameters.vcpu_migr_delay_us = this.#migrationDelayUs;
    return 0;
  }

  /** A vCPU in its slice goes before those that wait, unless they are better. */
  #keeps(current: Unit, cpu: Pcpu, waiting: Unit): boolean {
    if (current.priority !== waiting.priority) return current.priority < waiting.priority;
    return cpu.ranNs < this.#tsliceNs;
  }

  // Waiting

  /** Has the pCPU look that a waiting vCPU would run on: an idle one, or one that runs somebody worse. */
  #offer(unit: Unit): void {
    const unitOf = (vcpu: Vcpu): Unit | undefined => this.#units.get(vcpu);
    const best = idlePcpuFor(unit, this.#cpus) ?? worstPcpuFor(unit, this.#cpus, unitOf, isBetter);
    if (best !== undefined) this.#context.tickle(best);
  }

  // Accounting, once in a time slice while anybody runs

  #activate(unit: Unit): void {
    unit.share.active.add(unit);
    if (!this.#account.active) this.#context.timers.set(this.#account, this.#context.now() + this.#tsliceNs);
  }

  #giveCredit(): void {
    const active = [...this.#shares.values()].flatMap((share) => [...share.active]);
    const totalWeight = active.reduce((sum, { share }) => sum + share.weight, 0);
    for (const unit of active) {
      const { share } = unit;
      const fairNs = (this.#tsliceNs * share.weight) / totalWeight;
      const capNs = share.cap === 0 ? Number.POSITIVE_INFINITY : (this.#tsliceNs * share.cap) / 100 / share.active.size;
      unit.creditNs += Math.min(fairNs, capNs);
      this.#judge(unit, capNs);
    }
    this.#queue.reorder();
    for (const unit of this.#queue.units) this.#offer(unit);
    if (active.length > 0) this.#context.timers.set(this.#account, this.#context.now() + this.#tsliceNs);
  }

  /** Sets the priority that a vCPU's credit gives it; parks it over its cap; forgets it where it does not run. */
  #judge(unit: Unit, capNs: number): void {
    if (unit.creditNs < 0) {
      unit.priority = OVER;
      if (unit.creditNs < -capNs) this.#park(unit);
      unit.creditNs = Math.max(unit.creditNs, -this.#tsliceNs);
      return;
    }
    unit.priority = UNDER;
    const wasParked = unit.parked;
    unit.parked = false;
    if (wasParked && unit.vcpu.runnable) {
      this.#queue.add(unit);
      this.#offer(unit);
    }
    if (unit.creditNs > this.#tsliceNs) {
      unit.share.active.delete(unit);
      unit.creditNs /= 2;
    }
  }

  #park(unit: Unit): void {
    unit.parked = true;
    this.#queue.remove(unit);
    if (unit.vcpu.placement.on !== undefined) this.#context.tickle(unit.vcpu.placement.on);
  }

  #share(domain: Domain): Share {
    const known = this.#shares.get(domain);
    if (known !== undefined) return known;
    const share = new Share();
    this.#shares.set(domain, share);
    return share;
  }
}

function isBetter(unit: Unit, other: Unit): boolean {
  return unit.priority < other.priority;
}
