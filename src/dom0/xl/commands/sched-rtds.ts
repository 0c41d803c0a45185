import { XEN_SCHEDULER_RTDS } from '../../../abi/domctl-sched.ts';
import type { Domid } from '../../../abi/xen.ts';
import type { RtdsParameters } from '../../../libs/ctrl/sched-calls.ts';
import { attempt } from '../../toolstack/errors.ts';
import { left, right } from '../columns.ts';
import type { Context } from '../command.ts';
import { findPool, poolName } from '../cpupools.ts';
import { type Arguments, findLiveDomain, onHost, printJson } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';
import { readNumber } from './sched.ts';

/** `xl sched-rtds`: of domains, or of each of their vCPUs. */
export const schedRtds = onHost({
  name: 'sched-rtds',
  summary: 'Get/set rtds scheduler parameters',
  usage: '[-d <Domain> [-v[=VCPUID/all]] [-p[=PERIOD]] [-b[=BUDGET]] [-e[=Extratime]]]',
  options: [
    '-d DOMAIN, --domain=DOMAIN        The domain to look at or change',
    '-v VCPUID/all, --vcpuid=VCPUID/all  One of its vCPUs, as often as there are, or each of them',
    '-p PERIOD, --period=PERIOD        In microseconds; with -b and -e, once for each -v',
    '-b BUDGET, --budget=BUDGET        What it gets in each period, in microseconds',
    '-e Extratime, --extratime=Extratime  Whether it may have more (1=yes, 0=no)',
    '-c CPUPOOL, --cpupool=CPUPOOL     That pool alone',
  ],
  short: 'd:v:p:b:e:c:',
  long: {
    domain: { value: true, letter: 'd' },
    vcpuid: { value: true, letter: 'v' },
    period: { value: true, letter: 'p' },
    budget: { value: true, letter: 'b' },
    extratime: { value: true, letter: 'e' },
    cpupool: { value: true, letter: 'c' },
  },
  json: true,
  modifies: true,
  run,
});

/** What the options ask for, as main_sched_rtds of xl reads them. */
interface Request {
  /** 'default' for what new vCPUs get. */
  readonly vcpus: 'default' | 'all' | readonly number[];
  /** One for each vCPU, or for all of them; none where nothing is to be changed. */
  readonly changes: readonly RtdsParameters[];
}

async function run(args: Arguments, host: RunningHost, context: Context): Promise<number> {
  const request = read(args);
  if (typeof request === 'string') {
    context.say(request);
    return EXIT_ERROR;
  }
  const name = args.value('d');
  if (name === undefined) return await printPools(request.vcpus === 'all', args, host, context);

  const domid = await findLiveDomain(host, name);
  const vcpus = numbers(request.vcpus, domid, host);
  if (request.changes.length === 0) {
    const rows = await attempt(`read how domain ${domid} is scheduled`, () => rowsOf(host, domid, vcpus));
    const head = vcpus === undefined ? HEAD : VCPU_HEAD;
    if (args.has('json')) printJson(context, rows);
    else context.services.stdout(`${head}${await text(host, rows)}`);
    return 0;
  }
  await attempt(`schedule domain ${domid}`, () => {
    for (const [index, vcpu] of (vcpus ?? []).entries()) {
      const wanted = request.changes[request.vcpus === 'all' ? 0 : index];
      if (wanted !== undefined) host.sched.rtds_vcpu_set(domid, [vcpu], wanted);
    }
  });
  return 0;
}

