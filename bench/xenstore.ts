import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processorSeconds, start } from './processes.ts';
import { median, table } from './statistics.ts';

/** Debian's C daemon, of xen-utils-4.17. */
const C_XENSTORED = '/usr/lib/xen-4.17/bin/xenstored';
const REQUESTS = 50_000;
/** How many of them more the client sends first. */
const WARM_UP = 0.1;
const WATCHES = 10_000;
const TIMEOUT_MS = 180_000;
const START_MS = 20_000;

/** What a daemon does on its socket for one client in C. */
export interface StoreFigures {
  /** Requests a second, each sent when the one before was answered: client and daemon on one core. */
  readonly reads: number;
  readonly writes: number;
  /** The same, each wherever the host's scheduler puts it. */
  readonly readsAnywhere: number;
  /** Requests a second, 16 sent before the first is answered. */
  readonly pipelined: number;
  /** Microseconds of processor time that the daemon takes for a request, of all of the above. */
  readonly cost: number;
  /** Microseconds from a write to its event, with 10,000 watches set: the median of 200, and the worst. */
  readonly event: number;
  readonly worstEvent: number;
}

export interface XenstoreFigures {
  readonly ours: StoreFigures;
  /** undefined where Debian's daemon is not there or does not start. */
  readonly peer: StoreFigures | undefined;
}

interface Daemon {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly socket: string;
}

/** XenStore over its socket, ours and Debian's C daemon in turns; the median of so many. Needs a C compiler. */
export async function xenstore(count: number): Promise<XenstoreFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-bench-'));
  try {
    const client = compile('xenstore-client.c', join(folder, 'client'), []);
    const ours: StoreFigures[] = [];
    const peers: StoreFigures[] = [];
    const peer = cDaemon(folder);
    for (let round = 0; round < count; round++) {
      ours.push(await measure(client, ourDaemon(folder)));
      if (peer !== undefined) peers.push(await measure(client, peer));
    }
    return { ours: medians(ours), peer: peers.length > 0 ? medians(peers) : undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function xenstoreTable({ ours, peer }: XenstoreFigures): string {
  const row = (what: string, show: (one: StoreFigures) => number, unit: string) => {
    const [mine, theirs] = [show(ours), peer === undefined ? undefined : show(peer)];
    const ratio = theirs === undefined ? '' : (mine / theirs).toFixed(2);
    return [`${what}, ${unit}`, figure(mine), theirs === undefined ? '-' : figure(theirs), ratio];
  };
  return table(
    ['XenStore over its socket', 'xenolith', 'C xenstored', 'ratio'],
    [
      row('reads, one after the other, on one core', (one) => one.reads, '/s'),
      row('writes, one after the other, on one core', (one) => one.writes, '/s'),
      row('reads, one after the other, anywhere', (one) => one.readsAnywhere, '/s'),
      row('reads, 16 at a time, on one core', (one) => one.pipelined, '/s'),
      row('processor time of a request', (one) => one.cost, 'us'),
      row(`write to event, ${WATCHES} watches, median`, (one) => one.event, 'us'),
      row(`write to event, ${WATCHES} watches, worst`, (one) => one.worstEvent, 'us'),
    ],
  );
}

/** Small figures with a decimal. */
function figure(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** A host without guests. */
function ourDaemon(folder: string): Daemon {
  const xl = fileURLToPath(new URL('../bin/xl', import.meta.url));
  const home = join(folder, 'home');
  return {
    command: [xl, 'host', 'start', '-F', '--memory=64'],
    environment: { XENOLITH_HOME: home },
    socket: join(home, 'xenstored', 'socket'),
  };
}

function cDaemon(folder: string): Daemon | undefined {
  if (!existsSync(C_XENSTORED)) return undefined;
  const shim = compile('xenstore-peer.c', join(folder, 'peer.so'), ['-shared', '-fPIC', '-ldl']);
  // It daemonises itself unless told not to; -N is that.
  return {
    command: [C_XENSTORED, '-N'],
    environment: { LD_PRELOAD: shim, XENSTORED_RUNDIR: folder, XENSTORED_ROOTDIR: folder },
    socket: join(folder, 'socket'),
  };
}

async function measure(client: string, daemon: Daemon): Promise<StoreFigures> {
  const core = `${cpus().length - 1}`;
  const onOneCore = (command: readonly string[]) => ['taskset', '-c', core, ...command];
  const ask = (pinned: boolean, ...words: readonly string[]) => {
    const command = [client, daemon.socket, ...words];
    const [program = '', ...parameters] = pinned ? onOneCore(command) : command;
    return execFileSync(program, parameters, { encoding: 'utf8', timeout: TIMEOUT_MS }).trim().split(' ').map(Number);
  };
  const run = async <T>(pinned: boolean, work: (pid: number) => T): Promise<T> => {
    rmSync(daemon.socket, { force: true });
    const running = start(pinned ? onOneCore(daemon.command) : daemon.command, daemon.environment, TIMEOUT_MS);
    try {
      const latest = performance.now() + START_MS;
      while (!existsSync(daemon.socket)) {
        if (performance.now() > latest) throw new Error(`${daemon.command[0]} does not serve: ${running.output()}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return work(running.child.pid as number);
    } finally {
      await running.stop();
    }
  };
  const [reads = 0, writes = 0, pipelined = 0, cost = 0, event = 0, worstEvent = 0] = await run(true, (pid) => {
    const before = processorSeconds(pid);
    const rates = ask(true, 'rate', `${REQUESTS}`);
    const seconds = processorSeconds(pid) - before;
    return [...rates, (seconds * 1e6) / (REQUESTS * (3 + WARM_UP)), ...ask(true, 'watch', `${WATCHES}`)];
  });
  const [readsAnywhere = 0] = await run(false, () => ask(false, 'rate', `${REQUESTS}`));
  return { reads, writes, readsAnywhere, pipelined, cost, event, worstEvent };
}

function medians(all: readonly StoreFigures[]): StoreFigures {
  const of = (one: (figures: StoreFigures) => number) => median(all.map(one));
  return {
    reads: of((one) => one.reads),
    writes: of((one) => one.writes),
    readsAnywhere: of((one) => one.readsAnywhere),
    pipelined: of((one) => one.pipelined),
    cost: of((one) => one.cost),
    event: of((one) => one.event),
    worstEvent: of((one) => one.worstEvent),
  };
}

function compile(source: string, to: string, options: readonly string[]): string {
  const path = fileURLToPath(new URL(source, import.meta.url));
  const { status, stderr, error } = spawnSync('cc', ['-O2', '-o', to, path, ...options], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc ${source}: ${error?.message ?? stderr}`);
  return to;
}

if (import.meta.main) console.log(xenstoreTable(await xenstore(Number(process.argv[2] ?? 3))));
