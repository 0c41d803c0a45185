import { SeededRandom } from '../../src/lib/seeded-random.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { deserializeWasm, serializeWasm } from '../../src/host/node/webassembly.ts';
import { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { ENGINES, type EngineMaker } from '../cpu/engines.ts';
import type { Way } from './compare-runs.ts';

interface NamedEngine {
  readonly name: string;
  readonly make: EngineMaker;
}

/** What translates code only once it is hot, as users have it: the long runs take it for whole boots. */
export const HOT_REGIONS: NamedEngine = {
  name: 'hot regions',
  make: (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: true }),
};
export const INTERPRETER: NamedEngine = {
  name: 'interpreter',
  make: (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: false }),
};

/** The same, with so little room for decoded code that some makes room for other all the time. */
export const LITTLE_ROOM: NamedEngine = {
  name: 'hot regions, little room',
  make: (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: true, recordRoom: 8 << 20 }),
};

/** Begins with what the last one of its kind has made of guests' code, as a later start of the program does. */
export const KEPT_CODE: NamedEngine = {
  name: 'hot regions, kept code',
  make: (memory) => {
    const found = last?.keep();
    last = new InterpreterEngine(memory, ALL_INSTRUCTIONS, {
      shelf: { found, serialize: serializeWasm, deserialize: deserializeWasm },
    });
    return last;
  },
};
let last: InterpreterEngine | undefined;

/** Every engine as it is, and every engine with its runs cut into pieces of random lengths. */
export function allWays(seed: number, engines: readonly NamedEngine[] = ENGINES): readonly [Way, Way, ...Way[]] {
  const [first, ...others] = engines.flatMap(({ name, make }): Way[] => [
    { name, make },
    { name: `${name} in pieces`, make, slices: () => pieces(seed) },
  ]);
  const [second, ...rest] = others;
  if (first === undefined || second === undefined) throw new Error('there is an engine');
  return [first, second, ...rest];
}

/** Mostly long pieces; sometimes a burst of short ones, a single instruction too. */
function pieces(seed: number): () => number {
  const random = new SeededRandom(seed);
  let burst = 0;
  return () => {
    if (burst > 0) {
      burst--;
      return 1 + random.below(40);
    }
    if (random.below(100) === 0) burst = random.below(50);
    return 1 + random.below(1 << (8 + random.below(12)));
  };
}
