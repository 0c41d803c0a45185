import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UnixSocket } from '../../host/node/unix-socket.ts';
import { XenolithError } from '../../lib/errors.ts';
import { connectToHost } from './connect.ts';
import { type Home, makeHome } from './home.ts';

/** What a host says on descriptor 3 once it serves, or finds another one serving; anything else is why it cannot. */
export const READY = 'ready';
export const TAKEN = 'taken';

/** How long another host may take to come or to go. */
const PATIENCE_MS = 20_000;
const RETRY_MS = 50;

/** How a host is started in the background. */
export interface LaunchOptions {
  /** For all guests together. */
  readonly memoryMib?: string | undefined;
  /** What Node runs to become a host. */
  readonly program?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** The program that runs now, whichever way it was started. */
const THIS_PROGRAM: readonly string[] = [...process.execArgv, process.argv[1] ?? ''];

/** Connects to the host of a folder; starts it first where there is none. */
export async function connectOrLaunch(home: Home, options: LaunchOptions = {}): Promise<UnixSocket> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  do {
    const stream = await connectToHost(home.socket);
    if (stream !== undefined) return stream;
    // One that holds the lock without serving is on its way, in or out.
    if ((await launch(home, options)) === TAKEN) await sleep(RETRY_MS);
  } while (Date.now() < giveUpAt);
  const seconds = PATIENCE_MS / 1000;
  throw new XenolithError('HOST_BUSY', `${home.folder}: its host has neither served nor ended for ${seconds} s`);
}

/** Starts a host in the background; resolves once it serves, or has found that another does. */
export async function launch(
  home: Home,
  { memoryMib, program = THIS_PROGRAM, environment = process.env }: LaunchOptions = {},
): Promise<typeof READY | typeof TAKEN> {
  makeHome(home);
  const log = openSync(home.log, 'a', 0o600);
  const memory = memoryMib === undefined ? [] : [`--memory=${memoryMib}`];
  const child = spawn(process.execPath, [...program, 'host', ...memory], {
    cwd: '/',
    detached: true,
    env: { ...environment, XENOLITH_HOME: home.folder },
    stdio: ['ignore', log, log, 'pipe'],
  });
  closeSync(log);
  const said = await everything(child.stdio[3] as Readable);
  child.unref();
  if (said === READY || said === TAKEN) return said;
  const why = said === '' ? `it ended before it served; ${home.log} may say why` : said;
  throw new XenolithError('HOST_START', `the host of ${home.folder} cannot be started: ${why}`);
}

async function everything(pipe: Readable): Promise<string> {
  let text = '';
  for await (const piece of pipe) text += String(piece);
  return text.trim();
}
