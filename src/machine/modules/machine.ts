/**
 * A machine in the process of whoever asks for it, with Xen, XenStore and a toolstack on it:
 * `import { startMachine } from 'xenolith/machine'`. docs/scripting.md is its manual.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeClock } from '../../host/node/clock.ts';
import { defer, keepAlive } from '../../host/node/event-loop.ts';
import { availableMemoryKib } from '../../host/node/memory.ts';
import { NodeRandom } from '../../host/node/random.ts';
import { tuneWebAssembly } from '../../host/node/webassembly.ts';
import type { Domid } from '../../abi/xen.ts';
import { XenolithError } from '../../lib/errors.ts';
import { SeededRandom } from '../../lib/seeded-random.ts';
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { DebugCalls } from '../../libs/ctrl/debug-calls.ts';
import type { HypfsCalls } from '../../libs/ctrl/hypfs-calls.ts';
import type { MonitorHandler, MonitorListener } from '../../libs/ctrl/monitor-listener.ts';
import type { SchedCalls } from '../../libs/ctrl/sched-calls.ts';
import type { StateCalls } from '../../libs/ctrl/state-calls.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import type { DeviceModelCalls } from '../../libs/devicemodel/devicemodel.ts';
import type { EventChannels } from '../../libs/evtchn/evtchn.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import type { GrantTables } from '../../libs/gnttab/gnttab.ts';
import { StoreClient } from '../../libs/store/store.ts';
import { runningHost } from '../daemon/running-host.ts';
import { Session, type SessionHost } from '../daemon/session.ts';
import { type Wire, wirePair } from '../daemon/wire.ts';
import { startMachine as startBareMachine } from '../machine.ts';
import { Toolstack } from './scripting/toolstack.ts';

export { ToolstackError } from './scripting/commands.ts';
export type { ConfigValue, DomainConfig } from './scripting/config-text.ts';
export { Domain, type WaitOptions } from './scripting/domain.ts';
export type { DomainConsole } from './scripting/domain-console.ts';
export type { CreateOptions, Toolstack } from './scripting/toolstack.ts';
export type { DomainEnd, DomainEvent, DomainEventKind, DomainRow } from './scripting/types.ts';

/** How a machine is made. */
export interface MachineOptions {
  /** MiB for all guests together. */
  readonly memoryMiB?: number;
  /**
   * Time goes by instructions, and what is random comes from the seed: the same guest and the same input make the same
   * run. Date and time start at 2026-01-01.
   */
  readonly deterministic?: { readonly seed: number };
  /** Xen's command line, such as `sched=credit maxcpus=4`. */
  readonly xen?: string;
  /** Hears the lines of Xen's console and of dom0's daemons. */
  readonly log?: (line: string) => void;
  /** Where xl.conf is looked for and core dumps go; by default a folder of the process's in the temporary one. */
  readonly folder?: string;
}

/** What a process of dom0's is given; `xenolith/evtchn` and its like have the manual. */
export interface Dom0 {
  /** Event channels, anew for each that asks: one does not see another's ports. */
  openEvtchn(): EventChannels;
  readonly gnttab: GrantTables;
  readonly foreignmemory: ForeignMemory;
  readonly ctrl: Ctrl;
  readonly tools: ToolCalls;
  readonly sched: SchedCalls;
  readonly state: StateCalls;
  readonly hypfs: HypfsCalls;
  readonly debug: DebugCalls;
  readonly devicemodel: DeviceModelCalls;
  /** Listens to what a domain does; `xenolith/ctrl` has the manual. */
  listen(domid: Domid, handler: MonitorHandler): MonitorListener;
}

/** A machine that runs in this process. */
export interface EmbeddedMachine {
  readonly toolstack: Toolstack;
  /** A connection of dom0's to XenStore. */
  readonly store: StoreClient;
  readonly dom0: Dom0;
  /** Rejects where the machine itself breaks; never resolves. */
  readonly failure: Promise<never>;
  /** Destroys all domains and ends the machine: nothing of it keeps the process. */
  stop(): Promise<void>;
}

const MEMORY_MIB = 512;
const TURNS_TO_ANSWER = 10;

/**
 * Starts a machine in this process. Any number of them run side by side.
 *
 * @throws XenolithError where the host has too little memory for it
 */
export async function startMachine(options: MachineOptions = {}): Promise<EmbeddedMachine> {
  const { memoryMiB = MEMORY_MIB, deterministic, log = () => {} } = options;
  const clock = new NodeClock();
  const random = deterministic === undefined ? new NodeRandom() : new SeededRandom(deterministic.seed);
  tuneWebAssembly();
  const machine = await startBareMachine(
    { clock, random, defer, availableMemoryKib, log, alarm: log, trace: log, holdInput: () => {} },
    { guestMemoryKib: memoryMiB * 1024, trace: [], observed: false, deterministic, commandLine: options.xen },
  );
  const letGo = keepAlive();
  const folder = options.folder ?? join(tmpdir(), `xenolith-${process.pid}`);
  /** The host's ends of commands that go on. */
  const wires = new Set<Wire>();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= end();
    return stopped;
  };
  const end = async () => {
    await running.domains.destroyAll();
    toolstack.close();
    // Whoever waited for a domain's end has a turn to be answered.
    for (let turns = 0; turns < TURNS_TO_ANSWER; turns++) await new Promise<void>((resolve) => defer(resolve));
    for (const wire of [...wires]) wire.close();
    store.close();
    await machine.stop();
    letGo();
  };
  const running = runningHost(machine, {
    clock: deterministic === undefined ? clock : machine.clock,
    random,
    log,
    folder,
    dumps: join(folder, 'dump'),
    repeats: deterministic !== undefined,
    stop: () => defer(() => void stop()),
  });
  const host: SessionHost = { running, clock, random, log, takeNews: () => undefined };
  const toolstack = new Toolstack(async () => {
    if (stopped !== undefined) throw new XenolithError('HOST_GONE', 'the machine was stopped');
    const [ours, theirs] = wirePair(() => wires.delete(theirs));
    new Session(theirs, host);
    wires.add(theirs);
    return ours;
  });
  const store = new StoreClient(machine.xenstored.connect());
  const { grants: gnttab, foreignMemory: foreignmemory, ctrl, tools, sched, state, hypfs } = machine;
  return {
    toolstack,
    store,
    dom0: {
      openEvtchn: () => machine.openEvents(),
      gnttab,
      foreignmemory,
      ctrl,
      tools,
      sched,
      state,
      hypfs,
      debug: machine.debug,
      devicemodel: machine.deviceModel,
      listen: (domid, handler) => machine.listen(domid, handler),
    },
    failure: machine.failure,
    stop,
  };
}
