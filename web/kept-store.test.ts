/** What a visit leaves in the browser, and what a later one makes of it. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { KeptFiles } from '../src/host/web/origin-files.ts';
import { KeptStore } from './kept-store.ts';

// (module), and one with an export of the number 7
const EMPTY = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
const SEVEN = Uint8Array.of(...EMPTY, 6, 6, 1, 127, 0, 65, 7, 11, 7, 5, 1, 1, 115, 3, 0);
const NOTHING = new Uint8Array(0);
const WORDS = new Uint8Array(1 << 20).fill(5);
const PIECES = [WORDS, Uint8Array.of(1, 2, 3), EMPTY, NOTHING, SEVEN, NOTHING];

test('what one visit put, the next one finds, with modules that are compiled already', async () => {
  const files = new MemoryFiles();
  await put(files, 'build', PIECES);
  const shelf = await shelfOf(files, 'build');
  const found = shelf.find() ?? [];
  deepEqual(found.slice(0, 2), PIECES.slice(0, 2));
  deepEqual([found[2], found[4]], [EMPTY, SEVEN]);
  const [first, second] = [found[3], found[5]].map((piece) => shelf.deserialize(SEVEN, new Uint8Array(piece ?? [])));
  deepEqual(first && WebAssembly.Module.exports(first), []);
  deepEqual(second && WebAssembly.Module.exports(second), [{ name: 's', kind: 'global' }]);
});

test('a module of our own is generated in the first visit', async () => {
  const files = new MemoryFiles();
  let times = 0;
  const generate = () => {
    times++;
    return SEVEN;
  };
  for (const name of ['interpreter', 'interpreter', 'another', 'another']) {
    const store = new KeptStore(files, 'build');
    await store.open('kernel');
    ok(store.compile(name, generate) instanceof WebAssembly.Module);
    await store.written();
  }
  equal(times, 2);
});

test('another build and another kernel find nothing of it', async () => {
  const files = new MemoryFiles();
  await put(files, 'build', PIECES);
  equal((await shelfOf(files, 'other')).find(), undefined);
  equal((await shelfOf(files, 'build', 'other')).find(), undefined);
  // Nor under a name that is not its own.
  files.content.set('other-kernel', files.content.get('build-kernel') as Uint8Array);
  equal((await shelfOf(files, 'other')).find(), undefined);
});

test('half a file, one with a bit that is another, one with a module that is none, and a strange one are nothing', async () => {
  const files = new MemoryFiles();
  await put(files, 'build', PIECES);
  const whole = files.content.get('build-kernel') as Uint8Array;
  ok((await shelfOf(files, 'build')).find());
  for (const length of [0, 1, 31, 32, 33, 60, whole.length - 1]) {
    files.content.set('build-kernel', whole.slice(0, length));
    equal((await shelfOf(files, 'build')).find(), undefined, `${length} bytes`);
  }
  for (const at of [0, 40, 200, whole.length >> 1, whole.length - 1]) {
    files.content.set(
      'build-kernel',
      whole.map((byte, i) => (i === at ? byte ^ 4 : byte)),
    );
    equal((await shelfOf(files, 'build')).find(), undefined, `byte ${at}`);
  }
  files.content.set('build-kernel', WORDS);
  equal((await shelfOf(files, 'build')).find(), undefined);
  await put(files, 'build', [WORDS, NOTHING, Uint8Array.of(1, 2), NOTHING]);
  equal((await shelfOf(files, 'build')).find(), undefined);
});

test('a store that cannot be read or written to is done without', async () => {
  const refuse = () => Promise.reject(new DOMException('no room', 'QuotaExceededError'));
  const files: KeptFiles = { read: refuse, write: refuse, remove: refuse, names: refuse };
  const store = new KeptStore(files, 'build');
  await store.open('kernel');
  const shelf = store.shelf('kernel');
  equal(shelf.find(), undefined);
  shelf.put(PIECES);
  shelf.clear();
  ok(store.compile('interpreter', () => EMPTY) instanceof WebAssembly.Module);
  await store.written();
});

test('what is little, or hardly more than there is, is not written; what was cleared is gone', async () => {
  const files = new MemoryFiles();
  await put(files, 'build', [NOTHING, NOTHING, SEVEN, NOTHING]);
  equal(files.content.size, 0);
  await put(files, 'build', PIECES);
  const before = files.content.get('build-kernel');
  await put(files, 'build', [...PIECES, EMPTY, NOTHING]);
  equal(files.content.get('build-kernel'), before);
  await put(files, 'build', [new Uint8Array(WORDS.length * 1.1), NOTHING]);
  const store = new KeptStore(files, 'build');
  await store.open('kernel');
  equal(store.shelf('kernel').find()?.[0]?.length, Math.floor(WORDS.length * 1.1));
  store.shelf('kernel').clear();
  await store.written();
  equal(files.content.size, 0);
});

test('four files stay, those that were written last; none is very large', async () => {
  const files = new MemoryFiles();
  for (const build of ['a', 'b', 'c', 'd', 'e']) await put(files, build, PIECES);
  deepEqual([...files.content.keys()], ['b-kernel', 'c-kernel', 'd-kernel', 'e-kernel']);
  await put(files, 'f', [new Uint8Array(65 << 20), NOTHING]);
  ok(!files.content.has('f-kernel'));
});

async function put(files: KeptFiles, build: string, pieces: readonly Uint8Array[]): Promise<void> {
  const store = new KeptStore(files, build);
  await store.open('kernel');
  store.shelf('kernel').put(pieces);
  await store.written();
}

async function shelfOf(files: KeptFiles, build: string, name = 'kernel') {
  const store = new KeptStore(files, build);
  await store.open(name);
  return store.shelf(name);
}

class MemoryFiles implements KeptFiles {
  readonly content = new Map<string, Uint8Array>();

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = this.content.get(name);
    return bytes && new Uint8Array(bytes);
  }

  async write(name: string, parts: readonly Uint8Array[]): Promise<void> {
    this.content.delete(name);
    this.content.set(name, new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
  }

  async remove(name: string): Promise<void> {
    this.content.delete(name);
  }

  async names(): Promise<string[]> {
    return [...this.content.keys()].reverse();
  }
}
