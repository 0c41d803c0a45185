import { deepEqual, equal } from 'node:assert/strict';
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../../abi/elfnote.ts';
import { SHUTDOWN_poweroff } from '../../../abi/sched.ts';
import { elf, words } from '../../builder/testing/kernels.ts';
import { xl } from '../main.ts';
import { FakeServices } from './fake-services.ts';

/** A kernel that can be loaded. */
export const KERNEL = elf({
  segments: [{ paddr: 0x1000000, bytes: Uint8Array.of(0xf4), memorySize: 0x3000 }],
  notes: [{ type: XEN_ELFNOTE_PHYS32_ENTRY, description: words(0x1000000) }],
});
/** A config file that is all right. */
export const GUEST = 'name = "web"\ntype = "pvh"\nkernel = "vmlinux"\nmemory = 32\n';

/** A world with GUEST, its kernel and an initramfs, where guests power off at once. */
export function services(files: Readonly<Record<string, string | Uint8Array>> = {}): FakeServices {
  const all = new FakeServices({ 'guest.cfg': GUEST, vmlinux: KERNEL, initrd: new Uint8Array(100), ...files });
  all.guest = (host, domid) => host.ctrl.shutDown(domid, SHUTDOWN_poweroff);
  return all;
}

export const run = (line: string, on: FakeServices) => xl(line.split(' '), on);

/** Nothing of a domain, its machine or xl's hold on the world is left. */
export function nothingLeft(on: FakeServices): void {
  for (const host of on.hosts) {
    equal(host.ctrl.domains.size, 0, 'no domain is left');
    deepEqual([...host.store.nodes], [], 'nothing is left in the store');
    equal(host.store.watching, 0, 'nobody watches any more');
    equal(host.stopped, true, 'the machine is stopped');
  }
  equal(on.terminal.raw, false, 'the terminal is as it was');
  equal(on.listeningForSignals, false, 'signals do what they did');
  equal(
    on.timers.every((timer) => timer.cancelled),
    true,
    'no timer keeps the process alive',
  );
}
