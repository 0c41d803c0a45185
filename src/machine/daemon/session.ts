import { constants } from 'node:os';
import type { Cancellation } from '../../dom0/toolstack/domain-record.ts';
import { EXIT_SIGNAL_BASE } from '../../dom0/xl/exit-status.ts';
import { xl } from '../../dom0/xl/main.ts';
import type { Files, Host, RunningHost, Services, Signal } from '../../dom0/xl/services.ts';
import { XenolithError } from '../../lib/errors.ts';
import type { Clock, Random, Terminal, TerminalSize } from '../../lib/ports.ts';
import {
  CHUNK,
  ERROR,
  EXIT,
  FILE,
  type FileAnswer,
  type Frame,
  FrameReader,
  frame,
  INPUT,
  json,
  jsonFrame,
  OUTPUT,
  PIECE_BYTES,
  PROTOCOL,
  READ,
  RUN,
  type RunRequest,
  SIGNAL,
  TERMINAL,
  type TerminalOrder,
} from './frames.ts';
import { planAside } from './planner.ts';
import { FileRequest, SessionFiles } from './session-files.ts';
import type { Wire } from './wire.ts';

/** What sessions run on. */
export interface SessionHost {
  readonly running: RunningHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (line: string) => void;
  /** What whoever comes next has to be told, once. */
  takeNews(): string | undefined;
}

/** What a client may leave unread before it counts as gone: a command's output, or a stream's. */
const UNREAD_BYTES = 64 << 20;
const EXIT_USAGE = 1;
const EXIT_INTERNAL = 70;

/** One command of one xl: takes it from the socket, runs it in the host, and answers. */
export class Session implements Services {
  readonly clock: Clock;
  readonly random: Random;
  readonly running: RunningHost;
  readonly terminal: RemoteTerminal;
  readonly files: Files;
  readonly cancellation: Cancellation;
  readonly planDomain = planAside;
  readonly #host: SessionHost;
  readonly #stream: Wire;
  readonly #reader = new FrameReader();
  readonly #cancelListeners = new Set<() => void>();
  readonly #signalListeners = new Set<(signal: Signal) => void>();
  readonly #fileRequests: FileRequest[] = [];
  #request: RunRequest | undefined;
  #cancelled = false;
  #endedBy: Signal | undefined;
  #answered = false;

