import { connectUnixSocket, type UnixSocket } from '../../host/node/unix-socket.ts';
import { XenolithError } from '../../lib/errors.ts';

/**
 * Connects to a host's socket; undefined where nobody serves it.
 *
 * @throws XenolithError where there is one that will not have us
 */
export async function connectToHost(path: string): Promise<UnixSocket | undefined> {
  if (Buffer.byteLength(path) > PATH_BYTES) {
    const expected = `expected at most ${PATH_BYTES} bytes, for example XENOLITH_HOME=/tmp/xen`;
    throw new XenolithError('HOST_SOCKET', `${path}: too long for a socket: ${expected}`);
  }
  try {
    return await connectUnixSocket(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ECONNRESET: it has just ended.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return undefined;
    throw new XenolithError('HOST_SOCKET', `${path}: cannot be connected to: ${message}`);
  }
}

/** What the kernel takes as a socket's path: sizeof(sun_path) less the NUL. */
const PATH_BYTES = 107;
