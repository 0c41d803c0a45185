/** The machine: memory, processor, hypervisor and dom0's services, each made once and handed to those that need it. */
import { SHUTDOWN_crash, SHUTDOWN_watchdog } from '../abi/sched.ts';
import type { Domid } from '../abi/xen.ts';
import type { Engine } from '../cpu/engine.ts';
import { InterpreterEngine } from '../cpu/interpreter/engine.ts';
import { ProcessorCpuid } from '../cpu/system/cpuid.ts';
import { type ChannelOptions, Channels } from '../dom0/console/channels.ts';
import { type OpenTerminal, Xenconsoled, type XenconsoledOptions } from '../dom0/console/xenconsoled.ts';
import { domainStore, type DomainStore } from '../dom0/toolstack/store-access.ts';
import { HostTuning } from '../dom0/toolstack/tuning.ts';
import { Xenstored } from '../dom0/xenstored/xenstored.ts';
import type { ConsoleViewer, DomainConsole, Host, TraceCategory } from '../dom0/xl/services.ts';
import { VirtualClock } from '../host/virtual/virtual-clock.ts';
import type { Clock, Random } from '../lib/ports.ts';
import { XenolithError } from '../lib/errors.ts';
import { SeededRandom } from '../lib/seeded-random.ts';
import { HypercallCtrl } from '../libs/ctrl/ctrl-hypercalls.ts';
import { DebugCalls } from '../libs/ctrl/debug-calls.ts';
import { HypfsCalls } from '../libs/ctrl/hypfs-calls.ts';
import { type MonitorHandler, MonitorListener } from '../libs/ctrl/monitor-listener.ts';
import { DeviceModelCalls } from '../libs/devicemodel/devicemodel.ts';
import { SchedCalls } from '../libs/ctrl/sched-calls.ts';
import { StateCalls } from '../libs/ctrl/state-calls.ts';
import { ToolCalls } from '../libs/ctrl/tool-calls.ts';
import type { EventChannels } from '../libs/evtchn/evtchn.ts';
import { EventChannelDriver } from '../libs/evtchn/evtchn-driver.ts';
import { PrivcmdForeignMemory } from '../libs/foreignmemory/foreignmemory-privcmd.ts';
import { HypercallGrantTables } from '../libs/gnttab/gnttab-hypercalls.ts';
import { StoreClient } from '../libs/store/store.ts';
import { parseCommandLine } from '../xen/common/command-line.ts';
import type { TraceControl } from '../xen/trace/trace-control.ts';
import { Xen } from '../xen/xen.ts';
import { Callbacks } from './callbacks.ts';
import { ConsoleAttachment } from './console-attachment.ts';
import { DeterministicEngine, type RunObserver } from './deterministic-engine.ts';
import { DOM0_NODES } from './dom0-nodes.ts';
import { MachineLog } from './machine-log.ts';
import { allocateMemory, memoryMap } from './machine-memory.ts';
import { ObservedEngine } from './observed-engine.ts';
import { CountingTracer, hypercallTrace, storeLog } from './tracing.ts';

/** The doors to the world that a machine needs. */
export interface Doors {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls back soon, after what the host has waiting had its turn. */
  readonly defer: (callback: () => void) => void;
  readonly availableMemoryKib: () => number;
  /** Lines of Xen's console and of the daemons' logs. */
  readonly log: (line: string) => void;
  /** Those among them that tell of a bug of ours. */
  readonly alarm: (line: string) => void;
  /** Lines of what is traced. */
  readonly trace: (line: string) => void;
  /** Asks for no more typing until it is asked for again: a guest does not read what it has. */
  readonly holdInput: (hold: boolean) => void;
  /** Puts a domain's memory into a file named after it; resolves with the file's path. */
  readonly dumpCore?: (machine: Machine, domid: Domid, name: string) => Promise<string>;
  /** Sees what guests write to their consoles. */
  readonly output?: (bytes: Uint8Array) => void;
}

export interface MachineOptions {
  /** What all guests together take. */
  readonly guestMemoryKib: number;
  readonly trace: readonly TraceCategory[];
  /** Whether to keep counts, which costs a little. */
  readonly observed: boolean;
  /** Makes domains' terminals, which XenStore tells of; undefined where nobody but xl can reach a console. */
  readonly openTerminal?: OpenTerminal;
  /** Makes the sockets of channels that ask for one. */
  readonly openSocket?: ChannelOptions['openSocket'];
  /** Another processor than the interpreter: tools measure with their own. */
  readonly processor?: ((memory: WebAssembly.Memory) => Engine) | undefined;
  /** Xen's command line; nothing if left out. */
  readonly commandLine?: string | undefined;
  /** A machine that repeats, by a virtual clock and randomness from a seed. */
  readonly deterministic?: { readonly seed: number; readonly observer?: RunObserver } | undefined;
}

