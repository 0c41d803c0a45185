import { rmSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Domid } from '../../abi/xen.ts';
import type { Domains } from '../../dom0/toolstack/domains.ts';
import type { RunningHost } from '../../dom0/xl/services.ts';
import { NodeClock } from '../../host/node/clock.ts';
import { defer, keepAlive } from '../../host/node/event-loop.ts';
import { availableMemoryKib, collectGarbage } from '../../host/node/memory.ts';
import { tuneWebAssembly } from '../../host/node/webassembly.ts';
import { NodeRandom } from '../../host/node/random.ts';
import { onEndSignal } from '../../host/node/signals.ts';
import type { UnixSocket } from '../../host/node/unix-socket.ts';
import { XenolithError } from '../../lib/errors.ts';
import type { TimerHandle } from '../../lib/ports.ts';
import type { EngineStore } from '../kept/engine-store.ts';
import { KeptEngine } from '../kept/kept-engine.ts';
import { type Machine, startMachine } from '../machine.ts';
import { XEN_COMMAND_LINE } from '../xen-command-line.ts';
import { ConsoleSockets, consoleSocketPath, openConsoleSocket } from './console-sockets.ts';
import { openConsoleTerminal } from './console-terminal.ts';
import { findHome, type Home, makeHome, XL_SOCKET } from './home.ts';
import { HostLog } from './host-log.ts';
import { READY, TAKEN } from './launch.ts';
import { takeLock } from './lock.ts';
import { removeRunning, tellOfLost, writeRunning } from './running-file.ts';
import { runningHost } from './running-host.ts';
import { Session, type SessionHost } from './session.ts';
import { SilentSessions } from './silent-sessions.ts';
import { hostSockets, serveSocket } from './sockets.ts';

const EXIT_INTERNAL = 70;
/** What guests get where nobody says how much: a machine's most, or this part of what this host has left. */
const MOST_MIB = 3968;
const PART = 0.7;
const LEAST_MIB = 16;
const SETTLING_NS = 3e9;
/** Commands at once. */
const MOST_COMMANDS = 1000;

/** How a host is started. */
export interface HostStart {
  readonly environment: NodeJS.ProcessEnv;
  /** MiB for all guests together, as written; undefined where nothing is. */
  readonly memory: string | undefined;
  /** Hears once that it serves, or finds another serving. */
  readonly told: (what: typeof READY | typeof TAKEN) => void;
  /** Lines of its log go here too. */
  readonly echo?: (line: string) => void;
  /** What earlier machines left. */
  readonly store?: EngineStore | undefined;
}

/** A host, from its start to its end: the machine, its domains, and everybody who asks something of them. */
export async function runHost({ environment, memory, told, echo, store }: HostStart): Promise<number> {
  const home = findHome(environment);
  makeHome(home);
  const memoryMib = readMemory(memory);
  const unlock = takeLock(home.lock);
  if (unlock === undefined) {
    told(TAKEN);
    return 0;
  }
  const file = new HostLog(home.log);
  const log = (line: string) => {
    file.line(line);
    echo?.(line);
  };
  const daemon = await startDaemon(home, memoryMib, environment[XEN_COMMAND_LINE], log, store);
  told(READY);
  const letGo = keepAlive();
  const status = await daemon.end;
  letGo();
  unlock();
  return status;
}

/** How a host that was started in the background answers whoever did that: on descriptor 3. */
export function tellParent(what: string): void {
  try {
    writeSync(PARENT, what);
    closeSync(PARENT);
  } catch {
    // Whoever started us has gone, or is a shell.
  }
}

const PARENT = 3;

function readMemory(text: string | undefined): number {
  if (text === undefined || text === '') {
    const part = Math.floor((availableMemoryKib() / 1024) * PART);
    return Math.max(LEAST_MIB, Math.min(MOST_MIB, part));
  }
  const mib = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (mib >= LEAST_MIB) return mib;
  throw new XenolithError(
    'HOST_MEMORY',
    `memory = ${text}: expected MiB for all guests together, at least ${LEAST_MIB}, for example --memory=2048`,
  );
}

async function startDaemon(
  home: Home,
  memoryMib: number,
  commandLine: string | undefined,
  log: (line: string) => void,
  store: EngineStore | undefined,
): Promise<Daemon> {
  const clock = new NodeClock();
  const random = new NodeRandom();
  tuneWebAssembly();
  const engine = new KeptEngine(store, () => 'host', { defer, collectGarbage });
  const machine = await startMachine(
    { clock, random, defer, availableMemoryKib, log, alarm: log, trace: log, holdInput: () => {} },
    {
      guestMemoryKib: memoryMib * 1024,
      trace: [],
      observed: false,
      processor: engine.make,
      commandLine,
      openTerminal: (domid, attach) => openConsoleTerminal(attach, () => join(home.folder, consoleSocketPath(domid))),
      openSocket: openConsoleSocket,
    },
  );
  machine.onStop = () => engine.end();
  const daemon = new Daemon(home, machine, engine, clock, random, log);
  await daemon.serve();
  log(`host: process ${process.pid} serves ${home.folder}, ${memoryMib} MiB for guests`);
  return daemon;
}

