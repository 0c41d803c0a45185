import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import * as params from '../../abi/hvm/params.ts';
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../abi/elfnote.ts';
import { elf, words } from '../builder/testing/kernels.ts';
import { type DomainConfig, type HvmConfig, parseUuid } from './domain-config.ts';
import { createDomain } from './domain-create.ts';
import { destroyDomain } from './domain-destroy.ts';
import { watchForEnd } from './domain-events.ts';
import { planDomain } from './domain-plan.ts';
import { DomainError } from './errors.ts';
import { FakeStore } from './testing/fake-store.ts';
import { FakeXen } from './testing/fake-xen.ts';

const MIB = 1 << 20;
const CODE = Uint8Array.of(0xfa, 0xf4);

const config: DomainConfig = {
  name: 'web',
  uuid: parseUuid('84b6c97a-d3cb-4428-a34d-5d4c5fadc36f') ?? new Uint8Array(16),
  kernel: 'vmlinux',
  ramdisk: 'initrd',
  cmdline: 'console=hvc0',
  memoryKib: 32 * 1024,
  maxMemoryKib: 32 * 1024,
  vcpus: 1,
  maxVcpus: 2,
  maxEventChannels: 1023,
  maxGrantFrames: 64,
  maxMaptrackFrames: 1024,
  maxGrantVersion: 2,
  suspendEventChannelCompat: false,
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onWatchdog: 'destroy',
  onCrash: 'destroy',
  onSoftReset: 'soft-reset',
};

const kernel = elf({
  segments: [{ paddr: 0x1000000, bytes: CODE, memorySize: 0x3000 }],
  notes: [{ type: XEN_ELFNOTE_PHYS32_ENTRY, description: words(0x1000000) }],
});
const ramdisk = Uint8Array.from({ length: 5000 }, (_, index) => index % 251);
const plan = await planDomain(config, { kernel, ramdisk });

function host() {
  const xen = new FakeXen(64);
  const store = new FakeStore();
  xen.onRelease = () => store.fire('@releaseDomain');
  return { ctrl: xen, foreignMemory: xen, store, clock: { wallclockNs: () => 1_795_230_121_287_654_321n } };
}

test('a PVH domain gets memory, its files, parameters, grants and registers, and stays paused', async () => {
  const { ctrl: xen, ...rest } = host();
  const { domid } = await createDomain({ ctrl: xen, ...rest }, config, plan);
  const domain = xen.domain(domid);

  equal(domain.paused, true);
  equal(domain.maxVcpus, 2);
  equal(domain.maxKib, 33 * 1024, 'a MiB more than maxmem, for tables and special pages');
  deepEqual(domain.ports, [0, 0], 'both ports are for dom0');

  deepEqual(xen.read(domid, 0x1000000, 3), Uint8Array.of(0xfa, 0xf4, 0));
  equal(new DataView(xen.read(domid, plan.startInfoGpa, 4).buffer).getUint32(0, true), 0x336ec578);
  const module = plan.segments.find((segment) => segment.name === 'module0');
  deepEqual(xen.read(domid, module?.gpa ?? 0, ramdisk.length), ramdisk);
  equal(xen.mapped, 0, 'every mapping is given back');

  deepEqual(
    [...domain.params].toSorted(([a], [b]) => a - b),
    [
      [params.HVM_PARAM_STORE_PFN, 0xfeffcn],
      [params.HVM_PARAM_STORE_EVTCHN, 1n],
      [params.HVM_PARAM_IOREQ_PFN, 0xfeffdn],
      [params.HVM_PARAM_BUFIOREQ_PFN, 0xfeffbn],
      [params.HVM_PARAM_TIMER_MODE, 1n],
      [params.HVM_PARAM_IDENT_PT, 0xfeffe000n],
      [params.HVM_PARAM_CONSOLE_PFN, 0xfefffn],
      [params.HVM_PARAM_CONSOLE_EVTCHN, 2n],
      [params.HVM_PARAM_PAGING_RING_PFN, 0xfeff8n],
      [params.HVM_PARAM_MONITOR_RING_PFN, 0xfeff9n],
      [params.HVM_PARAM_SHARING_RING_PFN, 0xfeffan],
    ],
  );

  const permitDom0 = (frame: number) => [1, 0, 0, 0, frame & 0xff, (frame >> 8) & 0xff, (frame >> 16) & 0xff, 0];
  deepEqual([...domain.grantTable.subarray(0, 16)], [...permitDom0(0xfefff), ...permitDom0(0xfeffc)]);
  equal(domain.frames.has(0xff000), false, 'the grant table was mapped for a moment only');

  deepEqual(
    domain.contexts.map(({ vcpu, context }) => [vcpu, context.mtrr?.msr_mtrr_def_type, context.cpu?.rip]),
    [
      [0, 0x806n, undefined],
      [1, 0x806n, undefined],
      [0, undefined, 0x1000000],
    ],
    'MTRRs of all vCPUs, and the boot processor last: each record takes all vCPUs down',
  );
  deepEqual(rest.store.introduced.get(domid), { ring: 0xfeffc, port: 1 });
  equal(rest.store.nodes.get('/local/domain/1/store/ring-ref'), `${0xfeffc}`);
});

