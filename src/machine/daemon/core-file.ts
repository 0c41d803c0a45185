import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Domid } from '../../abi/xen.ts';
import { dumpCore } from '../../dom0/toolstack/core-dump.ts';
import { defer } from '../../host/node/event-loop.ts';
import { XenolithError } from '../../lib/errors.ts';

type CoreHost = Parameters<typeof dumpCore>[0];

/** Dumps a domain into a file, for this user alone. A dump that cannot be finished, as on a full disk, leaves no file. */
export async function writeCoreFile(host: CoreHost, domid: Domid, path: string): Promise<void> {
  const file = open(path);
  let failure: string | undefined;
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; failure === undefined && at < bytes.length; ) {
      try {
        at += writeSync(file, bytes, at);
      } catch (error) {
        failure = (error as Error).message;
      }
    }
    // Other domains go on, and others are answered.
    await new Promise<void>((resolve) => defer(resolve));
    if (failure !== undefined) throw new XenolithError('DUMP_CORE', `${path}: cannot be written: ${failure}`);
  };
  try {
    await dumpCore(host, domid, write);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Dumps a domain into a file named after it in a folder, which is made where it is not there; resolves with its path. */
export async function dumpInto(folder: string, host: CoreHost, domid: Domid, name: string): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name.replaceAll('/', '_'));
  await writeCoreFile(host, domid, path);
  return path;
}

function open(path: string): number {
  try {
    return openSync(path, 'w', 0o600);
  } catch (error) {
    throw new XenolithError('DUMP_CORE', `${path}: cannot be written: ${(error as Error).message}`);
  }
}
