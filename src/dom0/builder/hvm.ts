import { XEN_HVM_MEMMAP_TYPE_RAM } from '../../abi/arch-x86/hvm/start_info.ts';
import { HVM_INFO_OFFSET, HVM_INFO_PFN, HvmInfoTable } from '../../abi/hvm/hvm_info_table.ts';
import { builderError, hex } from './errors.ts';
import type { KernelImage } from './kernel-image.ts';
import {
  checkMemory,
  checkVcpus,
  identityPageTable,
  type PvhOptions,
  type PvhPlan,
  SPECIAL_PAGE_COUNT,
  SPECIAL_PAGES,
} from './pvh.ts';
import { type MemoryMapEntry, startInfoBytes, startInfoSize } from './start-info.ts';

/** What an HVM domain is to have. */
export interface HvmOptions extends Pick<PvhOptions, 'memoryMiB' | 'maxMemoryMiB' | 'vcpus' | 'maxVcpus'> {
  /** What hvmloader puts into the place of a BIOS. */
  readonly bios?: { readonly fileName: string; readonly bytes: Uint8Array };
}

/** Frames below the special pages that libxc leaves to device models (xg_dom_x86.c, ioreq_server_pfn). */
export const IOREQ_SERVER_PAGES = { gfn: SPECIAL_PAGES.paging - 8, count: 8 } as const;

/**
 * Plans an HVM domain with an ELF file in hvmloader's place (firmware_override), as libxl and libxc do: the file where
 * its segments say, started as hvmloader is; after it the start info and the BIOS; the HVM info table below the VGA
 * hole. What
 * hvmloader itself would make (ACPI and SMBIOS tables, the E820 map of the first MiB) is the firmware's to make.
 *
 * @throws XenolithError KERNEL_NOT_FIRMWARE, KERNEL_SEGMENTS, PVH_MEMORY, PVH_OPTION
 */
export function planHvm(image: KernelImage, options: HvmOptions): PvhPlan {
  const maxVcpus = checkVcpus(image, options);
  const size = checkMemory(image, options) * MIB;
  const lowEnd = Math.min(size, MMIO_HOLE_START);
  const highEnd = size > lowEnd ? FOUR_GIB + (size - lowEnd) : 0;

  const entry = findEntry(image);
  const memmap = memoryMap(lowEnd, highEnd);
  const startInfoGpa = endOfFirmware(image, lowEnd);
  const modules = options.bios === undefined ? [] : [{ ...options.bios, commandLine: BIOS_MODULE }];
  const moduleGpa = startInfoGpa + roundUp(startInfoSize(undefined, memmap.length));
  const end = moduleGpa + (options.bios === undefined ? 0 : roundUp(options.bios.bytes.length));
  if (end > Math.min(lowEnd, options.memoryMiB * MIB)) {
    const needs = `start info and BIOS end at ${hex(end)}, past the ${options.memoryMiB} MiB of the domain`;
    throw builderError('PVH_MEMORY', image.fileName, `does not fit into the domain's memory: ${needs}`);
  }
  const whole = (name: string, gpa: number, bytes: Uint8Array) => ({ name, gpa, bytes, size: bytes.length });
  return {
    segments: [
      ...image.elf.segments.map(({ physicalAddress, bytes, memorySize }) => ({
        name: 'firmware',
        gpa: physicalAddress,
        bytes,
        size: memorySize,
      })),
      whole('HVM start info', startInfoGpa, startInfoBytes(startInfoGpa, undefined, modules, [moduleGpa], memmap, 0)),
      ...modules.map(({ bytes }) => whole('BIOS', moduleGpa, bytes)),
      whole('HVM info table', HVM_INFO_PFN * PAGE, hvmInfoPage(options.vcpus, maxVcpus, lowEnd, highEnd)),
      whole('identity page table', SPECIAL_PAGES.identPt * PAGE, identityPageTable()),
    ],
    entry,
    startInfoGpa,
    memmap,
    populate: frames(lowEnd, highEnd),
    lowMemoryEnd: lowEnd,
    highMemoryEnd: highEnd,
    specialPages: SPECIAL_PAGES,
    ioreqServerPages: IOREQ_SERVER_PAGES,
    rsdpGpa: 0,
  };
}

