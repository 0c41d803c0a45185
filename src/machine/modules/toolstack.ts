/**
 * The toolstack of a running host for programs in TypeScript or JavaScript:
 * `import { connectToolstack } from 'xenolith/toolstack'`. docs/scripting.md is its manual.
 */
import { fileURLToPath } from 'node:url';
import { XenolithError } from '../../lib/errors.ts';
import { connectToHost } from '../daemon/connect.ts';
import { findHome, homeAt } from '../daemon/home.ts';
import { connectOrLaunch, type LaunchOptions } from '../daemon/launch.ts';
import { XEN_COMMAND_LINE } from '../xen-command-line.ts';
import { Toolstack } from './scripting/toolstack.ts';

export { type Answer, ToolstackError } from './scripting/commands.ts';
export type { ConfigValue, DomainConfig } from './scripting/config-text.ts';
export { Domain, type WaitOptions } from './scripting/domain.ts';
export type { DomainConsole } from './scripting/domain-console.ts';
export { type CreateOptions, Toolstack } from './scripting/toolstack.ts';
export type { DomainEnd, DomainEvent, DomainEventKind, DomainRow } from './scripting/types.ts';

export interface ConnectOptions {
  /** The host's folder; by default XENOLITH_HOME, or else this user's own. */
  readonly home?: string;
  /** Start a host where none runs, as xl does; otherwise that is an error. */
  readonly start?: boolean;
  /** MiB for all guests of a host that is started. */
  readonly memoryMiB?: number;
  /** Xen's command line for a host that is started, such as `sched=credit maxcpus=4`. */
  readonly xen?: string;
}

/**
 * Connects to a host: the one that `xl` talks to, unless another folder is named.
 *
 * @throws XenolithError HOST_NONE where no host runs and none is to be started
 */
export async function connectToolstack(options: ConnectOptions = {}): Promise<Toolstack> {
  const { start = false } = options;
  const home = options.home === undefined ? findHome(process.env) : homeAt(options.home);
  const toolstack = new Toolstack(async () => {
    const wire = await connectToHost(home.socket);
    if (wire !== undefined) return wire;
    const expected = 'expected a running one, for example xl host start, or { start: true }';
    throw new XenolithError('HOST_NONE', `${home.folder}: no host runs here: ${expected}`);
  });
  if (start) (await connectOrLaunch(home, launchOptions(options))).close();
  await toolstack.do('host', 'status');
  return toolstack;
}

function launchOptions({ memoryMiB, xen }: ConnectOptions): LaunchOptions {
  const environment = xen === undefined ? process.env : { ...process.env, [XEN_COMMAND_LINE]: xen };
  return { memoryMib: memoryMiB === undefined ? undefined : `${memoryMiB}`, program: program(), environment };
}

/** xl's program: JavaScript where this file is. */
function program(): string[] {
  const main = new URL(`../main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
  return ['--disable-warning=ExperimentalWarning', fileURLToPath(main)];
}
