/**
 * Measures which handlers of the interpreter a guest executes most, alone and one after another, and prints them as
 * src/cpu/interpreter/hot-handlers.ts and hot-pairs.ts have them:
 *
 *   node tools/hot-handlers.ts [--handlers N] [--pairs N] create -F -c guest.cfg
 *
 * What is typed into the guest is measured too. A profiling interpreter takes several times as long.
 */
import { InterpreterEngine } from '../src/cpu/interpreter/engine.ts';
import { mayComeFirst } from '../src/cpu/interpreter/fusion.ts';
import type { HandlerTable } from '../src/cpu/interpreter/handlers.ts';
import { PROFILE, PROFILE_SIDE, PROFILE_SINGLES } from '../src/cpu/interpreter/layout.ts';
import { PSEUDO_HANDLERS } from '../src/cpu/interpreter/record.ts';
import { xl } from '../src/dom0/xl/main.ts';
import { Program } from '../src/machine/program.ts';

interface Counted {
  readonly name: string;
  readonly count: number;
}

const { handlers, pairs, rest } = readArguments(process.argv.slice(2));
const program = new Program(process.env);
let measured: { table: HandlerTable; counters: Uint32Array } | undefined;
program.processor = (memory) => {
  const engine = new InterpreterEngine(memory, undefined, { profile: true });
  measured = { table: engine.table, counters: new Uint32Array(memory.buffer, PROFILE) };
  return engine;
};
const status = await xl(rest, program);
if (measured !== undefined) print(measured.table, measured.counters);
process.exit(status);

function print(table: HandlerTable, counters: Uint32Array): void {
  const all = countHandlers(table, counters);
  const total = all.reduce((sum, { count }) => sum + count, 0);
  section('hot handlers', table.hot.length, all.filter(({ name }) => isHot(table, name)).slice(0, handlers), total);
  section('pairs', PROFILE_SIDE ** 2, countPairs(table, counters).slice(0, pairs), total);
}

function section(title: string, outOf: number, rows: readonly Counted[], total: number): void {
  const share = (100 * rows.reduce((sum, { count }) => sum + count, 0)) / total;
  console.log(`\n${rows.length} ${title} of ${outOf}, ${share.toFixed(2)} % of ${total} instructions\n`);
  for (const { name } of rows) console.log(name);
}

function isHot(table: HandlerTable, key: string): boolean {
  const handler = table.byKey(key);
  return handler !== undefined && handler.id < table.coldStart;
}

function countHandlers(table: HandlerTable, counters: Uint32Array): Counted[] {
  const counted: Counted[] = [];
  for (let id = PSEUDO_HANDLERS; id < table.count; id++) {
    const count = counters[PROFILE_SINGLES / 4 + id] as number;
    const handler = table.byId(id);
    if (count > 0 && handler !== undefined) counted.push({ name: handler.key, count });
  }
  return counted.sort((a, b) => b.count - a.count);
}

function countPairs(table: HandlerTable, counters: Uint32Array): Counted[] {
  const counted: Counted[] = [];
  for (const first of table.hot) {
    if (!mayComeFirst(first)) continue;
    for (const second of table.hot) {
      const count = counters[first.id * PROFILE_SIDE + second.id] as number;
      if (count > 0) counted.push({ name: `${first.key} ; ${second.key}`, count });
    }
  }
  return counted.sort((a, b) => b.count - a.count);
}

function readArguments(argv: readonly string[]): { handlers: number; pairs: number; rest: readonly string[] } {
  const rest = [...argv];
  const option = (name: string, otherwise: number): number => {
    const at = rest.indexOf(name);
    return at < 0 ? otherwise : Number(rest.splice(at, 2)[1]);
  };
  return { handlers: option('--handlers', 380), pairs: option('--pairs', 250), rest };
}
