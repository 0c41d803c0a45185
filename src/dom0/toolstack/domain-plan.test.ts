import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { HvmModlistEntry, HvmStartInfo } from '../../abi/arch-x86/hvm/start_info.ts';
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../abi/elfnote.ts';
import { elf, words } from '../builder/testing/kernels.ts';
import type { DomainConfig } from './domain-config.ts';
import { type DomainPlan, planDomain } from './domain-plan.ts';

const MIB = 1 << 20;
const shim = elf({
  segments: [{ paddr: 0x200000, bytes: Uint8Array.of(0xf4), memorySize: 0x3000 }],
  notes: [{ type: XEN_ELFNOTE_PHYS32_ENTRY, description: words(0x200000) }],
});
/** Nothing that could be started as PVH: the shim alone looks into it. */
const pvKernel = new TextEncoder().encode('a PV kernel');
const ramdisk = new TextEncoder().encode('a ramdisk');

const config: DomainConfig = {
  name: 'pv',
  uuid: new Uint8Array(16),
  kernel: 'vmlinuz',
  ramdisk: 'initrd',
  cmdline: 'console=hvc0',
  memoryKib: 16 * 1024,
  maxMemoryKib: 16 * 1024,
  vcpus: 1,
  maxVcpus: 1,
  maxEventChannels: 1023,
  maxGrantFrames: 64,
  maxMaptrackFrames: 1024,
  maxGrantVersion: 2,
  suspendEventChannelCompat: false,
  pvShim: { cmdline: 'pv-shim console=xen,pv' },
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onWatchdog: 'destroy',
  onCrash: 'destroy',
  onSoftReset: 'soft-reset',
};

/** What the start info of a plan tells its kernel. */
function told(plan: DomainPlan) {
  const memory = new Uint8Array(16 * MIB);
  for (const { gpa, bytes } of plan.segments) if (gpa < memory.length) memory.set(bytes, gpa);
  const view = new DataView(memory.buffer);
  const text = (at: number) => new TextDecoder().decode(memory.subarray(at, memory.indexOf(0, at)));
  const info = new HvmStartInfo(view, plan.startInfoGpa);
  const modules = Array.from({ length: info.nr_modules }, (_, index) => {
    const entry = new HvmModlistEntry(view, info.modlist_paddr + index * HvmModlistEntry.SIZE);
    const contents = new TextDecoder().decode(memory.subarray(entry.paddr, entry.paddr + entry.size));
    return { contents, cmdline: entry.cmdline_paddr === 0 ? undefined : text(entry.cmdline_paddr) };
  });
  return { entry: plan.entry, cmdline: text(info.cmdline_paddr), modules };
}

test('a shim is started, with the PV kernel, its command line and the ramdisk for modules (libxl__domain_firmware)', async () => {
  deepEqual(told(await planDomain(config, { kernel: pvKernel, ramdisk, shim })), {
    entry: 0x200000,
    cmdline: 'pv-shim console=xen,pv',
    modules: [
      { contents: 'a PV kernel', cmdline: 'console=hvc0' },
      { contents: 'a ramdisk', cmdline: undefined },
    ],
  });
});

test('pvshim_extra goes after the command line of the shim; a kernel needs neither command line nor ramdisk', async () => {
  const { cmdline: _, ...rest } = config;
  const bare = { ...rest, cmdline: undefined, ramdisk: undefined, pvShim: { cmdline: 'pv-shim', extra: 'loglvl=all' } };
  const { cmdline, modules } = told(await planDomain(bare, { kernel: pvKernel, ramdisk: undefined, shim }));
  equal(cmdline, 'pv-shim loglvl=all');
  deepEqual(modules, [{ contents: 'a PV kernel', cmdline: undefined }]);
});

test('what is wrong names its key: the shim, the kernel or the memory', async () => {
  const files = { kernel: pvKernel, ramdisk, shim };
  await rejects(planDomain(config, { ...files, shim: pvKernel }), { code: 'KERNEL_FORMAT', key: 'pvshim' });
  const named = { ...config, pvShim: { path: 'shim', cmdline: '' } };
  await rejects(planDomain(named, { ...files, shim: pvKernel }), { key: 'pvshim_path', message: /^shim: / });
  await rejects(planDomain(config, { ...files, kernel: new Uint8Array() }), {
    key: 'kernel',
    message: 'vmlinuz: is empty',
  });
  const large = { ...files, kernel: new Uint8Array(20 * MIB) };
  await rejects(planDomain(config, large), { code: 'PVH_MEMORY', key: 'memory', message: /^vmlinuz: does not fit/ });
});
