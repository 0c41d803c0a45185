import { XEN_SYSCTL_PHYSCAP_gnttab_v1, XEN_SYSCTL_PHYSCAP_gnttab_v2 } from '../../../abi/sysctl.ts';
import { XEN_SYSCTL_PHYSCAP_hap, XEN_SYSCTL_PHYSCAP_hvm, XEN_SYSCTL_PHYSCAP_pv } from '../../../abi/sysctl.ts';
import { left, right } from '../columns.ts';
import { cpusIn } from '../../toolstack/cpu-range.ts';
import { findDomain, findLiveDomain, onHost, printJson } from '../define-command.ts';
import { schedulerName } from '../schedulers.ts';
import type { RunningHost } from '../services.ts';

type Row = readonly [name: string, value: string];

/** `xl info`: the host, in lines of `name : value` that Ganeti and others read. */
export const info = onHost({
  name: 'info',
  summary: 'Get information about Xen host',
  usage: '[options] [Name]',
  options: ['-n, --numa      NUMA topology as well', '-x, --xenstore  Features of XenStore as well'],
  short: 'nx',
  long: { numa: { value: false, letter: 'n' }, xenstore: { value: false, letter: 'x' } },
  json: true,
  run: async (args, host, context) => {
    const before = [...nodeRows(host), ...physicalRows(host)];
    const after = xenRows(host);
    if (args.has('x')) {
      after.push(['xenstore_features', `0x${(await host.store.features()).toString(16).padStart(8, '0')}`]);
    }
    after.push(['xend_config_format', '4']);
    const { stdout } = context.services;
    if (args.has('json')) {
      const json = Object.fromEntries([...before, ...after].map(([name, value]) => [name, numberOrText(value)]));
      printJson(context, args.has('n') ? { ...json, ...topologyJson(host) } : json);
      return 0;
    }
    const [only] = args.operands;
    if (only !== undefined && !args.has('n')) {
      // As xl has it: whatever begins with the name.
      for (const [name, value] of [...before, ...after]) if (name.startsWith(only)) stdout(`${value}\n`);
      return 0;
    }
    stdout([...lines(before), ...(args.has('n') ? topologyLines(host) : []), ...lines(after)].join(''));
    return 0;
  },
});

function lines(rows: readonly Row[]): string[] {
  // virt_caps brings its own blank, as do the capabilities at their end.
  return rows.map(([name, value]) => `${left(name, 23)}: ${value}\n`);
}

function numberOrText(value: string): number | string {
  return /^[0-9]+$/.test(value) ? Number(value) : value;
}

function nodeRows({ node }: RunningHost): Row[] {
  return [
    ['host', node.name],
    ['release', node.release],
    ['version', node.version],
    ['machine', node.machine],
  ];
}

function physicalRows(host: RunningHost): Row[] {
  const info = host.ctrl.physinfo();
  const mib = (pages: number) => `${Math.floor(pages / 256)}`;
  const has = (bit: number, name: string) => ((info.capabilities & bit) === 0 ? [] : [name]);
  const virtual = [
    ...has(XEN_SYSCTL_PHYSCAP_pv, 'pv'),
    ...has(XEN_SYSCTL_PHYSCAP_hvm, 'hvm'),
    ...has(XEN_SYSCTL_PHYSCAP_hap, 'hap'),
    ...has(XEN_SYSCTL_PHYSCAP_gnttab_v1, 'gnttab-v1'),
    ...has(XEN_SYSCTL_PHYSCAP_gnttab_v2, 'gnttab-v2'),
  ];
  const words = host.tools.hw_caps().map((word) => word.toString(16).padStart(8, '0'));
  return [
    ['nr_cpus', `${info.nr_cpus}`],
    ['max_cpu_id', `${info.max_cpu_id}`],
    ['nr_nodes', `${info.nr_nodes}`],
    ['cores_per_socket', `${info.cores_per_socket}`],
    ['threads_per_core', `${info.threads_per_core}`],
    ['cpu_mhz', `${Math.floor(info.cpu_khz / 1000)}.${`${info.cpu_khz % 1000}`.padStart(3, '0')}`],
    ['hw_caps', words.join(':')],
    ['virt_caps', virtual.join(' ')],
    ['total_memory', mib(info.total_pages)],
    ['free_memory', mib(info.free_pages - info.outstanding_pages)],
    // Pages are not shared between domains here.
    ['sharing_freed_memory', '0'],
    ['sharing_used_memory', '0'],
    ['outstanding_claims', mib(info.outstanding_pages)],
    ['free_cpus', `${cpusIn(host.sched.free_cpus()).length}`],
  ];
}

function xenRows(host: RunningHost): Row[] {
  const xen = host.tools.version();
  return [
    ['xen_major', `${xen.major}`],
    ['xen_minor', `${xen.minor}`],
    ['xen_extra', xen.extra],
    ['xen_version', `${xen.major}.${xen.minor}${xen.extra}`],
    ['xen_caps', xen.capabilities],
    ['xen_scheduler', schedulerName(host.tools.sched_id())],
    ['xen_pagesize', `${xen.pagesize}`],
    ['platform_params', `virt_start=0x${xen.virt_start.toString(16)}`],
    ['xen_changeset', xen.changeset],
    ['xen_commandline', xen.commandline],
    ['cc_compiler', xen.compiler],
    ['cc_compile_by', xen.compile_by],
    ['cc_compile_domain', xen.compile_domain],
    ['cc_compile_date', xen.compile_date],
    ['build_id', xen.build_id],
  ];
}

