import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where what comes from outside is kept, outside the repository: $XENOLITH_CACHE, or xenolith in the user's cache. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.XENOLITH_CACHE) return environment.XENOLITH_CACHE;
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'xenolith');
}

/**
 * Gives the folder `name` of the cache, filled by `fill` if it is not there yet. It is filled under another name and
 * moved when complete: nobody sees half of one, and of two processes that fill it at once the first to finish wins.
 */
export async function cachedFolder(
  cache: string,
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cache, name);
  if (await exists(folder)) return folder;

  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(join(cache, '.unfinished-'));
  try {
    await fill(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    const lost = (error as NodeJS.ErrnoException).code;
    if ((lost !== 'ENOTEMPTY' && lost !== 'EEXIST') || !(await exists(folder))) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}
