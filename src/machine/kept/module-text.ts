/** A module of ours as a function: how the program is kept in one file, out of which it starts. */

/**
 * What a body is given: `$load('./x.ts')` returns the exports of a module that is executed before, `$later` promises
 * them, and `$meta` stands for import.meta.
 */
export const PARAMETERS = ['$load', '$later', '$meta'] as const;

/**
 * Writes a module that the formatter has been over, without types, as the body of a function. Statements that start no
 * line, default exports and exported variables are not known here: they stay, and do not compile outside a module.
 * What is imported by `import()` is the caller's where it is relative, and stays where it is a package. Lines stay lines.
 */
export function functionOf(javascript: string): string {
  const exported: string[] = [];
  const use = (specifier: string) => `$load('${specifier}')`;
  const export_ = (clause: string, from: string) => {
    for (const [name, as] of namesOf(clause)) exported.push(`${as}: ${from}${name}`);
  };

  const body = javascript
    .replace(IMPORT, (_, names: string | undefined, space: string | undefined, specifier: string) =>
      // Names stay on their lines.
      names === undefined ? `const ${space} = ${use(specifier)};` : `const ${renamed(names)} = ${use(specifier)};`,
    )
    .replace(EXPORT_LIST, (statement, names: string, specifier: string | undefined) => {
      export_(names, specifier === undefined ? '' : `${use(specifier)}.`);
      return statement.replace(/[^\n]/g, '');
    })
    .replace(EXPORTED, (_, declaration: string, name: string) => {
      exported.push(name);
      return `       ${declaration}`;
    })
    .replace(DYNAMIC, (_, specifier: string) => `$later('${specifier}')`)
    .replace(META, '$meta');
  return `${body}\nreturn { ${exported.join(', ')} };\n`;
}

const IMPORT = /^import\s+(?:(\{[^}]*\})|\*\s+as\s+([\w$]+))\s+from\s+'([^']+)';/gm;
const EXPORT_LIST = /^export\s*\{([^}]*)\}(?:\s+from\s+'([^']+)')?;/gm;
const EXPORTED = /^export ((?:\s*(?:async|class|function|const)\b[ *]*)+([\w$]+))/gm;
const DYNAMIC = /(?<![\w.$])import\('(\.[^']+)'\)/g;
const META = /(?<![\w.$])import\.meta\b/g;

// As names of properties in a pattern.
function renamed(names: string): string {
  return names.replace(/([\w$]+)\s+as\s+([\w$]+)/g, '$1: $2');
}

function namesOf(clause: string): [name: string, as: string][] {
  const words = clause.split(',').map((one) => one.trim());
  return words
    .filter((one) => one !== '')
    .map((one) => {
      const [name = '', as = name] = one.split(/\s+as\s+/);
      return [name, as];
    });
}
