import { VcpuGuestContext } from '../../abi/arch-x86/xen.ts';
import { XEN_CAPABILITIES_INFO_LEN, XEN_CHANGESET_INFO_LEN, XEN_EXTRAVERSION_LEN } from '../../abi/version.ts';
import { type Domid, gfn, type Gfn } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { StateCalls } from '../../libs/ctrl/state-calls.ts';
import type { ToolCalls, XenVersion } from '../../libs/ctrl/tool-calls.ts';
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import { DomainError } from './errors.ts';
import { PAGE_SIZE, withFrames } from './guest-memory.ts';

/** What a dump is made from. */
export interface CoreDumpHost {
  readonly ctrl: Pick<Ctrl, 'domain_getinfo' | 'domain_pause' | 'domain_unpause'>;
  readonly tools: Pick<ToolCalls, 'vcpu_getcontext' | 'domain_maximum_gpfn' | 'version'>;
  readonly state: Pick<StateCalls, 'get_pfn_type_batch'>;
  readonly foreignMemory: ForeignMemory;
}

/**
 * Writes a domain's memory and registers out as xc_domain_dumpcore does: an ELF file with sections instead of
 * segments (docs/misc/dump-core-format.txt, version 0.1). The domain is paused meanwhile. `write` takes pieces of the
 * file in order.
 */
export async function dumpCore(
  host: CoreDumpHost,
  domid: Domid,
  write: (bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  host.ctrl.domain_pause(domid);
  try {
    const info = host.ctrl.domain_getinfo(domid);
    if (info === undefined) throw new DomainError('DOMAIN_REFUSED', `there is no domain ${domid}`);
    const vcpus = contextsOf(host, domid, info.max_vcpu_id + 1);
    const frames = framesOf(host, domid);
    const note = notes(host.tools.version(), vcpus.length, frames.length);
    const sections = layOut(note.length, vcpus.length, frames.length);

    await write(headers(sections));
    await write(note);
    for (const context of vcpus) await write(context);
    await write(new Uint8Array(sections.padding));
    for (let first = 0; first < frames.length; first += FRAMES_AT_ONCE) {
      await write(pages(host, domid, frames.slice(first, first + FRAMES_AT_ONCE)));
    }
    await write(new Uint8Array(BigUint64Array.from(frames, BigInt).buffer));
    await write(NAMES.bytes);
  } finally {
    host.ctrl.domain_unpause(domid);
  }
}

const FRAMES_AT_ONCE = 256;
/** XEN_DOMCTL_PFINFO_XTAB: nothing is there. */
const PFINFO_XTAB = 0xf;
/** Rows of XEN_DOMCTL_getpageframeinfo3. */
const TYPES_AT_ONCE = 1024;

/** Registers of the vCPUs that have some: one that was never brought up has none, and is left out. */
function contextsOf({ tools }: CoreDumpHost, domid: Domid, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, vcpu) => vcpu).flatMap((vcpu) => {
    try {
      return [tools.vcpu_getcontext(domid, vcpu)];
    } catch (error) {
      if (!(error instanceof HypercallError)) throw error;
      return [];
    }
  });
}

/** The frames that have memory behind them, ascending. */
function framesOf({ tools, state }: CoreDumpHost, domid: Domid): Gfn[] {
  const end = tools.domain_maximum_gpfn(domid) + 1;
  const frames: Gfn[] = [];
  for (let first = 0; first < end; first += TYPES_AT_ONCE) {
    const batch = Array.from({ length: Math.min(TYPES_AT_ONCE, end - first) }, (_, index) => gfn(first + index));
    const types = state.get_pfn_type_batch(domid, batch);
    batch.forEach((frame, index) => {
      if ((types[index] ?? 0) >>> 28 !== PFINFO_XTAB) frames.push(frame);
    });
  }
  return frames;
}

function pages({ foreignMemory }: CoreDumpHost, domid: Domid, frames: readonly Gfn[]): Uint8Array {
  const bytes = new Uint8Array(frames.length * PAGE_SIZE);
  withFrames(foreignMemory, domid, frames, (views) => {
    for (const [index, view] of views.entries()) bytes.set(view, index * PAGE_SIZE);
  });
  return bytes;
}

// The ELF file: its header, the section headers, then the sections in this order.

const EHDR = 64;
const SHDR = 64;
const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;
const SHT_NOTE = 7;
const SECTION_NAMES = ['.note.Xen', '.xen_prstatus', '.xen_pages', '.xen_pfn', '.shstrtab'] as const;
const NAMES = nameTable(SECTION_NAMES);

interface Section {
  readonly name: (typeof SECTION_NAMES)[number];
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly entry: number;
  readonly align: number;
}

