import {
  type Engine,
  type EngineVcpu,
  EXIT_BUDGET,
  type Exit,
  type Intercepts,
  type NestedPaging,
  type TscSource,
} from '../cpu/engine.ts';
import type { VirtualClock } from '../host/virtual/virtual-clock.ts';
import { ForwardingVcpu } from './forwarding-vcpu.ts';

/** What looks at a machine at exact instruction counts, or only cuts its runs into pieces. */
export interface RunObserver {
  /** How many instructions to run next at most, of `budget` that are wanted, after `executed` in all; at least one. */
  portion(executed: number, budget: number): number;
  /** A portion was run, and the machine is between two instructions. `vcpus` are in the order of their first runs. */
  ran(executed: number, vcpus: Iterable<EngineVcpu>): void;
}

/** An engine whose instructions are what a virtual clock counts. Budgets are exact. */
export class DeterministicEngine implements Engine {
  readonly #engine: Engine;
  readonly #clock: VirtualClock;
  readonly #observer: RunObserver | undefined;
  readonly #vcpus = new Set<DeterministicVcpu>();
  /** By all vCPUs together, where somebody observes. */
  #executed = 0;

  constructor(engine: Engine, clock: VirtualClock, observer?: RunObserver) {
    this.#engine = engine;
    this.#clock = clock;
    this.#observer = observer;
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    const inner = this.#engine.createVcpu(nested, intercepts, tsc);
    inner.exactBudget = true;
    return new DeterministicVcpu(inner, this);
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    if (!(vcpu instanceof DeterministicVcpu)) return;
    this.#vcpus.delete(vcpu);
    this.#clock.canJump = this.#vcpus.size > 0;
    this.#engine.destroyVcpu(vcpu.inner);
  }

  memoryWritten(address: number, length: number): void {
    this.#engine.memoryWritten(address, length);
  }

  /** Runs one of its vCPUs, whose processor is `inner`. */
  run(vcpu: DeterministicVcpu, inner: EngineVcpu, budget: number): Exit {
    // From its first run to its end a vCPU makes time pass, or waits for time to pass.
    if (!this.#vcpus.has(vcpu)) {
      this.#vcpus.add(vcpu);
      this.#clock.canJump = true;
    }
    this.#clock.enter(inner);
    const exit = this.#observer === undefined ? inner.run(budget) : this.#runInPortions(inner, budget, this.#observer);
    this.#clock.leave();
    return exit;
  }

  #runInPortions(inner: EngineVcpu, budget: number, observer: RunObserver): Exit {
    const end = inner.instructions + budget;
    for (;;) {
      const start = inner.instructions;
      const exit = inner.run(observer.portion(this.#executed, end - start));
      this.#executed += inner.instructions - start;
      observer.ran(this.#executed, this.#vcpus);
      if (exit !== EXIT_BUDGET || inner.instructions >= end) return exit;
    }
  }
}

class DeterministicVcpu extends ForwardingVcpu {
  readonly #engine: DeterministicEngine;

  constructor(inner: EngineVcpu, engine: DeterministicEngine) {
    super(inner);
    this.#engine = engine;
  }

  override run(budget: number): Exit {
    return this.#engine.run(this, this.inner, budget);
  }
}
