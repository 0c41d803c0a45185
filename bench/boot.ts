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

/** Medians; times in seconds, from the start of the process. */
export interface BootFigures {
  readonly init: { readonly ours: number; readonly peer: number };
  readonly end: { readonly ours: number; readonly peer: number };
  /** of ours to /init, when nothing of earlier boots is kept */
  readonly first: number;
  /** of ours, where it wrote its counts */
  readonly speed?: { readonly millionInstructions: number; readonly millionPerSecond: number };
}

/**
 * Boots the guest `count` times on both machines, turn by turn: from the start of the process to the first line of
 * /init, and to the end of the process after its power-off.
 */
export async function boot(contest: Contest, count: number): Promise<BootFigures> {
  const ours: Times = { marker: [], end: [] };
  const first: Times = { marker: [], end: [] };
  const peer: Times = { marker: [], end: [] };
  const stats: Stats[] = [];
  for (let turn = 0; turn < count; turn++) {
    rmSync(contest.statsFile, { force: true });
    await bootOnce(contest.ours, ours);
    if (existsSync(contest.statsFile)) stats.push(JSON.parse(readFileSync(contest.statsFile, 'utf8')) as Stats);
    await bootOnce(contest.first, first);
    await bootOnce(contest.peer, peer);
  }

  const medians = (key: keyof Times) => ({ ours: median(ours[key]) / 1000, peer: median(peer[key]) / 1000 });
  return {
    init: medians('marker'),
    end: medians('end'),
    first: median(first.marker) / 1000,
    ...(stats.length === 0 ? {} : { speed: speed(stats) }),
  };
}

export function bootTable(contest: Contest, count: number, { init, end, first, speed }: BootFigures): string {
  const row = (what: string, { ours, peer }: BootFigures['init']) => {
    return [what, `${ours.toFixed(2)} s`, `${peer.toFixed(2)} s`, (ours / peer).toFixed(2)];
  };
  const head = [`boot, median of ${count}`, contest.ours.name, contest.peer.name, 'ratio'];
  const times = table(head, [
    row('process start to /init', init),
    row('the same, nothing kept', { ours: first, peer: init.peer }),
    row('process start to its end', end),
  ]);
  if (speed === undefined) return `${times}\nxenolith wrote no counts (XENOLITH_STATS)`;
  const { millionInstructions, millionPerSecond } = speed;
  return `${times}\nxenolith ran ${millionInstructions.toFixed(0)} M guest instructions, ${millionPerSecond.toFixed(0)} M/s`;
}

interface Times {
  readonly marker: number[];
  readonly end: number[];
}

async function bootOnce(machine: Machine, times: Times): Promise<void> {
  const run = start(machine.command('xenolith.exit'), { ...machine.counting, ...machine.environment() }, TIMEOUT_MS);
  try {
    times.marker.push(await run.until(MARKER));
    times.end.push(await run.ended());
  } finally {
    await run.stop();
  }
}

function speed(stats: readonly Stats[]): NonNullable<BootFigures['speed']> {
  return {
    millionInstructions: median(stats.map((one) => one.instructions / 1e6)),
    millionPerSecond: median(stats.map((one) => one.instructions / 1e6 / one.seconds)),
  };
}
