import { InterpreterEngine } from '../../cpu/interpreter/engine.ts';
import type { EngineShelf, EngineStore } from './engine-store.ts';

/** The processor of a machine: begins with what an earlier one made of the same guests' code, and leaves its own. */
export class KeptEngine {
  readonly #store: EngineStore | undefined;
  readonly #name: () => string;
  #shelf: EngineShelf | undefined;
  #engine: InterpreterEngine | undefined;

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

  /** Leaves what there is now, once: what comes later is not what a start needs. No vCPU may be running. */
  leave(): void {
    const pieces = this.#engine?.keep();
    if (pieces !== undefined) this.#shelf?.put(pieces);
    this.#engine = undefined;
    this.#shelf = undefined;
  }
}
