import { equal, match } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeRunning, tellOfLost, writeRunning } from './running-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'xenolith-running-'));
const path = join(folder, 'running.json');
after(() => rmSync(folder, { recursive: true }));

const STATE = { pid: 7, since: '2026-01-01T00:00:00.000Z', domains: [{ domid: 3, name: 'web' }] };
const LOST = 'xl: the host before this one was killed, and what ran on it is lost';

test('what ran is told by the next host, and once it is removed nothing was lost', () => {
  equal(tellOfLost(path), undefined);
  equal(writeRunning(path, STATE), undefined);
  match(tellOfLost(path) ?? '', /process 7, was killed; lost with it: web \(domid 3\)$/);
  removeRunning(path);
  equal(tellOfLost(path), undefined);
});

test('it says of which version it is; another one, or half a file, is told of without names', () => {
  writeRunning(path, STATE);
  const written = JSON.parse(readFileSync(path, 'utf8'));
  equal(written.version, 1);
  writeFileSync(path, JSON.stringify({ ...written, version: 2 }));
  equal(tellOfLost(path), LOST);
  writeFileSync(path, JSON.stringify(written).slice(0, 20));
  equal(tellOfLost(path), LOST);
});

test('where it cannot be written that is told, and what was there before is not told any more: it may be wrong', () => {
  writeRunning(path, STATE);
  symlinkSync('/dev/full', `${path}.new`);
  match(writeRunning(path, { ...STATE, domains: [] }) ?? '', /ENOSPC/);
  equal(tellOfLost(path), LOST);
  equal(writeRunning(path, STATE), undefined);
  match(tellOfLost(path) ?? '', /lost with it: web/);
  match(writeRunning(join(folder, 'nowhere', 'running.json'), STATE) ?? '', /ENOENT/);
});
