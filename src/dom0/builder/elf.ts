import { builderError, hex } from './errors.ts';

/** A kernel's ELF file, every offset checked against its length. Physical addresses and sizes are below 2^53. */
export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly bits: 32 | 64;
  readonly machine: 'x86-32' | 'x86-64';
  /** e_entry: virtual for most kernels */
  readonly entry: bigint;
  /** the PT_LOAD segments that have a size and an access right, as libelf loads them, in the file's order */
  readonly segments: readonly ElfSegment[];
  /** the PT_NOTE segments */
  readonly noteSegments: readonly FileRange[];
}

/** Part of the file: indexes of its first byte and of the one after its last. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

/** What goes into memory. */
export interface ElfSegment {
  readonly physicalAddress: number;
  readonly virtualAddress: bigint;
  /** what the file has; the rest of memorySize is zero */
  readonly bytes: Uint8Array;
  readonly memorySize: number;
  /** p_align in bytes */
  readonly alignment: number;
}

/** A section, of which only those with notes matter to a loader. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly range: FileRange;
}

export const SHT_NOTE = 7;

/** Whether the bytes open as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads an ELF32 or ELF64 kernel for x86 (System V ABI, "Object Files" and "Program Loading").
 *
 * @param file as the operator named it, for the error
 * @throws XenolithError KERNEL_FORMAT, KERNEL_MACHINE, KERNEL_TRUNCATED, KERNEL_SEGMENTS
 */
export function parseElf(file: string, bytes: Uint8Array): ElfFile {
  const header = readHeader(file, bytes);
  const { view, bits } = header;
  const entrySize = bits === 64 ? 56 : 32;
  if (header.phnum > 0 && header.phentsize !== entrySize) {
    throw builderError('KERNEL_FORMAT', file, `program headers of ${header.phentsize} bytes, expected ${entrySize}`);
  }
  within(file, bytes, header.phoff, header.phnum * entrySize, 'the program headers');

  const segments: ElfSegment[] = [];
  const noteSegments: FileRange[] = [];
  for (let i = 0; i < header.phnum; i++) {
    const program = readProgramHeader(view, bits, header.phoff + i * entrySize);
    if (program.type === PT_NOTE && program.offset !== 0n) {
      // Some binutils leave a note segment's offset 0 (libelf skips those too).
      noteSegments.push(range(file, bytes, program.offset, program.fileSize, `note segment ${i}`));
    }
    if (program.type !== PT_LOAD || (program.flags & PF_RWX) === 0 || program.memorySize === 0n) continue;
    segments.push(toSegment(file, bytes, program, i));
  }
  if (segments.length === 0) {
    throw builderError('KERNEL_SEGMENTS', file, 'an ELF file without a loadable segment (PT_LOAD): no kernel');
  }
  refuseOverlap(file, segments);
  return { bytes, bits, machine: header.machine, entry: header.entry, segments, noteSegments };
}

/**
 * The sections, for notes that no segment covers (Mini-OS) and the old `__xen_guest`.
 *
 * @throws XenolithError KERNEL_TRUNCATED when the table, or a section of the given type or name, is not in the file
 */
export function parseSections(file: string, elf: ElfFile, wanted: (name: string, type: number) => boolean) {
  const { view, bits, shoff, shnum, shentsize, shstrndx } = readHeader(file, elf.bytes);
  const sections: ElfSection[] = [];
  if (shnum === 0 || shentsize !== (bits === 64 ? 64 : 40)) return sections;
  within(file, elf.bytes, shoff, shnum * shentsize, 'the section headers');

  const names = shstrndx < shnum ? readSectionHeader(view, bits, shoff + shstrndx * shentsize) : undefined;
  for (let i = 1; i < shnum; i++) {
    const section = readSectionHeader(view, bits, shoff + i * shentsize);
    const name = names === undefined ? '' : stringAt(elf.bytes, names.offset + BigInt(section.name));
    if (section.type === SHT_NOBITS || !wanted(name, section.type)) continue;
    const place = range(file, elf.bytes, section.offset, section.size, `section ${i} (${name})`);
    sections.push({ name, type: section.type, range: place });
  }
  return sections;
}

const EM_386 = 3;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PF_RWX = 7;
const SHT_NOBITS = 8;

/** e_machine of what people try by mistake. */
const MACHINES = new Map([
  [2, 'SPARC'],
  [8, 'MIPS'],
  [20, 'PowerPC'],
  [21, '64-bit PowerPC'],
  [22, 's390'],
  [40, 'Arm'],
  [43, '64-bit SPARC'],
  [183, 'aarch64'],
  [243, 'RISC-V'],
  [258, 'LoongArch'],
]);

interface Header {
  readonly view: DataView;
  readonly bits: 32 | 64;
  readonly machine: 'x86-32' | 'x86-64';
  readonly entry: bigint;
  readonly phoff: number;
  readonly phentsize: number;
  readonly phnum: number;
  readonly shoff: number;
  readonly shentsize: number;
  readonly shnum: number;
  readonly shstrndx: number;
}