/** What a machine that is observed has counted. */
export interface Observations {
  readonly engine: ObservedEngine;
  readonly hypercalls: CountingTracer;
}

/**
 * Builds a machine and starts it: Xen and dom0's daemons run, and there is no guest yet.
 *
 * @throws DomainError about `memory` where the host has too little for it
 */
export async function startMachine(doors: Doors, options: MachineOptions): Promise<Machine> {
  const machine = new Machine(doors, options);
  await machine.start(options.trace.includes('xenstore'));
  return machine;
}

/** Ends after which it matters where the domain was. */
const FAILURES: ReadonlySet<number> = new Set([SHUTDOWN_crash, SHUTDOWN_watchdog]);

export class Machine implements Host {
  readonly clock: Clock;
  readonly ctrl: HypercallCtrl;
  readonly tools: ToolCalls;
  readonly sched: SchedCalls;
  readonly state: StateCalls;
  readonly foreignMemory: PrivcmdForeignMemory;
  readonly grants: HypercallGrantTables;
  readonly store: DomainStore;
  readonly tuning: HostTuning;
  readonly failure: Promise<never>;
  readonly observations: Observations | undefined;
  /** Called, and waited for, before the machine stops. */
  beforeStop: () => Promise<void> = async () => {};
  /** Called once the machine stands still. */
  onStop: () => void = () => {};
  readonly #doors: Doors;
  readonly #callbacks: Callbacks;
  readonly #log: MachineLog;
  readonly #xen: Xen;
  readonly #xenstored: Xenstored;
  readonly #channels: EventChannelDriver;
  readonly #storeClient: StoreClient;
  readonly #xenconsoled: Xenconsoled;
  readonly #furtherConsoles: Channels;
  readonly #consoles = new Map<Domid, ConsoleAttachment>();

