/** Debian's kernel becomes another one by kexec(8), which asks Xen for a soft reset: the domain stays, all else is new. */
import { equal } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { packCpio } from '../../src/machine/guests/cpio.ts';
import { debian } from '../boot/testing/shell.ts';
import { kexecProgram } from './testing/kexec-program.ts';
import { TestHost } from './testing/test-host.ts';

const guest = await debian();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

let host: TestHost;
before(async () => {
  host = await TestHost.start(400);
});
after(async () => {
  equal(await host.stop(), 0);
});

/** The guest's own initramfs, and after it one with what kexec loads: the kernel again, with the former. */
function initramfs({ kernel, ramdisk }: Guest): Uint8Array {
  const first = readFileSync(ramdisk);
  const more = packCpio([
    { kind: 'folder', path: 'boot' },
    { kind: 'file', path: 'boot/vmlinuz', content: readFileSync(kernel) },
    { kind: 'file', path: 'boot/initramfs.cpio', content: first },
    { kind: 'file', path: 'boot/kexec', content: kexecProgram(), mode: 0o755 },
  ]);
  return Buffer.concat([first, more]);
}

test('Linux goes on by kexec in the domain it was in, with a console and a XenStore that work', { skip }, async () => {
  const { kernel } = guest as Guest;
  writeFileSync(join(host.folder, 'kexec.cpio'), initramfs(guest as Guest));
  const settings = `kernel="${kernel}" ramdisk="kexec.cpio" memory=384 cmdline="console=hvc0"`;
  equal((await host.xl(`create -q /dev/null name="linux" type="pvh" ${settings}`)).status, 0);
  const domid = (await host.xl('domid linux')).out;
  equal((await host.xl("wait linux --for 'console:~ # ' --timeout 60")).status, 0);

  const events = host.command('events linux --ready --count=2');
  await events.printed(/listening/);
  const session = host.command('console linux', { interactive: true });
  await session.printed(/~ # /);
  // A kernel that no PVH loader started is told by its command line where the ACPI tables are.
  const tables = `$(dmesg | sed -n 's/.*ACPI: RSDP \\(0x[0-9A-F]*\\).*/\\1/p')`;
  await session.type(`/boot/kexec "console=hvc0 second=1 acpi_rsdp=${tables}"\r`);
  const told = (await events.answer).out.trim().split('\n').slice(1);
  equal(
    told
      .map((line) => JSON.parse(line))
      .map(({ event, reason }) => `${event} ${reason}`)
      .join(),
    'shutdown soft-reset,soft-reset undefined',
  );

  await session.printed(/Command line: console=hvc0 second=1[\s\S]*XENOLITH-INIT[\s\S]*~ # /);
  equal((await host.xl('domid linux')).out, domid);
  await session.type('cat /proc/cmdline\r');
  await session.printed(/\nconsole=hvc0 second=1 acpi_rsdp=0x[0-9A-F]+\r?\n/);
  // By a node of XenStore's that the new kernel watches.
  equal((await host.xl('shutdown -w linux')).status, 0);
  equal((await host.xl('wait linux')).status, 0, 'powered off');
  equal((await session.answer).status, 0);
});
