import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { STDERR, STDIN, STDOUT, writeFully } from '../../host/node/output.ts';
import type { UnixSocket } from '../../host/node/unix-socket.ts';
import { connectToHost } from './connect.ts';
import {
  CHUNK,
  ERROR,
  EXIT,
  FILE,
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
  SIGNAL,
  TERMINAL,
  type TerminalOrder,
} from './frames.ts';
import { findHome, type Home } from './home.ts';
import { commandAt } from './route.ts';

/** Variables that mean something to a command, wherever it is carried out. */
const VARIABLES = ['NO_COLOR', 'TERM', 'COLUMNS', 'LANG', 'HOME', 'XENOLITH_DEBUG'];
const EXIT_ERROR = 1;
/** Of the LSB: a status is asked for, and nothing runs. */
const EXIT_NOT_RUNNING = 3;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * xl, as far as it is this process's: has the host carry out a command and stands in for it at the terminal. Loads as
 * little as it can. Returns the exit status.
 */
export async function runOnHost(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const home = findHome(environment);
  const stream = (await connectToHost(home.socket)) ?? (await start(argv, home, environment));
  return stream === undefined ? EXIT_NOT_RUNNING : await new Client(stream).run(argv, environment);
}

/** Starting one to be told that it runs, or to stop it, would be silly. */
async function start(
  argv: readonly string[],
  home: Home,
  environment: NodeJS.ProcessEnv,
): Promise<UnixSocket | undefined> {
  if (argv[commandAt(argv)] === 'host') {
    writeFully(STDOUT, new TextEncoder().encode(`no host runs at ${home.folder}\n`));
    return undefined;
  }
  const { connectOrLaunch } = await import('./launch.ts');
  return await connectOrLaunch(home, { memoryMib: environment['XENOLITH_MEMORY'] });
}

class Client {
  readonly #stream: UnixSocket;
  readonly #reader = new FrameReader();
  #interrupted = false;
  #reading = false;
  #outputBroken = false;
  #finish: (status: number) => void = () => {};

  constructor(stream: UnixSocket) {
    this.#stream = stream;
  }

  run(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
    const interactive = isatty(STDIN) && isatty(STDOUT);
    const size = isatty(STDOUT) ? { columns: process.stdout.columns, rows: process.stdout.rows } : {};
    const known = VARIABLES.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]));
    for (const signal of Object.keys(SIGNALS))
      process.on(signal, () => this.#interrupt(signal as keyof typeof SIGNALS));
    return new Promise((resolve) => {
      this.#finish = (status) => {
        this.#giveBack();
        resolve(status);
      };
      this.#stream.onData((bytes) => this.#receive(bytes));
      this.#stream.onClose(() => this.#lost());
      const request = { protocol: PROTOCOL, argv, workingDirectory: folder(), interactive, ...size };
      this.#stream.send(jsonFrame(RUN, { ...request, environment: Object.fromEntries(known) }));
    });
  }

  /** The first time the command is asked to end, and the second time we go without it. */
  #interrupt(signal: keyof typeof SIGNALS): void {
    if (this.#interrupted) {
      this.#finish(128 + SIGNALS[signal]);
      return;
    }
    this.#interrupted = true;
    this.#stream.send(jsonFrame(SIGNAL, signal));
  }

  #lost(): void {
    this.#say('xl: the host ended before it answered');
    this.#finish(EXIT_ERROR);
  }

  #receive(bytes: Uint8Array): void {
    const frames = this.#reader.push(bytes);
    if (frames === 'oversized') {
      this.#say('xl: what serves the socket is no host of this kind');
      this.#finish(EXIT_ERROR);
      return;
    }
    for (const each of frames) this.#handle(each);
  }

  #handle({ kind, body }: Frame): void {
    switch (kind) {
      case OUTPUT:
        this.#write(body);
        return;
      case ERROR:
        writeFully(STDERR, body);
        return;
      case TERMINAL:
        this.#obey(json(body) as TerminalOrder);
        return;
      case READ:
        this.#readFile(new TextDecoder().decode(body));
        return;
      case EXIT:
        this.#finish(Number(json(body)));
        return;
    }
  }

  /** A reader that went away ends what was written for it, as SIGPIPE would. */
  #write(bytes: Uint8Array): void {
    if (this.#outputBroken) return;
    const failure = writeFully(STDOUT, bytes);
    if (failure === undefined) return;
    this.#outputBroken = true;
    if (failure.code !== 'EPIPE') this.#say(`xl: cannot write to standard output: ${failure.message}`);
    this.#stream.send(jsonFrame(SIGNAL, 'SIGHUP'));
  }

  #obey({ read, raw, hold, close }: TerminalOrder): void {
    if (read === true) this.#read();
    if (raw !== undefined && isatty(STDIN)) process.stdin.setRawMode(raw);
    if (hold === true) process.stdin.pause();
    if (hold === false) process.stdin.resume();
    if (close === true) this.#giveBack();
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    const end = () => this.#stream.send(frame(INPUT, new Uint8Array(0)));
    process.stdin.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        this.#stream.send(frame(INPUT, bytes.subarray(at, at + PIECE_BYTES)));
      }
    });
    process.stdin.on('end', end);
    process.stdin.on('error', end);
    process.on('SIGCONT', this.#continued);
    process.stdin.resume();
  }

  /** A shell puts its own modes in force while it has us stopped. */
  readonly #continued = (): void => {
    if (!isatty(STDIN) || !process.stdin.isRaw) return;
    process.stdin.setRawMode(false);
    process.stdin.setRawMode(true);
  };

  #giveBack(): void {
    if (!this.#reading) return;
    this.#reading = false;
    process.off('SIGCONT', this.#continued);
    if (isatty(STDIN)) process.stdin.setRawMode(false);
    process.stdin.removeAllListeners('data').removeAllListeners('end').pause();
  }

  /** Sends a file that only this process can read, all of it: the host has asked for it. */
  #readFile(path: string): void {
    try {
      const bytes = readFileSync(path);
      this.#stream.send(jsonFrame(FILE, {}));
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        this.#stream.send(frame(CHUNK, bytes.subarray(at, at + PIECE_BYTES)));
      }
    } catch (error) {
      this.#stream.send(jsonFrame(FILE, { error: (error as NodeJS.ErrnoException).code ?? 'EIO' }));
    }
    this.#stream.send(frame(CHUNK, new Uint8Array(0)));
  }

  #say(line: string): void {
    writeFully(STDERR, new TextEncoder().encode(`${line}\n`));
  }
}

function folder(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}
