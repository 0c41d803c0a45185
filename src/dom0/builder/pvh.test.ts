import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HvmMemmapTableEntry, HvmModlistEntry, HvmStartInfo } from '../../abi/arch-x86/hvm/start_info.ts';
import { loadKernel } from './kernel-image.ts';
import { type PvhOptions, type PvhPlan, planPvh } from './pvh.ts';
import { elf, number, type TestElf, words } from './testing/kernels.ts';

const MIB = 1 << 20;
const LINUX = [
  { type: 6, description: 'linux' },
  { type: 17, description: number(0x8801, 4) },
];
const pvhNote = (entry: number) => ({ type: 18, description: number(entry, 4) });
const reloc = (...values: number[]) => ({ type: 19, description: words(...values) });

/** As Debian 6.1's: 46 MiB at 16 MiB. */
const DEBIAN: TestElf = {
  notes: [...LINUX, pvhNote(0x1000850)],
  segments: [
    { paddr: 0x1000000, memorySize: 0x1826634, alignment: 0x200000 },
    { paddr: 0x2a00000, bytes: Uint8Array.of(1, 2, 3), memorySize: 0x1400000, alignment: 0x200000 },
  ],
};

async function plan(kernel: TestElf, options: Partial<PvhOptions> = {}): Promise<PvhPlan> {
  const image = await loadKernel('vmlinuz', elf(kernel));
  return planPvh(image, { memoryMiB: 200, vcpus: 1, ...options });
}

const segment = (p: PvhPlan, name: string) => {
  const found = p.segments.find((s) => s.name === name);
  assert.ok(found, name);
  return found;
};

/** Reads from the planned memory at a guest-physical address. */
function memory(p: PvhPlan, gpa: number): DataView {
  const s = p.segments.find(({ gpa: start, bytes }) => gpa >= start && gpa < start + bytes.length);
  assert.ok(s, `nothing at ${gpa.toString(16)}`);
  return new DataView(s.bytes.buffer, s.bytes.byteOffset + gpa - s.gpa);
}

