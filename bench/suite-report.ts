import { geometricMean, median, table } from './statistics.ts';
import type { SuiteRun } from './suite-programs.ts';

/** One program's medians, in seconds, by contestant, and every single figure. */
export interface ProgramFigures {
  readonly name: string;
  readonly checksum: string;
  readonly medians: Readonly<Record<string, number>>;
  readonly runs: Readonly<Record<string, readonly number[]>>;
}

export interface SuiteFigures {
  readonly programs: readonly ProgramFigures[];
  /** host memory beyond the guest's RAM at the end of the suite, in MiB: medians by contestant */
  readonly beyondMiB: Readonly<Record<string, number>>;
}

/**
 * Medians of the contestants' runs.
 *
 * @throws Error where two runs disagree on a checksum: one of the machines has miscalculated
 */
export function suiteFigures(
  names: readonly string[],
  results: ReadonlyMap<string, readonly SuiteRun[]>,
): SuiteFigures {
  const contestants = [...results.keys()];
  const programs = names.map((name) => {
    const runs = contestants.map((one) => (results.get(one) ?? []).map(({ programs }) => programs.get(name)));
    return {
      name,
      checksum: agreed(
        name,
        contestants.flatMap((one, at) => (runs[at] ?? []).map((timed) => [one, timed?.checksum ?? 'none'] as const)),
      ),
      medians: byName(contestants, (_, at) => median((runs[at] ?? []).map((timed) => timed?.seconds ?? Number.NaN))),
      runs: byName(contestants, (_, at) => (runs[at] ?? []).map((timed) => timed?.seconds ?? Number.NaN)),
    };
  });
  const withGuest = contestants.filter((one) => results.get(one)?.every(({ beyondMiB }) => beyondMiB !== undefined));
  const beyondMiB = byName(withGuest, (one) => median((results.get(one) ?? []).map((run) => run.beyondMiB as number)));
  return { programs, beyondMiB };
}

/** What a contestant needs of another's time, over all programs. */
export interface Comparison {
  readonly geometricMean: number;
  readonly slowest: { readonly name: string; readonly ratio: number };
}

export function compare({ programs }: SuiteFigures, ours: string, theirs: string): Comparison {
  const ratios = programs.map((program) => ({ name: program.name, ratio: ratioOf(program, ours, theirs) }));
  return {
    geometricMean: geometricMean(ratios.map(({ ratio }) => ratio)),
    slowest: ratios.reduce((worst, one) => (one.ratio > worst.ratio ? one : worst)),
  };
}

/** A row for each program: everyone's time, and the first contestant's ratio to each of the others'. */
export function suiteTable({ programs }: SuiteFigures, contestants: readonly string[], runs: number): string {
  const [ours = '', ...others] = contestants;
  const head = [`median of ${runs}, seconds`, ...contestants, ...others.map((one) => `${ours} / ${one}`)];
  const rows = programs.map((program) => [
    program.name,
    ...contestants.map((one) => (program.medians[one] ?? Number.NaN).toFixed(4)),
    ...others.map((one) => ratioOf(program, ours, one).toFixed(2)),
  ]);
  const means = others.map((one) => geometricMean(programs.map((program) => ratioOf(program, ours, one))).toFixed(2));
  return table(head, [...rows, ['geometric mean', ...contestants.map(() => ''), ...means]]);
}

function ratioOf({ medians }: ProgramFigures, ours: string, theirs: string): number {
  return (medians[ours] ?? Number.NaN) / (medians[theirs] ?? Number.NaN);
}

function agreed(name: string, checksums: readonly (readonly [string, string])[]): string {
  const [first] = checksums;
  const different = checksums.find(([, checksum]) => checksum !== first?.[1]);
  if (first !== undefined && different === undefined) return first[1];
  throw new Error(
    `${name} gives ${different?.[1]} on ${different?.[0]} and ${first?.[1]} on ${first?.[0]}: one of them miscalculates`,
  );
}

function byName<T>(names: readonly string[], value: (name: string, at: number) => T): Record<string, T> {
  return Object.fromEntries(names.map((name, at) => [name, value(name, at)]));
}
