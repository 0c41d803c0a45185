import type { Cpupool } from '../common/cpupool.ts';
import type { Domain } from '../common/domain.ts';
import type { TimerQueue } from '../common/timer.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { assert } from '../../lib/assert.ts';
import { SCHED_SLEEP, SCHED_WAKE, SCHED_YIELD } from '../trace/events.ts';
import { recordDecision } from '../trace/sched-records.ts';
import type { TraceBuffer } from '../trace/trace-buffer.ts';
import { ALL_CPUS, type CpuMask, countCpus, firstCpus, hasCpu, lowestCpu } from './cpu-mask.ts';
import { Pcpu } from './pcpu.ts';
import type { SchedulerContext } from './scheduler.ts';
import { REFERENCE_WEIGHT, THREAD_SLICE_NS, ThreadShares } from './thread-shares.ts';

/** What scheduling needs of the hypervisor. */
export interface SchedulingHost {
  now(): number;
  readonly timers: TimerQueue;
  readonly traceBuffer: TraceBuffer | undefined;
}

/**
 * What all schedulers have in common (Xen's sched/core.c). Two questions are answered apart. Which vCPU a pCPU has is
 * its pool's scheduler's to say, as in Xen. Which of the pCPUs that have one uses the host's only thread next is
 * answered by `ThreadShares`.
 */
export class SchedulerCore implements SchedulerContext {
  readonly cpus: readonly Pcpu[];
  /** pCPUs that were taken away: XEN_SYSCTL_cpu_hotplug. */
  offline: CpuMask = 0;
  /** Told when there is something to run where there was nothing. */
  onRunnable: () => void = () => {};
  readonly #host: SchedulingHost;
  readonly #shares: ThreadShares;
  /** How many vCPUs schedulers know. */
  size = 0;
  /** pCPUs that are to choose again. */
  #tickled: CpuMask = 0;
  /** The pCPU whose vCPU executes now. */
  #executing: Pcpu | undefined;

  constructor(host: SchedulingHost, count: number) {
    this.#host = host;
    this.cpus = Array.from({ length: count }, (_, id) => new Pcpu(id, host.now()));
    this.#shares = new ThreadShares(this.cpus);
  }

  now(): number {
    return this.#host.now();
  }

  get timers(): TimerQueue {
    return this.#host.timers;
  }

  /** All pCPUs but those that were taken away. */
  get online(): CpuMask {
    return firstCpus(this.cpus.length) & ~this.offline;
  }

  // vCPUs come, go, and change

  /** A vCPU came into being; it sleeps. */
  insert(vcpu: Vcpu): void {
    const { cpupool } = vcpu.domain;
    vcpu.placement.known = true;
    this.size += 1;
    vcpu.placement.cpu = initialCpu(vcpu, cpupool);
    cpupool.scheduler.insert(vcpu);
  }

  /** A vCPU goes away for good. */
  remove(vcpu: Vcpu): void {
    if (!vcpu.placement.known) return;
    vcpu.placement.known = false;
    this.size -= 1;
    this.detach(vcpu);
    vcpu.domain.cpupool.scheduler.remove(vcpu);
  }

  /** A vCPU became runnable, or one reason less holds it. */
  wake(vcpu: Vcpu): void {
    if (!vcpu.placement.known) return;
    this.#host.traceBuffer?.record(SCHED_WAKE, vcpu.domain.id, vcpu.domain.id, vcpu.vcpuId);
    vcpu.domain.cpupool.scheduler.wake(vcpu);
  }

  /** A vCPU is not runnable any more. */
  sleep(vcpu: Vcpu): void {
    if (!vcpu.placement.known) return;
    this.#host.traceBuffer?.record(SCHED_SLEEP, vcpu.domain.id, vcpu.domain.id, vcpu.vcpuId);
    vcpu.domain.cpupool.scheduler.sleep(vcpu);
    if (vcpu.placement.on !== undefined) this.tickle(vcpu.placement.on);
  }

