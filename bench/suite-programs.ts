/** The programs of bench/suite/, in the order in which they run. */
export const PROGRAMS: readonly string[] = [
  'sha256',
  'crc32',
  'qsort',
  'intmix',
  'matmul',
  'nbody',
  'memcpy',
  'dot',
  'memset',
  'chase',
  'stream',
  'getpid',
  'pipe',
  'forkexec',
  'pagefault',
  'gzip',
  'sha256sum',
  'awk',
  'sort',
];

/** What the suite is asked to do. */
export interface SuiteOrder {
  readonly names: readonly string[];
  /** by how much less than the full work */
  readonly divisor: number;
}

/** What one run of the suite on one machine gave. */
export interface SuiteRun {
  readonly programs: ReadonlyMap<string, Timed>;
  /** host memory beyond the guest's RAM at the end of the run, in MiB, where there is a guest */
  readonly beyondMiB?: number;
  /** processor time over time, between the first program and the last: well below 1, somebody else had the processor */
  readonly share?: number;
}

export interface Timed {
  readonly seconds: number;
  readonly checksum: string;
}

/** Something that runs the suite: a guest on a machine, the host itself, a browser. */
export interface Contestant {
  readonly name: string;
  run(order: SuiteOrder): Promise<SuiteRun>;
}

/** The words on the kernel's command line that bench/suite/init.c obeys. */
export function kernelWords({ names, divisor }: SuiteOrder): string {
  return `quiet suite=${names.join(',')} suite.divide=${divisor}`;
}

/** What ends the lines that a guest prints before the first program, and after the last one. */
export const BEGIN = 'suite-begin';
export const END = 'suite-end';
/** The guest's clock may be off by this share of the host's: more, and its figures mean nothing. */
const CLOCK_TOLERANCE = 0.02;
const CLOCK_TOLERANCE_SECONDS = 0.1;

/**
 * Reads what the programs printed.
 *
 * @param hostSeconds what passed on the host's clock between BEGIN and END, against which the guest's is checked
 * @throws Error where a program failed or is missing, or the guest's clock goes wrong
 */
export function readOutput(output: string, { names }: SuiteOrder, hostSeconds?: number): Map<string, Timed> {
  const failed = /^suite: failed .*$/m.exec(output);
  if (failed !== null) throw new Error(`${failed[0].trim()}; the output:\n${output.slice(-2000)}`);
  const found = new Map<string, Timed>();
  for (const [, name = '', seconds, checksum = ''] of output.matchAll(/^suite: (\S+) ([\d.]+) ([\da-f]{16})\r?$/gm))
    found.set(name, { seconds: Number(seconds), checksum });
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`no result of ${missing.join(', ')}:\n${output.slice(-2000)}`);
  if (hostSeconds !== undefined) checkClock(output, hostSeconds);
  return found;
}

/** The same results with other times: from the line before a program's own to that. */
export function timedByHost(
  lines: readonly { readonly text: string; readonly atMs: number }[],
  programs: ReadonlyMap<string, Timed>,
): Map<string, Timed> {
  let before = lines.find(({ text }) => text.includes(BEGIN))?.atMs ?? Number.NaN;
  const timed = new Map<string, Timed>();
  for (const { text, atMs } of lines) {
    const name = /^suite: (\S+) /.exec(text)?.[1] ?? '';
    const program = programs.get(name);
    if (program === undefined) continue;
    timed.set(name, { ...program, seconds: (atMs - before) / 1000 });
    before = atMs;
  }
  return timed;
}

function checkClock(output: string, hostSeconds: number): void {
  const time = (marker: string) => Number(new RegExp(`^suite: at ([\\d.]+) ${marker}`, 'm').exec(output)?.[1]);
  const guestSeconds = time(END) - time(BEGIN);
  const off = Math.abs(guestSeconds - hostSeconds);
  if (off <= CLOCK_TOLERANCE * hostSeconds + CLOCK_TOLERANCE_SECONDS) return;
  throw new Error(`the guest counted ${guestSeconds} s where ${hostSeconds.toFixed(2)} s passed on the host`);
}