test('an HVM domain has ioreq server pages and Hyper-V features, and no MTRRs set: its firmware does that', async () => {
  const { ctrl: xen, ...rest } = host();
  const hvm: HvmConfig = { viridian: 9, hpet: true, acpi: true, acpiS3: true, acpiS4: true, acpiLaptopSlate: false };
  const { ramdisk: _, ...own } = { ...config, hvm };
  const { domid } = await createDomain(
    { ctrl: xen, ...rest },
    { ...own, ramdisk: undefined },
    await planDomain({ ...own, ramdisk: undefined }, { kernel, ramdisk: undefined }),
  );
  const domain = xen.domain(domid);
  deepEqual(
    [
      params.HVM_PARAM_VIRIDIAN,
      params.HVM_PARAM_HPET_ENABLED,
      params.HVM_PARAM_IOREQ_SERVER_PFN,
      params.HVM_PARAM_NR_IOREQ_SERVER_PAGES,
    ].map((index) => domain.params.get(index)),
    [9n, 1n, 0xfeff0n, 8n],
  );
  deepEqual(
    domain.contexts.map(({ vcpu, context }) => [vcpu, context.mtrr, context.cpu?.rip]),
    [[0, undefined, 0x1000000]],
  );
  equal(rest.store.nodes.get('/libxl/1/type'), 'hvm');
});

test('the boot processor starts as docs/misc/pvh.pandoc says', async () => {
  const { ctrl: xen, ...rest } = host();
  const { domid } = await createDomain({ ctrl: xen, ...rest }, config, plan);
  const cpu = xen.domain(domid).contexts.at(-1)?.context.cpu;
  ok(cpu !== undefined);
  equal(cpu.rbx, plan.startInfoGpa);
  equal(cpu.cr0, 0x11, 'PE and ET, no paging');
  equal(cpu.cr4, 0);
  equal(cpu.rflags & 0x20300, 0, 'VM, IF and TF are clear');
  deepEqual(cpu.cs, { sel: 0, base: 0, limit: 0xffffffff, arbytes: 0xc9b });
  for (const segment of [cpu.ds, cpu.es, cpu.ss]) {
    deepEqual(segment, { sel: 0, base: 0, limit: 0xffffffff, arbytes: 0xc93 });
  }
  deepEqual(cpu.tr, { sel: 0, base: 0, limit: 0x67, arbytes: 0x8b });
});

test('whichever call fails, nothing is left behind and the error names the step', async () => {
  const rehearsal = host();
  await createDomain(rehearsal, config, plan);
  const calls = rehearsal.ctrl.calls;
  ok(calls.length > 20);

  for (const [nth, call] of calls.entries()) {
    const { ctrl: xen, ...rest } = host();
    xen.failCall(nth);
    await rejects(createDomain({ ctrl: xen, ...rest }, config, plan), (error: unknown) => {
      ok(error instanceof DomainError, `call ${nth}, ${call}: ${error}`);
      match(error.message, new RegExp(`^could not [A-Za-z' ]+ \\(domain web\\): ${call}: ENOMEM$`));
      return true;
    });
    equal(xen.domains.size, 0, `call ${nth}, ${call}: the domain is gone`);
    equal(xen.freePages, 64 * 256, `call ${nth}, ${call}: its memory is free again`);
    equal(xen.mapped, 0, `call ${nth}, ${call}: nothing stays mapped`);
    deepEqual([...rest.store.nodes], [], `call ${nth}, ${call}: nothing is in the store`);
  }
});

test('a store that fails leaves nothing behind either', async () => {
  for (const method of ['replace', 'introduce'] as const) {
    const { ctrl: xen, store, ...rest } = host();
    store.failing = method;
    await rejects(
      createDomain({ ctrl: xen, store, ...rest }, config, plan),
      /^DomainError: could not (write|introduce) it to the store \(domain web\): xenstore: [a-z]+: ENOSPC$/,
    );
    equal(xen.domains.size, 0);
    deepEqual([...store.nodes], []);
  }
});

