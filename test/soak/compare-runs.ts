import { Checkpoints, type Plan, type Snapshot } from './checkpoints.ts';
import { type GuestResult, type GuestRun, runGuest } from './run-machine.ts';

/** One way to run a guest: an engine, and how long the pieces are that its runs are cut into. */
export interface Way {
  readonly name: string;
  readonly make: GuestRun['make'];
  /** A fresh source of lengths for each run; runs are not cut where there is none. */
  readonly slices?: (() => () => number) | undefined;
}

export type Guest = Omit<GuestRun, 'make' | 'checkpoints'>;

export interface Recording extends GuestResult {
  readonly checkpoints: Checkpoints;
  readonly last: Snapshot | undefined;
}

/** Intervals shrink by this much in each round of the search. */
const FINER = 50;

/** Runs a guest one way and records its checkpoints. */
export async function record(guest: Guest, way: Way, plan: Plan): Promise<Recording> {
  const checkpoints = new Checkpoints(plan, way.slices?.());
  let last: Snapshot | undefined;
  checkpoints.onEnd = () => {
    last = checkpoints.snapshot();
  };
  const result = await runGuest({ ...guest, make: way.make, checkpoints });
  return { ...result, checkpoints, last };
}

/**
 * Where two recordings part, found to the instruction by running both again with ever closer checkpoints; undefined
 * where they do not.
 */
export async function difference(
  guest: Guest,
  ways: readonly [Way, Way],
  recordings: readonly [Recording, Recording],
  plan: Plan,
): Promise<string | undefined> {
  const at = firstDifference(recordings);
  if (at === undefined) return consolesDiffer(ways, recordings);
  let window = windowBefore(recordings, at, plan);
  while (window.every > 1) {
    const every = Math.max(1, Math.ceil(window.every / FINER));
    const finer = { from: window.from + every, every, to: window.to };
    const again = [await record(guest, ways[0], finer), await record(guest, ways[1], finer)] as const;
    const place = firstDifference(again);
    if (place === undefined) {
      return `${ways[0].name} and ${ways[1].name} differ between ${window.from} and ${window.to}, but not when looked at more closely`;
    }
    window = windowBefore(again, place, finer);
  }
  return await report(guest, ways, window);
}

/** The last checkpoint before the difference, and the one at it. */
function windowBefore(recordings: readonly [Recording, Recording], at: number, plan: Plan): Plan {
  const before = recordings[0].checkpoints.lines[at - 1]?.instructions ?? plan.from - plan.every;
  const [a, b] = recordings.map(({ checkpoints }) => checkpoints.lines[at]?.instructions);
  const to = Math.max(a ?? 0, b ?? 0);
  const from = Math.max(1, before);
  return { from, every: to - from, to };
}

function firstDifference([a, b]: readonly [Recording, Recording]): number | undefined {
  const [left, right] = [a.checkpoints.lines, b.checkpoints.lines];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if (left[i]?.hash !== right[i]?.hash || left[i]?.instructions !== right[i]?.instructions) return i;
  }
  return undefined;
}

function consolesDiffer(ways: readonly [Way, Way], [a, b]: readonly [Recording, Recording]): string | undefined {
  if (a.console === b.console && a.status === b.status) return undefined;
  return `${ways[0].name} and ${ways[1].name} agree at every checkpoint, but end in ${a.status} and ${b.status}:\n${a.console}\n--\n${b.console}`;
}

async function report(guest: Guest, ways: readonly [Way, Way], window: Plan): Promise<string> {
  const snapshots: (Snapshot | undefined)[][] = [[], []];
  for (const [index, way] of ways.entries()) {
    for (const at of [window.from, window.to]) {
      const { last } = await record(guest, way, { from: at, every: 1, to: at });
      snapshots[index]?.push(last);
    }
  }
  const [before, a] = snapshots[0] ?? [];
  const b = snapshots[1]?.[1];
  const lines = [`${ways[0].name} and ${ways[1].name} part between instruction ${window.from} and ${window.to}.`];
  const vcpus = Math.max(a?.registers.length ?? 0, b?.registers.length ?? 0);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    lines.push(`vCPU ${vcpu}, before: ${(before?.registers[vcpu] ?? []).join('  ')}`);
    const [left, right] = [a?.registers[vcpu] ?? [], b?.registers[vcpu] ?? []];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      if (left[i] !== right[i]) lines.push(`  ${ways[0].name}: ${left[i]}   ${ways[1].name}: ${right[i]}`);
    }
  }
  const pages = [...(a?.pages ?? [])].flatMap((hash, page) => (hash === b?.pages[page] ? [] : [page]));
  lines.push(`pages that differ: ${pages.length === 0 ? 'none' : pages.slice(0, 20).join(' ')}`);
  return lines.join('\n');
}
