import { lstatSync, readFileSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { connectUnixSocket, UnixSocket } from './unix-socket.ts';

export interface UnixSocketOptions {
  readonly path: string;
  /**
   * Connections at once, if the process may have twice as many descriptors: one socket's crowd must not keep everything
   * else of it from working. A further one is accepted and closed, which its client sees as an end of file.
   */
  readonly maxConnections: number;
  readonly onConnection: (socket: UnixSocket) => void;
  /** Ends a connection that nobody will miss where there is no room for a further one; false where there is none. */
  readonly makeRoom?: () => boolean;
  /** Hears, once until it is below again, that the limit was reached. */
  readonly onFull?: () => void;
}

/** A socket that is listened on. */
export interface UnixSocketServer {
  readonly path: string;
  /** Stops to listen, takes the socket's file away and breaks what is connected. */
  close(): Promise<void>;
}

/** sizeof(sun_path) less the NUL: what is longer cannot be a socket's name. */
export const UNIX_PATH_MAX = 107;

/**
 * Listens on a Unix socket that only this user can connect to. A file that an earlier process left there is replaced,
 * one that somebody listens on is not.
 *
 * @throws a system error: ENAMETOOLONG, EADDRINUSE where somebody listens, EEXIST where something else has the name,
 *   ENOENT or EACCES for the folder
 */
export async function listenOnUnixSocket(options: UnixSocketOptions): Promise<UnixSocketServer> {
  const { path } = options;
  const length = Buffer.byteLength(path);
  if (length > UNIX_PATH_MAX) throw systemError('ENAMETOOLONG', `${length} bytes, at most ${UNIX_PATH_MAX}`, path);
  await removeStale(path);

  const most = Math.min(options.maxConnections, descriptorLimit() >> 1);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => accept(socket));
  let full = false;
  const accept = (socket: Socket) => {
    if (sockets.size >= most && options.makeRoom?.() !== true) {
      socket.destroy();
      if (!full) options.onFull?.();
      full = true;
      return;
    }
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      full = false;
    });
    options.onConnection(new UnixSocket(socket));
  };
  await listen(server, path);
  // Without a descriptor to accept with, the kernel keeps them waiting; those that have one go on.
  server.on('error', () => {});
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        rmSync(path, { force: true });
      }),
  };
}

/** The file's mode is set before anybody could connect: bind(2) takes the umask. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen({ path, backlog: 511 }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** How many files this process may have open (proc(5), /proc/PID/limits); 1024 where nobody says. */
function descriptorLimit(): number {
  try {
    const [, soft = ''] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return Number(soft) || 1024;
  } catch {
    return 1024;
  }
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw systemError('EEXIST', 'it is there and is no socket', path);
  try {
    (await connectUnixSocket(path)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    rmSync(path, { force: true });
    return;
  }
  throw systemError('EADDRINUSE', 'somebody listens there', path);
}

function systemError(code: string, why: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${why}: ${path}`), { code, path, syscall: 'listen' });
}
