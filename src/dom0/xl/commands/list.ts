import type { DomainInfo } from '../../../libs/ctrl/ctrl.ts';
import { uuidText } from '../../toolstack/domain-config.ts';
import { SHUTDOWN_REASONS } from '../../toolstack/domain-record.ts';
import { left, right, seconds } from '../columns.ts';
import { configOf, yajl } from '../config-json.ts';
import { type Arguments, findDomain, findLiveDomain, onHost, printJson } from '../define-command.ts';
import { type Context, helpText } from '../command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';

/** `xl list`: the domains, a row each, as tools read them. */
export const list = onHost({
  name: 'list',
  summary: 'List information about all/some domains',
  usage: '[options] [Domain]',
  options: [
    '-l, --long     All of each domain, as JSON in the words of libxl',
    '-v, --verbose  UUIDs and security labels as well',
    '-Z, --context  Security labels as well',
    '-c, --cpupool  The cpupool each domain is in',
    '-n, --numa     The NUMA nodes each domain is on',
  ],
  short: 'lvZcn',
  long: {
    long: { value: false, letter: 'l' },
    verbose: { value: false, letter: 'v' },
    context: { value: false, letter: 'Z' },
    cpupool: { value: false, letter: 'c' },
    numa: { value: false, letter: 'n' },
  },
  json: true,
  run: async (args, host, context) => {
    const infos = await chosen(args, host);
    if (infos === undefined) {
      context.services.stdout(helpText(list));
      return EXIT_ERROR;
    }
    if (args.has('l')) await printLong(infos, host, context);
    else if (args.has('json')) printJson(context, await Promise.all(infos.map((info) => rowJson(info, host))));
    else context.services.stdout(await table(infos, host, columnsOf(args)));
    return 0;
  },
});

/** `xl claims`: memory that domains have claimed and not taken yet. */
export const claims = onHost({
  name: 'claims',
  summary: 'List outstanding claim information about all domains',
  usage: '',
  json: true,
  run: async (args, host, context) => {
    const infos = host.domains.list();
    if (args.has('json')) {
      const claim = async (info: DomainInfo) => ({
        ...(await rowJson(info, host)),
        claimedMiB: mib(info.outstanding_pages),
      });
      printJson(context, await Promise.all(infos.map(claim)));
    } else {
      context.services.stdout(await table(infos, host, { ...NO_COLUMNS, claim: true }));
    }
    return 0;
  },
});

/** `xl vm-list`: guests by UUID. */
export const vmList = onHost({
  name: 'vm-list',
  summary: 'List guest domains, excluding dom0, stubdoms, etc.',
  usage: '',
  json: true,
  run: async (args, host, context) => {
    const rows = [];
    for (const { domid, handle } of host.domains.list()) {
      if (domid === 0) continue;
      rows.push({ uuid: uuidText(handle), domid, name: (await host.domains.nameOf(domid)) ?? '' });
    }
    if (args.has('json')) printJson(context, rows);
    else {
      const lines = rows.map(({ uuid, domid, name }) => `${uuid}  ${domid}    ${left(name, 30)}\n`);
      context.services.stdout(`UUID                                  ID    name\n${lines.join('')}`);
    }
    return 0;
  },
});

interface Columns {
  readonly verbose: boolean;
  readonly context: boolean;
  readonly claim: boolean;
  readonly cpupool: boolean;
  readonly numa: boolean;
}

const NO_COLUMNS: Columns = { verbose: false, context: false, claim: false, cpupool: false, numa: false };

function columnsOf(args: Arguments): Columns {
  return { verbose: args.has('v'), context: args.has('Z'), claim: false, cpupool: args.has('c'), numa: args.has('n') };
}

async function chosen(args: Arguments, host: RunningHost): Promise<DomainInfo[] | undefined> {
  const { operands } = args;
  if (operands.length > 1) return undefined;
  const [only] = operands;
  if (only === undefined) return host.domains.list();
  const domid = await findLiveDomain(host, only);
  const info = host.ctrl.domain_getinfo(domid);
  return info === undefined ? [] : [info];
}