test('when taking back fails too, the error tells both', async () => {
  const { ctrl: xen, ...rest } = host();
  const destroy = xen.domain_destroy.bind(xen);
  xen.domain_destroy = (domid) => {
    xen.failCall(0);
    destroy(domid);
  };
  xen.failCall(4);
  await rejects(
    createDomain({ ctrl: xen, ...rest }, config, plan),
    /could not limit its memory \(domain web\): XEN_DOMCTL_max_mem: ENOMEM; and then could not destroy domain 1: XEN_DOMCTL_destroydomain: ENOMEM/,
  );
});

test('more memory than the host has: what it has, and an example that works', async () => {
  const big = { ...config, memoryKib: 100 * 1024, maxMemoryKib: 100 * 1024 };
  const bigPlan = await planDomain(big, { kernel, ramdisk });
  const { ctrl: xen, ...rest } = host();
  await rejects(createDomain({ ctrl: xen, ...rest }, big, bigPlan), (error: DomainError) => {
    equal(error.message, 'memory = 100: the host has 64 MiB free: expected at most 63, for example memory = 63');
    equal(error.key, 'memory');
    return true;
  });
  equal(xen.domains.size, 0);

  const fitting = { ...config, memoryKib: 63 * 1024, maxMemoryKib: 63 * 1024 };
  await createDomain({ ctrl: xen, ...rest }, fitting, await planDomain(fitting, { kernel, ramdisk }));
});

test('with maxmem above memory the host gives memory alone, and the RAM comes when it is touched', async () => {
  const growing = { ...config, memoryKib: 48 * 1024, maxMemoryKib: 200 * 1024 };
  const { ctrl: xen, ...rest } = host();
  const before = xen.freePages;
  await createDomain({ ctrl: xen, ...rest }, growing, await planDomain(growing, { kernel, ramdisk }));
  const domain = xen.domain(1);
  equal(domain.podTarget, 48 * 256);
  equal(domain.podEntries > 190 * 256, true);
  const special = before - xen.freePages - 48 * 256;
  equal(special > 0 && special < 256, true, 'ACPI tables and special pages are there from the start');
});

test('two domains cannot have one name', async () => {
  const both = host();
  const small = { ...config, memoryKib: 20 * 1024, maxMemoryKib: 20 * 1024 };
  const smallPlan = await planDomain(small, { kernel, ramdisk: undefined });
  await createDomain(both, small, smallPlan);
  await rejects(
    createDomain(both, { ...small, uuid: new Uint8Array(16) }, smallPlan),
    /Domain with name "web" already exists, as domain 1/,
  );
  await createDomain(both, { ...small, name: 'db', uuid: new Uint8Array(16) }, smallPlan);
});

test('an image or a size that will not do names its key', async () => {
  const failure = async (files: { kernel: Uint8Array; ramdisk: Uint8Array | undefined }, change = {}) => {
    try {
      await planDomain({ ...config, ...change }, files);
    } catch (error) {
      if (error instanceof DomainError) return [error.code, error.key];
    }
    return undefined;
  };
  deepEqual(await failure({ kernel: ramdisk, ramdisk: undefined }), ['KERNEL_FORMAT', 'kernel']);
  deepEqual(await failure({ kernel: elf(), ramdisk: undefined }), ['KERNEL_NOT_PVH', 'kernel']);
  deepEqual(await failure({ kernel, ramdisk: new Uint8Array(30 * MIB) }), ['PVH_MEMORY', 'memory']);
  const tiny = { memoryKib: 1024, maxMemoryKib: 1024 };
  deepEqual(await failure({ kernel, ramdisk: undefined }, tiny), ['PVH_MEMORY', 'memory']);
});

test('destroying a domain forgets it everywhere; what is gone already is no error', async () => {
  const all = host();
  const { domid } = await createDomain(all, config, plan);
  await destroyDomain(all, domid, config.uuid);
  equal(all.ctrl.domains.size, 0);
  deepEqual([...all.store.nodes], []);
  await destroyDomain(all, domid, config.uuid);
});

test('the end of a domain is seen when it comes, and when it was there before', async () => {
  const all = host();
  const { domid } = await createDomain(all, config, plan);
  const watch = await watchForEnd(all, domid);
  all.store.fire('@releaseDomain'); // another domain's end
  all.ctrl.shutDown(domid, 3);
  deepEqual(await watch.end, { kind: 'shutdown', reason: 3 });
  await watch.stop();
  equal(all.store.watching, 0);

  deepEqual(await (await watchForEnd(all, domid)).end, { kind: 'shutdown', reason: 3 });
  await destroyDomain(all, domid, config.uuid);
  deepEqual(await (await watchForEnd(all, domid)).end, { kind: 'destroyed' });
});
