import type { Domid } from '../../../abi/xen.ts';
import { XenolithError } from '../../../lib/errors.ts';
import type { VcpuAffinity } from '../../../libs/ctrl/tool-calls.ts';
import { setOnlineVcpus } from '../../toolstack/domain-control.ts';
import { attempt } from '../../toolstack/errors.ts';
import { left, right, seconds } from '../columns.ts';
import { findDomain, findGuest, findLiveDomain, onHost, printJson } from '../define-command.ts';
import type { Context } from '../command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import { hostConf } from '../read-domain.ts';
import { cpuCount, readCpus, showCpus } from '../processors.ts';
import type { RunningHost } from '../services.ts';

/** `xl vcpu-list` */
export const vcpuList = onHost({
  name: 'vcpu-list',
  summary: 'List the VCPUs for all/some domains',
  usage: '[Domain, ...]',
  json: true,
  run: async (args, host, context) => {
    const chosen: Domid[] = [];
    for (const name of args.operands) chosen.push(await findDomain(host, name));
    const rows = await vcpuRows(host, chosen.length > 0 ? chosen : host.domains.list().map(({ domid }) => domid));
    if (args.has('json')) {
      printJson(context, rows);
      return 0;
    }
    const head = [left('Name', 32), right('ID', 5), right('VCPU', 5), right('CPU', 5), right('State', 5)].join(' ');
    const text = rows.map((row) => {
      const state = row.online
        ? `${right(row.cpu, 5)} ${right(row.running ? 'r' : '-', 3)}${row.blocked ? 'b' : '-'}- `
        : `${right('-', 5)} ${right('-', 3)}-p `;
      const time = `${seconds(row.cpuTimeNs, 9)}  ${row.hard} / ${row.soft}`;
      return `${left(row.name, 32)} ${right(row.domid, 5)} ${right(row.vcpu, 5)}${state}${time}\n`;
    });
    context.services.stdout(`${head} ${right('Time(s)', 9)} Affinity (Hard / Soft)\n${text.join('')}`);
    return 0;
  },
});

async function vcpuRows(host: RunningHost, domids: readonly Domid[]) {
  const rows = [];
  for (const domid of domids) {
    const info = host.ctrl.domain_getinfo(domid);
    const name = (await host.domains.nameOf(domid)) ?? '';
    for (let vcpu = 0; vcpu <= (info?.max_vcpu_id ?? -1); vcpu++) {
      const { online, running, blocked, cpu, cpu_time } = host.tools.vcpu_getinfo(domid, vcpu);
      const { hard, soft } = host.tools.vcpu_getaffinity(domid, vcpu);
      const where = { hard: showCpus(host, hard), soft: showCpus(host, soft) };
      rows.push({ name, domid, vcpu, cpu, online, running, blocked, cpuTimeNs: cpu_time, ...where });
    }
  }
  return rows;
}

/** `xl vcpu-pin` */
export const vcpuPin = onHost({
  name: 'vcpu-pin',
  summary: 'Set which CPUs a VCPU can use',
  usage: '[option] <Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>',
  options: [
    '-f, --force                     Undo what a guest has pinned itself to for a while',
    "--ignore-global-affinity-masks  Use processors that the host's xl.conf keeps back",
  ],
  short: 'fi',
  long: { force: { value: false, letter: 'f' }, 'ignore-global-affinity-masks': { value: false, letter: 'i' } },
  requires: 3,
  modifies: true,
  canDryRun: true,
  run: async (args, host, context) => {
    const domid = await findLiveDomain(host, args.operand(0));
    const which = args.operand(1);
    if (which !== 'all' && !/^[0-9]+$/.test(which)) {
      context.say(`Error: Invalid argument ${which} as VCPU.`);
      return EXIT_ERROR;
    }
    if (which === 'all' && args.has('f')) {
      context.say("Error: --force and 'all' as VCPU not allowed.");
      return EXIT_ERROR;
    }
    const read = (text: string | undefined) => (text === undefined || text === '-' ? undefined : readCpus(host, text));
    const hard = read(args.operand(2));
    const soft = read(args.operands[3]);
    if (context.dryRun) {
      const shown = [
        hard === undefined ? '-' : showCpus(host, hard),
        ...(soft === undefined ? [] : [showCpus(host, soft)]),
      ];
      context.services.stdout(`cpumap: ${shown.join(' ')}\n`);
      return 0;
    }
    const left = args.has('i') || domid === 0 ? hard : await withinMasks(hard, host, context);
    if (left === 0n) {
      context.say('vcpu hard affinity map is empty');
      return EXIT_ERROR;
    }
    const wanted: Partial<VcpuAffinity> = {
      ...(left === undefined ? {} : { hard: left }),
      ...(soft === undefined ? {} : { soft }),
    };
    const last = host.ctrl.domain_getinfo(domid)?.max_vcpu_id ?? -1;
    const vcpus = which === 'all' ? Array.from({ length: last + 1 }, (_, vcpu) => vcpu) : [Number(which)];
    for (const vcpu of vcpus) {
      const step = () => void host.tools.vcpu_setaffinity(domid, vcpu, wanted, args.has('f'));
      await attempt(`set affinity for vcpu \`${vcpu}'`, step);
    }
    return 0;
  },
});

/** What xl.conf leaves of processors. */
async function withinMasks(hard: bigint | undefined, host: RunningHost, context: Context): Promise<bigint | undefined> {
  if (hard === undefined) return undefined;
  // What else is in the file, and does nothing, was told as the domain was created.
  const { cpuMasks } = await hostConf({ ...context, say: () => {} });
  return cpuMasks.reduce((left, mask) => left & readCpus(host, mask), hard);
}

/** `xl vcpu-set` */
export const vcpuSet = onHost({
  name: 'vcpu-set',
  summary: 'Set the number of active VCPUs allowed for the domain',
  usage: '[option] <Domain> <vCPUs>',
  options: ['-i, --ignore-host  More than the host has processors are all right'],
  short: 'i',
  long: { 'ignore-host': { value: false, letter: 'i' } },
  requires: 2,
  modifies: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'vcpu-set');
    const text = args.operand(1);
    const wanted = /^[0-9]+$/.test(text) ? Number(text) : 0;
    if (wanted < 1) {
      context.say('Error: Invalid argument.');
      return EXIT_ERROR;
    }
    const info = host.ctrl.domain_getinfo(domid);
    const cpus = cpuCount(host);
    if (!args.has('i') && wanted > (info?.nr_online_vcpus ?? 0) && wanted > cpus) {
      const what = `${cpus} physical CPUs and want ${wanted} vCPUs`;
      context.say(`You are overcommmitting! You have ${what}! Aborting, use --ignore-host to continue`);
      return EXIT_ERROR;
    }
    const most = (info?.max_vcpu_id ?? 0) + 1;
    if (wanted > most) {
      throw new XenolithError(
        'XL_VCPUS',
        `xl vcpu-set: domain ${domid} has ${most} vCPUs (maxvcpus): expected 1 to ${most}`,
      );
    }
    await setOnlineVcpus(host, domid, wanted, most);
    const record = host.domains.record(domid);
    if (record !== undefined) record.config = { ...record.config, vcpus: wanted };
    return 0;
  },
});
