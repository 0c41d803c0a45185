import { deepEqual, equal } from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readKept, touchKept, writeKept } from './kept-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'kept-'));
after(() => rmSync(folder, { recursive: true }));

const BY = { program: 'p', seconds: 1 };
const ENTRIES = new Map([
  ['/a', [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]],
  ['b', [new Uint8Array(0)]],
]);

test('what was kept is found', () => {
  const path = join(folder, 'found', 'file');
  writeKept(path, { program: 'p', seconds: 2.5 }, ENTRIES);
  const found = readKept(path);
  equal(found?.program, 'p');
  equal(found?.seconds, 2.5);
  deepEqual([...(found?.names ?? [])], ['/a', 'b']);
  deepEqual(
    found?.get('/a')?.map((piece) => [...piece]),
    [[1, 2, 3], [4]],
  );
  deepEqual(
    found?.get('b')?.map((piece) => [...piece]),
    [[]],
  );
  equal(found?.get('c'), undefined);
});

test('half a file, another file and none are nothing', () => {
  const path = join(folder, 'broken', 'file');
  equal(readKept(path), undefined);
  writeKept(path, BY, ENTRIES);
  const whole = readFileSync(path);
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    equal(readKept(path), undefined, `${length} bytes of it`);
  }
  writeFileSync(path, 'something else, which is longer than a header');
  equal(readKept(path), undefined);
});

test('what others than the user could have written is nothing: it would be executed', () => {
  const path = join(folder, 'others', 'file');
  writeKept(path, BY, ENTRIES);
  for (const mode of [0o620, 0o602]) {
    chmodSync(path, mode);
    equal(readKept(path), undefined, mode.toString(8));
  }
  chmodSync(path, 0o644);
  equal(readKept(path)?.program, 'p');
  if (process.getuid?.() !== 0) return;
  chownSync(path, 1234, 1234);
  equal(readKept(path), undefined);
});

test('four programs are kept, those that were used last', () => {
  const path = (name: string) => join(folder, 'many', name);
  for (const [at, name] of ['a', 'b', 'c', 'd'].entries()) {
    writeKept(path(name), BY, ENTRIES);
    utimesSync(path(name), 1000 + at, 1000 + at);
  }
  touchKept(path('a'));
  writeKept(path('e'), BY, ENTRIES);
  deepEqual(readdirSync(join(folder, 'many')).sort(), ['a', 'c', 'd', 'e']);
});
