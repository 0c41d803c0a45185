import { PINNED_FILES, PINNED_FUNCTIONS } from './tidy-pins.ts';
import { readSources, type Source } from './sources.ts';

export const MAX_FILE_LINES = 400;
/** No pin lifts a file above this. */
export const HARD_FILE_LINES = 800;
export const MAX_FUNCTION_LINES = 70;
export const MAX_README_LINES = 60;

/** Lengths that older code is held to, by path, and by path:function. They may only shrink, down to the limit. */
export interface Pins {
  readonly files: Readonly<Record<string, number>>;
  readonly functions: Readonly<Record<string, number>>;
}

/** Checks every rule of style that a program can check: one sentence a finding. */
export function checkTidiness(sources: readonly Source[], pins: Pins): string[] {
  return [
    ...checkFileLengths(sources, pins.files),
    ...checkFunctionLengths(sources, pins.functions),
    ...sources.flatMap(checkWords),
    ...sources.flatMap(checkName),
    ...sources.flatMap(checkHeaderNamed),
    ...checkReadmes(sources),
  ];
}

function checkFileLengths(sources: readonly Source[], pins: Pins['files']): string[] {
  const findings: string[] = [];
  for (const { path, text } of sources.filter(isCode)) {
    const lines = countLines(text);
    if (lines > HARD_FILE_LINES) findings.push(`${path}: ${lines} lines, and no file may pass ${HARD_FILE_LINES}`);
    else findings.push(...compare(path, lines, MAX_FILE_LINES, pins[path], 'PINNED_FILES'));
  }
  return [
    ...findings,
    ...stalePins(
      pins,
      sources.map((one) => one.path),
    ),
  ];
}

function checkFunctionLengths(sources: readonly Source[], pins: Pins['functions']): string[] {
  const findings: string[] = [];
  const keys: string[] = [];
  for (const source of sources.filter((one) => one.path.endsWith('.ts'))) {
    for (const { name, line, lines } of functionsOf(source.text)) {
      const key = `${source.path}:${name}`;
      keys.push(key);
      const where = `${source.path}:${line}: ${name}`;
      findings.push(...compare(where, lines, MAX_FUNCTION_LINES, pins[key], 'PINNED_FUNCTIONS'));
    }
  }
  return [...findings, ...stalePins(pins, keys)];
}

function compare(where: string, lines: number, limit: number, pin: number | undefined, list: string): string[] {
  if (lines <= limit) return pin === undefined ? [] : [`${where}: ${lines} lines; take its pin out of ${list}`];
  if (pin === undefined) return [`${where}: ${lines} lines; the limit is ${limit}`];
  if (lines > pin) return [`${where}: ${lines} lines, grown past its pin of ${pin}`];
  return lines < pin ? [`${where}: ${lines} lines; lower its pin of ${pin} in ${list}`] : [];
}

function stalePins(pins: Readonly<Record<string, number>>, keys: readonly string[]): string[] {
  const there = new Set(keys);
  return Object.keys(pins).flatMap((key) => (there.has(key) ? [] : [`${key}: pinned, and not there any more`]));
}

/** A function with a body of its own, as found by its indentation. */
export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/**
 * Finds functions by their indentation, which the formatter guarantees: a head at some depth, and the first line
 * at the same depth that starts with a closing brace. A suite of tests is a list, not a function.
 */
export function functionsOf(text: string): FunctionSpan[] {
  const lines = text.split('\n');
  const found: FunctionSpan[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.endsWith('{')) continue;
    const depth = depthOf(line);
    const start = line.trimStart().startsWith(')') ? lastAtDepth(lines, index, depth) : index;
    const name = functionName(lines[start] ?? '', line);
    if (name === undefined) continue;
    const end = lines.findIndex((later, at) => at > index && depthOf(later) === depth && /^\s*[})\]]/.test(later));
    if (end > 0) found.push({ name, line: start + 1, lines: end - start + 1 });
  }
  return found;
}

const NOT_FUNCTIONS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'describe', 'suite']);

