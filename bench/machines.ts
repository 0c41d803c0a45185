import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKernel } from '../src/dom0/builder/kernel-image.ts';
import { ensureGuest } from '../src/machine/guests/ensure-guest.ts';
import { ensureProgram } from './peer-programs.ts';

/** The memory of the guest in every benchmark, in MiB. */
export const MEMORY_MIB = 256;

/** What boots the guest: we or the peer. */
export interface Machine {
  readonly name: string;
  /**
   * the command that boots with these words after the console's on the kernel's command line, another ramdisk, and
   * more lines in xl.cfg, which are no matter of the peer's
   */
  command(words: string, ramdisk?: string, settings?: readonly string[]): readonly string[];
  /** Asks it for counts, which cost a little. */
  readonly counting: Readonly<Record<string, string>>;
  /** What its process finds in its environment, prepared for each start. */
  environment(): Readonly<Record<string, string>>;
}

/** Both machines for the same guest, with files in a folder of its own. */
export interface Contest {
  readonly ours: Machine;
  /** ours without anything that earlier runs have kept: each time the first one */
  readonly first: Machine;
  readonly peer: Machine;
  /** the guest's kernel, unpacked */
  readonly vmlinux: string;
  /** where ours writes its counts when it exits (XENOLITH_STATS) */
  readonly statsFile: string;
  /** to be removed at the end */
  readonly folder: string;
  readonly description: string;
}

/** Debian's kernel, unpacked once: both get the same vmlinux and the same initramfs, and enter it by its PVH note. */
export async function prepare(): Promise<Contest> {
  const qemu = ensureProgram(QEMU, ['qemu-system-x86']);
  const guest = await ensureGuest('debian');
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-bench-'));
  const vmlinux = join(folder, 'vmlinux');
  writeFileSync(vmlinux, (await loadKernel(guest.kernel, readFileSync(guest.kernel))).elf.bytes);
  const statsFile = join(folder, 'stats.json');
  const ours = xenolith(folder, vmlinux, guest.ramdisk, statsFile);
  return {
    ours,
    first: withoutKept(ours, join(folder, 'kept')),
    peer: qemuTcg(vmlinux, guest.ramdisk),
    vmlinux,
    statsFile,
    folder,
    description: `Debian kernel ${guest.version}, ${MEMORY_MIB} MiB, 1 vCPU; ${qemu}; Node ${process.version}`,
  };
}

/** The guest's xl.cfg. */
export function guestConfig(kernel: string, ramdisk: string, words: string, settings: readonly string[] = []): string {
  const lines = [
    'name = "bench"',
    'type = "pvh"',
    `kernel = "${kernel}"`,
    `ramdisk = "${ramdisk}"`,
    `cmdline = "console=hvc0 ${words}"`,
    `memory = ${MEMORY_MIB}`,
    'vcpus = 1',
    ...settings,
  ];
  return `${lines.join('\n')}\n`;
}

function xenolith(folder: string, vmlinux: string, usual: string, statsFile: string): Machine {
  const xl = fileURLToPath(new URL('../bin/xl', import.meta.url));
  return {
    name: 'xenolith',
    counting: { XENOLITH_STATS: statsFile },
    environment: () => ({}),
    command: (words, ramdisk = usual, settings = []) => {
      const config = join(folder, 'guest.cfg');
      writeFileSync(config, guestConfig(vmlinux, ramdisk, words, settings));
      return [xl, 'create', '-F', '-c', config];
    },
  };
}

function withoutKept(machine: Machine, cache: string): Machine {
  return {
    ...machine,
    name: `${machine.name}, first run`,
    environment: () => {
      rmSync(cache, { recursive: true, force: true });
      return { XENOLITH_CACHE: cache };
    },
  };
}

const QEMU = 'qemu-system-x86_64';

function qemuTcg(vmlinux: string, usual: string): Machine {
  const machine = `${QEMU} -accel tcg -cpu max -m ${MEMORY_MIB} -smp 1 -nodefaults -no-reboot -display none -serial stdio`;
  return {
    name: 'qemu tcg',
    counting: {},
    environment: () => ({}),
    command: (words, ramdisk = usual) => [
      ...machine.split(' '),
      '-kernel',
      vmlinux,
      '-initrd',
      ramdisk,
      '-append',
      `console=ttyS0 ${words}`,
    ],
  };
}
