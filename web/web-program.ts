import type { Files, Host, HostOptions, Services, Signal } from '../src/dom0/xl/services.ts';
import { WebClock } from '../src/host/web/clock.ts';
import { defer } from '../src/host/web/event-loop.ts';
import { FetchedFiles } from '../src/host/web/files.ts';
import { WebRandom } from '../src/host/web/random.ts';
import { PortTerminal } from '../src/host/web/terminal.ts';
import { BUILT_IN, readBuiltIn } from '../src/machine/built-in.ts';
import type { ToPage } from './messages.ts';

/** What xl is made of in a browser: the world that it and its machine see. */
export class WebProgram implements Services {
  readonly clock = new WebClock();
  readonly random = new WebRandom();
  readonly terminal: PortTerminal;
  readonly files: Files = new ServerFiles();
  readonly #send: (message: ToPage) => void;
  readonly #endings = new Set<(signal: Signal) => void>();

  constructor(send: (message: ToPage) => void) {
    this.#send = send;
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

  async startHost({ guestMemoryKib, trace, deterministic }: HostOptions): Promise<Host> {
    // Only now, so that a bad config is told of without loading a processor.
    const { startMachine } = await import('../src/machine/machine.ts');
    const say = (line: string) => this.stderr(`${line}\r\n`);
    return startMachine(
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
      { guestMemoryKib, trace, observed: false, deterministic },
    );
  }
}

/** The server's files, and those built in. */
class ServerFiles extends FetchedFiles {
  override async read(path: string): Promise<Uint8Array> {
    return path.startsWith(BUILT_IN) ? readBuiltIn(path) : super.read(path);
  }
}