/** Columns and widths of list_domains in tools/xl/xl_info.c: Ganeti and Pacemaker split these lines. */
async function table(infos: readonly DomainInfo[], host: RunningHost, columns: Columns): Promise<string> {
  const { verbose, context, claim, cpupool, numa } = columns;
  const head = [
    'Name                                        ID   Mem VCPUs\tState\tTime(s)',
    verbose ? '   UUID                            Reason-Code\tSecurity Label' : '',
    context && !verbose ? '   Security Label' : '',
    claim ? '  Claimed' : '',
    cpupool ? '         Cpupool' : '',
    numa ? ' NODE Affinity' : '',
  ].join('');
  const lines = [head];
  for (const info of infos) {
    const name = (await host.domains.nameOf(info.domid)) ?? '(null)';
    const memory = mib(info.tot_pages + info.outstanding_pages);
    const reason = info.shutdown ? right(info.shutdown_reason.toString(16), 8) : right('-', 8);
    const pool = cpupool ? ((await host.store.read(`/local/pool/${info.cpupool}/name`)) ?? '') : '';
    lines.push(
      [
        `${left(name, 40)} ${right(info.domid, 5)} ${right(memory, 5)} ${right(info.nr_online_vcpus, 5)}`,
        `     ${stateLetters(info)}  ${seconds(info.cpu_time, 8)}`,
        verbose ? ` ${uuidText(info.handle)} ${reason}` : '',
        claim ? ` ${right(mib(info.outstanding_pages), 5)}` : '',
        verbose || context ? ` ${right('-', 16)}` : '',
        cpupool ? right(pool, 16) : '',
        numa ? ' all' : '',
      ].join(''),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** How a domain is, in six letters. */
export function stateLetters(info: DomainInfo): string {
  const reason = info.shutdown ? (REASON_LETTERS[info.shutdown_reason] ?? '?') : '-';
  const letter = (has: boolean, one: string) => (has ? one : '-');
  return [
    letter(info.running, 'r'),
    letter(info.blocked, 'b'),
    letter(info.paused, 'p'),
    letter(info.shutdown, 's'),
    reason,
    letter(info.dying, 'd'),
  ].join('');
}

/** Of poweroff, reboot, suspend, crash, watchdog, soft reset. */
const REASON_LETTERS = '-rscwS';

async function rowJson(info: DomainInfo, host: RunningHost) {
  return {
    name: (await host.domains.nameOf(info.domid)) ?? null,
    domid: info.domid,
    uuid: uuidText(info.handle),
    memoryMiB: mib(info.tot_pages + info.outstanding_pages),
    maxMemoryMiB: info.domid === 0 ? null : mib(info.max_pages),
    vcpus: info.nr_online_vcpus,
    maxVcpus: info.max_vcpu_id + 1,
    state: stateLetters(info),
    shutdownReason: info.shutdown ? (SHUTDOWN_REASONS[info.shutdown_reason] ?? 'unknown') : null,
    cpuSeconds: Number(info.cpu_time) / 1e9,
    cpupool: info.cpupool,
  };
}

/** `list -l`: what libxl keeps of each domain. */
async function printLong(infos: readonly DomainInfo[], host: RunningHost, context: Context): Promise<void> {
  const rows = [];
  for (const info of infos) {
    const record = host.domains.record(info.domid);
    const config = record === undefined ? await dom0Config(info, host) : configOf(record.config);
    rows.push({ domid: info.domid, config });
  }
  context.services.stdout(`${yajl(rows)}\n`);
}

async function dom0Config(info: DomainInfo, host: RunningHost) {
  const kib = info.tot_pages * 4;
  return {
    c_info: { type: 'pv', name: await host.domains.nameOf(info.domid) },
    b_info: {
      max_memkb: kib,
      target_memkb: kib,
      'type.pv': {},
      arch_arm: {},
      arch_x86: {},
    },
  };
}

function mib(pages: number): number {
  return Math.floor(pages / 256);
}

/** `xl domid`. */
export const domidCommand = onHost({
  name: 'domid',
  summary: 'Convert a domain name to domain id',
  usage: '<DomainName>',
  requires: 1,
  json: true,
  run: async (args, host, context) => {
    const name = args.operand(0);
    for (const { domid } of host.domains.list()) {
      if ((await host.domains.nameOf(domid)) !== name) continue;
      if (args.has('json')) printJson(context, { domid });
      else context.services.stdout(`${domid}\n`);
      return 0;
    }
    context.say(`Can't get domid of domain name '${name}', maybe this domain does not exist.`);
    return EXIT_ERROR;
  },
});

/** `xl domname`. */
export const domname = onHost({
  name: 'domname',
  summary: 'Convert a domain id to domain name',
  usage: '<DomainId>',
  requires: 1,
  json: true,
  run: async (args, host, context) => {
    const id = args.operand(0);
    if (!/^[0-9]+/.test(id)) {
      context.say('Invalid domain id.\n');
      return EXIT_ERROR;
    }
    const domid = await findDomain(host, `${Number.parseInt(id, 10)}`);
    const name = host.ctrl.domain_getinfo(domid) === undefined ? undefined : await host.domains.nameOf(domid);
    if (name === undefined) {
      context.say(`Can't get domain name of domain id '${domid}', maybe this domain does not exist.`);
      return EXIT_ERROR;
    }
    if (args.has('json')) printJson(context, { name });
    else context.services.stdout(`${name}\n`);
    return 0;
  },
});
