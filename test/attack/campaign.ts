/** Attacks on all engines: none does what must not be, and all do the same. */
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { type EngineOptions, InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { deserializeWasm, serializeWasm } from '../../src/host/node/webassembly.ts';
import { SeededRandom } from '../../src/lib/seeded-random.ts';
import type { Attack } from './attack.ts';
import { Machine, type Manner, type Ran, runAttack } from './run.ts';

interface Way {
  readonly name: string;
  readonly options: EngineOptions;
  readonly manner: (seed: number) => Manner;
  /** Begins with what such an engine made of another attack. */
  readonly isKept?: true;
}

const exact = (): Manner => ({ isExact: true });
export const WAYS: readonly Way[] = [
  { name: 'interpreter', options: { regions: false }, manner: exact },
  { name: 'regions', options: { regions: 'eager' }, manner: exact },
  { name: 'hot regions', options: {}, manner: exact },
  {
    name: 'regions in pieces',
    options: { regions: 'eager' },
    manner: (seed) => ({ isExact: true, pieces: pieces(seed) }),
  },
  { name: 'regions, budgets as they come', options: { regions: 'eager' }, manner: () => ({ isExact: false }) },
  { name: 'hot regions, budgets as they come', options: {}, manner: () => ({ isExact: false }) },
  { name: 'regions, kept code', options: { regions: 'eager' }, manner: exact, isKept: true },
];

/** What went wrong, and in which ways. */
export interface Finding {
  readonly text: string;
  readonly ways: readonly string[];
}

/** The interpreter is compiled once for each kind of engine. */
const modules = new Map<string, WebAssembly.Module>();
const SHELF = { serialize: serializeWasm, deserialize: deserializeWasm };

/** Engines that serve one attack after the other, as one serves many guests. */
export class Campaign {
  readonly #ways: readonly Way[];
  readonly #machines = new Map<string, Machine>();

  /** @param names ways that attacks are run in; all where it is not given */
  constructor(names?: readonly string[]) {
    this.#ways = names === undefined ? WAYS : WAYS.filter(({ name }) => names.includes(name));
  }

  /** What is wrong with an attack; undefined where nothing is. Code is kept of `before`, which is of nearly the same code. */
  check(attack: Attack, before: Attack): Finding | undefined {
    let expected: { name: string; ran: Ran } | undefined;
    for (const { name, options, manner, isKept } of this.#ways) {
      const machine = isKept ? keptMachine(options, before) : this.#machine(name, options);
      const ran = guarded(machine, attack, manner(attack.seed));
      if (ran.wrong !== undefined) return { text: `${name}: ${ran.wrong}`, ways: [name] };
      // What is kept of translations is an engine's own, unless the guest has them forgotten whenever they change.
      if (!attack.isTidy || !manner(attack.seed).isExact) continue;
      const differs = expected && difference(expected.ran, ran);
      if (expected !== undefined && differs !== undefined) {
        return { text: `${expected.name} and ${name} part at ${differs}`, ways: [expected.name, name] };
      }
      expected ??= { name, ran };
    }
    return undefined;
  }

  #machine(name: string, options: EngineOptions): Machine {
    const known = this.#machines.get(name) ?? machineWith(options);
    this.#machines.set(name, known);
    return known;
  }
}

// One that has what another was left with by an attack.
function keptMachine(options: EngineOptions, before: Attack): Machine {
  const first = machineWith({ ...options, shelf: { ...SHELF, found: undefined } });
  guarded(first, before, { isExact: true });
  return machineWith({ ...options, shelf: { ...SHELF, found: first.engine.keep() } });
}

function machineWith(options: EngineOptions): Machine {
  const compile: EngineOptions['compile'] = (name, generate) => {
    const known = modules.get(name) ?? new WebAssembly.Module(generate());
    modules.set(name, known);
    return known;
  };
  return new Machine((memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { ...options, compile }));
}

function guarded(machine: Machine, attack: Attack, manner: Manner): Ran {
  try {
    return runAttack(machine, attack, manner);
  } catch (error) {
    return { trace: [], wrong: `throws ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` };
  }
}

// Mostly longer than what the interpreter does for the rest of a budget.
function pieces(seed: number): () => number {
  const random = new SeededRandom(seed);
  return () => 1 + random.below(random.below(4) === 0 ? 40 : 2000);
}

function difference(a: Ran, b: Ran): string | undefined {
  for (let at = 0; at < Math.max(a.trace.length, b.trace.length); at++) {
    const [left = [], right = []] = [a.trace[at], b.trace[at]];
    const lines: string[] = [];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      if (left[i] !== right[i]) lines.push(`  ${left[i]}   ${right[i]}`);
    }
    if (lines.length > 0) return [`step ${at}, ${left[0] ?? right[0]}:`, ...lines.slice(0, MOST_LINES)].join('\n');
  }
  return undefined;
}

const MOST_LINES = 20;
