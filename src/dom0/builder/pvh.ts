import {
  XEN_HVM_MEMMAP_TYPE_ACPI,
  XEN_HVM_MEMMAP_TYPE_RAM,
  XEN_HVM_MEMMAP_TYPE_RESERVED,
} from '../../abi/arch-x86/hvm/start_info.ts';
import { XENFEAT_dom0, XENFEAT_linux_rsdp_unrestricted } from '../../abi/features.ts';
import { HVM_MAX_VCPUS } from '../../abi/hvm/hvm_info_table.ts';
import { ACPI_INFO_PHYSICAL_ADDRESS, buildAcpiTables, RSDP_SIZE } from './acpi.ts';
import { builderError, hex } from './errors.ts';
import type { KernelImage } from './kernel-image.ts';
import type { XenNotes } from './notes.ts';
import {
  cString,
  HVMLOADER_MODULE_MAX_COUNT,
  MAX_GUEST_CMDLINE,
  type MemoryMapEntry,
  type PvhModule,
  startInfoBytes,
  startInfoSize,
} from './start-info.ts';

/** What a PVH domain is to have. */
export interface PvhOptions {
  /** what it gets now; xl's `memory` */
  readonly memoryMiB: number;
  /** what its memory map shows; xl's `maxmem`, memoryMiB when left out */
  readonly maxMemoryMiB?: number;
  /** on line at the start; xl's `vcpus` */
  readonly vcpus: number;
  /** xl's `maxvcpus`, vcpus when left out */
  readonly maxVcpus?: number;
  readonly commandLine?: string;
  /** the first is the initramfs; two at most */
  readonly modules?: readonly PvhModule[];
}

/** Bytes to write once the memory is there. */
export interface PvhSegment {
  /** for messages: 'kernel', 'HVM start info', 'module0', … */
  readonly name: string;
  /** guest-physical address */
  readonly gpa: number;
  readonly bytes: Uint8Array;
  /** bytes it takes; what `bytes` leaves is zero */
  readonly size: number;
}

/** Guest frame numbers of libxc's eight special pages. They start as zeros, but for the identity page table. */
export interface SpecialPages {
  readonly paging: number;
  readonly access: number;
  readonly sharing: number;
  readonly bufioreq: number;
  readonly xenstore: number;
  readonly ioreq: number;
  readonly identPt: number;
  readonly console: number;
}

/** Everything to be done to a domain's memory before its first instruction. */
export interface PvhPlan {
  readonly segments: readonly PvhSegment[];
  /** PHYS32_ENTRY, moved with the kernel */
  readonly entry: number;
  /** EBX at the start */
  readonly startInfoGpa: number;
  readonly memmap: readonly MemoryMapEntry[];
  /** the frames to populate outside and inside RAM, in ascending order, none twice */
  readonly populate: readonly { readonly gfn: number; readonly count: number }[];
  /** where RAM ends below 4 GiB, in bytes */
  readonly lowMemoryEnd: number;
  /** where RAM ends above 4 GiB, or 0 */
  readonly highMemoryEnd: number;
  readonly specialPages: SpecialPages;
  /** pages for the ioreq servers of device models; HVM domains alone have them */
  readonly ioreqServerPages?: { readonly gfn: number; readonly count: number };
  readonly rsdpGpa: number;
}

/** libxc's special pages (xg_dom_x86.c), the last of them below 0xff000. */
export const SPECIAL_PAGES: SpecialPages = {
  paging: 0xfeff8,
  access: 0xfeff9,
  sharing: 0xfeffa,
  bufioreq: 0xfeffb,
  xenstore: 0xfeffc,
  ioreq: 0xfeffd,
  identPt: 0xfeffe,
  console: 0xfefff,
};

/**
 * Plans a PVH domain as libxl and libxc do: the kernel where its segments say, after it the start info and the modules,
 * special pages and ACPI tables below 4 GiB. Unlike libxc, and like Xen's own dom0 builder, it moves a kernel that can
 * be moved (PHYS32_RELOC) when it does not fit where it wants to be.
 *
 * @throws XenolithError KERNEL_NOT_PVH, KERNEL_SEGMENTS, PVH_MEMORY, PVH_OPTION
 */
