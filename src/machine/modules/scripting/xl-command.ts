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
} from '../../daemon/frames.ts';
import type { Wire } from '../../daemon/wire.ts';

/** What becomes of a command of xl's. */
export interface Ended {
  /** Its exit status; undefined where the host ended before it answered. */
  readonly status: number | undefined;
  /** What it said on standard error. */
  readonly errors: string;
}

/** What a command is given. */
export interface XlCommandOptions {
  readonly output: (bytes: Uint8Array) => void;
  /** Files that the host asks for by these paths, below /dev. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** A command of xl's that a host carries out. */
export class XlCommand {
  readonly ended: Promise<Ended>;
  /** Resolves once the command reads what is typed. */
  readonly reads: Promise<void>;
  readonly #wire: Wire;
  readonly #options: XlCommandOptions;
  readonly #reader = new FrameReader();
  readonly #decoder = new TextDecoder();
  #errors = '';
  #finish: (ended: Ended) => void = () => {};
  #read: () => void = () => {};
  #typingHeld = false;
  #waitingToType: (() => void)[] = [];

  constructor(wire: Wire, argv: readonly string[], options: XlCommandOptions) {
    this.#wire = wire;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.reads = new Promise((resolve) => {
      this.#read = resolve;
    });
    wire.onData((bytes) => this.#receive(bytes));
    wire.onClose(() => this.#over(undefined));
    const request = { protocol: PROTOCOL, argv, workingDirectory: process.cwd(), environment: {}, interactive: false };
    wire.send(jsonFrame(RUN, request));
  }

  /** Types; resolves once there is room for more. */
  async type(bytes: Uint8Array): Promise<void> {
    await Promise.race([this.reads, this.ended]);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#wire.send(frame(INPUT, bytes.subarray(at, at + PIECE_BYTES)));
    }
    if (!this.#typingHeld) return;
    await new Promise<void>((resolve) => {
      this.#waitingToType.push(resolve);
    });
  }

  /** Leaves its output where it is, or takes it again. */
  hold(held: boolean): void {
    this.#wire.hold(held);
  }

  /** Asks it to end, as Ctrl-C does. */
  interrupt(): void {
    this.#wire.send(jsonFrame(SIGNAL, 'SIGINT'));
  }

  /** Goes without it. */
  abandon(): void {
    this.#wire.close();
    this.#over(undefined);
  }

  #over(status: number | undefined): void {
    this.#finish({ status, errors: this.#errors });
    for (const go of this.#waitingToType.splice(0)) go();
  }

  #receive(bytes: Uint8Array): void {
    const frames = this.#reader.push(bytes);
    if (frames === 'oversized') this.abandon();
    else for (const each of frames) this.#handle(each);
  }

  #handle({ kind, body }: Frame): void {
    switch (kind) {
      case OUTPUT:
        this.#options.output(body.slice());
        return;
      case ERROR:
        this.#errors += this.#decoder.decode(body, { stream: true });
        return;
      case TERMINAL:
        this.#obey(json(body) as TerminalOrder);
        return;
      case READ:
        this.#giveFile(new TextDecoder().decode(body));
        return;
      case EXIT:
        this.#over(Number(json(body)));
        this.#wire.close();
        return;
    }
  }

  #obey({ read, hold }: TerminalOrder): void {
    if (read === true) this.#read();
    if (hold !== undefined) this.#typingHeld = hold;
    if (hold === false) for (const go of this.#waitingToType.splice(0)) go();
  }

  #giveFile(path: string): void {
    const bytes = this.#options.files?.get(path);
    this.#wire.send(jsonFrame(FILE, bytes === undefined ? { error: 'ENOENT' } : {}));
    for (let at = 0; at < (bytes?.length ?? 0); at += PIECE_BYTES) {
      this.#wire.send(frame(CHUNK, (bytes as Uint8Array).subarray(at, at + PIECE_BYTES)));
    }
    this.#wire.send(frame(CHUNK, new Uint8Array(0)));
  }
}