function readHeader(file: string, bytes: Uint8Array): Header {
  if (!isElf(bytes)) throw builderError('KERNEL_FORMAT', file, 'not an ELF file');
  const bits = bytes[4] === 1 ? 32 : bytes[4] === 2 ? 64 : undefined;
  if (bits === undefined) throw builderError('KERNEL_FORMAT', file, `ELF class ${bytes[4]}, expected 1 or 2`);
  if (bytes[5] !== 1) {
    throw builderError('KERNEL_MACHINE', file, 'a big-endian ELF file, expected a kernel for x86 (32 or 64 bits)');
  }
  within(file, bytes, 0, bits === 64 ? 64 : 52, 'the ELF header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const e_machine = view.getUint16(18, true);
  if (e_machine !== EM_386 && e_machine !== EM_X86_64) {
    const name = MACHINES.get(e_machine) ?? `machine ${e_machine}`;
    throw builderError('KERNEL_MACHINE', file, `a kernel for ${name}, expected one for x86 (32 or 64 bits)`);
  }
  const machine = e_machine === EM_X86_64 ? 'x86-64' : 'x86-32';
  // From e_phentsize on the two classes are alike.
  const tail = bits === 64 ? 54 : 42;
  const offset = (at: number) => (bits === 64 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  return {
    view,
    bits,
    machine,
    entry: bits === 64 ? view.getBigUint64(24, true) : BigInt(view.getUint32(24, true)),
    phoff: offset(bits === 64 ? 32 : 28),
    shoff: offset(bits === 64 ? 40 : 32),
    phentsize: view.getUint16(tail, true),
    phnum: view.getUint16(tail + 2, true),
    shentsize: view.getUint16(tail + 4, true),
    shnum: view.getUint16(tail + 6, true),
    shstrndx: view.getUint16(tail + 8, true),
  };
}

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: bigint;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly fileSize: bigint;
  readonly memorySize: bigint;
  readonly align: bigint;
}

function readProgramHeader(view: DataView, bits: 32 | 64, at: number): ProgramHeader {
  const type = view.getUint32(at, true);
  if (bits === 64) {
    const word = (i: number) => view.getBigUint64(at + 8 + i * 8, true);
    const flags = view.getUint32(at + 4, true);
    return {
      type,
      flags,
      offset: word(0),
      vaddr: word(1),
      paddr: word(2),
      fileSize: word(3),
      memorySize: word(4),
      align: word(5),
    };
  }
  const word = (i: number) => BigInt(view.getUint32(at + i * 4, true));
  return {
    type,
    flags: view.getUint32(at + 24, true),
    offset: word(1),
    vaddr: word(2),
    paddr: word(3),
    fileSize: word(4),
    memorySize: word(5),
    align: word(7),
  };
}

function toSegment(file: string, bytes: Uint8Array, program: ProgramHeader, index: number): ElfSegment {
  const { paddr, fileSize, memorySize } = program;
  if (fileSize > memorySize) {
    const sizes = `${fileSize} bytes in the file, ${memorySize} in memory`;
    throw builderError('KERNEL_SEGMENTS', file, `segment ${index} has ${sizes}: expected at most as many in the file`);
  }
  if (paddr + memorySize > BigInt(Number.MAX_SAFE_INTEGER)) {
    const range = `${hex(paddr)} to ${hex(paddr + memorySize)}`;
    throw builderError(
      'KERNEL_SEGMENTS',
      file,
      `segment ${index} goes to physical ${range}: no machine has that memory`,
    );
  }
  const { start, end } = range(file, bytes, program.offset, fileSize, `segment ${index}`);
  return {
    physicalAddress: Number(paddr),
    virtualAddress: program.vaddr,
    bytes: bytes.subarray(start, end),
    memorySize: Number(memorySize),
    alignment: Number(program.align),
  };
}

function refuseOverlap(file: string, segments: readonly ElfSegment[]): void {
  const ordered = segments.toSorted((a, b) => a.physicalAddress - b.physicalAddress);
  for (const [i, segment] of ordered.entries()) {
    const next = ordered[i + 1];
    const end = segment.physicalAddress + segment.memorySize;
    if (next === undefined || end <= next.physicalAddress) continue;
    const first = `${hex(segment.physicalAddress)} to ${hex(end)}`;
    const second = `${hex(next.physicalAddress)} to ${hex(next.physicalAddress + next.memorySize)}`;
    throw builderError('KERNEL_SEGMENTS', file, `segments overlap in physical memory: ${first} and ${second}`);
  }
}

interface SectionHeader {
  readonly name: number;
  readonly type: number;
  readonly offset: bigint;
  readonly size: bigint;
}

function readSectionHeader(view: DataView, bits: 32 | 64, at: number): SectionHeader {
  const name = view.getUint32(at, true);
  const type = view.getUint32(at + 4, true);
  if (bits === 64) {
    return { name, type, offset: view.getBigUint64(at + 24, true), size: view.getBigUint64(at + 32, true) };
  }
  return { name, type, offset: BigInt(view.getUint32(at + 16, true)), size: BigInt(view.getUint32(at + 20, true)) };
}

function stringAt(bytes: Uint8Array, offset: bigint): string {
  if (offset >= BigInt(bytes.length)) return '';
  const start = Number(offset);
  const end = bytes.indexOf(0, start);
  return String.fromCharCode(...bytes.subarray(start, end < 0 ? start : Math.min(end, start + 256)));
}

function range(file: string, bytes: Uint8Array, offset: bigint, size: bigint, what: string): FileRange {
  within(file, bytes, offset, size, what);
  return { start: Number(offset), end: Number(offset + size) };
}

function within(file: string, bytes: Uint8Array, offset: number | bigint, size: number | bigint, what: string): void {
  const end = BigInt(offset) + BigInt(size);
  if (end <= BigInt(bytes.length)) return;
  const wanted = `${what}, at ${hex(offset)} to ${hex(end)}`;
  throw builderError('KERNEL_TRUNCATED', file, `truncated: ${wanted}, is past the file's ${bytes.length} bytes`);
}
