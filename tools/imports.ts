import { resolvePath, type Source } from './sources.ts';

/** One import or re-export statement of a source. */
export interface Import {
  /** as written: './a.ts', 'node:fs', 'zstddec' */
  readonly specifier: string;
  /** the repository path a relative specifier means; undefined for packages and node: modules */
  readonly target: string | undefined;
  /** `import type`: gone when the program runs */
  readonly typeOnly: boolean;
  /** counted from 1 */
  readonly line: number;
}

const STATEMENT = /^(?:import|export)( type)?\s[\w\s*{},$]*?from '([^']+)'/gm;
const SIDE_EFFECT = /^import '([^']+)'/gm;
const DYNAMIC = /(?<![\w.'"`/])import\('([^']+)'\)|new URL\('(\.[^']*\.ts)', import\.meta\.url\)/g;

/** Finds the imports of a source that the formatter has been over: statements start a line, quotes are single. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const add = (index: number, specifier: string, typeOnly: boolean) =>
    found.push({
      specifier,
      target: specifier.startsWith('.') ? resolvePath(source.path, specifier) : undefined,
      typeOnly,
      line: lineAt(source.text, index),
    });

  for (const match of source.text.matchAll(STATEMENT)) add(match.index, match[2] ?? '', match[1] !== undefined);
  for (const match of source.text.matchAll(SIDE_EFFECT)) add(match.index, match[1] ?? '', false);
  for (const match of source.text.matchAll(DYNAMIC)) {
    if (!isComment(source.text, match.index)) add(match.index, match[1] ?? match[2] ?? '', false);
  }
  return found;
}

/** Groups of sources that import each other in a ring when the program runs; types make no ring. */
export function findCycles(sources: readonly Source[]): string[][] {
  const graph = new Map(sources.map((source) => [source.path, runtimeTargets(source)]));
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];

  function visit(path: string): void {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push([...trail.slice(start), path]);
      return;
    }
    if (done.has(path)) return;
    trail.push(path);
    for (const next of graph.get(path) ?? []) visit(next);
    trail.pop();
    done.add(path);
  }

  for (const path of graph.keys()) visit(path);
  return cycles;
}

function runtimeTargets(source: Source): string[] {
  return importsOf(source).flatMap((one) => (one.target !== undefined && !one.typeOnly ? [one.target] : []));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function isComment(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', index) + 1, index);
  return line.includes('//') || /^\s*\/?\*/.test(line);
}
