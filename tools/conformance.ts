/**
 * `npm run conformance -- DIR [PATTERN...]`: runs the kernels of a Xen Test Framework that the user has built under
 * DIR, each as a PVH guest on this Xenolith and as XTF itself starts it, and prints what each said of itself.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  isAsExpected,
  markdown,
  type Outcome,
  parseExpected,
  parseReal,
  type Result,
  resultOf,
  row,
  summary,
} from './conformance-results.ts';
import { ROOT } from './sources.ts';

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

/** How an instance is started: as XTF's own configuration has it, or as a PVH guest. Named as the results are. */
export const STARTS = { pvh: asPvh, hvm: asHvm } as const;
export type Start = keyof typeof STARTS;

const PARALLEL = 2;
const DEFAULT_TIMEOUT_SECONDS = 300;

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

/** The same configuration with the kernel where it is now. */
export function asHvm(config: string, kernel: string): string {
  const kept = config.split('\n').filter((line) => !/^\s*firmware_override\s*=/.test(line));
  return [...kept, `firmware_override = "${kernel}"`, ''].join('\n');
}

/** What the outcome of an instance is called: test-hvm64-example as XTF starts it, pvh-hvm64-example as PVH. */
export function outcomeName({ name }: Instance, start: Start): string {
  return `${start === 'pvh' ? 'pvh' : 'test'}-${name}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One instance, started in one way. */
interface Job {
  readonly instance: Instance;
  readonly start: Start;
}

interface RunOptions {
  readonly timeoutSeconds: number;
  /** Xen's command line. */
  readonly xen: string;
}

async function run({ instance, start }: Job, { timeoutSeconds, xen }: RunOptions): Promise<Outcome> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-conformance-'));
  try {
    const config = join(folder, `${instance.name}.cfg`);
    writeFileSync(config, STARTS[start](readFileSync(instance.config, 'utf8'), instance.kernel));
    const { output, errors, status } = await xl(['create', '-F', '-c', `--timeout=${timeoutSeconds}`, config], xen);
    const result = resultOf(output);
    const seconds = (performance.now() - started) / 1000;
    const name = outcomeName(instance, start);
    return { name, result, seconds, reason: reasonOf(result, output, errors, status) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Ended {
  readonly output: string;
  readonly errors: string;
  readonly status: number;
}

function xl(parameters: readonly string[], xen: string): Promise<Ended> {
  return new Promise((resolved, rejected) => {
    const child = spawn(`${ROOT}bin/xl`, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XENOLITH_CMDLINE_XEN: xen },
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', rejected);
    child.on('close', (status) => resolved({ output: output.replaceAll('\r', ''), errors, status: status ?? -1 }));
  });
}

// What the guest said first of what went wrong or is missing, or else what xl said last.
function reasonOf(result: Result, output: string, errors: string, status: number): string {
  if (result === 'SUCCESS') return '';
  const pattern =
    result === 'SKIP' ? /^\s*(Skip|.*not available|.*unavailable|.*not supported|.*not detected)/i : COMPLAINT;
  const complaint = output.split('\n').find((line) => pattern.test(line));
  const last = errors.trim().split('\n').at(-1) ?? '';
  return (complaint ?? (result === 'CRASH' ? `${last} (exit status ${status})` : '')).trim();
}

const COMPLAINT = /^\s*(Fail|Error|PANIC|\*\*\* PANIC)/i;

/** Runs all, two at a time, and prints each row as soon as those before it are there. */
async function runAll(jobs: readonly Job[], options: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  let printed = 0;
  const worker = async () => {
    for (let index = next++; index < jobs.length; index = next++) {
      outcomes[index] = await run(jobs[index] as Job, options);
      for (let done = outcomes[printed]; done !== undefined; done = outcomes[++printed]) console.log(row(done));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return outcomes;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}

const USAGE = `usage: npm run conformance -- DIR [PATTERN...] [options]
  DIR               where XTF was built: test-hvm64-example and its .cfg are somewhere below
  PATTERN           only instances whose name contains it, as in hvm64 or xsa-122
  --type=pvh|hvm    only as PVH guests, or only as XTF starts them; both if left out
  --xen=OPTIONS     Xen's command line; hvm_fep if left out, so that tests of the emulation prefix run
  --timeout=SECONDS what a test may take; ${DEFAULT_TIMEOUT_SECONDS} if left out
  --real=FILE       what real Xen made of them, lines of name and result; may be given more than once
  --expected=FILE   lines of name and result, as this prints them: what else is as it should be
  --markdown=FILE   write the results there, as a table`;

const OPTIONS = {
  type: { type: 'string' },
  xen: { type: 'string', default: 'hvm_fep' },
  timeout: { type: 'string', default: `${DEFAULT_TIMEOUT_SECONDS}` },
  real: { type: 'string', multiple: true, default: [] as string[] },
  expected: { type: 'string' },
  markdown: { type: 'string' },
} as const;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [folder, ...patterns] = positionals;
  if (folder === undefined || !existsSync(folder))
    return refuse(folder === undefined ? '' : `${folder}: no such folder`);
  const timeoutSeconds = Number(values.timeout);
  if (!(timeoutSeconds > 0)) return refuse(`--timeout=${values.timeout}: expected seconds, for example --timeout=120`);
  const starts = (Object.keys(STARTS) as Start[]).filter((start) => values.type === undefined || values.type === start);
  if (starts.length === 0) return refuse(`--type=${values.type}: expected pvh or hvm`);

  const all = instancesOf(filesUnder(resolve(folder)));
  const hvm = all.filter(({ environment }) => environment.startsWith('hvm'));
  const wanted = hvm.filter(({ name }) => patterns.length === 0 || patterns.some((part) => name.includes(part)));
  if (wanted.length === 0) return refuse(`${folder}: none of ${hvm.length} kernels for HVM environments is wanted`);
  const expected = parseExpected(values.expected === undefined ? '' : readFileSync(values.expected, 'utf8'));
  const real = parseReal(values.real.map((file) => readFileSync(file, 'utf8')).join('\n'));

  const jobs = starts.flatMap((start) => wanted.map((instance) => ({ instance, start })));
  const outcomes = await runAll(jobs, { timeoutSeconds, xen: values.xen });
  const others = outcomes.filter((outcome) => !isAsExpected(outcome, expected, real));
  console.log(`${outcomes.length} run: ${summary(outcomes)}; ${all.length - hvm.length} for PV environments left out`);
  if (others.length > 0) console.log(`not as they should be: ${others.map(({ name }) => name).join(' ')}`);
  if (values.markdown !== undefined) writeFileSync(values.markdown, markdown(outcomes, real, values.xen));
  return others.length === 0 ? 0 : 1;
}

function refuse(sentence: string): number {
  console.error(sentence === '' ? USAGE : `${sentence}\n${USAGE}`);
  return 2;
}

if (import.meta.main) process.exitCode = await main();
