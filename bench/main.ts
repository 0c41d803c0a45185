import { rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { boot } from './boot.ts';
import { idle } from './idle.ts';
import { type Contest, prepare } from './machines.ts';

const USAGE = `usage: npm run bench -- [-n COUNT] [boot] [idle]
  -n COUNT  how often to boot; the median counts (5)`;

const BENCHMARKS: Readonly<Record<string, (contest: Contest, count: number) => Promise<string>>> = { boot, idle };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { count: { type: 'string', short: 'n', default: '5' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  const count = Number(values.count);
  const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
  const unknown = names.filter((name) => !(name in BENCHMARKS));
  if (values.help || unknown.length > 0 || !Number.isInteger(count) || count < 1) {
    console.error(USAGE);
    process.exit(values.help ? 0 : 1);
  }

  const contest = await prepare();
  try {
    console.log(contest.description);
    console.log(`${cpus().length} x ${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(2)} before the start\n`);
    for (const name of names) console.log(`${await BENCHMARKS[name]?.(contest, count)}\n`);
  } finally {
    rmSync(contest.folder, { recursive: true, force: true });
  }
}

await main();
