import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ServedStore } from './testing/stock.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/.bin/tsc');

/** What `npm pack` would put where package.json's exports point, used as by a program that installed it. */
test('xenolith/xenstore as it is packed is JavaScript with types, and works', async () => {
  const store = await ServedStore.start();
  try {
    const entry = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).exports['./xenstore'];
    const packed = (path: string) => join(store.folder, path.replace('./.build/modules/', ''));
    run(TSC, ['-p', join(ROOT, 'tsconfig.package.json'), '--outDir', store.folder]);

    const consumer = join(store.folder, 'consumer.ts');
    writeFileSync(join(store.folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(consumer, program(packed(entry.types).replace('.d.ts', '.js')));
    run(TSC, [
      ...'--ignoreConfig --noEmit --strict --module nodenext --target es2023 --lib es2023,dom'.split(' '),
      consumer,
    ]);

    const script = join(store.folder, 'consumer.mjs');
    writeFileSync(script, program(packed(entry.default)).replaceAll(/: \w+( \| undefined)?( =)/g, '$2'));
    const ended = await store.run(process.execPath, '--no-experimental-strip-types', script);
    equal(ended.output, 'hello\n', ended.errors);
  } finally {
    await store.stop();
  }
});

function program(module: string): string {
  return `import { connectStore } from '${module}';
const store = await connectStore();
await store.write('/a', 'hello');
const value: string | undefined = await store.read('/a');
console.log(value);
store.close();
`;
}

function run(command: string, parameters: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, parameters, { encoding: 'utf8', timeout: 60_000 });
  equal(status, 0, `${command}: ${stdout}${stderr}`);
}
