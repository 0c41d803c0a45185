import { arch, hostname, release, version } from 'node:os';
import { Domains } from '../../dom0/toolstack/domains.ts';
import { ConsoleSeats } from '../../dom0/xl/console-seats.ts';
import type { RunningHost } from '../../dom0/xl/services.ts';
import { defer } from '../../host/node/event-loop.ts';
import type { Clock, Random } from '../../lib/ports.ts';
import type { Machine } from '../machine.ts';
import { startTrace } from '../trace/start-trace.ts';
import { dumpInto, writeCoreFile } from './core-file.ts';

/** What a machine needs around it for its domains to be looked after. */
export interface HostSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (line: string) => void;
  /** What `xl host status` tells as the host's folder, and where xl.conf is. */
  readonly folder: string;
  /** Where core dumps go; made when the first one comes. */
  readonly dumps: string;
  /** Its clock is the machine's own, which goes by instructions. */
  readonly repeats?: boolean;
  /** Ends the host, once whoever asks has its answer. */
  readonly stop: () => void;
}

/** A machine as xl's commands see it, with a toolstack that looks after its domains. */
export function runningHost(machine: Machine, around: HostSurroundings): RunningHost {
  const { clock, folder } = around;
  return {
    ctrl: machine.ctrl,
    tools: machine.tools,
    foreignMemory: machine.foreignMemory,
    store: machine.store,
    clock,
    sched: machine.sched,
    state: machine.state,
    hypfs: machine.hypfs,
    domains: domainsOf(machine, around),
    seats: new ConsoleSeats(),
    folder,
    pid: process.pid,
    node: { name: hostname(), release: release(), version: version(), machine: arch() === 'x64' ? 'x86_64' : arch() },
    repeats: around.repeats ?? false,
    startedNs: clock.wallclockNs(),
    attachConsole: (domid, viewer, from) => machine.attachConsole(domid, viewer, from),
    attachChannel: (domid, number, viewer) => machine.attachChannel(domid, number, viewer),
    describe: (domid) => machine.describe(domid),
    startTrace: (options, target) => startTrace(machine, options, target),
    dumpCore: (domid, path) => writeCoreFile(machine, domid, path),
    stop: around.stop,
  };
}

function domainsOf(machine: Machine, { clock, random, log, dumps }: HostSurroundings): Domains {
  return new Domains({
    ctrl: machine.ctrl,
    tools: machine.tools,
    state: machine.state,
    foreignMemory: machine.foreignMemory,
    store: machine.store,
    tuning: machine.tuning,
    clock,
    random,
    log,
    breathe: () => new Promise((resolve) => defer(resolve)),
    pause: (ns) => new Promise((resolve) => void clock.setTimer(clock.nowNs() + ns, resolve)),
    describe: (domid) => machine.describe(domid),
    consoleLog: (domid) => machine.consoleLog(domid),
    dumpCore: (domid, name) => dumpInto(dumps, machine, domid, name),
  });
}