function read(args: Arguments): Request | string {
  const [periods, budgets, extras] = ['p', 'b', 'e'].map((letter) => args.values(letter));
  const which = args.values('v');
  const all = which.includes('all');
  const one = which.filter((vcpu) => vcpu !== 'all');
  const changes = [periods, budgets, extras].some((values) => (values?.length ?? 0) > 0);
  if (args.has('c') && (args.has('d') || changes || which.length > 0)) {
    return 'Specifying a cpupool is not allowed with other options.';
  }
  if (!args.has('d') && (changes || one.length > 0)) return 'Missing parameters.';
  if (changes && which.length === 0) return 'Must specify VCPU.';
  if (all && one.length > 0) return 'Incorrect VCPU IDs.';
  const count = periods?.length ?? 0;
  if (changes && (budgets?.length !== count || extras?.length !== count || count < (all ? 1 : one.length))) {
    return 'Incorrect number of period, budget and extratime';
  }
  return {
    vcpus: all ? 'all' : one.length === 0 ? 'default' : one.map((vcpu) => readNumber('v', vcpu)),
    changes: Array.from({ length: count }, (_, index) => ({
      period: readNumber('p', periods?.[index] ?? ''),
      budget: readNumber('b', budgets?.[index] ?? ''),
      extratime: readNumber('e', extras?.[index] ?? '') !== 0,
    })),
  };
}

interface Row extends RtdsParameters {
  readonly domid: Domid;
  readonly vcpu?: number;
}

/** Which vCPUs those are; undefined for what the domain as a whole has. */
function numbers(vcpus: Request['vcpus'], domid: Domid, host: RunningHost): readonly number[] | undefined {
  if (vcpus === 'default') return undefined;
  if (vcpus !== 'all') return vcpus;
  const last = host.ctrl.domain_getinfo(domid)?.max_vcpu_id ?? 0;
  return Array.from({ length: last + 1 }, (_, vcpu) => vcpu);
}

function rowsOf(host: RunningHost, domid: Domid, vcpus: readonly number[] | undefined): Row[] {
  // Xen does not tell the extra time of the default, which new vCPUs have; xl says yes as well.
  if (vcpus === undefined) return [{ domid, ...host.sched.rtds_get(domid), extratime: true }];
  return host.sched.rtds_vcpu_get(domid, vcpus).map((row, index) => ({ domid, vcpu: vcpus[index] ?? 0, ...row }));
}

const HEAD = `${left('Name', 33)} ${right('ID', 4)} ${right('Period', 9)} ${right('Budget', 9)} ${right('Extratime', 10)}\n`;
const VCPU_HEAD = HEAD.replace('  ID', '  ID VCPU');

async function text(host: RunningHost, rows: readonly Row[]): Promise<string> {
  const lines: string[] = [];
  for (const { domid, vcpu, period, budget, extratime } of rows) {
    const name = (await host.domains.nameOf(domid)) ?? '';
    const which = vcpu === undefined ? '' : ` ${right(vcpu, 4)}`;
    const what = `${right(period, 9)} ${right(budget, 9)} ${right(extratime ? 'yes' : 'no', 10)}`;
    lines.push(`${left(name, 33)} ${right(domid, 4)}${which} ${what}\n`);
  }
  return lines.join('');
}

/** All domains of the pools that are under this scheduler, or all of their vCPUs. */
async function printPools(vcpus: boolean, args: Arguments, host: RunningHost, context: Context): Promise<number> {
  const only = args.value('c') === undefined ? undefined : await findPool(host, args.value('c') ?? '');
  const json: (Row & { readonly cpupool: number })[] = [];
  const lines: string[] = [];
  for (const pool of host.sched.cpupools()) {
    if (pool.sched !== XEN_SCHEDULER_RTDS || (only !== undefined && pool.id !== only.id)) continue;
    lines.push(`Cpupool ${await poolName(host, pool.id)}: sched=RTDS\n`, vcpus ? VCPU_HEAD : HEAD);
    for (const { domid, cpupool } of host.domains.list()) {
      if (cpupool !== pool.id) continue;
      const rows = rowsOf(host, domid, vcpus ? numbers('all', domid, host) : undefined);
      lines.push(await text(host, rows));
      json.push(...rows.map((row) => ({ cpupool, ...row })));
    }
  }
  if (args.has('json')) printJson(context, json);
  else context.services.stdout(lines.join(''));
  return 0;
}
