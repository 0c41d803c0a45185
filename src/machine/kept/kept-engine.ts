import { InterpreterEngine } from '../../cpu/interpreter/engine.ts';
import type { Clock, TimerHandle } from '../../lib/ports.ts';
import type { EngineShelf, EngineStore } from './engine-store.ts';

/** So long a guest gets to decode nothing much before it is taken to have booted. */
const LOOK_NS = 3e9;
const NOT_MUCH = 10_000;
const MOST_LOOKS = 20;

/** The processor of a machine: begins with what an earlier one made of the same guests' code, and leaves its own. */
export class KeptEngine {
  readonly #store: EngineStore | undefined;
  readonly #name: () => string;
  #shelf: EngineShelf | undefined;
  #engine: InterpreterEngine | undefined;
  #timer: TimerHandle | undefined;

  /** `name` is what the store takes for a name. */
  constructor(store: EngineStore | undefined, name: () => string) {
    this.#store = store;
    this.#name = name;
  }

  readonly make = (memory: WebAssembly.Memory): InterpreterEngine => {
    this.#shelf = this.#store?.shelf(this.#name());
    this.#engine = new InterpreterEngine(memory, undefined, { compile: this.#store?.compile, shelf: this.#shelf });
    return this.#engine;
  };

  /** Leaves what there is, once: as soon as guests have booted. What comes later is not what a start needs. */
  leaveSoon(clock: Clock, look = 1): void {
    const before = this.#engine?.code.counts.decoded ?? 0;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(clock.nowNs() + LOOK_NS, () => {
      const decoded = (this.#engine?.code.counts.decoded ?? 0) - before;
      if (decoded > NOT_MUCH && look < MOST_LOOKS) this.leaveSoon(clock, look + 1);
      else this.leave();
    });
  }

  /** Leaves it now, if that was not done. No vCPU may be running. */
  leave(): void {
    this.#timer?.cancel();
    const pieces = this.#engine?.keep();
    if (pieces !== undefined) this.#shelf?.put(pieces);
    this.#engine = undefined;
    this.#shelf = undefined;
  }
}
