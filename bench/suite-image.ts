import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedFolder, cacheFolder } from '../src/machine/guests/cache.ts';
import { type CpioEntry, packCpio } from '../src/machine/guests/cpio.ts';
import { ensureGuest } from '../src/machine/guests/ensure-guest.ts';
import { ensureProgram } from './peer-programs.ts';

/** The suite, compiled: its programs for the host, and the initramfs that runs them in a guest. */
export interface SuiteImage {
  /** one static binary with all programs of our own */
  readonly suite: string;
  readonly busybox: string;
  readonly initramfs: string;
  readonly compiler: string;
}

const SOURCES = fileURLToPath(new URL('./suite/', import.meta.url));
const INIT = 'init.c';
const FLAGS = ['-O2', '-static', '-Wall', '-Wextra', '-Werror'];

/** Compiles bench/suite/ with the system's gcc into the cache, unless what is there is of the same sources. */
export async function ensureSuite(): Promise<SuiteImage> {
  const compiler = ensureProgram('gcc', ['gcc', 'libc6-dev']);
  const { busybox } = await ensureGuest('debian');
  const names = (await readdir(SOURCES)).sort();
  const stamp = createHash('sha256').update(JSON.stringify([compiler, FLAGS, busybox]));
  for (const name of names) stamp.update(await readFile(join(SOURCES, name)));

  const folder = await cachedFolder(cacheFolder(), `suite/${stamp.digest('hex').slice(0, 16)}`, async (unfinished) => {
    const programs = names.filter((name) => name.endsWith('.c') && name !== INIT);
    compile(programs, join(unfinished, 'suite'));
    compile([INIT], join(unfinished, 'init'));
    await copyFile(busybox, join(unfinished, 'busybox'));
    await chmod(join(unfinished, 'busybox'), 0o755);
    await writeFile(join(unfinished, 'initramfs.cpio'), packCpio(await entries(unfinished)));
  });
  const file = (name: string) => join(folder, name);
  return { suite: file('suite'), busybox: file('busybox'), initramfs: file('initramfs.cpio'), compiler };
}

function compile(sources: readonly string[], output: string): void {
  const parameters = [...FLAGS, '-o', output, ...sources.map((name) => join(SOURCES, name)), '-lm'];
  const { status, stderr } = spawnSync('gcc', parameters, { encoding: 'utf8', cwd: dirname(output) });
  if (status !== 0) throw new Error(`gcc cannot compile ${sources.join(' ')}:\n${stderr}`);
}

async function entries(folder: string): Promise<CpioEntry[]> {
  const program = async (path: string, name: string): Promise<CpioEntry> => ({
    kind: 'file',
    path,
    content: await readFile(join(folder, name)),
    mode: 0o755,
  });
  return [
    ...['bin', 'dev', 'proc', 'tmp'].map((path): CpioEntry => ({ kind: 'folder', path })),
    // The kernel opens it for process 1.
    { kind: 'character device', path: 'dev/console', major: 5, minor: 1 },
    await program('init', 'init'),
    await program('bin/suite', 'suite'),
    await program('bin/busybox', 'busybox'),
  ];
}
