import type { EngineVcpu } from '../../src/cpu/engine.ts';
import type { RunObserver } from '../../src/machine/deterministic-engine.ts';
import { instructionAt } from './instruction-at.ts';
import { machineHash, registersOf } from './machine-hash.ts';

/** Which checkpoints there are: from a number of instructions on, each so many, up to one past which nothing counts. */
export interface Plan {
  readonly from: number;
  readonly every: number;
  readonly to: number;
  /** One more, after those. */
  readonly last?: number;
}

export interface Checkpoint {
  readonly instructions: number;
  readonly hash: string;
}

/** A machine at its last checkpoint, for a report. */
export interface Snapshot {
  /** Of each vCPU, with the instruction it comes to. */
  readonly registers: readonly (readonly string[])[];
  /** A copy. */
  readonly memory: Int32Array;
}

/**
 * Looks at a deterministic machine at exact instruction counts. In between it may have runs cut into pieces, which must
 * change nothing.
 */
export class Checkpoints implements RunObserver {
  readonly lines: Checkpoint[] = [];
  /** Called once, at the last checkpoint. */
  onEnd: () => void = () => {};
  /** The machine's memory, once it is there. */
  memory: ArrayBufferLike | undefined;
  readonly #plan: Plan;
  readonly #slice: () => number;
  #next: number;
  #vcpus: Iterable<EngineVcpu> = [];

  /** @param slice how long the next piece of a run is */
  constructor(plan: Plan, slice: () => number = () => Number.POSITIVE_INFINITY) {
    this.#plan = plan;
    this.#slice = slice;
    this.#next = plan.from <= plan.to ? plan.from : (plan.last ?? Number.POSITIVE_INFINITY);
  }

  portion(executed: number, budget: number): number {
    const untilNext = this.#next > executed ? this.#next - executed : budget;
    return Math.max(1, Math.min(budget, untilNext, this.#slice()));
  }

  ran(executed: number, vcpus: Iterable<EngineVcpu>): void {
    // One instruction late where interrupts are held off: in every run at the same place.
    if (executed < this.#next || this.memory === undefined) return;
    this.#vcpus = vcpus;
    this.lines.push({ instructions: executed, hash: machineHash(this.memory, vcpus) });
    this.#next = this.#after(this.#next);
    if (this.#next === Number.POSITIVE_INFINITY) this.onEnd();
  }

  /** Only in `onEnd` is it that of the last checkpoint. */
  snapshot(): Snapshot {
    return {
      registers: [...this.#vcpus].map((vcpu) => [...registersOf(vcpu), `at ${instructionAt(vcpu)}`]),
      memory: new Int32Array(this.memory ?? new ArrayBuffer(0)).slice(),
    };
  }

  #after(checkpoint: number): number {
    const { every, to, last = Number.POSITIVE_INFINITY } = this.#plan;
    if (checkpoint + every <= to) return checkpoint + every;
    return checkpoint < last ? last : Number.POSITIVE_INFINITY;
  }
}
