/**
 * `npm run conformance -- DIR [PATTERN...]`: runs the kernels of a Xen Test Framework that the user has built under
 * DIR, each as a PVH guest on this Xenolith, and prints what each said of itself.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './sources.ts';

/** How a test ended: in its own words, or without any. In the order of XTF's own runner, the worst last. */
export const RESULTS = ['SUCCESS', 'SKIP', 'ERROR', 'FAILURE', 'CRASH'] as const;
export type Result = (typeof RESULTS)[number];

/** One kernel with one configuration: test-hvm64-invlpg~hap. */
export interface Instance {
  /** hvm64-invlpg~hap */
  readonly name: string;
  /** hvm64 */
  readonly environment: string;
  readonly kernel: string;
  /** The xl.cfg that was built along with it. */
  readonly config: string;
}

/** What became of an instance. */
export interface Outcome {
  readonly name: string;
  readonly result: Result;
  readonly seconds: number;
  /** Why, where it neither passed nor was skipped. */
  readonly reason: string;
}

const PARALLEL = 2;
const DEFAULT_TIMEOUT_SECONDS = 120;

/** The instances among files: configurations named test-ENVIRONMENT-NAME[~VARIATION].cfg beside their kernels. */
export function instancesOf(files: readonly string[]): Instance[] {
  const there = new Set(files);
  return files
    .flatMap((config): Instance[] => {
      const match = /^test-((pv|hvm)\w+)-[\w-]+/.exec(basename(config));
      if (match === null || !config.endsWith('.cfg')) return [];
      const kernel = join(dirname(config), match[0]);
      if (!there.has(kernel)) return [];
      return [{ name: basename(config, '.cfg').slice('test-'.length), environment: match[1] ?? '', kernel, config }];
    })
    .sort(
      (a, b) => compareText(a.name.replace(/^\w+-/, ''), b.name.replace(/^\w+-/, '')) || compareText(a.name, b.name),
    );
}

/** The same configuration for a PVH guest: XTF's own starts an HVM guest with the kernel in place of its firmware. */
export function asPvh(config: string, kernel: string): string {
  const kept = config.split('\n').filter((line) => !/^\s*(type|builder|firmware_override|kernel)\s*=/.test(line));
  return [...kept, 'type = "pvh"', `kernel = "${kernel}"`, ''].join('\n');
}

/** The last result that a test printed on its console; CRASH where it printed none. */
export function resultOf(console: string): Result {
  const words = [...console.matchAll(/^Test result: (\w+)/gm)].at(-1)?.[1];
  return RESULTS.find((result) => result === words) ?? 'CRASH';
}

/** Results that an earlier run printed, or another Xen's, by instance: a line is 'name RESULT', whatever follows. */
export function parseExpected(text: string): Map<string, Result> {
  const expected = new Map<string, Result>();
  for (const line of text.split('\n')) {
    const [name = '', word] = line.trim().split(/\s+/);
    const result = RESULTS.find((one) => one === word);
    if (result !== undefined) expected.set(name, result);
  }
  return expected;
}

/** Whether an outcome is what was expected; where nothing was, whether it passed or was skipped. */
export function isAsExpected({ name, result }: Outcome, expected: ReadonlyMap<string, Result>): boolean {
  const wanted = expected.get(name);
  return wanted === undefined ? result === 'SUCCESS' || result === 'SKIP' : result === wanted;
}

/** A row of the table. `parseExpected` reads it back. */
export function row({ name, result, seconds, reason }: Outcome): string {
  return `${name.padEnd(34)}${result.padEnd(8)}${seconds.toFixed(1).padStart(7)} s  ${reason}`.trimEnd();
}

/** How many there are of each result. */
export function summary(outcomes: readonly Outcome[]): string {
  const count = (result: Result) => outcomes.filter((one) => one.result === result).length;
  return RESULTS.map((result) => `${result} ${count(result)}`).join('  ');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function run(instance: Instance, timeoutSeconds: number): Promise<Outcome> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-conformance-'));
  try {
    const config = join(folder, `${instance.name}.cfg`);
    writeFileSync(config, asPvh(readFileSync(instance.config, 'utf8'), instance.kernel));
    const { output, errors, status } = await xl(['create', '-F', '-c', `--timeout=${timeoutSeconds}`, config]);
    const result = resultOf(output);
    const seconds = (performance.now() - started) / 1000;
    return { name: instance.name, result, seconds, reason: reasonOf(result, output, errors, status) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Ended {
  readonly output: string;
  readonly errors: string;
  readonly status: number;
}

function xl(parameters: readonly string[]): Promise<Ended> {
  return new Promise((resolved, rejected) => {
    const child = spawn(`${ROOT}bin/xl`, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', rejected);
    child.on('close', (status) => resolved({ output: output.replaceAll('\r', ''), errors, status: status ?? -1 }));
  });
}

// What the guest said first of what went wrong, or else what xl said last.
function reasonOf(result: Result, output: string, errors: string, status: number): string {
  if (result === 'SUCCESS' || result === 'SKIP') return '';
  const complaint = output.split('\n').find((line) => /^\s*(Fail|Error|PANIC|\*\*\* PANIC)/i.test(line));
  const last = errors.trim().split('\n').at(-1) ?? '';
  return (complaint ?? (result === 'CRASH' ? `${last} (exit status ${status})` : '')).trim();
}

/** Runs all, two at a time, and prints each row as soon as those before it are there. */
async function runAll(instances: readonly Instance[], timeoutSeconds: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  let printed = 0;
  const worker = async () => {
    for (let index = next++; index < instances.length; index = next++) {
      outcomes[index] = await run(instances[index] as Instance, timeoutSeconds);
      for (let done = outcomes[printed]; done !== undefined; done = outcomes[++printed]) console.log(row(done));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return outcomes;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}

const USAGE = `usage: npm run conformance -- DIR [PATTERN...] [--timeout=SECONDS] [--expected=FILE]
  DIR       where XTF was built: test-hvm64-example and its .cfg are somewhere below
  PATTERN   only instances whose name contains it, as in hvm64 or xsa-122
  FILE      lines of name and result, as this prints them: what else than SUCCESS and SKIP is as it should be`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { timeout: { type: 'string' }, expected: { type: 'string' } },
  });
  const [folder, ...patterns] = positionals;
  if (folder === undefined || !existsSync(folder)) {
    console.error(folder === undefined ? USAGE : `${folder}: no such folder\n${USAGE}`);
    return 2;
  }
  const all = instancesOf(filesUnder(resolve(folder)));
  const hvm = all.filter(({ environment }) => environment.startsWith('hvm'));
  const wanted = hvm.filter(({ name }) => patterns.length === 0 || patterns.some((part) => name.includes(part)));
  if (wanted.length === 0) {
    console.error(`${folder}: none of ${hvm.length} kernels for HVM environments is wanted`);
    return 2;
  }
  const timeout = Number(values.timeout ?? DEFAULT_TIMEOUT_SECONDS);
  if (!(timeout > 0)) {
    console.error(`--timeout=${values.timeout}: expected seconds, for example --timeout=120`);
    return 2;
  }
  const expected = parseExpected(values.expected === undefined ? '' : readFileSync(values.expected, 'utf8'));
  const outcomes = await runAll(wanted, timeout);
  const others = outcomes.filter((outcome) => !isAsExpected(outcome, expected));
  console.log(`${outcomes.length} run: ${summary(outcomes)}; ${all.length - hvm.length} for PV environments left out`);
  if (others.length > 0) console.log(`not as they should be: ${others.map(({ name }) => name).join(' ')}`);
  return others.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
