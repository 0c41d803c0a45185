import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { cachedFolder, cacheFolder } from './cache.ts';

async function emptyCache(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'xenolith-cache-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('the cache is where $XENOLITH_CACHE says, else in the user cache folder', () => {
  equal(cacheFolder({ XENOLITH_CACHE: '/srv/x', XDG_CACHE_HOME: '/y' }), '/srv/x');
  equal(cacheFolder({ XDG_CACHE_HOME: '/y' }), '/y/xenolith');
});

test('a folder is filled once', async (context) => {
  const cache = await emptyCache(context);
  let fills = 0;
  const fill = async (folder: string) => writeFile(join(folder, 'a'), String(++fills));
  for (let turn = 0; turn < 2; turn++) {
    const folder = await cachedFolder(cache, 'debian/1', fill);
    equal(await readFile(join(folder, 'a'), 'utf8'), '1');
  }
});

test('a fill that fails leaves nothing behind, and its error is the caller’s', async (context) => {
  const cache = await emptyCache(context);
  await rejects(
    cachedFolder(cache, 'a', () => Promise.reject(new Error('no network'))),
    /no network/,
  );
  deepEqual(await readdir(cache), []);
});

test('of two fills at once the first to finish is kept, and both callers get it', async (context) => {
  const cache = await emptyCache(context);
  const write = (text: string) => async (folder: string) => writeFile(join(folder, 'a'), text);
  const slow = cachedFolder(cache, 'a', async (folder) => {
    await cachedFolder(cache, 'a', write('fast'));
    await write('slow')(folder);
  });
  equal(await readFile(join(await slow, 'a'), 'utf8'), 'fast');
  deepEqual(await readdir(cache), ['a']);
});
