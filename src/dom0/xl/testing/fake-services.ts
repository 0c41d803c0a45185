import { EVTCHNSTAT_unbound } from '../../../abi/event_channel.ts';
import { SHUTDOWN_crash } from '../../../abi/sched.ts';
import type { Terminal, TimerHandle } from '../../../lib/ports.ts';
import { FakeStore } from '../../toolstack/testing/fake-store.ts';
import { FakeXen } from '../../toolstack/testing/fake-xen.ts';
import type { DomainConsole, Host, HostOptions, Services, Signal } from '../services.ts';

/** A terminal under a test's hands. */
export class FakeTerminal implements Terminal {
  interactive = true;
  output = '';
  raw = false;
  closed = false;
  #listener: (bytes: Uint8Array | undefined) => void = () => {};

  write(bytes: Uint8Array): void {
    this.output += new TextDecoder().decode(bytes);
  }
  onInput(listener: (bytes: Uint8Array | undefined) => void): void {
    this.#listener = listener;
  }
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  size(): undefined {
    return undefined;
  }
  close(): void {
    this.raw = false;
    this.closed = true;
    this.#listener = () => {};
  }
  type(text: string): void {
    this.#listener(new TextEncoder().encode(text));
  }
  endInput(): void {
    this.#listener(undefined);
  }
}

export class FakeConsole implements DomainConsole {
  typed = '';
  #kept = '';
  #listener: (bytes: Uint8Array) => void = () => {};

  onOutput(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
  }
  write(bytes: Uint8Array): void {
    this.typed += new TextDecoder().decode(bytes);
  }
  /** The guest prints, and the daemon hears of it. */
  print(text: string): void {
    this.#listener(new TextEncoder().encode(text));
  }
  /** The guest prints, and the daemon has not looked yet. */
  leave(text: string): void {
    this.#kept += text;
  }
  drain(): void {
    this.print(this.#kept);
    this.#kept = '';
  }
}

/** A machine whose guests do what the test says once they run. */
export class FakeHost implements Host {
  readonly ctrl: FakeXen;
  readonly foreignMemory: FakeXen;
  readonly store = new FakeStore();
  readonly clock = { wallclockNs: () => 1_795_230_121_287_654_321n };
  readonly consoles = new Map<number, FakeConsole>();
  /** Domains that were reset. */
  readonly resets: number[] = [];
  readonly state = {
    evtchn_status: () => EVTCHNSTAT_unbound,
    domain_soft_reset: (domid: number) => {
      this.resets.push(domid);
      this.ctrl.domain(domid).shutdownReason = undefined;
    },
  };
  readonly failure: Promise<never>;
  stopped = false;
  breakDown: (error: Error) => void = () => {};

  constructor(mib: number) {
    this.ctrl = new FakeXen(mib);
    this.foreignMemory = this.ctrl;
    this.ctrl.onRelease = () => this.store.fire('@releaseDomain');
    this.failure = new Promise((_, reject) => {
      this.breakDown = reject;
    });
  }

  console(domid: number): FakeConsole {
    const console = this.consoles.get(domid) ?? new FakeConsole();
    this.consoles.set(domid, console);
    return console;
  }
  describe(domid: number): string | undefined {
    const reason = this.ctrl.domain(domid).shutdownReason;
    return reason === SHUTDOWN_crash || reason === undefined ? `  d${domid}v0: RIP 0xdead` : undefined;
  }
  async breathe(): Promise<void> {}
  /** Domains whose memory went to a file. */
  readonly dumps: number[] = [];
  dumpFailure: Error | undefined;
  async dumpCore(domid: number, name: string): Promise<string> {
    if (this.dumpFailure !== undefined) throw this.dumpFailure;
    this.dumps.push(domid);
    return `/dump/${name}`;
  }
  async stop(): Promise<void> {
    this.stopped = true;
  }
}

/** Everything outside of xl, with what came out of it. `guest` is called for each domain that starts to run. */
export class FakeServices implements Services {
  out = '';
  err = '';
  readonly terminal = new FakeTerminal();
  readonly hosts: FakeHost[] = [];
  readonly hostOptions: HostOptions[] = [];
  readonly environmentVariables: Record<string, string> = {};
  readonly timers: { readonly atNs: number; readonly callback: () => void; cancelled: boolean }[] = [];
  hostMib = 256;
  guest: (host: FakeHost, domid: number) => void = () => {};
  readonly #fileContents: Readonly<Record<string, string | Uint8Array>>;
  readonly #signalHandlers = new Set<(signal: Signal) => void>();

  constructor(files: Readonly<Record<string, string | Uint8Array>>) {
    this.#fileContents = files;
  }

  stdout(text: string): void {
    this.out += text;
  }
  stderr(text: string): void {
    this.err += text;
  }
  environment(name: string): string | undefined {
    return this.environmentVariables[name];
  }

  readonly clock = {
    nsPerInstruction: undefined,
    nowNs: () => 1000,
    wallclockNs: () => 1_795_230_121_287_654_321n,
    setTimer: (atNs: number, callback: () => void): TimerHandle => {
      const timer = { atNs, callback, cancelled: false };
      this.timers.push(timer);
      return {
        cancel: () => {
          timer.cancelled = true;
        },
      };
    },
  };

  readonly random = { fill: (bytes: Uint8Array) => void bytes.fill(0x11) };

  readonly files = {
    workingDirectory: '/work',
    read: async (path: string): Promise<Uint8Array> => {
      const contents = this.#fileContents[path];
      if (contents === undefined) throw Object.assign(new Error('open failed'), { code: 'ENOENT' });
      return typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
    },
  };

  get listeningForSignals(): boolean {
    return this.#signalHandlers.size > 0;
  }

  onSignal(handler: (signal: Signal) => void): () => void {
    this.#signalHandlers.add(handler);
    return () => this.#signalHandlers.delete(handler);
  }

  signal(name: string, number: number): void {
    for (const handler of this.#signalHandlers) handler({ name, number });
  }

  async startHost(options: HostOptions): Promise<FakeHost> {
    const host = new FakeHost(this.hostMib);
    this.hosts.push(host);
    this.hostOptions.push(options);
    host.ctrl.onUnpause = (domid) => queueMicrotask(() => this.guest(host, domid));
    return host;
  }
}