interface Layout {
  readonly sections: readonly Section[];
  /** Bytes between the registers and the pages, which start on a page. */
  readonly padding: number;
}

function layOut(noteSize: number, vcpus: number, frames: number): Layout {
  const note = EHDR + (SECTION_NAMES.length + 1) * SHDR;
  const prstatus = note + noteSize;
  const prstatusEnd = prstatus + vcpus * VcpuGuestContext.SIZE;
  const start = Math.ceil(prstatusEnd / PAGE_SIZE) * PAGE_SIZE;
  const pfn = start + frames * PAGE_SIZE;
  const names = pfn + frames * 8;
  const section = (
    name: Section['name'],
    type: number,
    offset: number,
    size: number,
    entry = 0,
    align = 0,
  ): Section => {
    return { name, type, offset, size, entry, align };
  };
  return {
    padding: start - prstatusEnd,
    sections: [
      section('.note.Xen', SHT_NOTE, note, noteSize),
      section('.xen_prstatus', SHT_PROGBITS, prstatus, prstatusEnd - prstatus, VcpuGuestContext.SIZE),
      section('.xen_pages', SHT_PROGBITS, start, frames * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE),
      section('.xen_pfn', SHT_PROGBITS, pfn, frames * 8, 8),
      section('.shstrtab', SHT_STRTAB, names, NAMES.bytes.length),
    ],
  };
}

function headers({ sections }: Layout): Uint8Array {
  const bytes = new Uint8Array(EHDR + (sections.length + 1) * SHDR);
  const view = new DataView(bytes.buffer);
  const ET_CORE = 4;
  const EM_X86_64 = 62;
  // 64-bit, little-endian, version 1, System V
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(EHDR), true);
  view.setUint16(52, EHDR, true);
  view.setUint16(58, SHDR, true);
  view.setUint16(60, sections.length + 1, true);
  view.setUint16(62, sections.length, true);
  for (const [index, { name, type, offset, size, entry, align }] of sections.entries()) {
    const at = EHDR + (index + 1) * SHDR;
    view.setUint32(at, NAMES.at.get(name) ?? 0, true);
    view.setUint32(at + 4, type, true);
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(size), true);
    view.setBigUint64(at + 48, BigInt(align), true);
    view.setBigUint64(at + 56, BigInt(entry), true);
  }
  return bytes;
}

function nameTable(names: readonly string[]): { readonly bytes: Uint8Array; readonly at: ReadonlyMap<string, number> } {
  const at = new Map<string, number>();
  let text = '\0';
  for (const name of names) {
    at.set(name, text.length);
    text += `${name}\0`;
  }
  return { bytes: new TextEncoder().encode(text), at };
}

// .note.Xen (xc_core.h)

const XEN_ELFNOTE_DUMPCORE_NONE = 0x2000000;
const XEN_ELFNOTE_DUMPCORE_HEADER = 0x2000001;
const XEN_ELFNOTE_DUMPCORE_XEN_VERSION = 0x2000002;
const XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION = 0x2000003;
const XC_CORE_MAGIC_HVM = 0xf00febeen;
const FORMAT_VERSION = 1n;

function notes(xen: XenVersion, vcpus: number, frames: number): Uint8Array {
  const header = words(XC_CORE_MAGIC_HVM, BigInt(vcpus), BigInt(frames), BigInt(PAGE_SIZE));
  const version = joined([
    words(BigInt(xen.major), BigInt(xen.minor)),
    text(xen.extra, XEN_EXTRAVERSION_LEN),
    text(xen.compiler, 64),
    text(xen.compile_by, 16),
    text(xen.compile_domain, 32),
    text(xen.compile_date, 32),
    text(xen.capabilities, XEN_CAPABILITIES_INFO_LEN),
    text(xen.changeset, XEN_CHANGESET_INFO_LEN),
    words(xen.virt_start, BigInt(xen.pagesize)),
  ]);
  return joined([
    note(XEN_ELFNOTE_DUMPCORE_NONE, new Uint8Array(0)),
    note(XEN_ELFNOTE_DUMPCORE_HEADER, header),
    note(XEN_ELFNOTE_DUMPCORE_XEN_VERSION, version),
    note(XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, words(FORMAT_VERSION)),
  ]);
}

/** Descriptors here are multiples of 4 bytes, as notes have to be. */
function note(type: number, descriptor: Uint8Array): Uint8Array {
  const head = Uint32Array.of(4, descriptor.length, type);
  return joined([new Uint8Array(head.buffer), text('Xen', 4), descriptor]);
}

function words(...values: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values).buffer);
}

function text(value: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode(value).subarray(0, size - 1));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