  constructor(doors: Doors, options: MachineOptions) {
    const { deterministic } = options;
    const time = deterministic && new VirtualClock(doors.defer);
    const random = deterministic ? new SeededRandom(deterministic.seed) : doors.random;
    const commandLine = parseCommandLine(options.commandLine ?? '');
    this.#doors = doors;
    let broken: (error: unknown) => void = () => {};
    this.failure = new Promise((_, reject) => {
      broken = reject;
    });
    this.failure.catch(() => {}); // heard by whoever waits for a domain; nobody may be waiting yet
    this.#callbacks = new Callbacks(time ?? doors.clock, time?.defer ?? doors.defer, broken);
    this.#log = new MachineLog(doors.log, doors.alarm);
    const { clock, defer } = this.#callbacks;
    this.clock = clock;

    // The hardware, and the hypervisor on it.
    const map = memoryMap(options.guestMemoryKib);
    const memory = allocateMemory(map, options.guestMemoryKib, doors.availableMemoryKib());
    const processor = options.processor?.(memory) ?? new InterpreterEngine(memory);
    const observed = options.observed ? new ObservedEngine(processor, () => doors.clock.nowNs() / 1e6) : undefined;
    const counted = observed ?? processor;
    const engine = time === undefined ? counted : new DeterministicEngine(counted, time, deterministic?.observer);
    const cpuid = new ProcessorCpuid();
    this.#xen = new Xen({
      memory: memory.buffer,
      engine,
      cpuid,
      clock,
      random,
      defer,
      log: this.#log.xen,
      commandLine,
    });

    // What dom0 reaches it by.
    const { dom0 } = this.#xen;
    const channels = new EventChannelDriver(dom0, dom0);
    this.#channels = channels;
    this.grants = new HypercallGrantTables(dom0, dom0);
    this.ctrl = new HypercallCtrl(dom0);
    this.tools = new ToolCalls(dom0);
    this.sched = new SchedCalls(dom0);
    this.state = new StateCalls(dom0);
    this.foreignMemory = new PrivcmdForeignMemory(dom0);
    const { ctrl, grants } = this;

    // dom0's daemons, and the toolstack's connection to the first.
    const log = storeLog(this.#log.daemon('xenstored'), doors.trace);
    this.#xenstored = new Xenstored({ events: channels.open(), grants, ctrl, clock, log });
    const consoled = () => ({
      store: new StoreClient(this.#xenstored.connect()),
      events: channels.open(),
      grants,
      memory: this.foreignMemory,
      ctrl,
      log: this.#log.daemon('xenconsoled'),
    });
    const terminals = terminalsOf(options);
    this.#xenconsoled = new Xenconsoled(consoled(), terminals);
    this.#furtherConsoles = new Channels(consoled(), terminals);
    this.#storeClient = new StoreClient(this.#xenstored.connect());
    this.store = domainStore(this.#storeClient);
    this.tuning = new HostTuning(this, this.store, () => ctrl.physinfo().max_cpu_id + 1);

    const trace = hypercallTrace(options.trace, doors.trace);
    const counting = new CountingTracer(trace);
    this.#xen.trace = observed === undefined ? trace : counting;
    this.observations = observed && { engine: observed, hypercalls: counting };
  }

  /** Lets it run, and has dom0 do what its boot scripts do. */
  async start(traceStore: boolean): Promise<void> {
    this.#xen.start();
    if (traceStore) await this.#storeClient.control('log', 'on');
    await this.store.replace([], DOM0_NODES);
    await this.#xenconsoled.start();
    await this.#furtherConsoles.start();
    this.#log.forget();
  }

  console(domid: Domid): DomainConsole {
    const known = this.#consoles.get(domid);
    if (known !== undefined) return known;
    const console = new ConsoleAttachment({
      look: () => this.#lookAtConsole(domid),
      gone: () => this.#domainGone(domid),
      holdInput: this.#doors.holdInput,
      output: this.#doors.output,
    });
    this.#consoles.set(domid, console);
    this.#xenconsoled.attach(domid, console);
    return console;
  }

  /** Has `viewer` see a domain's console; returns what ends that. */
  attachConsole(domid: Domid, viewer: ConsoleViewer, from: 'unread' | 'all'): () => void {
    return this.#xenconsoled.attach(domid, viewer, from);
  }

  /** The same with a further console, from 1 on; undefined where the domain has none of that number. */
  attachChannel(domid: Domid, number: number, viewer: ConsoleViewer): (() => void) | undefined {
    return this.#furtherConsoles.attach(domid, number, viewer, 'unread');
  }

  /** What is kept of a console's output. */
  consoleLog(domid: Domid): Uint8Array {
    return this.#xenconsoled.recorded(domid);
  }

  /** xenstored, for those that serve it to others. */
  get xenstored(): Xenstored {
    return this.#xenstored;
  }

  /** Xen's own file system. */
  get hypfs(): HypfsCalls {
    return new HypfsCalls(this.#xen.dom0);
  }

  /** What debuggers ask of Xen. */
  get debug(): DebugCalls {
    return new DebugCalls(this.#xen.dom0);
  }

  /** What is done for a domain from outside. */
  get deviceModel(): DeviceModelCalls {
    return new DeviceModelCalls(this.#xen.dom0);
  }

  /** Has a domain tell what it does (vm_event). */
  listen(domid: Domid, handler: MonitorHandler): MonitorListener {
    const { ctrl, foreignMemory: foreign } = this;
    return new MonitorListener({ call: this.#xen.dom0, ctrl, events: this.openEvents(), foreign }, domid, handler);
  }

  /** Event channels for another process of dom0's. */
  openEvents(): EventChannels {
    return this.#channels.open();
  }

  /** What happens, for whoever records it. */
  get traceControl(): TraceControl {
    return this.#xen.traceControl;
  }

  describe(domid: Domid): string | undefined {
    const told = this.#log.describe(domid);
    const { shutdown = false, shutdown_reason = 0 } = this.ctrl.domain_getinfo(domid) ?? {};
    // One that asked for its end, other than by a crash, was where it wanted to be.
    if (told !== undefined || (shutdown && !FAILURES.has(shutdown_reason))) return told;
    return this.#log.capture(() => this.#xen.dump(domid));
  }

  async dumpCore(domid: Domid, name: string): Promise<string> {
    const { dumpCore } = this.#doors;
    if (dumpCore === undefined) throw new XenolithError('DUMP_CORE', 'there is no place for core dumps here');
    return await dumpCore(this, domid, name);
  }

  breathe(): Promise<void> {
    return new Promise((resolve) => this.#callbacks.defer(resolve));
  }

  async stop(): Promise<void> {
    await this.beforeStop();
    this.#xen.stop();
    this.#callbacks.close();
    this.onStop();
  }

  #domainGone(domid: Domid): void {
    this.#consoles.delete(domid);
    this.#log.forget();
  }

  /** Whoever attaches to a console has the daemon look at its ring: this one does it for that alone. */
  #lookAtConsole(domid: Domid): void {
    const detach = this.#xenconsoled.attach(
      domid,
      { output: (bytes) => bytes.length, onDrain() {}, onInput() {} },
      'all',
    );
    detach();
  }
}

function terminalsOf({ openTerminal, openSocket }: MachineOptions): ChannelOptions & XenconsoledOptions {
  return {
    ...(openTerminal === undefined ? {} : { openTerminal }),
    ...(openSocket === undefined ? {} : { openSocket }),
  };
}
