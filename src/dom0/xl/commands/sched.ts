import { XEN_SCHEDULER_CREDIT, XEN_SCHEDULER_CREDIT2 } from '../../../abi/domctl-sched.ts';
import { XenolithError } from '../../../lib/errors.ts';
import type { Cpupool, PoolParameters } from '../../../libs/ctrl/sched-calls.ts';
import type { DomainInfo } from '../../../libs/ctrl/ctrl.ts';
import type { DomainConfig, DomainScheduling } from '../../toolstack/domain-config.ts';
import { attempt } from '../../toolstack/errors.ts';
import { left, right } from '../columns.ts';
import { findPool, poolName } from '../cpupools.ts';
import type { Context } from '../command.ts';
import { type Arguments, findLiveDomain, onHost, printJson } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';

const DOMAIN_OPTIONS = [
  '-d DOMAIN, --domain=DOMAIN        The domain to look at or change',
  '-w WEIGHT, --weight=WEIGHT        Its weight among domains',
  '-c CAP, --cap=CAP                 Percent of a processor at most; 0 for no limit',
  "-s, --schedparam                  Look at or change the pool's parameters",
  '-r RLIMIT, --ratelimit_us=RLIMIT  How long a vCPU runs at least, in microseconds',
  '-p CPUPOOL, --cpupool=CPUPOOL     That pool alone',
];
const LONG = {
  domain: { value: true, letter: 'd' },
  weight: { value: true, letter: 'w' },
  cap: { value: true, letter: 'c' },
  schedparam: { value: false, letter: 's' },
  ratelimit_us: { value: true, letter: 'r' },
  cpupool: { value: true, letter: 'p' },
} as const;

/** `xl sched-credit` */
export const schedCredit = onHost({
  name: 'sched-credit',
  summary: 'Get/set credit scheduler parameters',
  usage: '[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-t TSLICE] [-r RATELIMIT]] [-p CPUPOOL]',
  options: [
    ...DOMAIN_OPTIONS,
    '-t TSLICE, --tslice_ms=TSLICE     How long a vCPU runs at most, in milliseconds',
    '-m DLY, --migration_delay_us=DLY  How long a vCPU stays where its cache is warm, in microseconds',
  ],
  short: 'd:w:c:p:t:r:m:s',
  long: { ...LONG, tslice_ms: { value: true, letter: 't' }, migration_delay_us: { value: true, letter: 'm' } },
  json: true,
  modifies: true,
  run: (args, host, context) => credit(XEN_SCHEDULER_CREDIT, args, host, context),
});

/** `xl sched-credit2` */
export const schedCredit2 = onHost({
  name: 'sched-credit2',
  summary: 'Get/set credit2 scheduler parameters',
  usage: '[-d <Domain> [-w[=WEIGHT]]] [-p CPUPOOL]',
  options: DOMAIN_OPTIONS,
  short: 'd:w:c:p:r:s',
  long: LONG,
  json: true,
  modifies: true,
  run: (args, host, context) => credit(XEN_SCHEDULER_CREDIT2, args, host, context),
});

async function credit(sched: number, args: Arguments, host: RunningHost, context: Context): Promise<number> {
  const ofPool = args.has('p') || args.has('s');
  const change = args.has('w') || args.has('c');
  const tune = ['t', 'r', 'm'].filter((letter) => args.has(letter));
  const refusal =
    ofPool && (args.has('d') || change)
      ? 'Specifying a cpupool or schedparam is not allowed with domain options.'
      : change && !args.has('d')
        ? 'Must specify a domain.'
        : tune.length > 0 && !args.has('s')
          ? 'Must specify schedparam to set schedule parameter values.'
          : undefined;
  if (refusal !== undefined) {
    context.say(refusal);
    return EXIT_ERROR;
  }
  if (args.has('s')) return await poolParameters(sched, args, host, context);
  const name = args.value('d');
  if (name === undefined) return await printPools(sched, args, host, context);

  const domid = await findLiveDomain(host, name);
  const now = await attempt(`read how domain ${domid} is scheduled`, () => host.sched.credit_get(domid, sched));
  if (change) {
    const weight = number(args, 'w') ?? now.weight;
    const cap = number(args, 'c') ?? now.cap;
    await attempt(`schedule domain ${domid}`, () => host.sched.credit_set(domid, sched, { weight, cap }));
    const record = host.domains.record(domid);
    if (record !== undefined) record.config = withScheduling(record.config, { weight, cap });
    return 0;
  }
  if (args.has('json')) printJson(context, { domid, ...now });
  else context.services.stdout(`${CREDIT_HEAD}${await creditRow(host, domid, now.weight, now.cap)}`);
  return 0;
}

