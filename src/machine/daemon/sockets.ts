import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { UnixSocket } from '../../host/node/unix-socket.ts';
import { listenOnUnixSocket } from '../../host/node/unix-socket-server.ts';
import { XenolithError } from '../../lib/errors.ts';
import type { Machine } from '../machine.ts';

/** A socket that a host serves. */
export interface HostSocket {
  /** Below the host's folder. */
  readonly path: string;
  /** Connections at once. */
  readonly maxConnections: number;
  /** As of a socket that is listened on. */
  readonly makeRoom?: () => boolean;
  /** Somebody has connected. */
  connected(socket: UnixSocket): void;
}

/** Those besides xl's own: whoever adds a service that others connect to adds its line here. */
export function hostSockets(machine: Machine): readonly HostSocket[] {
  return [
    // XENSTORED_RUNDIR=<folder>/xenstored is how Xen's own clients find it.
    { path: 'xenstored/socket', maxConnections: 10_000, connected: (socket) => machine.xenstored.accept(socket) },
  ];
}

/**
 * Serves a socket in a host's folder; returns what ends that and breaks its connections.
 *
 * @throws XenolithError where the folder will not have it
 */
export async function serveSocket(folder: string, { path, ...socket }: HostSocket): Promise<() => Promise<void>> {
  const whole = join(folder, path);
  try {
    mkdirSync(dirname(whole), { recursive: true, mode: 0o700 });
    const { maxConnections, makeRoom } = socket;
    const room = makeRoom === undefined ? {} : { makeRoom };
    const server = await listenOnUnixSocket({ path: whole, maxConnections, onConnection: socket.connected, ...room });
    return () => server.close();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'ENAMETOOLONG' ? ': expected a shorter path, for example XENOLITH_HOME=/tmp/xen' : '';
    throw new XenolithError('HOST_SOCKET', `${whole}: cannot be served: ${message}${advice}`);
  }
}
