import { createHash } from 'node:crypto';
import { XenolithError } from '../../lib/errors.ts';
import { type CpioEntry, packCpio } from './cpio.ts';

/** What the guest prints when it reaches user space, followed by its uptime in seconds. */
export const MARKER = 'XENOLITH-INIT';

/**
 * /init, process 1: mounts what every program expects, says that user space is there, and becomes busybox's init,
 * which gives the console a shell with job control. Words on the kernel's command line change that:
 * xenolith.exit powers off after the marker, xenolith.batch starts no shell and waits for the domain's end.
 */
const INIT = `#!/bin/sh
mount -t proc proc /proc
read -r uptime rest < /proc/uptime
echo "${MARKER} $uptime"
read -r words < /proc/cmdline
case " $words " in *" xenolith.exit "*) exec busybox poweroff -f ;; esac
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
hostname xenolith
ip link set lo up
shell=respawn:-/bin/sh
case " $words " in *" xenolith.batch "*) shell='once:sleep 2147483647' ;; esac
# A shell controls jobs on a terminal of its own only: the device behind /dev/console, the last one it writes to.
read -r consoles < /sys/class/tty/console/active
echo "\${consoles##* }::$shell" > /etc/inittab
exec /bin/init
`;

const PROFILE = `export HOME=/root PATH=/sbin:/bin PS1='\\w \\$ '
# Nothing runs here that needs a slow farewell: off at once, as with the power button.
alias poweroff='poweroff -f' reboot='reboot -f' halt='halt -f'
cd
`;

/** Names what we add to a busybox, so that a cached initramfs of another version is not taken for this one. */
export function initramfsStamp(): string {
  return createHash('sha256')
    .update(JSON.stringify([INIT, PROFILE, FOLDERS]))
    .digest('hex')
    .slice(0, 12);
}

const FOLDERS = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var'];

/** Packs an initial RAM file system around a static busybox: all its programs as links, and our /init. */
export function buildInitramfs(busybox: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const script = (path: string, text: string): CpioEntry => ({
    kind: 'file',
    path,
    content: encoder.encode(text),
    mode: 0o755,
  });
  const text = (path: string, content: string): CpioEntry => ({ kind: 'file', path, content: encoder.encode(content) });

  return packCpio([
    ...FOLDERS.map((path): CpioEntry => ({ kind: 'folder', path })),
    // The kernel opens /dev/console for process 1 before anyone could mount devtmpfs.
    { kind: 'character device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'character device', path: 'dev/null', major: 1, minor: 3, mode: 0o666 },
    { kind: 'file', path: 'bin/busybox', content: busybox, mode: 0o755 },
    ...appletsOf(busybox).map((name): CpioEntry => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' })),
    // The kernel runs /sbin/poweroff and /sbin/reboot where xl shutdown and xl reboot ask for it.
    { kind: 'link', path: 'sbin', target: 'bin' },
    { kind: 'link', path: 'usr/bin', target: '../bin' },
    { kind: 'link', path: 'usr/sbin', target: '../sbin' },
    script('init', INIT),
    text('etc/profile', PROFILE),
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    text('etc/group', 'root:x:0:\n'),
  ]);
}

/**
 * The programs a busybox holds, from the table of names in its own binary, which starts with the two spellings of
 * `test` and ends in an empty name. To ask the program itself would need a host that runs it.
 *
 * @throws XenolithError GUEST_BUSYBOX when there is no such table, or no shell in it
 */
export function appletsOf(busybox: Uint8Array): string[] {
  const table = Buffer.from(busybox.buffer, busybox.byteOffset, busybox.byteLength);
  // Names one after the other, sorted; what comes before them differs.
  const start = table.indexOf('[\0[[\0', 'latin1');
  const names: string[] = [];
  for (let at = start, end = 0; start >= 0 && end >= 0; at = end + 1) {
    end = table.indexOf(0, at);
    if (end <= at) break;
    names.push(table.toString('latin1', at, end));
  }
  if (names.includes('sh') && names.includes('init')) return names.filter((name) => name !== 'busybox');
  throw new XenolithError('GUEST_BUSYBOX', 'the busybox in the cache has no shell or no init: is it busybox-static?');
}
