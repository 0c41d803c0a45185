import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Counts up when an older host could not read it any more. */
const VERSION = 1;

/** What a host writes down while it runs, for the next one to tell of where this one ends without a word. */
export interface RunningState {
  readonly pid: number;
  readonly since: string;
  readonly domains: readonly { readonly domid: number; readonly name: string }[];
}

/**
 * Writes the state down, whole or not at all; returns why it could not, as on a full disk. What was there is then empty:
 * the next host tells of a loss without names rather than of domains that were gone, or of none.
 */
export function writeRunning(path: string, state: RunningState): string | undefined {
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify({ version: VERSION, ...state })}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return undefined;
  } catch (error) {
    forget(path);
    return (error as Error).message;
  }
}

/** Takes no room on the disk, so that it succeeds where writing did not. */
function forget(path: string): void {
  try {
    rmSync(`${path}.new`, { force: true });
    writeFileSync(path, '', { mode: 0o600 });
  } catch {
    // The folder is gone, or not ours any more: nobody will look there.
  }
}

/** Nothing runs any more, and everybody knows. */
export function removeRunning(path: string): void {
  rmSync(path, { force: true });
}

/**
 * A sentence about a host that ended without stopping; undefined where there was none. What another version wrote, or a
 * full disk cut off, tells that much.
 */
export function tellOfLost(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const state = parse(text);
  if (state === undefined) return 'xl: the host before this one was killed, and what ran on it is lost';
  const names = state.domains.map(({ domid, name }) => `${name} (domid ${domid})`);
  const lost = names.length === 0 ? 'no domain ran on it' : `lost with it: ${names.join(', ')}`;
  return `xl: the host before this one, process ${state.pid}, was killed; ${lost}`;
}

function parse(text: string): RunningState | undefined {
  try {
    const { version, pid, since, domains } = JSON.parse(text) as Partial<RunningState & { readonly version: number }>;
    const fine = typeof pid === 'number' && typeof since === 'string' && Array.isArray(domains);
    // Before there were versions it was as in the first.
    return fine && (version ?? 1) === VERSION ? { pid, since, domains } : undefined;
  } catch {
    return undefined;
  }
}