export function planPvh(image: KernelImage, options: PvhOptions): PvhPlan {
  const maxVcpus = checkVcpus(image, options);
  const ram = ramLayout(image, options);
  const physEntry = checkNotes(image);
  const kernel = kernelExtent(image, physEntry);
  const modules = checkModules(image, options);

  const acpi = buildAcpiTables(maxVcpus, (vcpu) => vcpu < options.vcpus);
  const afterTables = ACPI_INFO_PHYSICAL_ADDRESS + PAGE + acpi.tables.length;
  const rsdpGpa = rsdpAddress(image.notes, kernel, afterTables);
  const memmap = memoryMap(ram, [
    { addr: rsdpGpa, size: RSDP_SIZE },
    { addr: ACPI_INFO_PHYSICAL_ADDRESS, size: PAGE },
    { addr: ACPI_INFO_PHYSICAL_ADDRESS + PAGE, size: acpi.tables.length },
  ]);
  const commandLine = options.commandLine === undefined ? undefined : cString(options.commandLine);
  const infoSize = startInfoSize(commandLine, memmap.length);
  const base = place(image, kernel, infoSize, modules, ram, options);

  const startInfoGpa = base + (kernel.end - kernel.start);
  let next = startInfoGpa + roundUp(infoSize, PAGE);
  const moduleGpas = modules.map((module) => {
    const gpa = next;
    next += roundUp(module.bytes.length, PAGE);
    return gpa;
  });
  const startInfo = startInfoBytes(startInfoGpa, commandLine, modules, moduleGpas, memmap, rsdpGpa);
  return {
    segments: [
      ...image.elf.segments.map((segment) => ({
        name: 'kernel',
        gpa: base + segment.physicalAddress - kernel.start,
        bytes: segment.bytes,
        size: segment.memorySize,
      })),
      whole('HVM start info', startInfoGpa, startInfo),
      ...modules.map((module, i) => whole(`module${i}`, moduleGpas[i] as number, module.bytes)),
      whole('ACPI info', ACPI_INFO_PHYSICAL_ADDRESS, acpi.info),
      whole('ACPI tables', ACPI_INFO_PHYSICAL_ADDRESS + PAGE, acpi.tables),
      whole('RSDP', rsdpGpa, acpi.rsdp),
      whole('identity page table', SPECIAL_PAGES.identPt * PAGE, identityPageTable()),
    ],
    entry: base + physEntry - kernel.start,
    startInfoGpa,
    memmap,
    populate: frames(ram, rsdpGpa === afterTables ? afterTables + PAGE : afterTables),
    lowMemoryEnd: ram.lowEnd,
    highMemoryEnd: ram.highEnd,
    specialPages: SPECIAL_PAGES,
    rsdpGpa,
  };
}

const PAGE = 4096;
const MIB = 1 << 20;
const FOUR_GIB = 2 ** 32;
export const SPECIAL_PAGE_COUNT = 8;

/** libxl keeps local APIC, ACPI tables and special pages out of RAM; the lowest of them are the tables. */
const MMIO_HOLE_START = ACPI_INFO_PHYSICAL_ADDRESS;

/** Where GUEST_OS=linux wants the RSDP unless it says otherwise: in the BIOS area that ACPI searches. */
const RSDP_IN_BIOS_AREA = 0x100000 - RSDP_SIZE;

