/** A module and all that it imports as one script: some 400 requests, one after the other as imports are found, are one. */
import { functionOf, PARAMETERS } from './kept/module-text.ts';

export interface Bundle {
  readonly script: string;
  /** In JSON (ECMA-426): lines of the script are lines of modules. */
  readonly sourceMap: string;
}

/**
 * Bundles a module, those it imports, and those it imports later. `read` gives the JavaScript of a module by its path,
 * which starts with a slash; `mapName` is how the script calls its source map.
 */
export function bundle(entry: string, read: (path: string) => string, mapName: string): Bundle {
  const modules = new Map<string, string>();
  const add = (path: string): void => {
    if (modules.has(path)) return;
    const imported: string[] = [];
    const body = functionOf(read(path)).replace(IMPORT, (_, use: string, specifier: string) => {
      const target = new URL(specifier, `file://${path}`).pathname;
      imported.push(target);
      return `${use}('${target}')`;
    });
    modules.set(path, body);
    imported.forEach(add);
  };
  add(entry);

  const lines = [HEAD];
  const sections: object[] = [];
  let line = 1;
  for (const [path, body] of modules) {
    // What devtools show is found beside the script.
    const sources = [`..${path}`];
    const count = body.split('\n').length;
    const mappings = `AAAA${';AACA'.repeat(count - 1)}`;
    sections.push({ offset: { line, column: 0 }, map: { version: 3, sources, names: [], mappings } });
    lines.push(`'${path}': (${PARAMETERS.join(', ')}) => {${body}},`);
    line += count;
  }
  lines.push(`};\n${TAIL}$load('${entry}');\n//# sourceMappingURL=${mapName}\n`);
  return { script: lines.join('\n'), sourceMap: JSON.stringify({ version: 3, sections }) };
}

const IMPORT = /(\$load|\$later)\('(\.[^']+)'\)/g;

const HEAD = 'const $modules = {';
const TAIL = `const $loaded = new Map();
const $root = import.meta.url.slice(0, import.meta.url.lastIndexOf('/web/'));
function $load(path) {
  const known = $loaded.get(path);
  if (known !== undefined) return known;
  const exports = $modules[path]($load, $later, { url: $root + path });
  $loaded.set(path, exports);
  return exports;
}
async function $later(path) {
  return $load(path);
}
`;
