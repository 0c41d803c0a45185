import { SHUTDOWN_REASONS } from '../../../dom0/toolstack/domain-record.ts';
import { XenolithError } from '../../../lib/errors.ts';
import { type Commands, ToolstackError } from './commands.ts';
import { DomainConsole } from './domain-console.ts';
import type { DomainEnd, DomainRow } from './types.ts';
import { XlCommand } from './xl-command.ts';

/** What waits give up after. */
export interface WaitOptions {
  readonly timeoutMs?: number;
}

/** One life of a domain: a domain that is restarted has another number. */
export class Domain {
  readonly domid: number;
  /** The name that it was found or created by. */
  readonly name: string;
  readonly #commands: Commands;

  constructor(commands: Commands, domid: number, name: string) {
    this.#commands = commands;
    this.domid = domid;
    this.name = name;
  }

  /** How it is now; undefined where it is gone. */
  async info(): Promise<DomainRow | undefined> {
    const rows = JSON.parse(await this.#commands.do('list', '--json')) as DomainRow[];
    return rows.find(({ domid }) => domid === this.domid);
  }

  async pause(): Promise<void> {
    await this.#do('pause');
  }
  async unpause(): Promise<void> {
    await this.#do('unpause');
  }
  /** Ends it at once. */
  async destroy(): Promise<void> {
    await this.#do('destroy');
  }
  /** Asks its kernel to power off, and does not wait for that. */
  async shutdown(): Promise<void> {
    await this.#do('shutdown');
  }
  /** Asks its kernel to reboot, and does not wait for that. */
  async reboot(): Promise<void> {
    await this.#do('reboot');
  }
  /** Has its kernel suspend, and waits for that. */
  async suspend(): Promise<void> {
    await this.#do('suspend');
  }
  /** Lets it go on after a suspend. */
  async resume(): Promise<void> {
    await this.#do('resume');
  }
  async rename(name: string): Promise<void> {
    await this.#do('rename', name);
  }
  /** What its balloon is to leave it. */
  async setMemory(mib: number): Promise<void> {
    await this.#do('mem-set', `${mib}m`);
  }
  /** How many of its vCPUs are to be online. */
  async setVcpus(count: number): Promise<void> {
    await this.#do('vcpu-set', `${count}`);
  }

  /** Resolves once it has shut down or is gone, at once where it is; rejects with status 124 after `timeoutMs`. */
  async wait({ timeoutMs }: WaitOptions = {}): Promise<DomainEnd> {
    const command = ['wait', `${this.domid}`, '--json', ...timeoutWords(timeoutMs)];
    const answer = await this.#commands.run(command);
    if (answer.output === '') throw new ToolstackError(command, answer);
    const { status, end } = JSON.parse(answer.output) as WaitAnswer;
    const reason = end.kind === 'shutdown' ? (SHUTDOWN_REASONS[end.reason] ?? 'unknown') : undefined;
    return { kind: end.kind, reason, status };
  }

  /** Resolves with the first line of its console, past ones included, that matches. */
  async waitForConsole(pattern: RegExp | string, { timeoutMs }: WaitOptions = {}): Promise<string> {
    const words = ['wait', `${this.domid}`, '--for', `console:${source(pattern)}`, ...timeoutWords(timeoutMs)];
    return (await this.#commands.do(...words)).replace(/\n$/, '');
  }

  /** Everything that it has printed, as far as it is kept: a MiB. */
  async logs(): Promise<string> {
    return await this.#commands.do('logs', `${this.domid}`);
  }

  /** Its console. Of those who are there, the first one types; `readOnly` leaves that to others. */
  async console({ readOnly = false }: { readonly readOnly?: boolean } = {}): Promise<DomainConsole> {
    const words = ['console', ...(readOnly ? ['-r'] : []), `${this.domid}`];
    const wire = await this.#commands.connect();
    return new DomainConsole((output) => new XlCommand(wire, words, { output }));
  }

  async #do(command: string, ...more: readonly string[]): Promise<void> {
    await this.#commands.do(command, `${this.domid}`, ...more);
  }
}

interface WaitAnswer {
  readonly status: number;
  readonly end: { readonly kind: 'shutdown'; readonly reason: number } | { readonly kind: 'destroyed' };
}

function timeoutWords(timeoutMs: number | undefined): string[] {
  if (timeoutMs === undefined) return [];
  return ['--timeout', (Math.max(1, timeoutMs) / 1000).toFixed(3)];
}

/** A pattern's text; the flags that change what it matches go into it. */
function source(pattern: RegExp | string): string {
  if (typeof pattern === 'string') return pattern.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const flags = pattern.flags.replaceAll(/[dgy]/g, '');
  if (/[^ims]/.test(flags)) {
    throw new XenolithError('XL_USAGE', `${pattern}: expected the flags i, m and s at most, for example /login:/i`);
  }
  return flags === '' ? pattern.source : `(?${flags}:${pattern.source})`;
}