  constructor(stream: Wire, host: SessionHost) {
    this.#stream = stream;
    this.#host = host;
    this.clock = host.clock;
    this.random = host.random;
    this.running = host.running;
    this.terminal = new RemoteTerminal(stream, (bytes) => this.#send(OUTPUT, bytes));
    this.files = new SessionFiles(
      () => this.#request?.workingDirectory ?? '/',
      (path) => this.#readRemotely(path),
    );
    this.cancellation = this.#makeCancellation();
    stream.onData((bytes) => this.#receive(bytes));
    stream.onDrain(() => this.#drained());
    stream.onClose(() => this.#over());
  }

  /** Nobody waits for it: it was connected, and has not asked for anything. */
  get isSilent(): boolean {
    return this.#request === undefined;
  }

  /** Ends it, whatever it was about to ask. */
  close(): void {
    this.#stream.close();
  }

  readonly stdout = (text: string): void => this.#send(OUTPUT, new TextEncoder().encode(text));
  readonly stderr = (text: string): void => {
    const shown = this.terminal.isRaw ? text.replaceAll(/\r?\n/g, '\r\n') : text;
    this.#send(ERROR, new TextEncoder().encode(shown));
  };

  environment(name: string): string | undefined {
    return this.#request?.environment[name];
  }

  onSignal(handler: (signal: Signal) => void): () => void {
    this.#signalListeners.add(handler);
    return () => this.#signalListeners.delete(handler);
  }

  async startHost(): Promise<Host> {
    throw new XenolithError('XL_USAGE', 'a host runs already: no machine of its own is started');
  }

  #makeCancellation(): Cancellation {
    const session = this;
    return {
      get cancelled() {
        return session.#cancelled;
      },
      onCancel: (listener) => {
        if (session.#cancelled) listener();
        session.#cancelListeners.add(listener);
        return () => session.#cancelListeners.delete(listener);
      },
    };
  }

  #receive(bytes: Uint8Array): void {
    const frames = this.#reader.push(bytes);
    if (frames === 'oversized') {
      this.#refuse('a frame that is longer than frames may be');
      return;
    }
    for (const each of frames) this.#handle(each);
  }

  #handle({ kind, body }: Frame): void {
    if (this.#request === undefined) {
      kind === RUN ? this.#begin(json(body)) : this.#refuse('no command first');
      return;
    }
    switch (kind) {
      case INPUT:
        this.terminal.received(body);
        return;
      case SIGNAL:
        this.#signalled(json(body));
        return;
      case FILE:
        this.#fileRequests[0]?.answer(json(body) as FileAnswer);
        return;
      case CHUNK:
        if (this.#fileRequests[0]?.take(body) === 'done') this.#fileRequests.shift();
        return;
      default:
        this.#refuse(`a frame of an unknown kind, ${kind}`);
        return;
    }
  }

  /** Somebody who does not speak the protocol is told so, and gone. */
  #refuse(what: string): void {
    this.#host.log(`xl: disconnected: ${what}`);
    this.stderr(`xl: the host does not understand: ${what}\n`);
    this.#exit(EXIT_USAGE);
  }

  #begin(value: unknown): void {
    const request = runRequest(value);
    if (typeof request === 'string') {
      this.#refuse(request);
      return;
    }
    this.#request = request;
    this.terminal.begin(request);
    void this.#run(request.argv);
  }

  async #run(argv: readonly string[]): Promise<void> {
    const news = this.#host.takeNews();
    if (news !== undefined) this.stderr(`${news}\n`);
    try {
      this.#exit(this.#ended(await xl(argv, this)));
    } catch (error) {
      this.terminal.close();
      const text = error instanceof Error ? error.message : String(error);
      this.#host.log(`xl ${argv.join(' ')}: ${error instanceof Error ? (error.stack ?? text) : text}`);
      const known = error instanceof XenolithError;
      this.stderr(known ? `xl: ${text}\n` : `xl: internal error: ${text} (the host's log shows where)\n`);
      this.#exit(known ? this.#ended(EXIT_USAGE) : EXIT_INTERNAL);
    }
  }

  /** What a signal has cut short ends as programs do that a signal ends. */
  #ended(status: number): number {
    return status === EXIT_USAGE && this.#endedBy !== undefined ? EXIT_SIGNAL_BASE + this.#endedBy.number : status;
  }

  #exit(status: number): void {
    this.#stream.send(jsonFrame(EXIT, status));
    this.#answered = true;
    this.#drained();
  }

  /** The last frame is out before the connection ends: a client that reads slowly gets it all. */
  #drained(): void {
    this.terminal.drained();
    if (this.#answered && this.#stream.unsent === 0) this.#stream.close();
  }

  #signalled(value: unknown): void {
    const number = typeof value === 'string' ? constants.signals[value as NodeJS.Signals] : undefined;
    if (number === undefined) {
      this.#refuse('a signal without a name');
      return;
    }
    const signal = { name: value as string, number };
    if (this.#signalListeners.size > 0) {
      for (const listener of [...this.#signalListeners]) listener(signal);
      return;
    }
    this.#endedBy = signal;
    this.#cancel();
  }

  #cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    for (const listener of [...this.#cancelListeners]) listener();
  }

  /** The client is gone, with its command or before that was done. */
  #over(): void {
    for (const request of this.#fileRequests.splice(0)) request.fail('EIO');
    this.terminal.gone();
    const hangup = { name: 'SIGHUP', number: constants.signals.SIGHUP };
    for (const listener of [...this.#signalListeners]) listener(hangup);
    this.#cancel();
  }

  #send(kind: number, bytes: Uint8Array): void {
    if (this.#stream.unsent > UNREAD_BYTES) {
      this.#host.log(`xl ${this.#request?.argv.join(' ')}: does not read its output: disconnected`);
      this.#stream.close();
      return;
    }
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#stream.send(frame(kind, bytes.subarray(at, at + PIECE_BYTES)));
    }
  }

  #readRemotely(path: string): Promise<Uint8Array> {
    const request = new FileRequest();
    // Once it is answered the client is as good as gone.
    if (this.#cancelled || this.#answered) request.fail('EIO');
    else {
      this.#fileRequests.push(request);
      this.#stream.send(frame(READ, new TextEncoder().encode(path)));
    }
    return request.bytes;
  }
}

