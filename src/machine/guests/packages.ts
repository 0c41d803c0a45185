import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { XenolithError } from '../../lib/errors.ts';

/** Says what is going on, a line at a time. */
export type Report = (line: string) => void;

/** A Debian package as the lists of this machine have it now. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly depends: readonly string[];
}

/**
 * Looks a package up in apt's lists. Empty lists are filled first, where we may (root).
 *
 * @throws XenolithError GUEST_NO_APT where this is no Debian, GUEST_NO_PACKAGE where the lists have none of that name
 */
export async function findPackage(name: string, report: Report): Promise<DebianPackage> {
  const first = await show(name);
  if (first !== undefined) return first;
  await updateLists(`apt's lists do not have ${name}`, report);
  const second = await show(name);
  if (second !== undefined) return second;
  throw new XenolithError(
    'GUEST_NO_PACKAGE',
    `apt's lists do not have ${name}, freshly updated as they are; does /etc/apt name a Debian archive for amd64?`,
  );
}

/** The package whose version the given one asks for exactly, as linux-image-cloud-amd64 does for the kernel proper. */
export function pinnedDependency(found: DebianPackage, prefix: string): string {
  for (const dependency of found.depends) {
    const match = /^(\S+) \(= [^)]+\)$/.exec(dependency);
    if (match?.[1]?.startsWith(prefix)) return match[1];
  }
  throw new XenolithError(
    'GUEST_NO_PACKAGE',
    `${found.name} ${found.version} depends on no ${prefix}... package of one version (${found.depends.join(', ')})`,
  );
}

/**
 * Downloads a package's file into a folder, and gives its path. Needs no root; as root, lists that have gone stale
 * are updated once.
 */
export async function downloadPackage(found: DebianPackage, folder: string, report: Report): Promise<string> {
  const started = performance.now();
  report(`fetching ${found.name} ${found.version}`);
  const command = ['apt-get', 'download', '-q', `${found.name}=${found.version}`];
  let { status, output } = await run(command, folder);
  if (status !== 0 && isRoot()) {
    await updateLists(`apt cannot fetch ${found.name} ${found.version}`, report);
    const { version } = (await show(found.name)) ?? found;
    ({ status, output } = await run(['apt-get', 'download', '-q', `${found.name}=${version}`], folder));
  }
  if (status !== 0) throw downloadFailed(found, output);

  const file = (await readdir(folder)).find((name) => name.startsWith(`${found.name}_`) && name.endsWith('.deb'));
  if (file === undefined) throw downloadFailed(found, `${command.join(' ')} left no file in ${folder}`);
  report(`fetched ${found.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return join(folder, file);
}

/** Unpacks the files of a package whose paths match tar's pattern: './boot/vmlinuz-*'. */
export async function unpackFiles(packageFile: string, pattern: string, folder: string): Promise<void> {
  const script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "$3"';
  const { status, output } = await run(['sh', '-c', script, 'sh', packageFile, folder, pattern], folder);
  if (status !== 0) {
    throw new XenolithError('GUEST_UNPACK', `${packageFile}: cannot unpack ${pattern}: ${lastLine(output)}`);
  }
}

async function show(name: string): Promise<DebianPackage | undefined> {
  const { status, output } = await run(['apt-cache', 'show', '--no-all-versions', name], '/');
  return status === 0 ? parsePackage(output) : undefined;
}

/** Reads the first record of what apt-cache show prints. */
export function parsePackage(record: string): DebianPackage | undefined {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];
  const name = field('Package');
  const version = field('Version');
  if (name === undefined || version === undefined) return undefined;
  return { name, version, depends: field('Depends')?.split(', ') ?? [] };
}

async function updateLists(cause: string, report: Report): Promise<void> {
  if (!isRoot()) {
    throw new XenolithError('GUEST_NO_PACKAGE', `${cause}; run 'apt-get update' as root, then try again`);
  }
  report(`${cause}: updating them (apt-get update)`);
  const { status, output } = await run(['apt-get', 'update', '-q'], '/');
  // apt-get update succeeds with warnings when it reached no server at all.
  if (status !== 0 || /^(Err|W: Failed to fetch)/m.test(output)) {
    throw new XenolithError('GUEST_NO_NETWORK', `apt-get update failed: ${lastLine(output)}; is there a network?`);
  }
}

function downloadFailed(found: DebianPackage, output: string): XenolithError {
  const hint = isRoot() ? 'is there a network?' : "is there a network, and are the lists fresh ('apt-get update')?";
  return new XenolithError('GUEST_NO_NETWORK', `apt-get download ${found.name}: ${lastLine(output)}; ${hint}`);
}

function lastLine(output: string): string {
  const lines = output.trim().split('\n');
  return (lines.findLast((line) => line.startsWith('E: ')) ?? lines.at(-1) ?? '').replace(/^E: /, '').trim();
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Runs a program and collects what it prints, in the language that we can read. */
function run(command: readonly string[], cwd: string): Promise<{ status: number; output: string }> {
  const [program = '', ...parameters] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      cwd,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? noApt(program) : error));
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

function noApt(program: string): XenolithError {
  return new XenolithError(
    'GUEST_NO_APT',
    `there is no ${program} here, and the guest comes as Debian packages: run this on Debian, or give xl your own kernel and ramdisk (see guests/debian.cfg); the guest 'hello' needs nothing from outside: npm start -- --guest hello`,
  );
}