function topologyLines(host: RunningHost): string[] {
  const cpus = host.tools.cputopoinfo().map(({ core, socket, node }, cpu) => {
    return `${right(cpu, 3)}:    ${right(core, 4)}     ${right(socket, 4)}     ${right(node, 4)}\n`;
  });
  const mib = (bytes: number) => Math.floor(bytes / (1 << 20));
  const nodes = host.tools.numainfo().map(({ memsize, memfree, distances }, node) => {
    return `${right(node, 4)}:    ${right(mib(memsize), 6)}     ${right(mib(memfree), 6)}      ${distances.join(',')}\n`;
  });
  return [
    'cpu_topology           :\ncpu:    core    socket     node\n',
    ...cpus,
    'device topology        :\ndevice           node\nNo device topology data available\n',
    'numa_info              :\nnode:    memsize    memfree    distances\n',
    ...nodes,
  ];
}

function topologyJson(host: RunningHost) {
  return { cpu_topology: host.tools.cputopoinfo(), numa_info: host.tools.numainfo() };
}

/** `xl uptime` */
export const uptime = onHost({
  name: 'uptime',
  summary: 'Print uptime for all/some domains',
  usage: '[-s] [Domain]',
  options: ['-s  In one line a domain, with the time of day'],
  short: 's',
  json: true,
  run: async (args, host, context) => {
    const chosen = [];
    for (const name of args.operands) chosen.push(await findDomain(host, name));
    const domids = chosen.length > 0 ? chosen : host.domains.list().map(({ domid }) => domid);
    const rows = [];
    for (const domid of domids) {
      const seconds = uptimeOf(host, domid);
      if (seconds !== undefined) rows.push({ name: (await host.domains.nameOf(domid)) ?? '', domid, seconds });
    }
    if (args.has('json')) {
      printJson(context, rows);
      return 0;
    }
    const brief = args.has('s');
    const now = new Date(Number(host.clock.wallclockNs() / 1_000_000n)).toTimeString().slice(0, 8);
    const text = rows.map(({ name, domid, seconds }) =>
      brief
        ? ` ${now} up ${span(seconds, true)}, ${name} (${domid})\n`
        : `${left(name, 33)} ${right(domid, 4)} ${span(seconds, false)}\n`,
    );
    context.services.stdout(`${brief ? '' : `${left('Name', 33)} ${right('ID', 4)} Uptime\n`}${text.join('')}`);
    return 0;
  },
});

/** Seconds; undefined for a domain that is not there. */
function uptimeOf(host: RunningHost, domid: number): number | undefined {
  const since =
    domid === 0 ? host.startedNs : [...host.domains.records()].find((each) => each.domid === domid)?.createdNs;
  return since === undefined ? undefined : Math.max(0, Number((host.clock.wallclockNs() - since) / 1_000_000_000n));
}

/** `1 day,  2:03:04`, or without the seconds. */
function span(total: number, brief: boolean): string {
  const days = Math.floor(total / 86_400);
  const hours = Math.floor((total % 86_400) / 3600);
  const two = (value: number) => `${value}`.padStart(2, '0');
  const time = `${right(hours, 2)}:${two(Math.floor((total % 3600) / 60))}${brief ? '' : `:${two(total % 60)}`}`;
  return days === 0 ? time : `${days} day${days > 1 ? 's' : ''}, ${time}`;
}

/** `xl dmesg`: Xen's own console. */
export const dmesg = onHost({
  name: 'dmesg',
  summary: 'Read and/or clear dmesg buffer',
  usage: '[-c]',
  options: ['-c, --clear  Clear it afterwards'],
  short: 'c',
  long: { clear: { value: false, letter: 'c' } },
  json: true,
  run: async (args, host, context) => {
    const text = new TextDecoder().decode(host.tools.readconsole(args.has('c')));
    if (args.has('json'))
      printJson(
        context,
        text.split('\n').filter((line) => line !== ''),
      );
    else context.services.stdout(text);
    return 0;
  },
});

/** `xl sharing`: no pages are shared, and it says so in xl's columns. */
export const sharing = onHost({
  name: 'sharing',
  summary: 'Get information about page sharing',
  usage: '[Domain]',
  json: true,
  run: async (args, host, context) => {
    const [only] = args.operands;
    const domid = only === undefined ? undefined : await findLiveDomain(host, only);
    const rows = [];
    for (const each of host.domains.list()) {
      if (domid !== undefined && each.domid !== domid) continue;
      const name = (await host.domains.nameOf(each.domid)) ?? '';
      rows.push({ name, domid: each.domid, memoryMiB: Math.floor(each.tot_pages / 256), sharedMiB: 0 });
    }
    if (args.has('json')) printJson(context, rows);
    else {
      const text = rows.map(
        (row) =>
          `${left(row.name, 40)} ${right(row.domid, 5)} ${right(row.memoryMiB, 5)}  ${right(row.sharedMiB, 5)}\n`,
      );
      context.services.stdout(`Name                                        ID   Mem Shared\n${text.join('')}`);
    }
    return 0;
  },
});
