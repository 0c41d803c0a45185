import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedFolder, cacheFolder } from '../../../src/machine/guests/cache.ts';
import { type CpioEntry, packCpio } from '../../../src/machine/guests/cpio.ts';
import { ensureGuest, type Guest } from '../../../src/machine/guests/ensure-guest.ts';
import { downloadPackage, findPackage, pinnedDependency, unpackFiles } from '../../../src/machine/guests/packages.ts';

const SOURCE = join(import.meta.dirname, 'kvm-guest.c');
/** In the order in which they are loaded. */
export const MODULES = ['irqbypass', 'kvm', 'kvm-amd'] as const;
/** Where the modules and the program are in the guest. */
export const FOLDER = '/kvm';

/**
 * Debian's cloud kernel with a shell, its KVM modules and kvm-guest.c, compiled: fetched and made once. Or why it is
 * not there.
 */
export async function kvmImage(): Promise<Guest | string> {
  try {
    const guest = await ensureGuest('debian', () => {});
    const meta = await findPackage('linux-image-cloud-amd64', () => {});
    const image = await findPackage(pinnedDependency(meta, 'linux-image-'), () => {});
    const stamp = createHash('sha256')
      .update(await readFile(SOURCE))
      .update(image.version)
      .update(guest.ramdisk);
    const name = `kvm/${stamp.digest('hex').slice(0, 16)}`;
    const folder = await cachedFolder(cacheFolder(), name, async (unfinished) => {
      const file = await downloadPackage(image, unfinished, () => {});
      for (const pattern of ['./boot/vmlinuz-*', ...MODULES.map((module) => `*/${module}.ko`)]) {
        await unpackFiles(file, pattern, unfinished);
      }
      compile(join(unfinished, 'run'));
      await keep(unfinished, guest);
    });
    return { ...guest, kernel: join(folder, 'vmlinuz'), ramdisk: join(folder, 'initramfs') };
  } catch (error) {
    return (error as Error).message;
  }
}

function compile(output: string): void {
  const { error, status, stderr } = spawnSync('gcc', ['-O2', '-static', '-Wall', '-Werror', '-o', output, SOURCE], {
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`gcc cannot compile ${SOURCE}:\n${stderr}`);
}

// Leaves the kernel, and the ramdisk with what is added to it: archives may follow one another.
async function keep(folder: string, guest: Guest): Promise<void> {
  const files = await readdir(folder, { recursive: true });
  const read = async (part: string): Promise<Buffer> => {
    const found = files.find((file) => file.includes(part));
    if (found === undefined) throw new Error(`the kernel's package has no ${part}`);
    return readFile(join(folder, found));
  };
  const entries: CpioEntry[] = [{ kind: 'folder', path: FOLDER.slice(1) }];
  for (const module of MODULES) {
    const content = await read(`/${module}.ko`);
    entries.push({ kind: 'file', path: `kvm/${module}.ko`, content });
  }
  entries.push({ kind: 'file', path: 'kvm/run', content: await readFile(join(folder, 'run')), mode: 0o755 });
  const base = await readFile(guest.ramdisk);
  const padding = Buffer.alloc((4 - (base.length % 4)) % 4);
  const kernel = await read('boot/vmlinuz-');
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'vmlinuz'), kernel);
  await writeFile(join(folder, 'initramfs'), Buffer.concat([base, padding, packCpio(entries)]));
}