function functionName(head: string, opening: string): string | undefined {
  const named = /\bfunction\*? ?([\w$]+)/.exec(head);
  if (named) return named[1];
  const arrow = opening.endsWith('=> {');
  const assigned = /([\w$#]+)(?:: [^=]+)? = /.exec(head);
  if (arrow && assigned) return assigned[1];
  const method = /^\s*(?:(?:static|async|get|set|override|private|protected|public) )*\*?([\w$#]+)(?:<.*>)?\(/.exec(
    head,
  );
  if (method?.[1] === undefined || NOT_FUNCTIONS.has(method[1])) return undefined;
  return arrow || /\)(?:: .+)? \{$/.test(opening) ? method[1] : undefined;
}

function lastAtDepth(lines: readonly string[], before: number, depth: number): number {
  for (let at = before - 1; at >= 0; at--) {
    const line = lines[at] ?? '';
    if (line.trim() !== '' && depthOf(line) === depth) return at;
  }
  return before;
}

function depthOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** What a reader should never meet, and what to do about it. The patterns are spelled so as not to find themselves. */
const BANNED: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bTOD[O]\b/, instead: 'do it, or write an issue' },
  { pattern: /\bFIXM[E]\b/, instead: 'fix it, or write an issue' },
  { pattern: /\bXX[X]\b/, instead: 'say in words what is odd here, and whose rule makes it so' },
  { pattern: /\bas an[y]\b(?! \w)/, instead: 'name the type, or take `unknown` and narrow it' },
  { pattern: /@ts-(ignor[e]|nochec[k])/, instead: 'make the types true' },
  { pattern: /^export defaul[t] /, instead: 'export it by name, so that it is found by name' },
];

function checkWords({ path, text }: Source): string[] {
  const findings: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    for (const { pattern, instead } of BANNED) {
      const met = pattern.exec(line);
      if (met) findings.push(`${path}:${index + 1}: "${met[0].trim()}": ${instead}`);
    }
  }
  return findings;
}

function checkName({ path }: Source): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!name.endsWith('.ts')) return [];
  if (name === 'utils.ts' || name === 'helpers.ts') return [`${path}: name a file by what it does`];
  if (name === 'index.ts') return [`${path}: no barrels; import the file you mean`];
  if (path.startsWith('src/abi/')) return [];
  return /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|d))?\.ts$/.test(name) ? [] : [`${path}: file names are kebab-case`];
}

/** A file of the ABI says, before its first statement, which of Xen's public headers it is. */
function checkHeaderNamed({ path, text }: Source): string[] {
  if (!path.startsWith('src/abi/') || !path.endsWith('.ts') || path.endsWith('.test.ts')) return [];
  if (path.includes('/testing/')) return [];
  const opening = text.split('\n').slice(0, 12).join('\n');
  return /public\/[\w./-]+\.h\b/.test(opening) ? [] : [`${path}: name its header at the top, as in // public/xen.h`];
}

/** Every layer has a README that names each of its folders; other READMEs are welcome, and as short. */
function checkReadmes(sources: readonly Source[]): string[] {
  const findings: string[] = [];
  const readmes = new Map(sources.filter((one) => one.path.endsWith('README.md')).map((one) => [one.path, one.text]));
  for (const [path, text] of readmes) {
    const lines = countLines(text);
    if (lines > MAX_README_LINES) findings.push(`${path}: ${lines} lines; the limit is ${MAX_README_LINES}`);
  }
  for (const [layer, parts] of partsOfLayers(sources)) {
    const readme = readmes.get(`${layer}/README.md`);
    if (readme === undefined) findings.push(`${layer}: has no README.md`);
    else findings.push(...unnamed(layer, readme, parts, readmes));
  }
  return findings;
}

function unnamed(layer: string, readme: string, parts: Iterable<string>, readmes: ReadonlyMap<string, string>) {
  return [...parts]
    .filter((part) => part !== 'testing' && !readmes.has(`${layer}/${part}/README.md`) && !readme.includes(`${part}/`))
    .map((part) => `${layer}/README.md: does not say what ${part}/ is`);
}

/** src/cpu -> emit, mmu, ...; the layers of dom0 are one folder deeper. */
function partsOfLayers(sources: readonly Source[]): Map<string, Set<string>> {
  const layers = new Map<string, Set<string>>();
  for (const { path } of sources) {
    const match = /^(src\/dom0\/[^/]+|src\/(?!dom0\/)[^/]+)\/(?:([^/]+)\/)?[^/]+/.exec(path);
    if (match?.[1] === undefined) continue;
    const parts = layers.get(match[1]) ?? new Set();
    if (match[2] !== undefined) parts.add(match[2]);
    layers.set(match[1], parts);
  }
  return layers;
}

function isCode({ path }: Source): boolean {
  return /\.(ts|c|h|S)$/.test(path);
}

function countLines(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length;
}

if (import.meta.main) {
  const sources = readSources(['.ts', '.c', '.h', '.S', '.sh', '.md']);
  const findings = checkTidiness(sources, { files: PINNED_FILES, functions: PINNED_FUNCTIONS });
  if (sources.length < 10) findings.push(`only ${sources.length} sources found`);
  for (const finding of findings) console.log(finding);
  console.log(`${sources.length} sources, ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
