import { XenolithError } from '../../../lib/errors.ts';
import { attempt } from '../../toolstack/errors.ts';
import { parseConfig } from '../cfg/parser.ts';
import { left, right } from '../columns.ts';
import { cpusIn } from '../../toolstack/cpu-range.ts';
import { findPool, poolName } from '../cpupools.ts';
import { findLiveDomain, onHost, printJson } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import { readCpus } from '../processors.ts';
import { readText } from '../read-domain.ts';
import { schedulerByName, schedulerName } from '../schedulers.ts';
import type { RunningHost } from '../services.ts';

/** `xl cpupool-list` */
export const cpupoolList = onHost({
  name: 'cpupool-list',
  summary: 'List CPU pools on host',
  usage: '[-c|--cpus] [<CPU Pool>]',
  options: ['-c, --cpus  The processors of each pool'],
  short: 'c',
  long: { cpus: { value: false, letter: 'c' } },
  json: true,
  run: async (args, host, context) => {
    const [only] = args.operands;
    const pools = only === undefined ? host.sched.cpupools() : [await findPool(host, only)];
    const rows = [];
    for (const { id, sched, domains, cpus } of pools) {
      rows.push({ name: await poolName(host, id), id, cpus: cpusIn(cpus), scheduler: schedulerName(sched), domains });
    }
    if (args.has('json')) {
      printJson(context, rows);
      return 0;
    }
    const head = args.has('c') ? 'CPU list' : 'CPUs   Sched     Active   Domain count';
    const lines = rows.map(({ name, cpus, scheduler, domains }) =>
      args.has('c')
        ? `${left(name, 19)}${cpus.join(',')}\n`
        : `${left(name, 19)}${right(cpus.length, 3)} ${right(scheduler, 9)}       y       ${right(domains, 4)}\n`,
    );
    context.services.stdout(`${left('Name', 19)}${head}\n${lines.join('')}`);
    return 0;
  },
});

/** `xl cpupool-create` */
export const cpupoolCreate = onHost({
  name: 'cpupool-create',
  summary: 'Create a new CPU pool',
  usage: '[options] [<ConfigFile>] [Variable=value ...]',
  options: ['-f FILE, --defconfig=FILE  Read this file', '-n, --dryrun  Tell what would be made'],
  short: 'nf:',
  long: { defconfig: { value: true, letter: 'f' }, dryrun: { value: false, letter: 'n' } },
  modifies: true,
  canDryRun: true,
  run: async (args, host, context) => {
    const extra = args.operands.filter((operand) => operand.includes('='));
    const file = args.value('f') ?? args.operands.find((operand) => !operand.includes('='));
    const text = file === undefined || file === '/dev/null' ? '' : await readText(context, file);
    const config = parseConfig(file ?? 'command line', text, extra);
    const name = config.string('name', 'mypool');
    if (name === undefined) throw new XenolithError('XL_CPUPOOL', 'Missing cpupool name!');
    for (const { id } of host.sched.cpupools()) {
      if ((await poolName(host, id)) !== name) continue;
      throw new XenolithError('XL_CPUPOOL', `Pool name "${name}" already exists`);
    }
    const word = config.string('sched', 'credit2');
    const sched = word === undefined ? host.tools.sched_id() : schedulerByName(word);
    if (sched === undefined) throw new XenolithError('XL_CPUPOOL', `sched = "${word}": Unknown scheduler`);
    const cpus = chosenCpus(host, config.get('cpus')?.value);

    const say = context.services.stdout;
    say(`Using config file "${file ?? 'command line'}"\n`);
    say(`cpupool name:   ${name}\nscheduler:      ${schedulerName(sched)}\nnumber of cpus: ${cpus.length}\n`);
    if (context.dryRun || args.has('n')) return 0;
    await attempt('create the cpupool', () => makePool(host, name, sched, cpus));
    return 0;
  },
});

type Value = import('../cfg/config.ts').Value;

/** All that are named, which have to be free; one that is free where none is named. */
function chosenCpus(host: RunningHost, value: Value | undefined): number[] {
  const free = cpusIn(host.sched.free_cpus());
  if (value === undefined) {
    const [first] = free;
    if (first === undefined) throw new XenolithError('XL_CPUPOOL', 'no free cpu found');
    return [first];
  }
  const texts =
    value.kind === 'string' ? [value.text] : value.items.map((item) => (item.kind === 'string' ? item.text : ''));
  const cpus = texts.flatMap((text) => cpusIn(readCpus(host, text)));
  const taken = cpus.find((cpu) => !free.includes(cpu));
  if (taken !== undefined) throw new XenolithError('XL_CPUPOOL', `cpu ${taken} illegal or not free`);
  return cpus;
}

