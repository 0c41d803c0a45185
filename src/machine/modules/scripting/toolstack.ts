import { XenolithError } from '../../../lib/errors.ts';
import type { Wire } from '../../daemon/wire.ts';
import { type Answer, type Commands, ToolstackError } from './commands.ts';
import { CONFIG_FOLDER, configFiles, type DomainConfig } from './config-text.ts';
import { Domain } from './domain.ts';
import { JsonLines } from './event-stream.ts';
import type { DomainEvent, DomainRow } from './types.ts';
import { XlCommand, type XlCommandOptions } from './xl-command.ts';

/** How a domain is created. */
export interface CreateOptions {
  /** Leave it paused. */
  readonly paused?: boolean;
  /** Nobody acts upon its end: it stays, shut down, until it is destroyed. */
  readonly unattended?: boolean;
}

/** The toolstack of a host, for programs. Everything that fails rejects with a ToolstackError. */
export class Toolstack implements Commands {
  readonly #connect: () => Promise<Wire>;
  readonly #listeners = new Set<Listener>();
  #listening: Promise<void> | undefined;
  #events: JsonLines | undefined;

  /** `connect` opens another connection to the host. */
  constructor(connect: () => Promise<Wire>) {
    this.#connect = connect;
  }

  /**
   * Creates a domain, from the text of a config file or from an object of its keys, and lets it run unless it is to stay
   * paused. Files are named by their paths on the host, or given as bytes.
   */
  async create(config: string | DomainConfig, options: CreateOptions = {}): Promise<Domain> {
    const { path, files } = configFiles(config);
    return await this.#create([path], options, files);
  }

  /** Creates a domain from a config file; `settings` go after it, as `memory=512`. */
  async createFrom(file: string, settings: readonly string[] = [], options: CreateOptions = {}): Promise<Domain> {
    return await this.#create([file, ...settings], options, undefined);
  }

  /** The domains there are, Domain-0 included. */
  async list(): Promise<DomainRow[]> {
    return (await this.#json(['list'])) as DomainRow[];
  }

  /** A domain by its name or number, as it is at the moment; undefined where there is none. */
  async find(nameOrDomid: string | number): Promise<Domain | undefined> {
    const rows = await this.list();
    const row = rows.find(({ name, domid }) => name === nameOrDomid || domid === Number(nameOrDomid));
    return row === undefined ? undefined : new Domain(this, row.domid, row.name ?? `${row.domid}`);
  }

  /** What `xl info` tells of the host. */
  async info(): Promise<Record<string, unknown>> {
    return (await this.#json(['info'])) as Record<string, unknown>;
  }

  /** What happens to domains from now on. */
  async events(): Promise<AsyncIterableIterator<DomainEvent>> {
    return await this.#listen();
  }

  /**
   * Calls back for what happens to domains, or for one kind of it; returns what ends that. Whatever is asked of the host
   * afterwards is heard of.
   */
  on(kind: DomainEvent['event'] | 'event', listener: (event: DomainEvent) => void): () => void {
    const entry = { kind, listener };
    this.#listeners.add(entry);
    this.#listening ??= this.#attend();
    // Whoever asks for something next is told of it.
    this.#listening.catch(() => {});
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size > 0) return;
      void this.#events?.return();
      this.#events = undefined;
      this.#listening = undefined;
    };
  }

  /**
   * Carries out any command of xl's. It does not reject where the command fails.
   *
   * @param files what the command is to read at paths below /dev
   * @throws XenolithError where the host cannot be reached
   */
  async run(command: readonly string[], files?: ReadonlyMap<string, Uint8Array>): Promise<Answer> {
    const output: Uint8Array[] = [];
    const running = await this.start(command, {
      output: (bytes) => output.push(bytes),
      ...(files === undefined ? {} : { files }),
    });
    const { status, errors } = await running.ended;
    if (status === undefined) throw new XenolithError('HOST_GONE', `xl ${command.join(' ')}: the host has ended`);
    return { status, output: new TextDecoder().decode(Buffer.concat(output)), errors };
  }

  /** As `run`, and rejects with a ToolstackError where it fails; resolves with its output. */
  async do(...command: readonly string[]): Promise<string> {
    const answer = await this.run(command);
    if (answer.status !== 0) throw new ToolstackError(command, answer);
    return answer.output;
  }

  /** Starts a command whose output comes as it goes along. */
  async start(command: readonly string[], options: XlCommandOptions): Promise<XlCommand> {
    return new XlCommand(await this.connect(), command, options);
  }

  /** Another connection to the host, for one command. */
  async connect(): Promise<Wire> {
    await this.#listening;
    return await this.#connect();
  }

  /** Ends what listens; the host goes on. */
  close(): void {
    this.#listeners.clear();
    void this.#events?.return();
    this.#events = undefined;
    this.#listening = undefined;
  }

  async #create(
    words: readonly string[],
    { paused = false, unattended = false }: CreateOptions,
    files: ReadonlyMap<string, Uint8Array> | undefined,
  ): Promise<Domain> {
    const flags = ['-q', '--json', ...(paused ? ['-p'] : []), ...(unattended ? ['-e'] : [])];
    const command = ['create', ...flags, ...words];
    const answer = await this.run(command, files);
    if (answer.status !== 0) {
      // What was given as text or bytes has no path that would mean something to whoever gave it.
      throw new ToolstackError(command, { ...answer, errors: answer.errors.replaceAll(`${CONFIG_FOLDER}/`, '') });
    }
    const { domid, name } = JSON.parse(answer.output) as { domid: number; name: string };
    return new Domain(this, domid, name);
  }

  async #json(command: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.do(...command, '--json'));
  }

  async #attend(): Promise<void> {
    const events = await this.#listen();
    this.#events = events as JsonLines;
    void this.#hearOut(events);
  }

  async #hearOut(events: AsyncIterable<DomainEvent>): Promise<void> {
    try {
      for await (const event of events) {
        for (const { kind, listener } of [...this.#listeners]) {
          if (kind === 'event' || kind === event.event) listener(event);
        }
      }
    } catch (error) {
      // The host has ended: the next command says so.
      if (!(error instanceof XenolithError)) throw error;
    }
  }

  async #listen(): Promise<AsyncIterableIterator<DomainEvent>> {
    const wire = await this.#connect();
    const lines = new JsonLines((output) => new XlCommand(wire, ['events', '--ready'], { output }));
    await lines.next();
    return lines as AsyncIterableIterator<DomainEvent>;
  }
}

interface Listener {
  readonly kind: DomainEvent['event'] | 'event';
  readonly listener: (event: DomainEvent) => void;
}