const PAGE = 4096;
/** The name by which hvmloader knows the module (bootlate_hvm). */
const BIOS_MODULE = 'firmware';
const MIB = 1 << 20;
const FOUR_GIB = 2 ** 32;
/** HVM_BELOW_4G_MMIO_START */
const MMIO_HOLE_START = 0xf0000000;
const VGA_HOLE = { start: 0xa0000, end: 0xc0000 } as const;
/** GUEST_LOW_MEM_START_DEFAULT: what is below is the firmware's to tell of. */
const LOW_MEMORY_START = 0x100000;

/** PHYS32_ENTRY of a kernel that has one; of a file without Xen's notes, as hvmloader is one, its ELF entry. */
function findEntry(image: KernelImage): number {
  const { notes, elf, fileName } = image;
  if (notes.physEntry !== undefined) return notes.physEntry;
  if (notes.source !== 'none') {
    const found = 'its Xen notes have no PHYS32_ENTRY: it is a kernel for PV alone';
    throw builderError('KERNEL_NOT_FIRMWARE', fileName, `${found}: expected an ELF file that starts as hvmloader does`);
  }
  if (elf.bits !== 32) {
    const found = 'a 64-bit ELF file without PHYS32_ENTRY';
    throw builderError('KERNEL_NOT_FIRMWARE', fileName, `${found}: firmware is started in 32-bit mode`);
  }
  return Number(elf.entry);
}

/** The first page after the firmware's segments, which must be in RAM. */
function endOfFirmware(image: KernelImage, lowEnd: number): number {
  let last = 0;
  for (const { physicalAddress: start, memorySize } of image.elf.segments) {
    const end = start + memorySize;
    last = Math.max(last, end);
    const inHole = start < VGA_HOLE.end && end > VGA_HOLE.start;
    if (!inHole && end <= lowEnd) continue;
    const where = inHole ? `the VGA hole, ${hex(VGA_HOLE.start)} to ${hex(VGA_HOLE.end)}` : `RAM, ${hex(lowEnd)}`;
    const what = `loads from ${hex(start)} to ${hex(end)}, ${inHole ? 'into' : 'past the end of'} ${where}`;
    throw builderError(inHole ? 'KERNEL_SEGMENTS' : 'PVH_MEMORY', image.fileName, what);
  }
  return roundUp(last);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

function memoryMap(lowEnd: number, highEnd: number): MemoryMapEntry[] {
  const low = { addr: LOW_MEMORY_START, size: lowEnd - LOW_MEMORY_START, type: XEN_HVM_MEMMAP_TYPE_RAM };
  if (highEnd === 0) return [low];
  return [low, { addr: FOUR_GIB, size: highEnd - FOUR_GIB, type: XEN_HVM_MEMMAP_TYPE_RAM }];
}

function frames(lowEnd: number, highEnd: number): { gfn: number; count: number }[] {
  return [
    { gfn: 0, count: VGA_HOLE.start / PAGE },
    { gfn: VGA_HOLE.end / PAGE, count: (lowEnd - VGA_HOLE.end) / PAGE },
    IOREQ_SERVER_PAGES,
    { gfn: SPECIAL_PAGES.paging, count: SPECIAL_PAGE_COUNT },
    ...(highEnd === 0 ? [] : [{ gfn: FOUR_GIB / PAGE, count: (highEnd - FOUR_GIB) / PAGE }]),
  ];
}

/** The page of struct hvm_info_table, as libxc fills it and libxl adds the vCPUs (build_hvm_info, hvm_build_set_params). */
function hvmInfoPage(vcpus: number, maxVcpus: number, lowEnd: number, highEnd: number): Uint8Array {
  const bytes = new Uint8Array(PAGE);
  const info = new HvmInfoTable(new DataView(bytes.buffer), HVM_INFO_OFFSET);
  info.signature.set(new TextEncoder().encode('HVM INFO'));
  info.length = HvmInfoTable.SIZE;
  info.apic_mode = 1;
  info.nr_vcpus = maxVcpus;
  info.low_mem_pgend = lowEnd / PAGE;
  info.high_mem_pgend = highEnd / PAGE;
  info.reserved_mem_pgstart = IOREQ_SERVER_PAGES.gfn;
  const online = info.vcpu_online;
  for (let vcpu = 0; vcpu < vcpus; vcpu++) online[vcpu >> 3] = (online[vcpu >> 3] as number) | (1 << (vcpu & 7));
  info.checksum = -bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}
