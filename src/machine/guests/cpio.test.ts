import { deepEqual, equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { packCpio } from './cpio.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (array: Uint8Array) => new TextDecoder().decode(array);

const TREE = [
  { kind: 'folder', path: 'bin' },
  { kind: 'file', path: 'bin/tool', content: bytes('hello'), mode: 0o755 },
  { kind: 'link', path: 'bin/alias', target: 'tool' },
  { kind: 'character device', path: 'console', major: 5, minor: 1 },
] as const;

test('an entry is a header of 110 characters, the path, the content, each padded to 4 (buffer-format.rst, newc)', () => {
  const archive = packCpio([{ kind: 'file', path: 'ab', content: bytes('12345') }]);
  const entry = text(archive.subarray(0, 116 + 8));
  equal(entry.slice(0, 6), '070701');
  const fields = entry
    .slice(6, 110)
    .match(/.{8}/g)
    ?.map((field) => Number.parseInt(field, 16));
  //                 ino mode      uid gid links mtime size devmaj min rdevmaj min namesize check
  deepEqual(fields, [1, 0o100644, 0, 0, 1, 0, 5, 0, 0, 0, 0, 3, 0]);
  equal(entry.slice(110), 'ab\0\0\0\0' + '12345\0\0\0');
});

test('the archive ends in an entry named TRAILER!!! and is a multiple of 4 bytes long', () => {
  const archive = packCpio([]);
  equal(text(archive.subarray(110, 121)), 'TRAILER!!!\0');
  equal(archive.length, 124);
  equal(packCpio(TREE).length % 4, 0);
});

test('another cpio lists what was packed', (context) => {
  const listing = spawnSync('cpio', ['-itv', '--quiet', '--numeric-uid-gid'], { input: packCpio(TREE) });
  if (listing.error !== undefined) return context.skip('no cpio program here');
  const lines = text(listing.stdout).trim().split('\n');
  deepEqual(
    lines.map((line) => [line.slice(0, 10), line.replace(/^.*1970 /, '')]),
    [
      ['drwxr-xr-x', 'bin'],
      ['-rwxr-xr-x', 'bin/tool'],
      ['lrwxrwxrwx', 'bin/alias -> tool'],
      ['crw-------', 'console'],
    ],
  );
});