async function makePool(host: RunningHost, name: string, sched: number, cpus: readonly number[]): Promise<void> {
  const id = host.sched.cpupool_create(sched);
  try {
    for (const cpu of cpus) host.sched.cpupool_addcpu(id, cpu);
    await host.store.replace([`/local/pool/${id}`], [{ path: `/local/pool/${id}/name`, value: name }]);
  } catch (error) {
    for (const cpu of cpusIn(host.sched.cpupools().find((pool) => pool.id === id)?.cpus ?? 0n)) {
      host.sched.cpupool_removecpu(id, cpu);
    }
    host.sched.cpupool_destroy(id);
    throw error;
  }
}

/** `xl cpupool-destroy` */
export const cpupoolDestroy = onHost({
  name: 'cpupool-destroy',
  summary: 'Deactivates a CPU pool',
  usage: '<CPU Pool>',
  requires: 1,
  modifies: true,
  run: async (args, host, context) => {
    const pool = await findPool(host, args.operand(0));
    if (pool.id === 0 || pool.domains > 0) {
      const why = pool.id === 0 ? 'it is the first one' : `${pool.domains} domains are in it: xl cpupool-migrate`;
      context.say(`Can't destroy cpupool '${args.operand(0)}': ${why}`);
      return EXIT_ERROR;
    }
    await attempt(`destroy cpupool ${pool.id}`, async () => {
      for (const cpu of cpusIn(pool.cpus)) host.sched.cpupool_removecpu(pool.id, cpu);
      host.sched.cpupool_destroy(pool.id);
      await host.store.replace([`/local/pool/${pool.id}`], []);
    });
    return 0;
  },
});

/** `xl cpupool-rename` */
export const cpupoolRename = onHost({
  name: 'cpupool-rename',
  summary: 'Renames a CPU pool',
  usage: '<CPU Pool> <new name>',
  requires: 2,
  modifies: true,
  run: async (args, host) => {
    const pool = await findPool(host, args.operand(0));
    const path = `/local/pool/${pool.id}/name`;
    await host.store.replace([], [{ path, value: args.operand(1) }]);
    return 0;
  },
});

/** `xl cpupool-cpu-add` */
export const cpupoolCpuAdd = changingCpus({
  name: 'cpupool-cpu-add',
  summary: 'Adds a CPU to a CPU pool',
  what: (cpu, pool) => `add cpu ${cpu} to ${pool}`,
  change: (sched, pool, cpu) => sched.cpupool_addcpu(pool, cpu),
});

/** `xl cpupool-cpu-remove` */
export const cpupoolCpuRemove = changingCpus({
  name: 'cpupool-cpu-remove',
  summary: 'Removes a CPU from a CPU pool',
  what: (cpu, pool) => `remove cpu ${cpu} from ${pool}`,
  change: (sched, pool, cpu) => sched.cpupool_removecpu(pool, cpu),
});

/** `xl cpupool-migrate` */
export const cpupoolMigrate = onHost({
  name: 'cpupool-migrate',
  summary: 'Moves a domain into a CPU pool',
  usage: '<Domain> <CPU Pool>',
  requires: 2,
  modifies: true,
  run: async (args, host) => {
    const domid = await findLiveDomain(host, args.operand(0));
    const pool = await findPool(host, args.operand(1));
    await attempt(`move domain ${domid} to cpupool ${pool.id}`, () => host.sched.cpupool_movedomain(pool.id, domid));
    return 0;
  },
});

/** `xl cpupool-numa-split`: with one node there is nothing to split. */
export const cpupoolNumaSplit = onHost({
  name: 'cpupool-numa-split',
  summary: 'Splits up the machine into one CPU pool per NUMA node',
  usage: '',
  modifies: true,
  run: async (_args, host, context) => {
    const nodes = host.ctrl.physinfo().nr_nodes;
    if (host.sched.cpupools().length > 1) {
      context.say('splitting not possible, already cpupools in use');
      return EXIT_ERROR;
    }
    if (nodes > 1)
      throw new XenolithError('XL_CPUPOOL', `this host has ${nodes} NUMA nodes, which xl cannot split yet`);
    await host.store.replace([], [{ path: '/local/pool/0/name', value: 'Pool-node0' }]);
    return 0;
  },
});

interface CpuChange {
  readonly name: string;
  readonly summary: string;
  /** What is tried, for whoever is told that it failed. */
  readonly what: (cpu: number, pool: string) => string;
  readonly change: (sched: RunningHost['sched'], pool: number, cpu: number) => void;
}

/** A command that gives a pool CPUs, or takes them from it, one after the other. */
function changingCpus({ name, summary, what, change }: CpuChange) {
  return onHost({
    name,
    summary,
    usage: '<CPU Pool> <CPU nr>|node:<node nr>',
    requires: 2,
    modifies: true,
    run: async (args, host) => {
      const pool = await findPool(host, args.operand(0));
      for (const cpu of cpusIn(readCpus(host, args.operand(1)))) {
        await attempt(what(cpu, args.operand(0)), () => change(host.sched, pool.id, cpu));
      }
      return 0;
    },
  });
}
