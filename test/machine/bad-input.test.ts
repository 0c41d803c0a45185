/** What an operator can get wrong, on the real machine: one sentence that says where, exit status 1, nothing left. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EM_386, elf, words } from '../../src/dom0/builder/testing/kernels.ts';
import { kernelOf, put, runXl, scratchFolder, XL } from './testing/run-xl.ts';

const HLT = 0xf4;
const XEN_ELFNOTE_GUEST_OS = 6;
const folder = scratchFolder();
put(folder, 'good', kernelOf([HLT]));
put(folder, 'text', 'this is no kernel at all, whatever its name may say');
put(folder, 'empty', '');
put(folder, 'cut', kernelOf([HLT]).subarray(0, 150));
put(folder, 'pv32', elf({ bits: 32, machine: EM_386, notes: [{ type: XEN_ELFNOTE_GUEST_OS, description: 'linux' }] }));
put(folder, 'no-note', elf());
put(folder, 'arm', elf({ machine: 183, notes: [{ type: 18, description: words(0x1000000) }] }));
put(folder, 'big', new Uint8Array(40 * 1024 * 1024));

const GOOD = 'name = "g"\ntype = "pvh"\nkernel = "good"\nmemory = 32\n';
const BAD: readonly (readonly [what: string, config: string, sentence: RegExp])[] = [
  ['a kernel that is none', GOOD.replace('good', 'text'), /^guest\.cfg:3: text: .*expected/],
  ['an empty kernel', GOOD.replace('good', 'empty'), /^guest\.cfg:3: empty: /],
  ['a kernel cut short', GOOD.replace('good', 'cut'), /^guest\.cfg:3: cut: /],
  ['a kernel for 32-bit PV alone', GOOD.replace('good', 'pv32'), /^guest\.cfg:3: pv32: .*PVH/],
  ['a kernel without a PVH note', GOOD.replace('good', 'no-note'), /^guest\.cfg:3: no-note: .*PVH/],
  ['a kernel of another processor', GOOD.replace('good', 'arm'), /^guest\.cfg:3: arm: /],
  ['a kernel that is not there', GOOD.replace('good', 'lost'), /^guest\.cfg:3: kernel = "lost": no such file/],
  ['a folder for a kernel', GOOD.replace('good', '.'), /^guest\.cfg:3: kernel = ".": is a directory/],
  ['an initramfs that is not there', `${GOOD}ramdisk = "lost"\n`, /^guest\.cfg:5: ramdisk = "lost": no such file/],
  ['an initramfs that does not fit', `${GOOD}ramdisk = "big"\n`, /^guest\.cfg:4: .*memory/],
  ['too little memory', GOOD.replace('32', '1'), /^guest\.cfg:4: .*memory/],
  ['memory that is no number', GOOD.replace('32', '"lots"'), /^guest\.cfg:4: memory = "lots": expected .* as a number/],
  ['more memory than a machine has', GOOD.replace('32', '8000'), /^guest\.cfg:4: memory = 8000: .*expected at most/],
  ['a list that does not end', `${GOOD}disk = [ "a",\n`, /^guest\.cfg:6: /],
  ['a string that does not end', `${GOOD}extra = "a\n`, /^guest\.cfg:5: /],
];

for (const [what, config, sentence] of BAD) {
  test(`${what}: one sentence, status 1`, async () => {
    put(folder, 'guest.cfg', config);
    const { stdout, stderr, status } = await runXl(folder, ['create', '-F', '-c', '-q', 'guest.cfg']);
    equal(status, 1, stderr);
    equal(stdout, '');
    match(stderr, sentence);
    deepEqual(stderr.split('\n').slice(1), [''], 'it is one line');
  });
}

test('a config file that is not there: one sentence, status 1', async () => {
  const { stderr, status } = await runXl(folder, ['create', '-F', 'nothing.cfg']);
  equal(status, 1);
  match(stderr, /^Failed to read config file: nothing\.cfg: no such file; .*\n$/);
});

test('a place for statistics that cannot be written spoils nothing', async () => {
  put(folder, 'guest.cfg', GOOD);
  const { stderr, status } = await runXl(folder, ['create', '-F', '-q', 'guest.cfg'], { XENOLITH_STATS: '/nowhere/f' });
  equal(status, 0);
  match(stderr, /^xl: warning: XENOLITH_STATS=\/nowhere\/f: cannot be written: .*\n$/);
});

test('a place for the trace that cannot be written is told of before anything runs', async () => {
  put(folder, 'guest.cfg', GOOD);
  const { stderr, status } = await runXl(folder, ['create', '-F', '-q', 'guest.cfg'], { XENOLITH_TRACE: '/nowhere/f' });
  equal(status, 1);
  match(stderr, /^XENOLITH_TRACE=\/nowhere\/f: cannot be written: .*\n$/);
});

test('a working folder that somebody removed: one sentence, status 1', () => {
  const commands = `cd gone && rmdir ../gone && exec '${XL}' create -F guest.cfg`;
  mkdirSync(join(folder, 'gone'));
  const { stderr, status } = spawnSync('sh', ['-c', commands], { cwd: folder, encoding: 'utf8' });
  equal(status, 1);
  match(stderr, /^Failed to read config file: guest\.cfg: no such file; .* a folder that has been removed$/m);
});
