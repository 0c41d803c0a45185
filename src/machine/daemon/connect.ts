import { connectUnixSocket, type UnixSocket } from '../../host/node/unix-socket.ts';
import { XenolithError } from '../../lib/errors.ts';

/**
 * Connects to a host's socket; undefined where nobody serves it.
 *
 * @throws XenolithError where there is one that will not have us
 */
export async function connectToHost(path: string): Promise<UnixSocket | undefined> {
  try {
    return await connectUnixSocket(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ECONNRESET: it has just ended.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return undefined;
    throw new XenolithError('HOST_SOCKET', `${path}: cannot be connected to: ${message}`);
  }
}
