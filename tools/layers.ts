import { existsSync, readFileSync } from 'node:fs';
import { findCycles, type Import, importsOf } from './imports.ts';
import { LAYERS, type Layer, SIBLINGS_APART, STRANGERS } from './layer-table.ts';
import { isTestCode, ROOT, readSources, type Source } from './sources.ts';

/** Checks imports against the layer table, and finds rings of imports: one sentence for each that is wrong. */
export function checkLayers(sources: readonly Source[]): string[] {
  const code = sources.filter((source) => !isTestCode(source.path));
  const paths = new Set(sources.map((source) => source.path));
  const findings: string[] = [];
  for (const source of code) {
    const layer = layerOf(source.path);
    if (layer === undefined) {
      findings.push(`${source.path}: belongs to no layer; say in tools/layer-table.ts what it may import`);
      continue;
    }
    for (const one of importsOf(source)) {
      const wrong = wrongImport(source.path, layer, one, paths);
      if (wrong !== undefined) findings.push(`${source.path}:${one.line}: ${wrong}`);
    }
  }
  for (const cycle of findCycles(code)) findings.push(`import cycle: ${cycle.join(' -> ')}`);
  return findings;
}

/** Checks that a layer's tsconfig.json refers to the layers the table lets it import and to no other. */
export function checkReferences(layer: Layer, tsconfig: string, exists: (folder: string) => boolean): string[] {
  const wanted = new Set(
    LAYERS.filter((other) => other.folder !== layer.folder && other.folder !== 'tools/')
      .filter((other) => layer.imports.some((one) => overlaps(one.replace('type ', ''), other.folder)))
      .map((other) => other.folder)
      .filter(exists),
  );
  const up = '../'.repeat(layer.folder.split('/').length - 1);
  const parsed = JSON.parse(tsconfig) as {
    readonly extends: string;
    readonly references?: { readonly path: string }[];
  };
  const found = new Set((parsed.references ?? []).map((one) => `${one.path.slice(up.length)}/`));
  const findings: string[] = [];
  const base = `${up}tsconfig.${layer.world}.json`;
  if (parsed.extends !== base) findings.push(`${layer.folder}tsconfig.json: extends ${parsed.extends}, not ${base}`);
  for (const folder of wanted) {
    if (!found.has(folder))
      findings.push(`${layer.folder}tsconfig.json: no reference to ${folder}, which it may import`);
  }
  for (const folder of found) {
    if (!wanted.has(folder))
      findings.push(`${layer.folder}tsconfig.json: refers to ${folder}, which it may not import`);
  }
  return findings;
}

function layerOf(path: string): Layer | undefined {
  return LAYERS.filter((layer) => path.startsWith(layer.folder)).sort((a, b) => b.folder.length - a.folder.length)[0];
}

function wrongImport(path: string, layer: Layer, one: Import, paths: ReadonlySet<string>): string | undefined {
  const { specifier, target } = one;
  if (target === undefined) return wrongPackage(layer, specifier);
  if (!paths.has(target)) return `imports ${specifier}, and there is no ${target}`;
  if (isTestCode(target)) return `imports ${target}, which is for tests alone`;
  if (target.startsWith(layer.folder) && layerOf(target) === layer) return wrongNeighbour(path, target);

  const allowed = layer.imports.some((entry) => {
    if (entry.startsWith('type ')) return one.typeOnly && within(target, entry.slice('type '.length));
    return within(target, entry);
  });
  return allowed ? undefined : `${layer.folder} may not import ${target}${one.typeOnly ? '' : ' (other than types)'}`;
}

function wrongPackage(layer: Layer, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    return layer.world === 'node' ? undefined : `${layer.folder} sees no Node: ${specifier} belongs behind src/host/`;
  }
  const allowed = layer.packages?.some((name) => specifier === name || specifier.startsWith(`${name}/`)) ?? false;
  return allowed ? undefined : `${layer.folder} may not import the package ${specifier}`;
}

function wrongNeighbour(path: string, target: string): string | undefined {
  for (const [one, other] of STRANGERS) {
    if ((within(path, one) && within(target, other)) || (within(path, other) && within(target, one))) {
      return `${one} and ${other} never import each other`;
    }
  }
  for (const folder of SIBLINGS_APART) {
    if (within(path, folder) && within(target, folder) && part(path, folder) !== part(target, folder)) {
      return `the parts of ${folder} never import each other`;
    }
  }
  return undefined;
}

function part(path: string, folder: string): string {
  return path.slice(folder.length).split('/')[0] ?? '';
}

function within(path: string, entry: string): boolean {
  return entry.endsWith('/') ? path.startsWith(entry) : path === entry;
}

function overlaps(entry: string, folder: string): boolean {
  return entry.startsWith(folder) || folder.startsWith(entry);
}

if (import.meta.main) {
  const sources = readSources(['.ts'], ['src', 'guests', 'web', 'tools', 'bench', 'test']);
  const findings = checkLayers(sources);
  const there = LAYERS.filter((layer) => existsSync(`${ROOT}${layer.folder}tsconfig.json`));
  const folders = new Set(there.map((layer) => layer.folder));
  for (const layer of there) {
    const tsconfig = readFileSync(`${ROOT}${layer.folder}tsconfig.json`, 'utf8');
    findings.push(...checkReferences(layer, tsconfig, (folder) => folders.has(folder)));
  }
  const imports = sources.reduce((sum, source) => sum + importsOf(source).length, 0);
  // A checker that reads nothing finds nothing: most files import something.
  if (imports < sources.length) findings.push(`only ${imports} imports found in ${sources.length} sources`);
  for (const finding of findings) console.log(finding);
  console.log(`${sources.length} sources, ${imports} imports, ${findings.length} wrong`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