class Daemon implements SessionHost {
  readonly clock: NodeClock;
  readonly random: NodeRandom;
  readonly log: (line: string) => void;
  readonly running: RunningHost;
  /** Resolves with the exit status once all is over. */
  readonly end: Promise<number>;
  readonly #home: Home;
  readonly #machine: Machine;
  readonly #engine: KeptEngine;
  readonly #domains: Domains;
  readonly #since = new Date().toISOString();
  readonly #stops: (() => void | Promise<void>)[] = [];
  #news: string | undefined;
  #tidying: TimerHandle | undefined;
  #ended: (status: number) => void = () => {};
  #stopping = false;

  constructor(
    home: Home,
    machine: Machine,
    engine: KeptEngine,
    clock: NodeClock,
    random: NodeRandom,
    log: (line: string) => void,
  ) {
    this.#home = home;
    this.#machine = machine;
    this.#engine = engine;
    this.clock = clock;
    this.random = random;
    this.log = log;
    this.end = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.running = runningHost(machine, {
      clock,
      random,
      log,
      folder: home.folder,
      dumps: home.dumps,
      stop: () => void setImmediate(() => void this.#stop('xl host stop')),
    });
    this.#domains = this.running.domains;
  }

  /** Opens the sockets: from here on others see this host. */
  async serve(): Promise<void> {
    const { folder, running } = this.#home;
    this.#news = tellOfLost(running);
    if (this.#news !== undefined) this.log(this.#news);
    this.#writeDown();
    const consoles = new ConsoleSockets(folder, (...all) => this.#machine.attachConsole(...all), this.log);
    this.#domains.onEvent((event) => {
      if (event.event === 'device') return;
      if (event.event === 'created') {
        consoles.open(event.domid as Domid);
        this.#tidyUpLater();
      }
      if (event.event === 'destroyed') consoles.close(event.domid as Domid);
      this.log(
        `domain ${event.domid} (${event.name}): ${event.event}${event.reason === undefined ? '' : `, ${event.reason}`}`,
      );
      this.#writeDown();
    });
    for (const socket of hostSockets(this.#machine)) this.#stops.push(await serveSocket(folder, socket));
    const silent = new SilentSessions();
    const connected = (socket: UnixSocket) => silent.add(new Session(socket, this));
    // The last one: whoever finds it finds all of the host.
    this.#stops.push(
      await serveSocket(folder, {
        path: XL_SOCKET,
        maxConnections: MOST_COMMANDS,
        connected,
        makeRoom: () => silent.endOldest(),
      }),
    );
    this.#stops.push(onEndSignal(({ name }) => void this.#stop(`${name}`)));
    this.#machine.failure.catch((error: unknown) => this.#broken(error));
  }

  takeNews(): string | undefined {
    const news = this.#news;
    this.#news = undefined;
    return news;
  }

  /** What a domain was built from, some 100 MiB, is garbage by then. */
  #tidyUpLater(): void {
    this.#tidying?.cancel();
    this.#tidying = this.clock.setTimer(this.clock.nowNs() + SETTLING_NS, collectGarbage);
    this.#engine.leaveSoon(this.clock);
  }

  #writeDown(): void {
    const domains = [...this.#domains.records()].map(({ domid, config }) => ({ domid, name: config.name }));
    const failure = writeRunning(this.#home.running, { pid: process.pid, since: this.#since, domains });
    if (failure !== undefined) this.log(`host: what runs cannot be written down: ${failure}`);
  }

  async #stop(why: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.log(`host: ends: ${why}`);
    for (const stop of this.#stops) void stop();
    try {
      await this.#domains.destroyAll();
    } catch (error) {
      this.log(`host: ${(error as Error).message}`);
    }
    this.#tidying?.cancel();
    await this.#machine.stop();
    this.#leave();
    this.#ended(0);
  }

  /** A bug of ours: nothing of the machine can be trusted any more. */
  #broken(error: unknown): void {
    this.log(`host: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    // What ran stays written down: the next host tells that it is lost.
    rmSync(this.#home.socket, { force: true });
    this.#ended(EXIT_INTERNAL);
  }

  #leave(): void {
    rmSync(this.#home.socket, { force: true });
    removeRunning(this.#home.running);
  }
}
