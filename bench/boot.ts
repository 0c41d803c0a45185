import { existsSync, readFileSync, rmSync } from 'node:fs';
import { MARKER } from '../src/machine/guests/initramfs.ts';
import type { Contest, Machine } from './machines.ts';
import { start } from './processes.ts';
import { median, table } from './statistics.ts';

const TIMEOUT_MS = 120_000;

/** What a machine writes to $XENOLITH_STATS when it exits. */
interface Stats {
  readonly instructions: number;
  /** that the processor ran, idle time left out */
  readonly seconds: number;
}

/**
 * Boots the guest `count` times on both machines, turn by turn: from the start of the process to the first line of
 * /init, and to the end of the process after its power-off.
 */
export async function boot(contest: Contest, count: number): Promise<string> {
  const ours: Times = { marker: [], end: [] };
  const peer: Times = { marker: [], end: [] };
  const stats: Stats[] = [];
  for (let turn = 0; turn < count; turn++) {
    rmSync(contest.statsFile, { force: true });
    await bootOnce(contest.ours, ours);
    if (existsSync(contest.statsFile)) stats.push(JSON.parse(readFileSync(contest.statsFile, 'utf8')) as Stats);
    await bootOnce(contest.peer, peer);
  }

  const row = (what: string, key: keyof Times) => {
    const [a, b] = [median(ours[key]), median(peer[key])];
    return [what, `${(a / 1000).toFixed(2)} s`, `${(b / 1000).toFixed(2)} s`, (a / b).toFixed(2)];
  };
  const head = [`boot, median of ${count}`, contest.ours.name, contest.peer.name, 'ratio'];
  return `${table(head, [row('process start to /init', 'marker'), row('process start to its end', 'end')])}\n${speed(stats)}`;
}

interface Times {
  readonly marker: number[];
  readonly end: number[];
}

async function bootOnce(machine: Machine, times: Times): Promise<void> {
  const run = start(machine.command('xenolith.exit'), machine.environment, TIMEOUT_MS);
  try {
    times.marker.push(await run.until(MARKER));
    times.end.push(await run.ended());
  } finally {
    await run.stop();
  }
}

function speed(stats: readonly Stats[]): string {
  if (stats.length === 0) return 'xenolith wrote no counts (XENOLITH_STATS)';
  const millions = median(stats.map((one) => one.instructions / 1e6));
  const rate = median(stats.map((one) => one.instructions / 1e6 / one.seconds));
  return `xenolith ran ${millions.toFixed(0)} M guest instructions, ${rate.toFixed(0)} M/s`;
}
