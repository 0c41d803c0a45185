import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NodeFiles } from './files.ts';
import { LogFile } from './output.ts';

const folder = mkdtempSync(join(tmpdir(), 'xenolith-host-'));
after(() => rmSync(folder, { recursive: true }));
const files = new NodeFiles();

test('a file is read whole', async () => {
  const path = join(folder, 'data');
  writeFileSync(path, new Uint8Array([1, 0, 255]));
  deepEqual([...(await files.read(path))], [1, 0, 255]);
});

test('a large file is read while something else is done; a small one at once', async () => {
  const path = join(folder, 'large');
  const bytes = new Uint8Array(9 << 20).map((_, index) => index % 251);
  writeFileSync(path, bytes);
  let done = 0;
  deepEqual(Buffer.compare(await files.read(path, () => done++), bytes), 0);
  equal(done, 1);
  writeFileSync(path, 'small');
  equal(Buffer.from(await files.read(path, () => done++)).toString(), 'small');
  equal(done, 1);
});

const REFUSED: readonly (readonly [what: string, path: string, code: string])[] = [
  ['no such file', join(folder, 'nothing'), 'ENOENT'],
  ['a folder', folder, 'EISDIR'],
  ['a file used as a folder', '/dev/null/below', 'ENOTDIR'],
  ['a name no file can have', 'a\0b', 'ENOENT'],
  ['a name too long', `/${'x'.repeat(5000)}`, 'ENAMETOOLONG'],
];
for (const [what, path, code] of REFUSED) {
  test(`${what} is refused with ${code}`, async () => {
    await rejects(files.read(path), { code });
  });
}

test('a log file starts afresh, and has each line as soon as it is logged', async () => {
  const path = join(folder, 'log');
  writeFileSync(path, 'of yesterday\n');
  const log = new LogFile(path);
  log.line('one');
  equal(new TextDecoder().decode(await files.read(path)), 'one\n');
  log.line('two');
  equal(new TextDecoder().decode(await files.read(path)), 'one\ntwo\n');
});
