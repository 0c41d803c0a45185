import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { XenolithError } from '../../lib/errors.ts';

/** A host's folder, and what is in it. */
export interface Home {
  readonly folder: string;
  /** xl's socket. */
  readonly socket: string;
  /** What only one process may hold: whoever does is the host. */
  readonly lock: string;
  /** What runs, for the next host to tell of if this one is killed. */
  readonly running: string;
  readonly log: string;
  /** Settings of xl.conf(5). */
  readonly conf: string;
  /** A socket for each console. */
  readonly consoles: string;
  /** Core dumps of on_crash = "coredump-...". */
  readonly dumps: string;
}

/** The socket that xl connects to. */
export const XL_SOCKET = 'xl.socket';

/**
 * Where a host's folder is: XENOLITH_HOME, or `xenolith` in the user's runtime folder, or else one of the user's own
 * in /tmp. Nothing is made.
 */
export function findHome(environment: Readonly<Record<string, string | undefined>>): Home {
  const asked = environment['XENOLITH_HOME'] ?? '';
  const runtime = environment['XDG_RUNTIME_DIR'] ?? '';
  const otherwise = runtime === '' ? `/tmp/xenolith-${process.getuid?.() ?? 0}` : join(runtime, 'xenolith');
  return homeAt(resolve(asked === '' ? otherwise : asked));
}

export function homeAt(folder: string): Home {
  return {
    folder,
    socket: join(folder, XL_SOCKET),
    lock: join(folder, 'host.lock'),
    running: join(folder, 'running.json'),
    log: join(folder, 'host.log'),
    conf: join(folder, 'xl.conf'),
    consoles: join(folder, 'console'),
    dumps: join(folder, 'dump'),
  };
}

/**
 * Makes the folder, for this user alone.
 *
 * @throws XenolithError where it cannot be made, or is somebody else's: in /tmp anybody may have made it
 */
export function makeHome({ folder, consoles }: Home): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    if (uid !== process.getuid?.()) throw new Error(`it belongs to user ${uid}`);
    if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
    mkdirSync(consoles, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = (error as Error).message;
    const advice = 'expected a folder of yours, for example XENOLITH_HOME=$HOME/.xenolith';
    throw new XenolithError('HOST_HOME', `${folder}: cannot be the host's folder: ${why}: ${advice}`);
  }
}
