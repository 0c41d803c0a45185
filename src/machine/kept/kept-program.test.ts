import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readSources } from '../../../tools/sources.ts';
import { KeptProgram } from './kept-program.ts';
import { ModuleLoader } from './module-loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'kept-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const resolve = (specifier: string) => specifier;
const src = join(folder, 'src');
mkdirSync(src);
const main = join(src, 'main.ts');
const write = (name: string, text: string) => writeFileSync(join(src, name), text);

interface Main {
  readonly answer: () => number;
  readonly where: string;
}

const ADD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 97, 0, 0];
const BODY = [10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11];

/** A start of the program: what its main module exports, and whether its WebAssembly had to be generated. */
function start(cache: string): { exports: Main; generated: boolean } {
  process.env['XENOLITH_CACHE'] = join(folder, cache);
  const kept = new KeptProgram(main, resolve);
  const exports = kept.load(main) as Main;
  let generated = false;
  const module = kept.compile('adder', () => {
    generated = true;
    return Uint8Array.from([...ADD, ...BODY]);
  });
  const { a: add } = new WebAssembly.Instance(module).exports as { a: (x: number, y: number) => number };
  let sum = 0;
  for (let i = 0; i < 100_000; i++) sum = add(sum, 1);
  equal(sum, 100_000);
  kept.save();
  return { exports, generated };
}

test('a second start does what the first did, and generates nothing', () => {
  write(
    'main.ts',
    "import { six } from './six.ts';\nexport const answer = (): number => six * 7;\nexport const where = import.meta.url;\n",
  );
  write('six.ts', 'export const six: number = 6;\n');
  const first = start('usual');
  equal(first.exports.answer(), 42);
  equal(fileURLToPath(first.exports.where), main);
  equal(first.generated, true);
  const second = start('usual');
  equal(second.exports.answer(), 42);
  equal(second.generated, false);
});

test('a file that has changed is read, whatever its time says, and what is generated is generated again', () => {
  write('six.ts', 'export const six: number = 7;\n');
  const changed = start('usual');
  equal(changed.exports.answer(), 49);
  equal(changed.generated, true);
  const again = start('usual');
  equal(again.exports.answer(), 49);
  equal(again.generated, false);
});

test('what was given back is read again where it is needed, unless it is another file by then', () => {
  process.env['XENOLITH_CACHE'] = join(folder, 'released');
  const load = () => {
    const kept = new KeptProgram(main, resolve);
    equal((kept.load(main) as Main).answer(), 49);
    return kept;
  };
  load().save();
  write('later.ts', 'export const later: string = "1";\n');
  const [first, second] = [load(), load()];
  first.release();
  second.release();
  // A module that was not there before: both have something to leave.
  deepEqual(first.load(join(src, 'later.ts')), { later: '1' });
  first.save();
  write('later.ts', 'export const later: string = "2";\n');
  deepEqual(second.load(join(src, 'later.ts')), { later: '2' });
  second.save();
  write('later.ts', 'export const later: string = "1";\n');
  const third = load();
  deepEqual(third.load(join(src, 'later.ts')), { later: '1' });
});

test('code is found by who has the same modules', () => {
  process.env['XENOLITH_CACHE'] = join(folder, 'code');
  const load = () => {
    const kept = new KeptProgram(main, resolve);
    kept.load(main);
    return kept;
  };
  const pieces = [new Uint8Array(1 << 20), Uint8Array.of(1, 2, 3)];
  const first = load();
  const shelf = first.shelf('kernel');
  equal(shelf.find(), undefined);
  shelf.put(pieces);
  first.save();
  deepEqual(
    load()
      .shelf('kernel')
      .find()
      ?.map(({ length }) => length),
    [1 << 20, 3],
  );
  equal(load().shelf('other').find(), undefined);
  write('six.ts', 'export const six: number = 8;\n');
  equal(load().shelf('kernel').find(), undefined);
  write('six.ts', 'export const six: number = 7;\n');
});

test('a cache that cannot be written to, or is no folder, is done without', () => {
  writeFileSync(join(folder, 'file'), '');
  equal(start('file').exports.answer(), 49);
  equal(start('file').generated, true);
});

test('every module of the program exports here what it exports to Node', async () => {
  const loader = new ModuleLoader(() => undefined, resolve);
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const paths = readSources(['.ts']).map(({ path }) => path);
  const modules = paths.filter((path) => path.startsWith('src/') && !/\.test\.ts$|\/testing\/|\.d\.ts$/.test(path));
  notEqual(modules.length, 0);
  for (const path of modules) {
    if (NOT_LOADED.test(path)) continue;
    const file = join(root, path);
    deepEqual(Object.keys(loader.load(file)).sort(), Object.keys(await import(file)).sort(), path);
  }
});

// What acts as soon as it is loaded, or lives in a browser alone.
const NOT_LOADED = /^src\/machine\/main\.ts$|-worker\.ts$|^src\/host\/web\//;
