/** A guest on a deterministic machine in this process, by xl itself: what it prints, and its checkpoints. */
import type { Engine } from '../../src/cpu/engine.ts';
import type { Files, HostOptions, Services } from '../../src/dom0/xl/services.ts';
import { xl } from '../../src/dom0/xl/main.ts';
import { NodeClock } from '../../src/host/node/clock.ts';
import { defer } from '../../src/host/node/event-loop.ts';
import { NodeFiles } from '../../src/host/node/files.ts';
import { availableMemoryKib } from '../../src/host/node/memory.ts';
import { SeededRandom } from '../../src/lib/seeded-random.ts';
import { startMachine } from '../../src/machine/machine.ts';
import type { Checkpoints } from './checkpoints.ts';

/** What is run. */
export interface GuestRun {
  readonly make: (memory: WebAssembly.Memory) => Engine;
  /** Files by the names that `settings` use; all others are the host's. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** The configuration, a key=value each. */
  readonly settings: readonly string[];
  readonly checkpoints?: Checkpoints | undefined;
}

export interface GuestResult {
  /** xl's exit status; 143 where the last checkpoint ended it. */
  readonly status: number;
  readonly console: string;
  readonly messages: string;
}

/** Runs a guest until it ends, or to the last checkpoint. */
export async function runGuest(run: GuestRun): Promise<GuestResult> {
  const services = new TestServices(run);
  const status = await xl(['create', '-F', '-c', '-q', '/dev/null', ...run.settings, 'deterministic=1'], services);
  return { status, console: services.console, messages: services.messages };
}

class TestServices implements Services {
  readonly clock = new NodeClock();
  readonly random = new SeededRandom(0);
  readonly files: Files;
  console = '';
  messages = '';
  readonly #run: GuestRun;
  readonly #decoder = new TextDecoder();
  #end: () => void = () => {};

  constructor(run: GuestRun) {
    this.#run = run;
    this.files = new GivenFiles(run.files);
  }

  readonly terminal = {
    interactive: false,
    write: (bytes: Uint8Array): void => {
      this.console += this.#decoder.decode(bytes, { stream: true });
    },
    onInput: (): void => {},
    setRawMode: (): void => {},
    size: (): undefined => undefined,
    close: (): void => {},
  };

  readonly stdout = (text: string): void => {
    this.messages += text;
  };
  readonly stderr = this.stdout;
  environment(): undefined {
    return undefined;
  }
  onSignal(handler: (signal: { name: string; number: number }) => void): () => void {
    this.#end = () => handler({ name: 'SIGTERM', number: 15 });
    return () => {};
  }

  async startHost({ guestMemoryKib, deterministic }: HostOptions) {
    const { clock, random } = this;
    const { checkpoints, make } = this.#run;
    if (deterministic === undefined) throw new Error('the configuration says deterministic=1');
    const silent = (): void => {};
    if (checkpoints !== undefined) checkpoints.onEnd = this.#ending(checkpoints.onEnd);
    return await startMachine(
      {
        ...{ clock, random, defer, availableMemoryKib, log: silent, trace: silent, holdInput: silent },
        alarm: (line) => this.stderr(`${line}\n`),
      },
      {
        guestMemoryKib,
        trace: [],
        observed: false,
        processor: (memory) => {
          if (checkpoints !== undefined) checkpoints.memory = memory.buffer;
          return make(memory);
        },
        deterministic: { ...deterministic, ...(checkpoints === undefined ? {} : { observer: checkpoints }) },
      },
    );
  }

  #ending(also: () => void): () => void {
    return () => {
      also();
      this.#end();
    };
  }
}

class GivenFiles extends NodeFiles {
  readonly #given: Readonly<Record<string, Uint8Array>>;

  constructor(given: Readonly<Record<string, Uint8Array>>) {
    super();
    this.#given = given;
  }

  override async read(path: string): Promise<Uint8Array> {
    return this.#given[path] ?? (await super.read(path));
  }
}
