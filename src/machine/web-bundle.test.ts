import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './web-bundle.ts';

const MODULES: Readonly<Record<string, string>> = {
  '/web/entry.ts': `import { name } from '../src/name.ts';
import { count } from './count.ts';
count('entry');
globalThis.done = import('../src/later.ts').then(({ later }) => [name, later(), import.meta.url]);
`,
  '/src/name.ts': `import { count } from '../web/count.ts';
count('name');
export const name = 'n';
`,
  '/src/later.ts': `import { count } from '../web/count.ts';
count('later');
export function later() {
  return 'l';
}
`,
  '/web/count.ts': `const order = [];
globalThis.order = order;
export const count = (name) => order.push(name);
`,
};
const BUNDLE = bundle('/web/entry.ts', (path) => MODULES[path] as string, 'entry.ts.map');

test('each module is executed once, after those it imports; one that is imported later, later', async () => {
  await import(
    `data:text/javascript,${encodeURIComponent(BUNDLE.script.replaceAll('import.meta.url', "'x:/b/web/e'"))}`
  );
  const { order, done } = globalThis as unknown as { order: string[]; done: Promise<string[]> };
  deepEqual(await done, ['n', 'l', 'x:/b/web/entry.ts']);
  deepEqual(order, ['name', 'entry', 'later']);
});

test('its source map says which line of which module a line is', () => {
  const { sections } = JSON.parse(BUNDLE.sourceMap) as {
    sections: { offset: { line: number }; map: { sources: string[]; mappings: string } }[];
  };
  const lines = BUNDLE.script.split('\n');
  deepEqual(
    sections.map(({ map }) => map.sources),
    [['../web/entry.ts'], ['../src/name.ts'], ['../web/count.ts'], ['../src/later.ts']],
  );
  for (const { offset, map } of sections) {
    const source = MODULES[(map.sources[0] ?? '').slice(2)]?.split('\n') ?? [];
    const at = source.findIndex((line) => line.includes("count('") || line.startsWith('globalThis'));
    const [word = ''] = (source[at] as string).split(' ');
    equal(lines[offset.line + at]?.includes(word), true, `${map.sources}`);
    equal(map.mappings.split(';').length >= source.length, true);
  }
});
