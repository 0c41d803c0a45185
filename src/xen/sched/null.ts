import { XEN_SCHEDULER_NULL } from '../../abi/domctl-sched.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * Whoever is runnable runs, in turns, a time slice each. Xen's "null" scheduler gives every vCPU a processor of its
 * own; on one thread, the fairest likeness is to go round.
 */
export class NullScheduler implements Scheduler {
  readonly id = XEN_SCHEDULER_NULL;
  readonly name = 'null Scheduler (null)';
  onRunnable: () => void = () => {};
  readonly #known = new Set<Vcpu>();
  /** Runnable vCPUs, the next first. */
  readonly #queue: Vcpu[] = [];
  readonly #yielded = new Set<Vcpu>();

  insert(vcpu: Vcpu): void {
    this.#known.add(vcpu);
  }

  remove(vcpu: Vcpu): void {
    this.sleep(vcpu);
    this.#known.delete(vcpu);
  }

  wake(vcpu: Vcpu): void {
    if (!this.#known.has(vcpu) || this.#queue.includes(vcpu)) return;
    this.#queue.push(vcpu);
    if (this.#queue.length === 1) this.onRunnable();
  }

  sleep(vcpu: Vcpu): void {
    const index = this.#queue.indexOf(vcpu);
    if (index >= 0) this.#queue.splice(index, 1);
    this.#yielded.delete(vcpu);
  }

  yield(vcpu: Vcpu): void {
    this.#yielded.add(vcpu);
  }

  next(): Vcpu | undefined {
    const vcpu = this.#queue.shift();
    if (vcpu === undefined) return undefined;
    this.#queue.push(vcpu);
    this.#yielded.delete(vcpu);
    return vcpu;
  }

  givesWay(vcpu: Vcpu): boolean {
    return this.#yielded.has(vcpu);
  }

  othersWait(vcpu: Vcpu): boolean {
    return this.#queue.some((other) => other !== vcpu);
  }
}
