import type { Files, Host, HostOptions, Services, Signal } from '../src/dom0/xl/services.ts';
import { WebClock } from '../src/host/web/clock.ts';
import { defer } from '../src/host/web/event-loop.ts';
import { FetchedFiles } from '../src/host/web/files.ts';
import type { Clock, TimerHandle } from '../src/lib/ports.ts';
import { WebRandom } from '../src/host/web/random.ts';
import { PortTerminal } from '../src/host/web/terminal.ts';
import { BUILT_IN, readBuiltIn } from '../src/machine/built-in.ts';
import { kernelName } from '../src/machine/kept/kernel-name.ts';
import type { KeptEngine } from '../src/machine/kept/kept-engine.ts';
import type { KeptStore } from './kept-store.ts';
import type { ToPage } from './messages.ts';

const LEAVE_NS = 60e9;

/** What xl is made of in a browser: the world that it and its machine see. */
export class WebProgram implements Services {
  readonly clock = new WebClock();
  readonly random = new WebRandom();
  readonly terminal: PortTerminal;
  readonly #files: ServerFiles;
  readonly files: Files;
  readonly #store: KeptStore | undefined;
  #engine: KeptEngine | undefined;
  readonly #send: (message: ToPage) => void;
  readonly #endings = new Set<(signal: Signal) => void>();

  /** `store` has what earlier visits left; undefined: nothing, and this one leaves nothing. */
  constructor(send: (message: ToPage) => void, store: KeptStore | undefined) {
    this.#send = send;
    this.#store = store;
    this.#files = new ServerFiles(store);
    this.files = this.#files;
    this.terminal = new PortTerminal((bytes) => send({ kind: 'console', bytes }));
  }

  readonly stdout = (text: string): void => this.#send({ kind: 'text', text });
  readonly stderr = (text: string): void => this.#send({ kind: 'text', text });

  /** A page has none. */
  environment(_name: string): string | undefined {
    return undefined;
  }

  onSignal(handler: (signal: Signal) => void): () => void {
    this.#endings.add(handler);
    return () => this.#endings.delete(handler);
  }

  /** Somebody on the page wants it to end. */
  end(): void {
    for (const handler of this.#endings) handler({ name: 'SIGINT', number: 2 });
  }

  /** The page may be gone soon. */
  leave(): void {
    this.#engine?.leave();
  }

  /** Resolves when what later visits need is kept. */
  async kept(): Promise<void> {
    await this.#store?.written();
  }

  async startHost({ guestMemoryKib, trace, deterministic }: HostOptions): Promise<Host> {
    // Only now, so that a bad config is told of without loading a processor.
    const [{ startMachine }, { KeptEngine }] = await loadMachine();
    await (this.#files.opened ?? this.#store?.open(''));
    const collectGarbage = () => {}; // nobody can ask a browser to
    const engine = new KeptEngine(this.#store, () => this.#files.kernel ?? '', { defer, collectGarbage });
    const say = (line: string) => this.stderr(`${line}\r\n`);
    const machine = await startMachine(
      {
        clock: this.clock,
        random: this.random,
        defer,
        // A browser does not tell; it refuses what it does not have.
        availableMemoryKib: () => Number.POSITIVE_INFINITY,
        log: () => {},
        alarm: say,
        trace: say,
        holdInput: () => {},
      },
      { guestMemoryKib, trace, observed: false, processor: engine.make, deterministic },
    );
    this.#engine = engine;
    engine.leaveSoon(this.clock);
    const leaving = leaveNowAndThen(this.clock, engine);
    machine.onStop = () => {
      leaving.cancel();
      engine.end();
    };
    return machine;
  }
}

// What is made after a guest has booted. A page that is closed has no time to leave it.
function leaveNowAndThen(clock: Clock, engine: KeptEngine): TimerHandle {
  const next = () =>
    clock.setTimer(clock.nowNs() + LEAVE_NS, () => {
      engine.leave();
      timer = next();
    });
  let timer = next();
  return { cancel: () => timer.cancel() };
}

/** The server's files, and those built in. */
class ServerFiles extends FetchedFiles {
  /** Of the first file that can be one. */
  kernel: string | undefined;
  /** Resolves when the store knows what it has for that. */
  opened: Promise<void> | undefined;
  readonly #store: KeptStore | undefined;

  constructor(store: KeptStore | undefined) {
    super();
    this.#store = store;
  }

  override async read(path: string): Promise<Uint8Array> {
    const bytes = await (path.startsWith(BUILT_IN) ? readBuiltIn(path) : super.read(path));
    if (this.kernel === undefined) {
      this.kernel = kernelName(bytes);
      if (this.kernel !== undefined) this.#kernelIsThere(this.kernel);
    }
    return bytes;
  }

  // What will run it is loaded while other files are read. If it cannot be, `startHost` says so.
  #kernelIsThere(name: string): void {
    this.opened = this.#store?.open(name);
    loadMachine().catch(() => {});
  }
}

function loadMachine() {
  return Promise.all([import('../src/machine/machine.ts'), import('../src/machine/kept/kept-engine.ts')]);
}
