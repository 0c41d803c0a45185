import type { Domid } from '../abi/xen.ts';
import type { Files, Host, HostOptions, Services } from '../dom0/xl/services.ts';
import { NodeClock } from '../host/node/clock.ts';
import type { Engine } from '../cpu/engine.ts';
import { defer, keepAlive } from '../host/node/event-loop.ts';
import { NodeFiles } from '../host/node/files.ts';
import { availableMemoryKib, collectGarbage, processMemory } from '../host/node/memory.ts';
import { tuneWebAssembly } from '../host/node/webassembly.ts';
import { LogFile, writeStderr, writeStdout, writeTextFile } from '../host/node/output.ts';
import { NodeRandom } from '../host/node/random.ts';
import { onEndSignal } from '../host/node/signals.ts';
import { NodeTerminal } from '../host/node/terminal.ts';
import { XenolithError } from '../lib/errors.ts';
import { BUILT_IN, readBuiltIn } from './built-in.ts';
import type { EngineStore } from './kept/engine-store.ts';
import { kernelName } from './kept/kernel-name.ts';
import type { Machine } from './machine.ts';
import { Timeline } from './timeline.ts';
import { XEN_COMMAND_LINE } from './xen-command-line.ts';

/** By then a domain has booted, which this would hold up, and what it was built from is garbage. */
const SETTLING_NS = 3e9;

/** What xl's process is made of on Node: the world that xl and its machine see. */
export class Program implements Services {
  readonly clock = new NodeClock();
  readonly random = new NodeRandom();
  readonly terminal = new NodeTerminal((line) => this.say(`xl: ${line}`));
  readonly #files = new ProgramFiles();
  readonly files: Files = this.#files;
  readonly onSignal = onEndSignal;
  readonly stdout = writeStdout;
  readonly stderr = writeStderr;
  readonly timeline = new Timeline(() => this.clock.nowNs() / 1e6);
  /** What tools put in the interpreter's place. */
  processor: ((memory: WebAssembly.Memory) => Engine) | undefined;
  /** What earlier machines left. */
  readonly store: EngineStore | undefined;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv, store?: EngineStore) {
    this.#environment = environment;
    this.store = store;
    this.timeline.mark('main');
  }

  environment(name: string): string | undefined {
    return this.#environment[name];
  }

  /** Puts a line on standard error, which may be a terminal in raw mode. */
  readonly say = (line: string): void => {
    writeStderr(this.terminal.raw ? `${line}\r\n` : `${line}\n`);
  };

  async startHost({ guestMemoryKib, trace, recording, stats, deterministic }: HostOptions): Promise<Host> {
    this.timeline.mark('kernel planned');
    const log = this.#sink('XENOLITH_LOG', () => {});
    const traceLines = this.#sink('XENOLITH_TRACE', this.say);
    // Only now, so that a bad config is told of without loading a processor.
    const { startMachine } = await import('./machine.ts');
    const { KeptEngine } = await import('./kept/kept-engine.ts');
    const statistics = stats === undefined ? undefined : await this.#statistics(stats);
    this.timeline.mark('sources loaded');
    tuneWebAssembly();
    const engine = new KeptEngine(this.store, () => this.#files.kernel ?? '', { defer, collectGarbage });
    const machine = await startMachine(
      {
        clock: this.clock,
        random: this.random,
        defer,
        availableMemoryKib,
        log,
        alarm: this.say,
        trace: traceLines,
        holdInput: (hold) => this.terminal.holdInput(hold),
        dumpCore: (...dump) => this.#dumpCore(...dump),
        ...(statistics === undefined ? {} : { output: statistics.output }),
      },
      {
        guestMemoryKib,
        trace,
        observed: statistics !== undefined,
        processor: this.processor ?? engine.make,
        commandLine: this.#environment[XEN_COMMAND_LINE],
        deterministic,
      },
    );
    if (recording !== undefined) await this.#record(machine, recording);
    this.timeline.mark('machine started');
    const letGo = keepAlive();
    engine.leaveSoon(this.clock);
    const settled = this.clock.setTimer(this.clock.nowNs() + SETTLING_NS, collectGarbage);
    machine.onStop = () => {
      letGo();
      engine.end();
      settled.cancel();
      statistics?.write(machine);
    };
    return machine;
  }

  /** Where a host of this user's would put it. */
  async #dumpCore(machine: Machine, domid: Domid, name: string): Promise<string> {
    const { dumpInto } = await import('./daemon/core-file.ts');
    const { findHome, makeHome } = await import('./daemon/home.ts');
    const home = findHome(this.#environment);
    makeHome(home);
    return await dumpInto(home.dumps, machine, domid, name);
  }

  async #record(machine: Machine, { options, path }: NonNullable<HostOptions['recording']>): Promise<void> {
    const { startTrace } = await import('./trace/start-trace.ts');
    const trace = startTrace(machine, options, { path });
    trace.failure.catch((error: unknown) => this.say(`xl: warning: ${(error as Error).message}`));
    machine.beforeStop = async () => {
      const { lost } = await trace.stop();
      if (lost > 0) this.say(`xl: warning: ${path}: ${lost} records were lost`);
    };
  }

  /** Where lines go by the environment: a file, '-' for standard error, or `otherwise` where nothing is set. */
  #sink(variable: string, otherwise: (line: string) => void): (line: string) => void {
    const path = this.#environment[variable];
    if (path === undefined || path === '') return otherwise;
    if (path === '-') return this.say;
    try {
      return new LogFile(path).line;
    } catch (error) {
      throw new XenolithError('XL_FILE', `${variable}=${path}: cannot be written: ${(error as Error).message}`);
    }
  }

  async #statistics(path: string) {
    const { OutputWatch, statistics } = await import('./statistics.ts');
    const { timeline } = this;
    return {
      output: new OutputWatch(timeline).output,
      write: (machine: Machine) => {
        timeline.mark('machine stopped');
        try {
          writeTextFile(path, statistics(machine, timeline, processMemory()));
        } catch (error) {
          this.say(`xl: warning: XENOLITH_STATS=${path}: cannot be written: ${(error as Error).message}`);
        }
      },
    };
  }
}

/** The host's files, and those built in under names no file of it has. */
class ProgramFiles extends NodeFiles {
  /** Of the first file that can be one. */
  kernel: string | undefined;

  override async read(path: string): Promise<Uint8Array> {
    const bytes = await (path.startsWith(BUILT_IN) ? readBuiltIn(path) : super.read(path, loadMachine));
    this.kernel ??= kernelName(bytes);
    return bytes;
  }
}

/** A large file is a kernel: what will run it is loaded while that is read. If it cannot be, `startHost` says so. */
function loadMachine(): void {
  import('./machine.ts').catch(() => {});
}
