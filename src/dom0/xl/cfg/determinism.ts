import type { Config, Range } from './config.ts';

/** A machine that repeats: the same guest and the same input, the same run to the instruction. */
export interface Determinism {
  /** What takes the place of the host's randomness is drawn from. */
  readonly seed: number;
}

/** Reads deterministic and seed, Xenolith's own keys; undefined where the machine is to run as the host does. */
export function determinism(config: Config): Determinism | undefined {
  const wanted = config.number('deterministic', '0 or 1', { from: 0, to: 1, example: 1 }) === 1;
  const seed = config.number('seed', 'a seed', SEEDS) ?? 1;
  return wanted ? { seed } : undefined;
}

const SEEDS: Range = { from: 0, to: 0xffffffff, example: 1 };
