import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The repository's top folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** One text file of the repository. */
export interface Source {
  /** from the top folder, with forward slashes: src/lib/assert.ts */
  readonly path: string;
  readonly text: string;
}

/** Where our own sources are; everything else at the top is configuration or installed. */
const FOLDERS = ['src', 'test', 'guests', 'web', 'tools', 'bench', 'docs'];
const SKIPPED = new Set(['node_modules', '.build', 'dist']);

/** Reads every source under the source folders whose name ends in one of the endings, in the order of their paths. */
export function readSources(endings: readonly string[], folders: readonly string[] = FOLDERS): Source[] {
  const paths: string[] = [];
  for (const folder of folders) walk(folder, paths);
  return paths
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .sort()
    .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }));
}

/** The repository path that a relative link or import in the file `from` means. */
export function resolvePath(from: string, relative: string): string {
  return new URL(relative, `file:///${from}`).pathname.slice(1);
}

/** A test, a benchmark or what only those use: no part of a layer's code. */
export function isTestCode(path: string): boolean {
  return /\.(test|bench)\.ts$/.test(path) || path.startsWith('test/') || path.includes('/testing/');
}

function walk(folder: string, paths: string[]): void {
  let entries: ReturnType<typeof list>;
  try {
    entries = list(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // test/ and guests/ need not exist
    throw error;
  }
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) walk(path, paths);
    } else if (entry.isFile()) {
      paths.push(path);
    }
  }
}

function list(folder: string) {
  return readdirSync(ROOT + folder, { withFileTypes: true });
}
