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
  /** How many instructions to run next at most, of `budget` that are left; at least one. */
  portion(budget: number): number;
  /** A portion was run, and the machine is between two instructions. */
  ran(): void;
}

/** An engine whose instructions are what a virtual clock counts. Budgets are exact. */
export class DeterministicEngine implements Engine {
  readonly #engine: Engine;
  readonly #clock: VirtualClock;
  readonly #observer: RunObserver | undefined;
  readonly vcpus = new Set<DeterministicVcpu>();

  constructor(engine: Engine, clock: VirtualClock, observer?: RunObserver) {
    this.#engine = engine;
    this.#clock = clock;
    this.#observer = observer;
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    const inner = this.#engine.createVcpu(nested, intercepts, tsc);
    inner.exactBudget = true;
    const vcpu = new DeterministicVcpu(inner, this.#clock, this.#observer, () => this.#runs(vcpu));
    return vcpu;
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    if (!(vcpu instanceof DeterministicVcpu)) return;
    this.vcpus.delete(vcpu);
    this.#clock.canJump = this.vcpus.size > 0;
    this.#engine.destroyVcpu(vcpu.inner);
  }

  memoryWritten(address: number, length: number): void {
    this.#engine.memoryWritten(address, length);
  }

  // From its first run to its end a vCPU makes time pass, or waits for time to pass.
  #runs(vcpu: DeterministicVcpu): void {
    this.vcpus.add(vcpu);
    this.#clock.canJump = true;
  }
}

export class DeterministicVcpu extends ForwardingVcpu {
  readonly #clock: VirtualClock;
  readonly #observer: RunObserver | undefined;
  readonly #started: () => void;
  #isStarted = false;

  constructor(inner: EngineVcpu, clock: VirtualClock, observer: RunObserver | undefined, started: () => void) {
    super(inner);
    this.#clock = clock;
    this.#observer = observer;
    this.#started = started;
  }

  override run(budget: number): Exit {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#started();
    }
    const { inner } = this;
    this.#clock.enter(inner);
    const exit = this.#observer === undefined ? inner.run(budget) : this.#runInPortions(budget, this.#observer);
    this.#clock.leave();
    return exit;
  }

  #runInPortions(budget: number, observer: RunObserver): Exit {
    const { inner } = this;
    const end = inner.instructions + budget;
    for (;;) {
      const exit = inner.run(observer.portion(end - inner.instructions));
      observer.ran();
      if (exit !== EXIT_BUDGET || inner.instructions >= end) return exit;
    }
  }
}
