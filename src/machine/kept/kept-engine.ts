import { InterpreterEngine } from '../../cpu/interpreter/engine.ts';
import type { Clock, TimerHandle } from '../../lib/ports.ts';
import type { EngineShelf, EngineStore } from './engine-store.ts';

/** A guest has booted that waits when it is looked at, and has not decoded many instructions since the look before. */
const LOOK_NS = 3e9;
const NOT_MUCH = 1000;
const MOST_LOOKS = 20;
const FEW_INSTRUCTIONS = 10_000;
const FEW_REGIONS = 50;

/** What the host does for it. */
export interface KeptEngineHost {
  /** Calls back soon, after what is ready had its turn. */
  readonly defer: (callback: () => void) => void;
  /** Gives back memory that nobody uses any more. */
  readonly collectGarbage: () => void;
}

/** The processor of a machine: begins with what an earlier one made of the same guests' code, and leaves its own. */
export class KeptEngine {
  readonly #store: EngineStore | undefined;
  readonly #name: () => string;
  readonly #host: KeptEngineHost;
  #shelf: EngineShelf | undefined;
  #engine: InterpreterEngine | undefined;
  #timer: TimerHandle | undefined;

  /** `name` is what the store takes for a name. */
  constructor(store: EngineStore | undefined, name: () => string, host: KeptEngineHost) {
    this.#store = store;
    this.#name = name;
    this.#host = host;
  }

  readonly make = (memory: WebAssembly.Memory): InterpreterEngine => {
    this.#shelf = this.#store?.shelf(this.#name());
    this.#engine = new InterpreterEngine(memory, undefined, { compile: this.#store?.compile, shelf: this.#shelf });
    return this.#engine;
  };

  /** Leaves what there is, once, as soon as guests have booted: what comes later is not what a start needs. */
  leaveSoon(clock: Clock, look = 1): void {
    const engine = this.#engine;
    const decoded = engine?.code.counts.decoded ?? 0;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(clock.nowNs() + LOOK_NS, () => {
      const executed = engine?.instructions;
      // A guest that has something to do gets its turn before this.
      this.#host.defer(() => {
        if (this.#engine !== engine) return;
        const isWaiting = engine?.instructions === executed && executed !== 0;
        const isCalm = (engine?.code.counts.decoded ?? 0) - decoded <= NOT_MUCH;
        if (!(isWaiting && isCalm) && look < MOST_LOOKS) this.leaveSoon(clock, look + 1);
        else this.#settle();
      });
    });
  }

  #settle(): void {
    this.leave();
    this.#store?.release();
    this.#host.collectGarbage();
  }

  /** Leaves it now, if that was not done. No vCPU may be running. */
  leave(): void {
    this.#timer?.cancel();
    if (this.#shelf?.found !== undefined && !this.#hasNews()) this.#shelf.touch();
    else {
      const pieces = this.#engine?.keep();
      if (pieces !== undefined) this.#shelf?.put(pieces);
    }
    this.#engine?.keepNothing();
    this.#engine = undefined;
    this.#shelf = undefined;
  }

  // More was made than is made again and again, of what changes as a guest runs.
  #hasNews(): boolean {
    const { code, regions } = this.#engine ?? {};
    return (code?.counts.decoded ?? 0) > FEW_INSTRUCTIONS || (regions?.made.regions ?? 0) > FEW_REGIONS;
  }
}