/** The client's terminal. */
class RemoteTerminal implements Terminal {
  interactive = false;
  isRaw = false;
  readonly #stream: Wire;
  readonly #put: (bytes: Uint8Array) => void;
  #size: TerminalSize | undefined;
  #held = false;
  #listener: ((bytes: Uint8Array | undefined) => void) | undefined;
  readonly #drainListeners: (() => void)[] = [];

  constructor(stream: Wire, put: (bytes: Uint8Array) => void) {
    this.#stream = stream;
    this.#put = put;
  }

  /** Everything that waited has been read. */
  drained(): void {
    for (const listener of this.#drainListeners) listener();
  }

  begin({ interactive, columns, rows }: RunRequest): void {
    this.interactive = interactive;
    this.#size = columns === undefined || rows === undefined ? undefined : { columns, rows };
  }

  write(bytes: Uint8Array): void {
    this.#put(bytes);
  }

  /** How much waits for the reader. */
  get unsent(): number {
    return this.#stream.unsent;
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener);
  }

  onInput(listener: (bytes: Uint8Array | undefined) => void): void {
    this.#listener = listener;
    this.#order({ read: true });
  }

  holdInput(hold: boolean): void {
    if (this.interactive || hold === this.#held) return;
    this.#held = hold;
    this.#order({ hold });
  }

  setRawMode(raw: boolean): void {
    if (!this.interactive || raw === this.isRaw) return;
    this.isRaw = raw;
    this.#order({ raw });
  }

  size(): TerminalSize | undefined {
    return this.#size;
  }

  close(): void {
    this.isRaw = false;
    this.#listener = undefined;
    this.#order({ close: true });
  }

  /** Input has come; none at all is its end. */
  received(bytes: Uint8Array): void {
    this.#listener?.(bytes.length === 0 ? undefined : bytes);
  }

  /** There is nobody any more. */
  gone(): void {
    this.#listener?.(undefined);
    this.#listener = undefined;
    this.drained();
  }

  #order(order: TerminalOrder): void {
    this.#stream.send(jsonFrame(TERMINAL, order));
  }
}

/** Checks what came for a request; a sentence says what is wrong with it. */
function runRequest(value: unknown): RunRequest | string {
  if (typeof value !== 'object' || value === null) return 'a command that is no JSON object';
  const { protocol, argv, workingDirectory, environment, interactive, columns, rows } = value as Partial<RunRequest>;
  if (!Array.isArray(argv) || !argv.every((argument) => typeof argument === 'string')) return 'a command without words';
  // An xl that is older or younger can at least end it.
  if (protocol !== PROTOCOL && argv.join(' ') !== 'host stop') {
    return `protocol ${String(protocol)}, where this host speaks ${PROTOCOL}: xl host stop, and start it anew`;
  }
  if (typeof workingDirectory !== 'string') return 'a command without a working directory';
  if (typeof environment !== 'object' || environment === null) return 'a command without an environment';
  const size = typeof columns === 'number' && typeof rows === 'number' ? { columns, rows } : {};
  return { protocol: PROTOCOL, argv, workingDirectory, environment, interactive: interactive === true, ...size };
}
