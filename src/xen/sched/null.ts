import { XEN_SCHEDULER_NULL, type XenDomctlSchedulerOp } from '../../abi/domctl-sched.ts';
import type { XenSysctlSchedulerOp } from '../../abi/sysctl-sched.ts';
import type { Domain } from '../common/domain.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { hasCpu } from './cpu-mask.ts';
import type { Pcpu } from './pcpu.ts';
import { type Decision, IDLE, type Scheduler, type SchedulerContext } from './scheduler.ts';
import { REFERENCE_WEIGHT } from './thread-shares.ts';

/**
 * One vCPU for each pCPU, for good: nothing is ever decided. A vCPU for which there is no pCPU of its own waits, and
 * does not run, until one is free.
 */
export class NullScheduler implements Scheduler {
  readonly id = XEN_SCHEDULER_NULL;
  readonly name = 'null Scheduler (null)';
  readonly #context: SchedulerContext;
  readonly #assigned = new Map<Pcpu, Vcpu>();
  readonly #cpus: Pcpu[] = [];
  /** vCPUs without a pCPU, the next first. */
  readonly #waiting: Vcpu[] = [];

  constructor(context: SchedulerContext) {
    this.#context = context;
  }

  addCpu(cpu: Pcpu): void {
    this.#cpus.push(cpu);
    this.#offer(cpu);
  }

  removeCpu(cpu: Pcpu): void {
    this.#cpus.splice(this.#cpus.indexOf(cpu), 1);
    const vcpu = this.#assigned.get(cpu);
    this.#assigned.delete(cpu);
    if (vcpu !== undefined) this.#place(vcpu);
  }

  insert(vcpu: Vcpu): void {
    this.#place(vcpu);
  }

  remove(vcpu: Vcpu): void {
    const waits = this.#waiting.indexOf(vcpu);
    if (waits >= 0) this.#waiting.splice(waits, 1);
    const cpu = this.#cpuOf(vcpu);
    if (cpu === undefined) return;
    this.#assigned.delete(cpu);
    this.#offer(cpu);
  }

  removeDomain(): void {}

  wake(vcpu: Vcpu): void {
    const cpu = this.#cpuOf(vcpu);
    if (cpu !== undefined && vcpu.placement.on === undefined) this.#context.tickle(cpu);
  }

  sleep(): void {}
  yield(): void {}

  replace(vcpu: Vcpu): void {
    const cpu = this.#cpuOf(vcpu);
    if (cpu !== undefined && hasCpu(vcpu.placement.hard, cpu.id)) return;
    this.remove(vcpu);
    this.#place(vcpu);
  }

  ran(): void {}

  schedule(cpu: Pcpu): Decision {
    const vcpu = this.#assigned.get(cpu);
    return vcpu?.runnable ? { vcpu, sliceNs: Number.POSITIVE_INFINITY } : IDLE;
  }

  weight(): number {
    return REFERENCE_WEIGHT;
  }

  /** There is nothing to set, and nothing to tell. */
  adjustDomain(_domain: Domain, _operation: XenDomctlSchedulerOp): number {
    return 0;
  }

  adjustPool(_operation: XenSysctlSchedulerOp): number {
    return 0;
  }

  #cpuOf(vcpu: Vcpu): Pcpu | undefined {
    for (const [cpu, assigned] of this.#assigned) if (assigned === vcpu) return cpu;
    return undefined;
  }

  /** Gives a vCPU a free pCPU, the one it was on if possible, or lets it wait for one. */
  #place(vcpu: Vcpu): void {
    const free = this.#cpus.filter((cpu) => !this.#assigned.has(cpu) && hasCpu(vcpu.placement.hard, cpu.id));
    const best =
      free.find((cpu) => cpu.id === vcpu.placement.cpu) ??
      free.find((cpu) => hasCpu(vcpu.placement.soft, cpu.id)) ??
      free[0];
    if (best === undefined) {
      this.#waiting.push(vcpu);
      return;
    }
    this.#assign(best, vcpu);
  }

  /** A pCPU is free: whoever waits for one like it may have it. */
  #offer(cpu: Pcpu): void {
    const index = this.#waiting.findIndex((vcpu) => hasCpu(vcpu.placement.hard, cpu.id));
    const [vcpu] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (vcpu !== undefined) this.#assign(cpu, vcpu);
  }

  #assign(cpu: Pcpu, vcpu: Vcpu): void {
    this.#assigned.set(cpu, vcpu);
    vcpu.placement.cpu = cpu.id;
    if (vcpu.runnable) this.#context.tickle(cpu);
  }
}
