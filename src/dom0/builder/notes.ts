import {
  XEN_ELFNOTE_BSD_SYMTAB,
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_GUEST_VERSION,
  XEN_ELFNOTE_HV_START_LOW,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_L1_MFN_VALID,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_MOD_START_PFN,
  XEN_ELFNOTE_PADDR_OFFSET,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_PHYS32_ENTRY,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
  XEN_ELFNOTE_SUSPEND_CANCEL,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from '../../abi/elfnote.ts';
import {
  XENFEAT_auto_translated_physmap,
  XENFEAT_dom0,
  XENFEAT_hvm_callback_vector,
  XENFEAT_pae_pgdir_above_4gb,
  XENFEAT_supervisor_mode_kernel,
  XENFEAT_writable_descriptor_tables,
  XENFEAT_writable_page_tables,
} from '../../abi/features.ts';
import { type ElfFile, type FileRange, parseSections, SHT_NOTE } from './elf.ts';
import { builderError } from './errors.ts';

/** Xen 4.20's, after the 4.17 headers in src/abi/elfnote.ts. */
const XEN_ELFNOTE_PHYS32_RELOC = 19;

/** How a PV kernel wants its page tables: PAE_MODE, or PAE of the old string. */
export type PaeMode = 'no' | 'yes' | 'extended-cr3' | 'bimodal';

/**
 * What a kernel says about itself (public/elfnote.h), with the meaning Xen's libelf gives it. A note that is not there
 * is undefined; defaults that depend on how the kernel is started are the loader's.
 */
export interface XenNotes {
  /** where they were found */
  readonly source: 'PT_NOTE' | 'SHT_NOTE' | '__xen_guest' | 'none';
  guestOs?: string;
  guestVersion?: string;
  xenVersion?: string;
  loader?: string;
  /** PV: virtual address of the first instruction */
  entry?: bigint;
  virtBase?: bigint;
  paddrOffset?: bigint;
  hypercallPage?: bigint;
  initP2m?: bigint;
  hvStartLow?: bigint;
  /** PVH: physical address of the first instruction */
  physEntry?: number;
  /** PVH: the kernel may be loaded elsewhere */
  physReloc?: PhysReloc;
  pae: PaeMode;
  bsdSymtab: boolean;
  /** PV: takes its module without a mapping */
  modStartPfn: boolean;
  suspendCancel: boolean;
  /** PV: (mask, value) pairs that tell a present page table entry */
  l1MfnValid: { mask: bigint; value: bigint }[];
  /** a bit for each XENFEAT_* the kernel copes with */
  supportedFeatures: number;
  /** a bit for each XENFEAT_* it cannot do without */
  requiredFeatures: number;
}

/** PHYS32_RELOC: the bounds of where a PVH kernel may be moved, in bytes. */
export interface PhysReloc {
  /** undefined: the largest of the segments' alignments, or 2 MiB */
  readonly align: number | undefined;
  readonly min: number;
  /** of the image's last byte */
  readonly max: number;
}

/**
 * Reads the notes named Xen: of the note segments, else of the note sections (Mini-OS has no segment for them), else
 * the ASCII section `__xen_guest` that came before ELF notes.
 *
 * @param file as the operator named it, for the error
 * @throws XenolithError KERNEL_NOTES, KERNEL_TRUNCATED
 */
export function parseXenNotes(file: string, elf: ElfFile): XenNotes {
  const segments = collect(elf, elf.noteSegments);
  if (segments.length > 0) return interpret(file, 'PT_NOTE', segments);

  const sections = parseSections(file, elf, (name, type) => type === SHT_NOTE || name === '__xen_guest');
  const inSections = collect(
    elf,
    sections.filter((section) => section.type === SHT_NOTE).map((section) => section.range),
  );
  if (inSections.length > 0) return interpret(file, 'SHT_NOTE', inSections);

  const legacy = sections.find((section) => section.name === '__xen_guest');
  return legacy === undefined
    ? empty('none')
    : parseGuestString(file, text(elf.bytes.subarray(legacy.range.start, legacy.range.end)));
}

/** libelf's names of the features a kernel can speak of in words. */
const FEATURE_NAMES = new Map([
  ['writable_page_tables', XENFEAT_writable_page_tables],
  ['writable_descriptor_tables', XENFEAT_writable_descriptor_tables],
  ['auto_translated_physmap', XENFEAT_auto_translated_physmap],
  ['supervisor_mode_kernel', XENFEAT_supervisor_mode_kernel],
  ['pae_pgdir_above_4gb', XENFEAT_pae_pgdir_above_4gb],
  ['hvm_callback_vector', XENFEAT_hvm_callback_vector],
  ['dom0', XENFEAT_dom0],
]);

interface Note {
  readonly type: number;
  readonly description: Uint8Array;
}

/**
 * The Xen notes of some note areas; a note is name size, description size, type, name, description, 4-aligned. One
 * that does not end within the file says nothing, as with libelf: GRUB's 32-bit PV image closes with such a one.
 */
function collect(elf: ElfFile, areas: readonly FileRange[]): Note[] {
  const { bytes } = elf;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const notes: Note[] = [];
  for (const { start, end } of areas) {
    for (let at = start; at + 12 <= end; ) {
      const nameSize = view.getUint32(at, true);
      const size = view.getUint32(at + 4, true);
      const type = view.getUint32(at + 8, true);
      const name = at + 12;
      const description = name + align4(nameSize);
      if (description + size > bytes.length) break;
      if (text(bytes.subarray(name, name + nameSize)) === 'Xen') {
        notes.push({ type, description: bytes.subarray(description, description + size) });
      }
      at = description + align4(size);
    }
  }
  return notes;
}

function empty(source: XenNotes['source']): XenNotes {
  return {
    source,
    pae: 'no',
    bsdSymtab: false,
    modStartPfn: false,
    suspendCancel: false,
    l1MfnValid: [],
    supportedFeatures: 0,
    requiredFeatures: 0,
  };
}

function interpret(file: string, source: 'PT_NOTE' | 'SHT_NOTE', list: readonly Note[]): XenNotes {
  const notes = empty(source);
  for (const { type, description } of list) {
    if (!interpretText(file, notes, type, description)) interpretNumber(notes, type, description);
  }
  return notes;
}

/** The notes that are strings; false for another. */
function interpretText(file: string, notes: XenNotes, type: number, description: Uint8Array): boolean {
  switch (type) {
    case XEN_ELFNOTE_XEN_VERSION:
      notes.xenVersion = text(description);
      return true;
    case XEN_ELFNOTE_GUEST_OS:
      notes.guestOs = text(description);
      return true;
    case XEN_ELFNOTE_GUEST_VERSION:
      notes.guestVersion = text(description);
      return true;
    case XEN_ELFNOTE_LOADER:
      notes.loader = text(description);
      return true;
    case XEN_ELFNOTE_PAE_MODE: {
      const mode = text(description);
      if (mode === 'yes') notes.pae = 'extended-cr3';
      if (mode.includes('bimodal')) notes.pae = 'bimodal';
      return true;
    }
    case XEN_ELFNOTE_BSD_SYMTAB:
      notes.bsdSymtab = text(description) === 'yes';
      return true;
    case XEN_ELFNOTE_FEATURES:
      addFeatures(file, notes, text(description));
      return true;
    default:
      return false;
  }
}

/** The notes that are numbers; one we do not know says nothing to us, as to libelf. */
function interpretNumber(notes: XenNotes, type: number, description: Uint8Array): void {
  switch (type) {
    case XEN_ELFNOTE_ENTRY:
      notes.entry = numeric(description);
      break;
    case XEN_ELFNOTE_HYPERCALL_PAGE:
      notes.hypercallPage = numeric(description);
      break;
    case XEN_ELFNOTE_VIRT_BASE:
      notes.virtBase = numeric(description);
      break;
    case XEN_ELFNOTE_PADDR_OFFSET:
      notes.paddrOffset = numeric(description);
      break;
    case XEN_ELFNOTE_INIT_P2M:
      notes.initP2m = numeric(description);
      break;
    case XEN_ELFNOTE_HV_START_LOW:
      notes.hvStartLow = numeric(description);
      break;
    case XEN_ELFNOTE_MOD_START_PFN:
      notes.modStartPfn = numeric(description) !== 0n;
      break;
    case XEN_ELFNOTE_SUSPEND_CANCEL:
      notes.suspendCancel = numeric(description) !== 0n;
      break;
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
      notes.supportedFeatures |= Number(BigInt.asUintN(32, numeric(description)));
      break;
    case XEN_ELFNOTE_PHYS32_ENTRY:
      notes.physEntry = Number(BigInt.asUintN(32, numeric(description)));
      break;
    case XEN_ELFNOTE_PHYS32_RELOC: {
      const words = integers(description, 4).map(Number);
      notes.physReloc = { align: words[0], min: words[1] ?? 0, max: words[2] ?? 0xffffffff };
      break;
    }
    case XEN_ELFNOTE_L1_MFN_VALID: {
      const words = integers(description, 8);
      for (let i = 0; i + 1 < words.length; i += 2) {
        notes.l1MfnValid.push({ mask: words[i] as bigint, value: words[i + 1] as bigint });
      }
      break;
    }
  }
}

/** `!` marks what the kernel requires; it supports that too. */
function addFeatures(file: string, notes: XenNotes, list: string): void {
  for (const item of list.split('|')) {
    const required = item.startsWith('!');
    const bit = FEATURE_NAMES.get(required ? item.slice(1) : item);
    if (bit === undefined) {
      if (!required) continue;
      throw builderError('KERNEL_NOTES', file, `requires the feature "${item.slice(1)}", which Xen does not know`);
    }
    notes.supportedFeatures |= 1 << bit;
    if (required) notes.requiredFeatures |= 1 << bit;
  }
}

/** `__xen_guest`: NAME=value, separated by commas, NUL at the end. Page numbers where notes have addresses. */
function parseGuestString(file: string, section: string): XenNotes {
  const notes = empty('__xen_guest');
  for (const item of section.split(',')) {
    const equals = item.indexOf('=');
    const name = equals < 0 ? item : item.slice(0, equals);
    const value = equals < 0 ? '' : item.slice(equals + 1);
    guestStringItem(file, notes, name, value);
  }
  if (notes.virtBase !== undefined && notes.hypercallPage !== undefined) notes.hypercallPage += notes.virtBase;
  return notes;
}

function guestStringItem(file: string, notes: XenNotes, name: string, value: string): void {
  switch (name) {
    case 'LOADER':
      notes.loader = value;
      break;
    case 'GUEST_OS':
      notes.guestOs = value;
      break;
    case 'GUEST_VER':
      notes.guestVersion = value;
      break;
    case 'XEN_VER':
      notes.xenVersion = value;
      break;
    case 'PAE':
      if (value === 'yes[extended-cr3]') notes.pae = 'extended-cr3';
      else if (value.startsWith('yes')) notes.pae = 'yes';
      break;
    case 'BSD_SYMTAB':
      notes.bsdSymtab = true;
      break;
    case 'VIRT_BASE':
      notes.virtBase = integer(file, name, value);
      break;
    case 'VIRT_ENTRY':
      notes.entry = integer(file, name, value);
      break;
    case 'ELF_PADDR_OFFSET':
      notes.paddrOffset = integer(file, name, value);
      break;
    case 'HYPERCALL_PAGE':
      notes.hypercallPage = integer(file, name, value) << 12n;
      break;
    case 'FEATURES':
      addFeatures(file, notes, value);
      break;
  }
}

function integer(file: string, name: string, value: string): bigint {
  if (/^(0x[0-9a-fA-F]+|[1-9][0-9]*|0)$/.test(value)) return BigInt(value);
  if (/^0[0-7]+$/.test(value)) return BigInt(`0o${value.slice(1)}`);
  throw builderError(
    'KERNEL_NOTES',
    file,
    `__xen_guest has ${name}=${value}: expected a number, for example 0xc0000000`,
  );
}

/** A number is 1, 2, 4 or 8 bytes; another size reads as 0, as in libelf. */
function numeric(description: Uint8Array): bigint {
  const size = description.length;
  return size === 1 || size === 2 || size === 4 || size === 8 ? (integers(description, size)[0] as bigint) : 0n;
}

function integers(description: Uint8Array, size: number): bigint[] {
  const values: bigint[] = [];
  for (let at = 0; at + size <= description.length; at += size) {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(description[at + i] as number);
    values.push(value);
  }
  return values;
}

/** Latin-1 up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
