import { DatabaseSync } from 'node:sqlite';

/**
 * Takes a lock that one process at most holds and that goes with the process, however that ends; undefined where
 * another has it. Node has no flock(2), but SQLite takes its locks with fcntl(2), which is as good.
 *
 * @returns what gives it back
 */
export function takeLock(path: string): (() => void) | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Without a journal beside it: nothing is ever written.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return () => database.close();
}

/** SQLITE_BUSY of sqlite3.h. */
const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
