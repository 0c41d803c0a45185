import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Xenstored } from '../dom0/xenstored/xenstored.ts';
import type { UnixSocketServer } from '../host/node/unix-socket-server.ts';
import { listenOnUnixSocket } from '../host/node/unix-socket-server.ts';
import { XenolithError } from '../lib/errors.ts';

/** Processes connected at once. Each costs a descriptor and some kilobytes; a toolstack's host has some dozens. */
const MOST_CONNECTIONS = 4096;

/**
 * Where stock clients look for the daemon: XENSTORED_PATH, else `socket` in XENSTORED_RUNDIR, else
 * `xenstored/socket` in the host's folder, where they find it with XENSTORED_RUNDIR=<folder>/xenstored.
 */
export function xenstoreSocketPath(folder: string, environment: Readonly<Record<string, string | undefined>>): string {
  const { XENSTORED_PATH: path = '', XENSTORED_RUNDIR: run = '' } = environment;
  if (path !== '') return path;
  return run !== '' ? join(run, 'socket') : join(folder, 'xenstored', 'socket');
}

/**
 * Serves xenstored on a Unix socket of this user's, as libxenstore expects it.
 *
 * @throws XenolithError where the socket cannot be made
 */
export async function serveXenstore(
  xenstored: Pick<Xenstored, 'accept'>,
  path: string,
  log: (line: string) => void = () => {},
): Promise<UnixSocketServer> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return await listenOnUnixSocket({
      path,
      maxConnections: MOST_CONNECTIONS,
      onConnection: (socket) => xenstored.accept(socket),
      onFull: () => log(`${path}: ${MOST_CONNECTIONS} connections are open, further ones are closed`),
    });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const advice = 'expected a place for a socket of ours, for example XENSTORED_PATH=/tmp/xenstored/socket';
    throw new XenolithError('XENSTORED_SOCKET', `${path}: xenstored cannot listen: ${code}: ${message}: ${advice}`);
  }
}