function withScheduling(config: DomainConfig, scheduling: DomainScheduling): DomainConfig {
  return { ...config, scheduling: { ...config.scheduling, ...scheduling } };
}

const CREDIT_HEAD = `${left('Name', 33)} ${right('ID', 4)} ${right('Weight', 6)} ${right('Cap', 4)}\n`;

async function creditRow(host: RunningHost, domid: DomainInfo['domid'], weight: number, cap: number): Promise<string> {
  const name = (await host.domains.nameOf(domid)) ?? '';
  return `${left(name, 33)} ${right(domid, 4)} ${right(weight, 6)} ${right(cap, 4)}\n`;
}

async function poolParameters(sched: number, args: Arguments, host: RunningHost, context: Context): Promise<number> {
  const pool = await findPool(host, args.value('p') ?? '0');
  const parameters: { -readonly [key in keyof PoolParameters]?: number } = {};
  const tslice = number(args, 't');
  const ratelimit = number(args, 'r');
  const delay = number(args, 'm');
  if (tslice !== undefined) parameters.tslice_ms = tslice;
  if (ratelimit !== undefined) parameters.ratelimit_us = ratelimit;
  if (delay !== undefined) parameters.vcpu_migr_delay_us = delay;
  if (Object.keys(parameters).length > 0) {
    await attempt(`set the parameters of cpupool ${pool.id}`, () => host.sched.pool_set(pool.id, sched, parameters));
    return 0;
  }
  if (args.has('json')) printJson(context, host.sched.pool_get(pool.id, sched));
  else context.services.stdout(await poolLine(host, pool, sched));
  return 0;
}

async function poolLine(host: RunningHost, pool: Cpupool, sched: number): Promise<string> {
  const name = await poolName(host, pool.id);
  const { tslice_ms, ratelimit_us, vcpu_migr_delay_us } = host.sched.pool_get(pool.id, sched);
  const slice = sched === XEN_SCHEDULER_CREDIT ? `tslice=${tslice_ms}ms ` : '';
  const delay = sched === XEN_SCHEDULER_CREDIT ? ` migration-delay=${vcpu_migr_delay_us}us` : '';
  return `Cpupool ${name}: ${slice}ratelimit=${ratelimit_us}us${delay}\n`;
}

/** All domains of the pools that are under this scheduler. */
async function printPools(sched: number, args: Arguments, host: RunningHost, context: Context): Promise<number> {
  const only = args.value('p') === undefined ? undefined : await findPool(host, args.value('p') ?? '');
  const pools = host.sched
    .cpupools()
    .filter((pool) => pool.sched === sched && (only === undefined || pool.id === only.id));
  const json = [];
  const text: string[] = [];
  for (const pool of pools) {
    text.push(await poolLine(host, pool, sched), CREDIT_HEAD);
    for (const { domid, cpupool } of host.domains.list()) {
      if (cpupool !== pool.id) continue;
      const row = host.sched.credit_get(domid, sched);
      text.push(await creditRow(host, domid, row.weight, row.cap));
      json.push({ cpupool, domid, ...row });
    }
  }
  if (args.has('json')) printJson(context, json);
  else context.services.stdout(text.join(''));
  return 0;
}

function number(args: Arguments, letter: string): number | undefined {
  const text = args.value(letter);
  return text === undefined ? undefined : readNumber(letter, text);
}

/** The number that an option is given. Throws a XenolithError where it is none. */
export function readNumber(letter: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new XenolithError('XL_USAGE', `-${letter} ${text}: expected a number, for example -${letter} 256`);
}
