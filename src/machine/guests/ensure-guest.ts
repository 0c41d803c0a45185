import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { XenolithError } from '../../lib/errors.ts';
import { cachedFolder, cacheFolder, exists } from './cache.ts';
import { buildInitramfs, initramfsStamp } from './initramfs.ts';
import { downloadPackage, findPackage, pinnedDependency, type Report, unpackFiles } from './packages.ts';

/** A guest that comes from outside, with everything xl needs to create it. */
export interface Guest {
  readonly name: string;
  /** paths in the cache */
  readonly kernel: string;
  readonly ramdisk: string;
  /** the program in the ramdisk, by itself */
  readonly busybox: string;
  /** its xl.cfg in guests/, which leaves out `kernel` and `ramdisk`: they go after it, as key=value */
  readonly config: string;
  /** the Debian version of the kernel's package */
  readonly version: string;
}

/** The guests that `npm start -- --guest` takes and that come as Debian packages: name, kernel package. */
export const DEBIAN_GUESTS: Readonly<Record<string, string>> = {
  debian: 'linux-image-cloud-amd64',
  'debian-generic': 'linux-image-amd64',
};

/**
 * Makes a guest ready to boot: its kernel and busybox come by their Debian package names, once, into the cache.
 * What is in the cache is used as it is, without asking apt; remove the cache's folder for newer packages.
 *
 * @param report gets a line at a time while something is fetched; by default they go to standard error
 * @throws XenolithError GUEST_* when there is no such guest, no apt, no network or no such package
 */
export async function ensureGuest(name: string, report: Report = toStandardError): Promise<Guest> {
  const kernelPackage = DEBIAN_GUESTS[name];
  if (kernelPackage === undefined) {
    const known = Object.keys(DEBIAN_GUESTS).join(', ');
    throw new XenolithError('GUEST_UNKNOWN', `there is no guest '${name}' to fetch; there are ${known}`);
  }
  const cache = cacheFolder();
  try {
    return await fetchGuest(cache, name, kernelPackage, report);
  } catch (error) {
    throw explained(error, cache);
  }
}

async function fetchGuest(cache: string, name: string, kernelPackage: string, report: Report): Promise<Guest> {
  const kernel = await ensureFile(cache, { name, package: kernelPackage, file: 'vmlinuz' }, report, fetchKernel);
  const busybox = { name: 'busybox', package: 'busybox-static', file: 'busybox' };
  const shell = await ensureFile(cache, busybox, report, fetchBusybox);

  const packed = await cachedFolder(cache, `initramfs/${shell.version}-${initramfsStamp()}`, async (folder) => {
    await writeFile(join(folder, 'initramfs.cpio'), buildInitramfs(await readFile(shell.path)));
  });
  return {
    name,
    kernel: kernel.path,
    ramdisk: join(packed, 'initramfs.cpio'),
    busybox: shell.path,
    config: fileURLToPath(new URL(`../../../guests/${name}.cfg`, import.meta.url)),
    version: kernel.version,
  };
}

/** One file that one package brings. */
interface Wanted {
  readonly name: string;
  readonly package: string;
  readonly file: string;
}

interface Fetched {
  readonly path: string;
  readonly version: string;
}

type Fetch = (wanted: Wanted, folder: string, report: Report) => Promise<string>;

/** cache/packages/NAME/VERSION/FILE, and cache/packages/NAME/current, which holds the version in use. */
async function ensureFile(cache: string, wanted: Wanted, report: Report, fetch: Fetch): Promise<Fetched> {
  const home = join(cache, 'packages', wanted.name);
  const stamp = join(home, 'current');
  if (await exists(stamp)) {
    const version = (await readFile(stamp, 'utf8')).trim();
    const path = join(home, version, wanted.file);
    if (await exists(path)) return { path, version };
  }

  await mkdir(home, { recursive: true });
  const work = await mkdtemp(join(cache, '.unfinished-'));
  try {
    const version = await fetch(wanted, work, report);
    const folder = await cachedFolder(cache, `packages/${wanted.name}/${version}`, async (kept) => {
      await copyFile(join(work, wanted.file), join(kept, wanted.file));
    });
    await writeFile(join(work, 'current'), `${version}\n`);
    await rename(join(work, 'current'), stamp);
    return { path: join(folder, wanted.file), version };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const fetchKernel: Fetch = async (wanted, folder, report) => {
  const meta = await findPackage(wanted.package, report);
  const image = await findPackage(pinnedDependency(meta, 'linux-image-'), report);
  // Until Debian 13 it is /boot/vmlinuz-RELEASE, then /usr/lib/modules/RELEASE/vmlinuz in a package of its own.
  const isApart = image.depends.some((dependency) => dependency.startsWith('linux-binary-'));
  const kernel = isApart ? await findPackage(pinnedDependency(image, 'linux-binary-'), report) : image;
  const file = await downloadPackage(kernel, folder, report);
  await unpackFiles(file, './*/vmlinuz*', folder);
  const modules = join(folder, 'usr/lib/modules');
  const home = isApart ? join(modules, (await readdir(modules))[0] ?? '') : join(folder, 'boot');
  await takeOnly(home, 'vmlinuz', join(folder, wanted.file));
  return kernel.version;
};

const fetchBusybox: Fetch = async (wanted, folder, report) => {
  const found = await findPackage(wanted.package, report);
  const file = await downloadPackage(found, folder, report);
  // Debian 12 has it in /bin, later releases in /usr/bin.
  await unpackFiles(file, './*bin/busybox', folder);
  const home = (await exists(join(folder, 'bin'))) ? 'bin' : 'usr/bin';
  await takeOnly(join(folder, home), 'busybox', join(folder, wanted.file));
  return found.version.replace(/^\d+:/, '');
};

async function takeOnly(folder: string, prefix: string, target: string): Promise<void> {
  const file = (await readdir(folder)).find((name) => name.startsWith(prefix));
  if (file === undefined)
    throw new XenolithError('GUEST_UNPACK', `the package has no ${prefix}... where Debian puts it`);
  await rename(join(folder, file), target);
}

/** What the file system refuses is the operator's to mend: the cache may be elsewhere. */
function explained(error: unknown, cache: string): unknown {
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (error instanceof XenolithError || syscall === undefined) return error;
  return new XenolithError(
    'GUEST_CACHE',
    `cannot use the cache ${cache}: ${syscall} ${path ?? ''}: ${code}; name another folder, for example XENOLITH_CACHE=/var/tmp/xenolith`,
  );
}

function toStandardError(line: string): void {
  process.stderr.write(`xenolith: ${line}\n`);
}