interface Ram {
  readonly lowEnd: number;
  readonly highEnd: number;
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

/** @returns maxvcpus; throws XenolithError PVH_OPTION */
export function checkVcpus(image: KernelImage, options: Pick<PvhOptions, 'vcpus' | 'maxVcpus'>): number {
  const maxVcpus = options.maxVcpus ?? options.vcpus;
  const fits = (n: number) => Number.isInteger(n) && n >= 1 && n <= HVM_MAX_VCPUS;
  if (!fits(maxVcpus)) {
    throw builderError('PVH_OPTION', image.fileName, `${maxVcpus} vCPUs: a domain has 1 to ${HVM_MAX_VCPUS}`);
  }
  if (!fits(options.vcpus) || options.vcpus > maxVcpus) {
    throw builderError('PVH_OPTION', image.fileName, `${options.vcpus} vCPUs on line: expected 1 to ${maxVcpus}`);
  }
  return maxVcpus;
}

/** @returns MiB of maxmem; throws XenolithError PVH_OPTION */
export function checkMemory(image: KernelImage, options: Pick<PvhOptions, 'memoryMiB' | 'maxMemoryMiB'>): number {
  const { memoryMiB } = options;
  const maxMemoryMiB = options.maxMemoryMiB ?? memoryMiB;
  // 2^40 bytes, a tebibyte: past what any engine of ours maps, and short of where numbers lose precision.
  const fits = (n: number) => Number.isInteger(n) && n >= 1 && n <= MIB;
  if (!fits(memoryMiB) || !fits(maxMemoryMiB) || memoryMiB > maxMemoryMiB) {
    const given = `memory = ${memoryMiB} and maxmem = ${maxMemoryMiB} MiB`;
    throw builderError('PVH_OPTION', image.fileName, `${given}: expected whole MiB, memory no more than maxmem`);
  }
  return maxMemoryMiB;
}

function ramLayout(image: KernelImage, options: PvhOptions): Ram {
  const size = checkMemory(image, options) * MIB;
  if (size <= MMIO_HOLE_START) return { lowEnd: size, highEnd: 0 };
  return { lowEnd: MMIO_HOLE_START, highEnd: FOUR_GIB + (size - MMIO_HOLE_START) };
}

/** @returns PHYS32_ENTRY */
function checkNotes(image: KernelImage): number {
  const { notes, fileName } = image;
  if (notes.physEntry === undefined) {
    const found = notes.source === 'none' ? 'no Xen notes at all' : 'no PHYS32_ENTRY among its Xen notes';
    const pv = notes.source !== 'none' && notes.xenVersion !== undefined;
    const advice = pv
      ? `it is for PV only (GUEST_OS ${notes.guestOs ?? 'unknown'}): start it with pvshim = 1`
      : 'expected a kernel with PVH, such as a Linux with CONFIG_PVH';
    throw builderError('KERNEL_NOT_PVH', fileName, `${found}, so nothing says how to start it as PVH: ${advice}`);
  }
  if (notes.requiredFeatures & (1 << XENFEAT_dom0)) {
    throw builderError('KERNEL_NOT_PVH', fileName, 'requires to be dom0 (its notes say "!dom0"), not a guest');
  }
  return notes.physEntry;
}

/** Whole pages from the first segment to the last, as libxc allocates them. */
function kernelExtent(image: KernelImage, physEntry: number): Extent {
  const starts = image.elf.segments.map((segment) => segment.physicalAddress);
  const ends = image.elf.segments.map((segment) => segment.physicalAddress + segment.memorySize);
  const first = Math.min(...starts);
  const last = Math.max(...ends);
  const range = `${hex(first)} to ${hex(last)}`;
  if (last > FOUR_GIB) {
    throw builderError('KERNEL_SEGMENTS', image.fileName, `loads at ${range}: PVH starts in 32 bits, below 4 GiB`);
  }
  if (physEntry < first || physEntry >= last) {
    const entry = `PHYS32_ENTRY ${hex(physEntry)}`;
    throw builderError('KERNEL_SEGMENTS', image.fileName, `${entry} is outside of what it loads, ${range}`);
  }
  return { start: first - (first % PAGE), end: roundUp(last, PAGE) };
}

function checkModules(image: KernelImage, options: PvhOptions): readonly PvhModule[] {
  const modules = options.modules ?? [];
  if (modules.length > HVMLOADER_MODULE_MAX_COUNT) {
    const count = `${modules.length} modules, the start info has room for ${HVMLOADER_MODULE_MAX_COUNT}`;
    throw builderError('PVH_OPTION', image.fileName, count);
  }
  for (const module of modules) {
    if (cString(module.commandLine ?? '').length > MAX_GUEST_CMDLINE) {
      throw builderError(
        'PVH_OPTION',
        module.fileName,
        `its command line is longer than ${MAX_GUEST_CMDLINE - 1} bytes`,
      );
    }
  }
  // libxc leaves an empty one out of the list.
  return modules.filter((module) => module.bytes.length > 0);
}

/** libxl looks at the notes too: Linux before 4.18 did not take the RSDP from the start info. */
function rsdpAddress(notes: XenNotes, kernel: Extent, afterTables: number): number {
  const unrestricted = (notes.supportedFeatures & (1 << XENFEAT_linux_rsdp_unrestricted)) !== 0;
  const taken = kernel.start < 0x100000 && kernel.end > 0x100000 - PAGE;
  return notes.guestOs === 'linux' && !unrestricted && !taken ? RSDP_IN_BIOS_AREA : afterTables;
}

/** In libxl's order: RAM, special pages, RSDP, ACPI info page, ACPI tables, high RAM. */
function memoryMap(ram: Ram, acpi: readonly { addr: number; size: number }[]): MemoryMapEntry[] {
  const map = [
    { addr: 0, size: ram.lowEnd, type: XEN_HVM_MEMMAP_TYPE_RAM },
    { addr: SPECIAL_PAGES.paging * PAGE, size: SPECIAL_PAGE_COUNT * PAGE, type: XEN_HVM_MEMMAP_TYPE_RESERVED },
    ...acpi.map(({ addr, size }) => {
      const offset = addr % PAGE;
      return { addr: addr - offset, size: size + offset, type: XEN_HVM_MEMMAP_TYPE_ACPI };
    }),
  ];
  if (ram.highEnd > 0) map.push({ addr: FOUR_GIB, size: ram.highEnd - FOUR_GIB, type: XEN_HVM_MEMMAP_TYPE_RAM });
  return map;
}

/** @returns where the kernel starts: where it asks for, or the lowest place its PHYS32_RELOC allows */
function place(
  image: KernelImage,
  kernel: Extent,
  infoSize: number,
  modules: readonly PvhModule[],
  ram: Ram,
  options: PvhOptions,
): number {
  const kernelSize = kernel.end - kernel.start;
  const modulesSize = modules.reduce((sum, module) => sum + roundUp(module.bytes.length, PAGE), 0);
  const size = kernelSize + roundUp(infoSize, PAGE) + modulesSize;
  const inMemory = size <= options.memoryMiB * MIB;
  if (inMemory && kernel.start + size <= ram.lowEnd) return kernel.start;

  const lowest = Math.min(relocated(image, kernelSize) ?? kernel.start, kernel.start);
  if (inMemory && lowest + size <= ram.lowEnd) return lowest;

  const kernelAt = `the kernel takes ${mib(kernelSize)} MiB from ${hex(lowest)}`;
  const needed = mib(lowest + size > ram.lowEnd ? lowest + size : size);
  const given = options.maxMemoryMiB ?? options.memoryMiB;
  const has = given === options.memoryMiB ? `${given} MiB` : `${options.memoryMiB} of ${given} MiB`;
  const culprit = blame(image, lowest, kernelSize, modules, ram);
  if (lowest + size > MMIO_HOLE_START) {
    const end = `${hex(lowest + size)}, past ${hex(MMIO_HOLE_START)} where RAM below 4 GiB ends`;
    throw builderError('PVH_MEMORY', culprit, `does not fit: ${kernelAt}, all ends at ${end}`);
  }
  const modulesToo = modules.length > 0 ? `, the modules ${mib(modulesSize)} MiB after it` : '';
  throw builderError(
    'PVH_MEMORY',
    culprit,
    `does not fit into the domain's memory: ${kernelAt}${modulesToo}: needs ${needed} MiB, has ${has}`,
  );
}

/** The file that is too much: the kernel, or the largest module when the kernel alone would have fitted. */
function blame(
  image: KernelImage,
  lowest: number,
  kernelSize: number,
  modules: readonly PvhModule[],
  ram: Ram,
): string {
  const largest = modules.toSorted((a, b) => b.bytes.length - a.bytes.length)[0];
  return largest !== undefined && lowest + kernelSize < ram.lowEnd ? largest.fileName : image.fileName;
}

/** Xen's rule for the alignment; the lowest place, not its highest, because start info and modules follow the kernel. */
function relocated(image: KernelImage, kernelSize: number): number | undefined {
  const { physReloc } = image.notes;
  if (physReloc === undefined) return undefined;
  const largest = Math.max(...image.elf.segments.map((segment) => segment.alignment));
  const align = physReloc.align ?? (largest >= PAGE ? largest : 2 * MIB);
  // The first MiB is the BIOS's, even where there is none: kernels keep out of it.
  const start = roundUp(Math.max(physReloc.min, MIB), Math.max(align, PAGE));
  return start + kernelSize - 1 <= physReloc.max ? start : undefined;
}

/** 1024 large pages, each mapped to itself: what an Intel processor runs a guest without paging on. */
export function identityPageTable(): Uint8Array {
  const PRESENT_RW_USER_ACCESSED_DIRTY_PSE = 0xe7;
  const bytes = new Uint8Array(PAGE);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 1024; i++) view.setUint32(i * 4, ((i << 22) | PRESENT_RW_USER_ACCESSED_DIRTY_PSE) >>> 0, true);
  return bytes;
}

function frames(ram: Ram, acpiEnd: number): { gfn: number; count: number }[] {
  const list = [
    { gfn: 0, count: ram.lowEnd / PAGE },
    { gfn: ACPI_INFO_PHYSICAL_ADDRESS / PAGE, count: (acpiEnd - ACPI_INFO_PHYSICAL_ADDRESS) / PAGE },
    { gfn: SPECIAL_PAGES.paging, count: SPECIAL_PAGE_COUNT },
  ];
  if (ram.highEnd > 0) list.push({ gfn: FOUR_GIB / PAGE, count: (ram.highEnd - FOUR_GIB) / PAGE });
  return list;
}

function whole(name: string, gpa: number, bytes: Uint8Array): PvhSegment {
  return { name, gpa, bytes, size: bytes.length };
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function mib(bytes: number): number {
  return Math.ceil(bytes / MIB);
}
