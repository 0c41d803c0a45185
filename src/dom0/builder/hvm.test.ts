import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { HvmModlistEntry, HvmStartInfo } from '../../abi/arch-x86/hvm/start_info.ts';
import { HVM_INFO_PADDR, HvmInfoTable } from '../../abi/hvm/hvm_info_table.ts';
import { type HvmOptions, planHvm } from './hvm.ts';
import { loadKernel } from './kernel-image.ts';
import type { PvhPlan } from './pvh.ts';
import { EM_386, elf, number, type TestElf } from './testing/kernels.ts';

const MIB = 1 << 20;
/** As hvmloader is linked: 32 bits, at 1 MiB, without notes. */
const FIRMWARE: TestElf = {
  bits: 32,
  machine: EM_386,
  entry: 0x100010,
  segments: [{ paddr: 0x100000, bytes: Uint8Array.of(0xf4), memorySize: 0x12345 }],
};

async function plan(file: TestElf = FIRMWARE, options: Partial<HvmOptions> = {}): Promise<PvhPlan> {
  return planHvm(await loadKernel('firmware', elf(file)), { memoryMiB: 128, vcpus: 1, ...options });
}

function view(p: PvhPlan, name: string, offset = 0): DataView {
  const found = p.segments.find((segment) => segment.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return new DataView(found.bytes.buffer, found.bytes.byteOffset + offset);
}

test('firmware starts at its ELF entry, with the start info on the page after it (xg_dom_hvmloader.c)', async () => {
  const p = await plan();
  deepEqual([p.entry, p.startInfoGpa], [0x100010, 0x113000]);
  const info = new HvmStartInfo(view(p, 'HVM start info'), 0);
  deepEqual([info.magic, info.version, info.nr_modules, info.rsdp_paddr], [0x336ec578, 1, 0, 0]);
  equal(info.memmap_entries, 1);
});

test('a kernel with PHYS32_ENTRY starts there (an XTF kernel, by firmware_override)', async () => {
  const notes = [{ type: 18, description: number(0x100020, 4) }];
  equal((await plan({ ...FIRMWARE, notes })).entry, 0x100020);
});

test('a BIOS is a module by the name that hvmloader looks for, on the page after the start info', async () => {
  const p = await plan(FIRMWARE, { bios: { fileName: 'bios.bin', bytes: new Uint8Array(0x1800).fill(7) } });
  const info = new HvmStartInfo(view(p, 'HVM start info'), 0);
  const module = new HvmModlistEntry(view(p, 'HVM start info', info.modlist_paddr - p.startInfoGpa), 0);
  deepEqual([info.nr_modules, module.paddr, module.size], [1, 0x114000, 0x1800]);
  const name = view(p, 'HVM start info', module.cmdline_paddr - p.startInfoGpa);
  equal(new TextDecoder().decode(new Uint8Array(name.buffer, name.byteOffset, 8)), 'firmware');
  equal(p.segments.find((segment) => segment.name === 'BIOS')?.gpa, 0x114000);
});

test('no frame backs the VGA hole; ioreq server pages and special pages are there (meminit_hvm)', async () => {
  const p = await plan();
  deepEqual(p.populate, [
    { gfn: 0, count: 0xa0 },
    { gfn: 0xc0, count: 128 * 256 - 0xc0 },
    { gfn: 0xfeff0, count: 8 },
    { gfn: 0xfeff8, count: 8 },
  ]);
});

test('the memory map tells of RAM from 1 MiB on; RAM past 3.75 GiB goes on above 4 GiB', async () => {
  deepEqual((await plan()).memmap, [{ addr: MIB, size: 127 * MIB, type: 1 }]);
  const p = await plan(FIRMWARE, { memoryMiB: 4000 });
  deepEqual(p.memmap, [
    { addr: MIB, size: 0xf0000000 - MIB, type: 1 },
    { addr: 2 ** 32, size: 4000 * MIB - 0xf0000000, type: 1 },
  ]);
});

test('the HVM info table tells sizes and vCPUs, and its bytes add up to 0 (hvm_info_table.h)', async () => {
  const p = await plan(FIRMWARE, { memoryMiB: 4000, vcpus: 3, maxVcpus: 9 });
  const table = view(p, 'HVM info table', HVM_INFO_PADDR % 4096);
  const info = new HvmInfoTable(table, 0);
  equal(new TextDecoder().decode(info.signature), 'HVM INFO');
  deepEqual(
    [info.length, info.apic_mode, info.nr_vcpus, info.low_mem_pgend, info.high_mem_pgend, info.reserved_mem_pgstart],
    [0x30, 1, 9, 0xf0000, 0x100000 + 4000 * 256 - 0xf0000, 0xfeff0],
  );
  deepEqual([...info.vcpu_online.subarray(0, 2)], [7, 0]);
  const sum = Array.from({ length: info.length }, (_, i) => table.getUint8(i)).reduce((a, b) => a + b);
  equal(sum & 0xff, 0);
});

test('what cannot be firmware is told why', async () => {
  const pv = [{ type: 5, description: 'xen-3.0' }];
  await rejects(plan({ ...FIRMWARE, notes: pv }), { code: 'KERNEL_NOT_FIRMWARE', message: /PV alone/ });
  await rejects(plan({ ...FIRMWARE, bits: 64, machine: 62 }), { code: 'KERNEL_NOT_FIRMWARE', message: /64-bit/ });
  const inHole = { ...FIRMWARE, segments: [{ paddr: 0x90000, memorySize: 0x20000 }] };
  await rejects(plan(inHole), { code: 'KERNEL_SEGMENTS', message: /into the VGA hole/ });
  await rejects(plan(FIRMWARE, { memoryMiB: 1 }), { code: 'PVH_MEMORY' });
});
