/** Debian's kernel with an /init that works for a while, by a seed, and powers off. */
import { readFile } from 'node:fs/promises';
import { SeededRandom } from '../../src/lib/seeded-random.ts';
import { packCpio } from '../../src/machine/guests/cpio.ts';
import { ensureGuest } from '../../src/machine/guests/ensure-guest.ts';
import { appletsOf } from '../../src/machine/guests/initramfs.ts';
import type { Guest } from './compare-runs.ts';

/** What /init may do; `n` is a small number from 1 on. */
const JOBS: readonly ((n: number) => string)[] = [
  (n) => `head -c ${n * 40000} /bin/busybox | sha256sum`,
  (n) => `head -c ${n * 20000} /bin/busybox | gzip | gunzip | md5sum`,
  (n) => `awk 'BEGIN { for (i = 1; i <= ${n * 2000}; i++) s += sin(i) / i; print s }'`,
  (n) => `i=0; while [ $i -lt ${n} ]; do echo $i > /tmp/f$i; cat /tmp/f$i > /dev/null; i=$((i+1)); done`,
  (n) => `dd if=/dev/zero bs=4096 count=${n * 50} 2>/dev/null | cksum`,
  (n) => `strings /bin/busybox | head -n ${n * 300} | sort | uniq | wc`,
  (n) => `(sleep 0.0${n % 9} & sleep 0.0${(n * 7) % 9}; wait)`,
  (n) => `head -c ${n * 8} /dev/urandom | od -x | tail -n 2`,
  () => 'cat /proc/uptime /proc/stat /proc/interrupts | md5sum',
  (n) => `find /proc/1 -maxdepth 1 | sort | head -n ${n} | wc -l`,
  (n) => `seq 1 ${n * 100} | tr 0-9 a-j | sed s/b/xx/g | grep -c xx`,
];

/**
 * @param jobs how many things it does after it has booted
 * @throws XenolithError where there is no such kernel and none can be fetched
 */
export async function debianWork(seed: number, jobs: number, vcpus = 1): Promise<Guest> {
  const debian = await ensureGuest('debian', () => {});
  const random = new SeededRandom(seed);
  const script = Array.from({ length: jobs }, () => JOBS[random.below(JOBS.length)]?.(1 + random.below(12)) ?? '');
  return {
    files: { ramdisk: ramdisk(await readFile(debian.busybox), script) },
    settings: [
      ...['name="work"', 'type="pvh"', 'memory=160', `vcpus=${vcpus}`, 'cmdline="console=hvc0"', `seed=${seed}`],
      ...[`kernel=${JSON.stringify(debian.kernel)}`, 'ramdisk="ramdisk"'],
    ],
  };
}

function ramdisk(busybox: Uint8Array, script: readonly string[]): Uint8Array {
  const init = [
    '#!/bin/sh',
    'mount -t proc proc /proc',
    'mount -t tmpfs tmpfs /tmp',
    ...script,
    'busybox poweroff -f',
    '',
  ];
  return packCpio([
    ...['bin', 'dev', 'proc', 'tmp'].map((path) => ({ kind: 'folder', path }) as const),
    { kind: 'character device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'character device', path: 'dev/null', major: 1, minor: 3, mode: 0o666 },
    { kind: 'character device', path: 'dev/zero', major: 1, minor: 5, mode: 0o666 },
    { kind: 'character device', path: 'dev/urandom', major: 1, minor: 9, mode: 0o666 },
    { kind: 'file', path: 'bin/busybox', content: busybox, mode: 0o755 },
    ...appletsOf(busybox).map((name) => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' }) as const),
    { kind: 'file', path: 'init', content: new TextEncoder().encode(init.join('\n')), mode: 0o755 },
  ]);
}
