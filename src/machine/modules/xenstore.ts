/**
 * XenStore for programs in TypeScript or JavaScript: `import { connectStore } from 'xenolith/xenstore'`. docs/xenstore.md
 * is its manual.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectUnixSocket } from '../../host/node/unix-socket.ts';
import { XenolithError } from '../../lib/errors.ts';
import { StoreClient, StoreError } from '../../libs/store/store.ts';
import { findHome } from '../daemon/home.ts';

export type { Domid } from '../../abi/xen.ts';
export type { StoreAccess, StoreTransaction } from '../../libs/store/store.ts';
export { StoreClient, StoreError };

/** Where Xen's own daemon listens. */
const XENS_OWN = '/var/run/xenstored/socket';

/**
 * Connects to a xenstored on its Unix socket: a Xenolith host's, or Xen's own.
 *
 * @param path the socket; by default where `storeSocket` finds one
 * @throws XenolithError XENSTORE_CONNECT where nobody listens, or this user may not connect
 */
export async function connectStore(path: string = storeSocket(process.env)): Promise<StoreClient> {
  try {
    return new StoreClient(await connectUnixSocket(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const expected = 'expected a running xenstored, for example that of: xl host start';
    throw new XenolithError('XENSTORE_CONNECT', `${path}: no xenstored can be reached: ${code}: ${expected}`);
  }
}

/**
 * The socket that libxenstore would take, XENSTORED_PATH or `socket` in XENSTORED_RUNDIR; else the one of this user's
 * host (XENOLITH_HOME), where there is one; else Xen's own.
 */
export function storeSocket(environment: Readonly<Record<string, string | undefined>>): string {
  const { XENSTORED_PATH: path = '', XENSTORED_RUNDIR: folder = '' } = environment;
  if (path !== '') return path;
  if (folder !== '') return join(folder, 'socket');
  const ours = join(findHome(environment).folder, 'xenstored', 'socket');
  return existsSync(ours) ? ours : XENS_OWN;
}
