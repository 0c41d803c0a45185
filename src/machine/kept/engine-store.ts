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

export interface EngineShelf extends Omit<CodeShelf, 'found'> {
  /** What an engine of this program and kernel left, read each time it is asked for. */
  find(): CodeShelf['found'];
  /** What was found will do again. */
  touch(): void;
  /** Keeps what an engine made, if that is much, and much more than what there is. */
  put(pieces: readonly Uint8Array[]): void;
  /** What was found has no room for what is of use now: the next engine begins anew. */
  clear(): void;
}
