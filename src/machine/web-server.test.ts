import { equal, match, notEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serveWeb, type WebServer } from './web-server.ts';

let server: WebServer;
before(async () => {
  server = await serveWeb({ '/guest/kernel': new Uint8Array([1, 2, 3]) });
});
after(() => server.close());

const get = (path: string) => fetch(server.origin + path);

test('a source comes without its types, and is JavaScript to the browser', async () => {
  const response = await get('/src/lib/assert.ts');
  match(response.headers.get('content-type') ?? '', /^text\/javascript/);
  const text = await response.text();
  match(text, /^export function assert\(condition +, invariant +\) +\{$/m);
});

test('a package that a source imports is found by a path that the server has', async () => {
  const text = await (await get('/src/dom0/builder/decompress/zstd.ts')).text();
  const path = /import\('(\/node_modules\/zstddec\/[^']+)'\)/.exec(text)?.[1];
  ok(path !== undefined, text.slice(0, 200));
  equal((await get(path)).status, 200);
});

test('the files it was given are there; the rest of the host, and of the repository, is not', async () => {
  equal((await (await get('/guest/kernel')).bytes()).length, 3);
  for (const path of ['/guest/other', '/package.json', '/src/../package.json', '/src/%2e%2e/package.json', '/src/lib'])
    equal((await get(path)).status, 404, path);
});

test('the page is isolated from other origins, which gives it exact clocks', async () => {
  const { headers } = await get('/');
  equal(headers.get('cross-origin-opener-policy'), 'same-origin');
  equal(headers.get('cross-origin-embedder-policy'), 'require-corp');
});

test('the page asks for sources under an address of their content, which a browser may keep', async () => {
  const page = await (await get('/')).text();
  const [, build = ''] = /src="(\/build-[\da-f]{32})\/web\/page\.ts"/.exec(page) ?? [];
  notEqual(build, '');
  const kept = await get(`${build}/src/lib/assert.ts`);
  match(kept.headers.get('cache-control') ?? '', /immutable/);
  equal(await kept.text(), await (await get('/src/lib/assert.ts')).text());
  for (const path of ['/', '/src/lib/assert.ts', '/guest/kernel'])
    equal((await get(path)).headers.get('cache-control'), 'no-store', path);
  const other = build.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
  for (const path of [`${other}/src/lib/assert.ts`, `${build}/package.json`, `${build}/src/lib/none.ts`])
    equal((await get(path)).status, 404, path);
});
