import {
  type Engine,
  type EngineVcpu,
  EXIT_BUDGET,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_LEAVE,
  EXIT_SHUTDOWN,
  EXIT_WINDOW,
  type Exit,
  type Intercepts,
  type NestedPaging,
  type TscSource,
} from '../cpu/engine.ts';
import { ForwardingVcpu } from './forwarding-vcpu.ts';

/** What an engine has done so far. */
export interface EngineCounts {
  /** Guest instructions retired. */
  instructions: number;
  /** Time spent running guest code, intercepts included. */
  runningMs: number;
  /** When guest code first ran, in ms of the clock given; undefined until then. */
  firstRunMs: number | undefined;
  readonly exits: Record<string, number>;
  /** Whole TLBs that Xen had forgotten. */
  tlbFlushes: number;
  /** Times that Xen or dom0 said to have written to memory. */
  memoryWritten: number;
}

const EXIT_NAMES: Readonly<Record<Exit, string>> = {
  [EXIT_BUDGET]: 'budget',
  [EXIT_HYPERCALL]: 'hypercall',
  [EXIT_HLT]: 'hlt',
  [EXIT_WINDOW]: 'window',
  [EXIT_SHUTDOWN]: 'shutdown',
  [EXIT_LEAVE]: 'leave',
};

/** An engine with a count kept of what passes: the contract is where a hypervisor and a processor meet. */
export class ObservedEngine implements Engine {
  readonly counts: EngineCounts = {
    instructions: 0,
    runningMs: 0,
    firstRunMs: undefined,
    exits: Object.fromEntries(Object.values(EXIT_NAMES).map((name) => [name, 0])),
    tlbFlushes: 0,
    memoryWritten: 0,
  };
  readonly #engine: Engine;
  readonly #nowMs: () => number;

  constructor(engine: Engine, nowMs: () => number) {
    this.#engine = engine;
    this.#nowMs = nowMs;
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    return new ObservedVcpu(this.#engine.createVcpu(nested, intercepts, tsc), this.counts, this.#nowMs);
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    this.#engine.destroyVcpu(vcpu instanceof ObservedVcpu ? vcpu.inner : vcpu);
  }

  memoryWritten(address: number, length: number): void {
    this.counts.memoryWritten += 1;
    this.#engine.memoryWritten(address, length);
  }
}

class ObservedVcpu extends ForwardingVcpu {
  readonly #counts: EngineCounts;
  readonly #nowMs: () => number;

  constructor(observed: EngineVcpu, counts: EngineCounts, nowMs: () => number) {
    super(observed);
    this.#counts = counts;
    this.#nowMs = nowMs;
  }

  override run(budget: number): Exit {
    const counts = this.#counts;
    const before = this.inner.instructions;
    const startMs = this.#nowMs();
    counts.firstRunMs ??= startMs;
    const exit = this.inner.run(budget);
    counts.runningMs += this.#nowMs() - startMs;
    counts.instructions += this.inner.instructions - before;
    const name = EXIT_NAMES[exit];
    counts.exits[name] = (counts.exits[name] as number) + 1;
    return exit;
  }

  override flushTlb(): void {
    this.#counts.tlbFlushes += 1;
    super.flushTlb();
  }
}