  /** Something waits for a vCPU. One that runs, but not on the thread just now, has it soon, as its pCPU would. */
  interrupted(vcpu: Vcpu): void {
    const { on } = vcpu.placement;
    if (on === undefined || on === this.#executing || this.#executing === undefined) return;
    this.#shares.hurry(on);
    if (this.#shares.someoneIsUrgent) this.#executing.current?.arch.leaveGuest();
  }

  /** A running vCPU lets the others go first, dom0 among them. */
  yield(vcpu: Vcpu): void {
    const cpu = vcpu.placement.on;
    if (cpu === undefined) return;
    this.#host.traceBuffer?.record(SCHED_YIELD, vcpu.domain.id, vcpu.domain.id, vcpu.vcpuId);
    vcpu.domain.cpupool.scheduler.yield(vcpu);
    this.#shares.yield(cpu);
    this.tickle(cpu);
  }

  /** Hard or soft affinity of a vCPU changed, or the pCPUs of its pool: it leaves where it may not be. */
  affinityChanged(vcpu: Vcpu): void {
    if (!vcpu.placement.known) return;
    const { on } = vcpu.placement;
    const { cpupool } = vcpu.domain;
    const allowed = cpupool.cpus & vcpu.placement.hard;
    if (on !== undefined && !hasCpu(allowed, on.id)) this.detach(vcpu);
    if (!hasCpu(allowed, vcpu.placement.cpu)) vcpu.placement.cpu = initialCpu(vcpu, cpupool);
    cpupool.scheduler.replace(vcpu);
    if (vcpu.runnable && vcpu.placement.on === undefined) cpupool.scheduler.wake(vcpu);
    if (vcpu.placement.on !== undefined) this.tickle(vcpu.placement.on);
  }

  /** Takes a vCPU off the pCPU that has it; its scheduler still knows it. */
  detach(vcpu: Vcpu): void {
    const { on } = vcpu.placement;
    if (on === undefined) return;
    vcpu.arch.leaveGuest();
    this.#put(on, undefined, this.now());
    this.tickle(on);
  }

  /** Moves a domain's vCPUs, which are all off their pCPUs, from its pool to another. */
  move(domain: Domain, to: Cpupool): void {
    const from = domain.cpupool;
    const vcpus = domain.vcpus.filter(({ placement }) => placement.known);
    for (const vcpu of vcpus) this.remove(vcpu);
    from.scheduler.removeDomain(domain);
    domain.cpupool = to;
    for (const { placement } of domain.vcpus) {
      placement.hard = ALL_CPUS;
      placement.soft = ALL_CPUS;
    }
    for (const vcpu of vcpus) {
      this.insert(vcpu);
      if (vcpu.runnable) this.wake(vcpu);
    }
  }

  // Whose turn it is

  tickle(cpu: Pcpu): void {
    if (cpu.pool === undefined) return;
    cpu.tickled = true;
    this.#tickled |= cpu.mask;
    if (this.#executing === undefined) this.onRunnable();
    else if (this.#comesFirst(cpu)) this.#executing.current?.arch.leaveGuest();
  }

  /** The pCPU that uses the thread next, for at most `sliceNs`; undefined while all are idle. */
  next(nowNs: number): Pcpu | undefined {
    while (this.#tickled !== 0) this.#schedule(this.cpus[lowestCpu(this.#tickled)] as Pcpu, nowNs);
    return this.#shares.next();
  }

  /** How long a pCPU may keep the thread. */
  sliceNs(cpu: Pcpu): number {
    return Math.min(cpu.sliceLeftNs, THREAD_SLICE_NS);
  }

  /** Whether the vCPU that executes has to leave the thread at its next exit. */
  givesWay(vcpu: Vcpu): boolean {
    if (this.#executing === undefined) return false;
    if (vcpu.placement.on?.tickled !== false || this.#shares.someoneIsUrgent) return true;
    return this.#tickled !== 0 && this.#someComesFirst();
  }

  /** A pCPU's vCPU starts to execute. */
  enter(cpu: Pcpu): void {
    this.#executing = cpu;
  }

  /** It is back, having executed for `ns`. */
  leave(cpu: Pcpu, vcpu: Vcpu, ns: number): void {
    this.#executing = undefined;
    if (cpu.current !== vcpu || cpu.pool === undefined) return;
    // A clock that stood still must not hold the others up: every turn counts for something.
    const spentNs = Math.max(1, ns);
    const { scheduler } = cpu.pool;
    cpu.ranNs += spentNs;
    cpu.sliceLeftNs -= spentNs;
    this.#shares.charge((spentNs * REFERENCE_WEIGHT) / scheduler.weight(vcpu));
    scheduler.ran(vcpu, cpu, spentNs);
    if (cpu.sliceLeftNs <= 0 || !vcpu.runnable) this.tickle(cpu);
  }

  /** Whether another vCPU than this one has a pCPU or waits for the thread. */
  othersWait(vcpu: Vcpu): boolean {
    return this.cpus.some(({ current }) => current !== undefined && current !== vcpu);
  }

  /** A tickled pCPU that the one that executes has to make room for: itself, or one that may have woken up. */
  #comesFirst(cpu: Pcpu): boolean {
    return cpu === this.#executing || cpu.current === undefined;
  }

  #someComesFirst(): boolean {
    for (let left = this.#tickled; left !== 0; left &= left - 1) {
      if (this.#comesFirst(this.cpus[lowestCpu(left)] as Pcpu)) return true;
    }
    return false;
  }

  #schedule(cpu: Pcpu, nowNs: number): void {
    this.#tickled &= ~cpu.mask;
    cpu.tickled = false;
    if (cpu.pool === undefined) return;
    const { vcpu, sliceNs } = cpu.pool.scheduler.schedule(cpu, nowNs);
    cpu.sliceLeftNs = sliceNs;
    if (this.#host.traceBuffer !== undefined) recordDecision(this.#host.traceBuffer, cpu, vcpu, nowNs);
    if (vcpu !== cpu.current) this.#put(cpu, vcpu, nowNs);
  }

  /** A pCPU changes from what it has to another vCPU, or to none. */
  #put(cpu: Pcpu, vcpu: Vcpu | undefined, nowNs: number): void {
    const { current } = cpu;
    if (current !== undefined) {
      current.placement.on = undefined;
      current.leavePcpu();
    }
    if (vcpu !== undefined) {
      assert(vcpu.placement.on === undefined, 'a vCPU is on one pCPU at a time');
      vcpu.placement.on = cpu;
      vcpu.placement.cpu = cpu.id;
    }
    cpu.take(vcpu, nowNs);
    if (vcpu === undefined) return;
    if (current === undefined) this.#shares.join(cpu);
    vcpu.takePcpu();
  }
}

/** Where a new vCPU is put: those of a domain side by side, domains not all on the same pCPU. */
function initialCpu(vcpu: Vcpu, pool: Cpupool): number {
  const allowed = pool.cpus & vcpu.placement.hard;
  let candidates = allowed & vcpu.placement.soft || allowed || pool.cpus;
  const skip = countCpus(candidates) === 0 ? 0 : (vcpu.domain.id + vcpu.vcpuId) % countCpus(candidates);
  for (let index = 0; index < skip; index++) candidates &= candidates - 1;
  return Math.max(0, lowestCpu(candidates));
}
