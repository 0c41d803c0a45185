import { rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { boot, bootTable } from './boot.ts';
import { BROWSER_PAIRS, inBrowserAndNode, visits, visitTable } from './browser.ts';
import { CHROMIUM } from './chromium.ts';
import { claims, type Figures } from './claims.ts';
import { hypercalls, hypercallTable } from './hypercalls.ts';
import { domains, domainTable } from './domains.ts';
import { idle, idleTable } from './idle.ts';
import { type Contest, prepare } from './machines.ts';
import { ensureProgram } from './peer-programs.ts';
import { compete, inGuest, inGuestByHost, onHost } from './suite.ts';
import { ensureSuite } from './suite-image.ts';
import { type Contestant, PROGRAMS, type SuiteOrder } from './suite-programs.ts';
import { type SuiteFigures, suiteFigures, suiteTable } from './suite-report.ts';
import { xenstore, xenstoreTable } from './xenstore.ts';

const USAGE = `usage: npm run bench -- [--boot] [--suite] [--idle] [--hypercalls] [--browser]
                        [--deterministic] [--xenstore] [--domains] [options]
  --boot           from the start of the process to /init, against QEMU
  --suite          the programs of bench/suite/, against QEMU and the host's own processor
  --idle           a shell at its prompt: share of a core, memory
                   without any of these: all three
  --hypercalls     what events and grants cost two guests of our own
  --browser        the suite in headless Chromium, against Node: first runs and later ones;
                   from opening the page to the shell
  --deterministic  the suite with a clock that counts instructions, against the usual
  --domains        many idle ones, short lives, shares of busy ones
  --xenstore       requests over XenStore's socket, against Debian's C xenstored
  --runs N, -n N   how often; the median counts (5)
  --only A,B       these programs of the suite alone:
                   ${PROGRAMS.slice(0, 10).join(' ')}
                   ${PROGRAMS.slice(10).join(' ')}
  --quick          one run, an eighth of each program's work
  --json FILE      every figure, as JSON`;

interface Request {
  readonly parts: ReadonlySet<string>;
  readonly runs: number;
  readonly order: SuiteOrder;
  readonly json: string | undefined;
}

const USUAL_PARTS = ['boot', 'suite', 'idle'] as const;
const PARTS = [...USUAL_PARTS, 'hypercalls', 'browser', 'deterministic', 'xenstore', 'domains'] as const;
const QUICK_DIVISOR = 8;

async function main(): Promise<void> {
  const request = readArguments();
  const contest = await prepare();
  try {
    const host = `${cpus().length} x ${cpus()[0]?.model.trim()}, load ${loadavg()[0]?.toFixed(2)} before the start`;
    console.log(`${contest.description}\n${host}\n`);
    const figures = await measure(contest, request);
    console.log(claims(figures, contest));
    if (request.json === undefined) return;
    const report = {
      date: new Date().toISOString(),
      machines: contest.description,
      host,
      runs: request.runs,
      ...figures,
    };
    writeFileSync(request.json, `${JSON.stringify(report, undefined, 2)}\n`);
  } finally {
    rmSync(contest.folder, { recursive: true, force: true });
  }
}

/** Prints each table as soon as it is there. */
async function measure(contest: Contest, request: Request): Promise<Figures> {
  const { parts, runs } = request;
  const figures: Figures = {};
  if (parts.has('boot')) {
    figures.boot = await boot(contest, runs);
    console.log(`${bootTable(contest, runs, figures.boot)}\n`);
  }
  if (parts.has('suite')) {
    const image = await ensureSuite();
    const contestants = [
      inGuest(contest.ours, image),
      inGuest(contest.peer, image),
      onHost(contest, image),
      inGuest(contest.first, image),
    ];
    figures.suite = await suite(contestants, request, image.compiler);
  }
  if (parts.has('idle')) {
    figures.idle = await idle(contest);
    console.log(`${idleTable(contest, figures.idle)}\n`);
  }
  if (parts.has('hypercalls')) {
    figures.hypercalls = await hypercalls();
    console.log(`${hypercallTable(figures.hypercalls)}\n`);
  }
  if (parts.has('browser')) {
    const chromium = ensureProgram(CHROMIUM, ['chromium']);
    const image = await ensureSuite();
    const results = await compete(inBrowserAndNode(contest, image), request.order, runs);
    figures.browser = suiteFigures(request.order.names, results);
    console.log(`${chromium}, headless`);
    for (const { ours, node } of BROWSER_PAIRS) console.log(`${suiteTable(figures.browser, [ours, node], runs)}\n`);
    figures.visits = await visits(contest, runs);
    console.log(`${visitTable(figures.visits, runs)}\n`);
  }
  if (parts.has('deterministic')) {
    const image = await ensureSuite();
    const contestants = [
      inGuestByHost(contest.ours, image, 'deterministic', ['deterministic = 1']),
      inGuestByHost(contest.ours, image, contest.ours.name, []),
    ];
    figures.deterministic = await suite(contestants, request, 'timed by the host');
  }
  if (parts.has('domains')) console.log(`${domainTable(await domains())}\n`);
  if (parts.has('xenstore')) console.log(`${xenstoreTable(await xenstore(runs))}\n`);
  return figures;
}

async function suite(
  contestants: readonly Contestant[],
  { order, runs }: Request,
  title: string,
): Promise<SuiteFigures> {
  const figures = suiteFigures(order.names, await compete(contestants, order, runs));
  const names = contestants.map(({ name }) => name);
  console.log(`${title}\n${suiteTable(figures, names, runs)}\n`);
  return figures;
}

function readArguments(): Request {
  const { values } = parsed();
  if (values.help) usage(0);
  const runs = Number(values.runs ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(runs) || runs < 1) usage(1, `--runs ${values.runs}: expected a count, for example --runs 3`);
  const chosen = PARTS.filter((part) => values[part]);
  return {
    parts: new Set(chosen.length > 0 ? chosen : USUAL_PARTS),
    runs,
    order: { names: programs(values.only), divisor: values.quick ? QUICK_DIVISOR : 1 },
    json: values.json,
  };
}

function parsed() {
  try {
    return parseArgs({
      options: {
        boot: { type: 'boolean' },
        suite: { type: 'boolean' },
        idle: { type: 'boolean' },
        hypercalls: { type: 'boolean' },
        browser: { type: 'boolean' },
        deterministic: { type: 'boolean' },
        xenstore: { type: 'boolean' },
        domains: { type: 'boolean' },
        runs: { type: 'string', short: 'n' },
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    return usage(1, (error as Error).message);
  }
}

function programs(only: readonly string[] | undefined): readonly string[] {
  if (only === undefined) return PROGRAMS;
  const wanted = only.join(',').split(',');
  const unknown = wanted.filter((name) => !PROGRAMS.includes(name));
  if (unknown.length > 0) usage(1, `--only ${unknown.join(',')}: no such program`);
  return PROGRAMS.filter((name) => wanted.includes(name));
}

function usage(status: number, reason?: string): never {
  if (reason !== undefined) console.error(`bench: ${reason}`);
  console.error(USAGE);
  process.exit(status);
}

await main();