function string(p: PvhPlan, gpa: number): string {
  const view = memory(p, gpa);
  const bytes = new Uint8Array(view.buffer, view.byteOffset);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

describe('a PVH domain of 200 MiB', () => {
  const initrd = { fileName: 'initrd.img', bytes: new Uint8Array(0x226410), commandLine: 'of the module' };

  test('is laid out as libxc did it on real Xen (golden/toolstack/out/create-pvh.txt)', async () => {
    const p = await plan(DEBIAN, { commandLine: 'console=hvc0 earlyprintk=xen stay', modules: [initrd] });
    const places = p.segments.map(({ name, gpa, size }) => `${name} ${gpa.toString(16)}+${size.toString(16)}`);
    assert.deepEqual(places, [
      'kernel 1000000+1826634',
      'kernel 2a00000+1400000',
      'HVM start info 3e00000+918',
      'module0 3e01000+226410',
      'ACPI info fc000000+1000',
      'ACPI tables fc001000+1000',
      'RSDP fc002000+40',
      'identity page table feffe000+1000',
    ]);
    assert.equal(p.entry, 0x1000850);
    assert.equal(p.startInfoGpa, 0x3e00000);
    assert.deepEqual([p.specialPages.xenstore, p.specialPages.console], [0xfeffc, 0xfefff]);
    assert.deepEqual([p.lowMemoryEnd, p.highMemoryEnd], [200 * MIB, 0]);
    assert.deepEqual([...segment(p, 'kernel').bytes], []);
  });

  test('has the memory map of a PVH domain on Xen 4.17: RAM, special pages, ACPI', async () => {
    const p = await plan(DEBIAN);
    assert.deepEqual(p.memmap, [
      { addr: 0, size: 200 * MIB, type: 1 },
      { addr: 0xfeff8000, size: 0x8000, type: 2 },
      { addr: 0xfc002000, size: 64, type: 3 },
      { addr: 0xfc000000, size: 0x1000, type: 3 },
      { addr: 0xfc001000, size: 0x1000, type: 3 },
    ]);
    assert.deepEqual(p.populate, [
      { gfn: 0, count: 200 * 256 },
      { gfn: 0xfc000, count: 3 },
      { gfn: 0xfeff8, count: 8 },
    ]);
  });

  test('finds everything through its start info, version 1 (public/arch-x86/hvm/start_info.h)', async () => {
    const p = await plan(DEBIAN, { commandLine: 'console=hvc0', modules: [initrd] });
    const info = new HvmStartInfo(memory(p, p.startInfoGpa), 0);
    assert.deepEqual([info.magic, info.version, info.flags, info.nr_modules], [0x336ec578, 1, 0, 1]);
    assert.equal(string(p, info.cmdline_paddr), 'console=hvc0');
    assert.equal(info.rsdp_paddr, p.rsdpGpa);
    assert.equal(string(p, info.rsdp_paddr).slice(0, 8), 'RSD PTR ');

    const module = new HvmModlistEntry(memory(p, info.modlist_paddr), 0);
    assert.deepEqual([module.paddr, module.size], [segment(p, 'module0').gpa, initrd.bytes.length]);
    assert.equal(string(p, module.cmdline_paddr), 'of the module');

    assert.equal(info.memmap_entries, p.memmap.length);
    for (const [i, entry] of p.memmap.entries()) {
      const at = new HvmMemmapTableEntry(memory(p, info.memmap_paddr), i * HvmMemmapTableEntry.SIZE);
      assert.deepEqual({ addr: at.addr, size: at.size, type: at.type }, entry);
    }
  });

  test('without command line and modules has null pointers for them', async () => {
    const p = await plan(DEBIAN, { modules: [{ fileName: 'empty', bytes: new Uint8Array(0) }] });
    const info = new HvmStartInfo(memory(p, p.startInfoGpa), 0);
    assert.deepEqual([info.cmdline_paddr, info.nr_modules, info.modlist_paddr], [0, 0, 0]);
  });
});

test('RAM past 0xfc000000 goes on above 4 GiB', async () => {
  const p = await plan(DEBIAN, { memoryMiB: 5000 });
  assert.deepEqual([p.lowMemoryEnd, p.highMemoryEnd], [0xfc000000, 2 ** 32 + 5000 * MIB - 0xfc000000]);
  assert.deepEqual(p.memmap.at(-1), { addr: 2 ** 32, size: 5000 * MIB - 0xfc000000, type: 1 });
  const frames = p.populate.reduce((sum, { count }) => sum + count, 0);
  assert.equal(frames, 5000 * 256 + 3 + 8);
});

test('the memory map shows maxmem, and the MADT maxvcpus', async () => {
  const p = await plan(DEBIAN, { memoryMiB: 100, maxMemoryMiB: 300, vcpus: 1, maxVcpus: 4 });
  assert.equal(p.memmap[0]?.size, 300 * MIB);
  assert.equal(memory(p, 0xfc000000).getUint16(2, true), 4);
});

test('Linux before 4.18 gets its RSDP where ACPI searches for it, at the end of the BIOS area (libxl_x86_acpi.c)', async () => {
  const notes = [{ type: 6, description: 'linux' }, pvhNote(0x1000000)];
  assert.equal((await plan({ notes })).rsdpGpa, 0xfffc0);
  assert.equal((await plan({ notes: [pvhNote(0x1000000)] })).rsdpGpa, 0xfc002000);
});

describe('a kernel that does not fit where it wants to be', () => {
  const at1G = { paddr: 0x40000000, memorySize: 8 * MIB, alignment: 0x1000 };

  test('moves to the lowest place its PHYS32_RELOC allows, its entry with it', async () => {
    const p = await plan({ segments: [at1G], notes: [pvhNote(0x40000123), reloc(0x200000, 0x1000000)] });
    assert.equal(segment(p, 'kernel').gpa, 0x1000000);
    assert.equal(p.entry, 0x1000123);
    assert.equal(p.startInfoGpa, 0x1800000);
  });

  test('takes the alignment of its segments, or 2 MiB, when the note has none', async () => {
    const notes = [pvhNote(0x40000000), reloc()];
    assert.equal((await plan({ segments: [{ ...at1G, alignment: 0x400000 }], notes })).entry, 0x400000);
    assert.equal((await plan({ segments: [{ ...at1G, alignment: 16 }], notes })).entry, 0x200000);
  });

  test('without the note is refused', async () => {
    await assert.rejects(plan({ segments: [at1G], notes: [pvhNote(0x40000000)] }), {
      code: 'PVH_MEMORY',
      message:
        "vmlinuz: does not fit into the domain's memory: the kernel takes 8 MiB from 0x40000000: needs 1033 MiB, has 200 MiB",
    });
  });
});

describe('what cannot be a PVH domain', () => {
  const refused = async (kernel: TestElf, options: Partial<PvhOptions>, expected: { code: string; message: RegExp }) =>
    assert.rejects(plan(kernel, options), expected);

  test('a PV-only kernel', async () => {
    const notes = [
      { type: 6, description: 'GRUB' },
      { type: 5, description: 'xen-3.0' },
    ];
    const message = /^vmlinuz: no PHYS32_ENTRY .* for PV only \(GUEST_OS GRUB\): start it with pvshim = 1$/;
    await refused({ notes }, {}, { code: 'KERNEL_NOT_PVH', message });
    await refused({}, {}, { code: 'KERNEL_NOT_PVH', message: /^vmlinuz: no Xen notes at all/ });
  });

  test('a kernel that requires to be dom0', async () => {
    const notes = [pvhNote(0x1000000), { type: 10, description: '!dom0' }];
    await refused({ notes }, {}, { code: 'KERNEL_NOT_PVH', message: /requires to be dom0/ });
  });

  test('an entry outside the kernel, a kernel above 4 GiB', async () => {
    const outside = { code: 'KERNEL_SEGMENTS', message: /PHYS32_ENTRY 0x5000000 is outside of what it loads/ };
    await refused({ notes: [pvhNote(0x5000000)] }, {}, outside);
    const high = { notes: [pvhNote(0)], segments: [{ paddr: 2 ** 32, memorySize: 4096 }] };
    await refused(high, {}, { code: 'KERNEL_SEGMENTS', message: /below 4 GiB/ });
  });

  test('too little memory, for the kernel or for its modules', async () => {
    const modules = [{ fileName: 'initrd.img', bytes: new Uint8Array(30 * MIB) }];
    await refused(DEBIAN, { memoryMiB: 40 }, { code: 'PVH_MEMORY', message: /^vmlinuz: .* needs 63 MiB, has 40 MiB$/ });
    const tooLarge = /^initrd.img: does not fit .* the modules 30 MiB after it: needs 93 MiB, has 70 MiB$/;
    await refused(DEBIAN, { memoryMiB: 70, modules }, { code: 'PVH_MEMORY', message: tooLarge });
    assert.ok(await plan(DEBIAN, { memoryMiB: 93, modules }));
    const ballooned = /^initrd.img: .* needs 77 MiB, has 60 of 100 MiB$/;
    await refused(DEBIAN, { memoryMiB: 60, maxMemoryMiB: 100, modules }, { code: 'PVH_MEMORY', message: ballooned });
  });

  test('more than fits below the hole at the end of the first 4 GiB', async () => {
    const notes = [pvhNote(0xfb000000)];
    const segments = [{ paddr: 0xfb000000, memorySize: 0x1000001 }];
    const message = /^vmlinuz: does not fit: .* ends at 0xfc002000, past 0xfc000000 where RAM below 4 GiB ends$/;
    await refused({ notes, segments }, { memoryMiB: 8000 }, { code: 'PVH_MEMORY', message });
  });

  test('numbers no domain has', async () => {
    const option = (message: RegExp) => ({ code: 'PVH_OPTION', message });
    await refused(DEBIAN, { vcpus: 0 }, option(/0 vCPUs: a domain has 1 to 128/));
    await refused(DEBIAN, { vcpus: 129 }, option(/129 vCPUs/));
    await refused(DEBIAN, { vcpus: 3, maxVcpus: 2 }, option(/3 vCPUs on line: expected 1 to 2/));
    await refused(DEBIAN, { memoryMiB: 0 }, option(/memory = 0/));
    await refused(DEBIAN, { memoryMiB: 300, maxMemoryMiB: 200 }, option(/memory no more than maxmem/));
    const module = { fileName: 'm', bytes: new Uint8Array(1) };
    await refused(DEBIAN, { modules: [module, module, module] }, option(/3 modules, the start info has room for 2/));
    const long = { ...module, commandLine: 'x'.repeat(1024) };
    await refused(DEBIAN, { modules: [long] }, option(/^m: its command line is longer than 1023 bytes/));
  });
});
