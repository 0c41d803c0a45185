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
  /** Whether the shelf has something: what was found, or what this engine left. */
  #isFilled = false;
  #hasLeft = false;
  /** Of the engine, when it last left something. */
  #left = { decoded: 0, regions: 0 };

  /** `name` is what the store takes for a name. */
  constructor(store: EngineStore | undefined, name: () => string, host: KeptEngineHost) {
    this.#store = store;
    this.#name = name;
    this.#host = host;
  }

  readonly make = (memory: WebAssembly.Memory): InterpreterEngine => {
    const shelf = this.#store?.shelf(this.#name());
    const found = shelf?.find();
    this.#shelf = shelf;
    this.#isFilled = found !== undefined;
    this.#engine = new InterpreterEngine(memory, undefined, {
      compile: this.#store?.compile,
      shelf: shelf && { found, serialize: shelf.serialize, deserialize: shelf.deserialize },
    });
    return this.#engine;
  };

  /** Leaves what there is as soon as guests have booted: of a machine that is killed, that is all there will be. */
  leaveSoon(clock: Clock, look = 1): void {
    const engine = this.#engine;
    const { decoded } = this.#made;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(clock.nowNs() + LOOK_NS, () => {
      const executed = engine?.instructions;
      // A guest that has something to do gets its turn before this.
      this.#host.defer(() => {
        if (this.#engine !== engine) return;
        const isWaiting = engine?.instructions === executed && executed !== 0;
        const isCalm = this.#made.decoded - decoded <= NOT_MUCH;
        if (!(isWaiting && isCalm) && look < MOST_LOOKS) this.leaveSoon(clock, look + 1);
        else this.#settle();
      });
    });
  }

  /** Leaves what there is, if it is more than what was found or left before. No vCPU may be running. */
  leave(): void {
    if (!this.#hasNews()) {
      if (this.#isFilled && !this.#hasLeft) this.#shelf?.touch();
    } else {
      const pieces = this.#engine?.keep();
      if (pieces !== undefined) this.#shelf?.put(pieces);
      else if (!this.#hasLeft) this.#shelf?.clear();
    }
    this.#hasLeft = true;
    this.#left = this.#made;
  }

  /** The machine has stopped: leaves what there is. */
  end(): void {
    this.#timer?.cancel();
    this.leave();
    this.#engine = undefined;
  }

  #settle(): void {
    this.leave();
    this.#store?.release();
    this.#host.collectGarbage();
  }

  // More was made than is made again and again, of what changes as a guest runs.
  #hasNews(): boolean {
    const { decoded, regions } = this.#made;
    return decoded - this.#left.decoded > FEW_INSTRUCTIONS || regions - this.#left.regions > FEW_REGIONS;
  }

  get #made(): { decoded: number; regions: number } {
    const { code, regions } = this.#engine ?? {};
    return { decoded: code?.counts.decoded ?? 0, regions: regions?.made.regions ?? 0 };
  }
}
