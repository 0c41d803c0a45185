import { ENGINE_RESERVED_BYTES } from '../../src/cpu/engine.ts';
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

/** Runs a guest one way and records its checkpoints, and what the machine was at the last one where that is wanted. */
export async function record(guest: Guest, way: Way, plan: Plan, wantsLast = false): Promise<Recording> {
  const checkpoints = new Checkpoints(plan, way.slices?.());
  let last: Snapshot | undefined;
  checkpoints.onEnd = () => {
    if (wantsLast) last = checkpoints.snapshot();
  };
  const result = await runGuest({ ...guest, make: way.make, checkpoints });
  return { ...result, checkpoints, last };
}

/**
 * Where two recordings part, found to the instruction by running both again; undefined where they do not. First with
 * ever closer checkpoints. Each ends a run of instructions, though, and may hide what is wrong: where it does, the rest
 * of the search moves one last checkpoint, and leaves those before it where they are.
 */
export async function difference(
  guest: Guest,
  ways: readonly [Way, Way],
  recordings: readonly [Recording, Recording],
  plan: Plan,
): Promise<string | undefined> {
  const at = firstDifference(recordings);
  if (at === undefined) return consolesDiffer(ways, recordings);
  let search = around(recordings, at, plan);
  while (search.unlike - search.alike > 1) {
    const every = Math.ceil((search.unlike - search.alike) / FINER);
    const closer = { from: search.alike + every, every, to: search.unlike };
    const again = await both(guest, ways, closer);
    const place = firstDifference(again);
    if (place === undefined) return await searchWithOne(guest, ways, search);
    search = around(again, place, closer, search.alike);
  }
  return await report(guest, ways, search);
}

/** Intervals shrink by this much in each round of the search. */
const FINER = 50;

/** Between which instructions they part, as checkpoints by a plan showed. */
interface Search {
  readonly plan: Plan;
  /** The last number of instructions after which they are alike, and the first known after which they are not. */
  readonly alike: number;
  readonly unlike: number;
}

function around(recordings: readonly [Recording, Recording], at: number, plan: Plan, first = 0): Search {
  const places = recordings.map(({ checkpoints }) => checkpoints.lines[at]?.instructions ?? 0);
  const alike = recordings[0].checkpoints.lines[at - 1]?.instructions ?? first;
  return { plan: { ...plan, to: alike }, alike, unlike: Math.max(...places) };
}

async function searchWithOne(guest: Guest, ways: readonly [Way, Way], start: Search): Promise<string> {
  let { alike, unlike } = start;
  while (unlike - alike > 1) {
    const middle = alike + Math.floor((unlike - alike) / 2);
    const differs = firstDifference(await both(guest, ways, { ...start.plan, last: middle }));
    if (differs === undefined) alike = middle;
    else unlike = middle;
  }
  return await report(guest, ways, { ...start, alike, unlike });
}

async function both(guest: Guest, [a, b]: readonly [Way, Way], plan: Plan): Promise<readonly [Recording, Recording]> {
  return [await record(guest, a, plan), await record(guest, b, plan)];
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

async function report(guest: Guest, ways: readonly [Way, Way], { plan, alike, unlike }: Search): Promise<string> {
  const at = async (way: Way, last: number) => (await record(guest, way, { ...plan, last }, true)).last;
  const before = alike === 0 ? undefined : await at(ways[0], alike);
  const [a, b] = [await at(ways[0], unlike), await at(ways[1], unlike)];
  const lines = [`${ways[0].name} and ${ways[1].name} part between instruction ${alike} and ${unlike}.`];
  const vcpus = Math.max(a?.registers.length ?? 0, b?.registers.length ?? 0);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    lines.push(`vCPU ${vcpu}, before: ${(before?.registers[vcpu] ?? []).join('  ')}`);
    const [left, right] = [a?.registers[vcpu] ?? [], b?.registers[vcpu] ?? []];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      if (left[i] !== right[i]) lines.push(`  ${ways[0].name}: ${left[i]}   ${ways[1].name}: ${right[i]}`);
    }
  }
  lines.push(...memoryDifferences(ways, a?.memory, b?.memory));
  return lines.join('\n');
}

/** The first words of frames that differ, by machine address. */
function memoryDifferences(
  ways: readonly [Way, Way],
  a: Int32Array | undefined,
  b: Int32Array | undefined,
): readonly string[] {
  const lines: string[] = [];
  const hex = (value: number | undefined) => ((value ?? 0) >>> 0).toString(16);
  for (let i = ENGINE_RESERVED_BYTES / 4; a !== undefined && b !== undefined && i < a.length; i++) {
    if (a[i] === b[i]) continue;
    lines.push(`  [${hex(i * 4)}] ${ways[0].name}: ${hex(a[i])}   ${ways[1].name}: ${hex(b[i])}`);
    if (lines.length === MOST_WORDS) break;
  }
  return lines.length === 0 ? ['memory: alike'] : ['memory:', ...lines];
}

const MOST_WORDS = 20;
