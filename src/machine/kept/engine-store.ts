import type { Compile } from '../../cpu/interpreter/generate.ts';
import type { CodeShelf } from '../../cpu/interpreter/kept-code.ts';

/** Where a machine finds what earlier ones left of what can be used again. */
export interface EngineStore {
  readonly compile: Compile;
  /** For what was made of guests' code; `name` tells guests apart that have hardly any in common. */
  shelf(name: string): EngineShelf;
  /** Nobody is going to start soon: gives back memory. */
  release(): void;
}

export interface EngineShelf extends CodeShelf {
  /** What was found will do again. */
  touch(): void;
  /** Keeps what an engine made, if that is much, and much more than what was found. */
  put(pieces: readonly Uint8Array[]): void;
}
