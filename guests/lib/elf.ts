/** An ELF file as a PVH loader wants it: one segment to load, and Xen's note with the 32-bit entry. */
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../src/abi/elfnote.ts';

const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const NOTE_SIZE = 20;
const ET_EXEC = 2;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
const PF_RWX = 7;

/** Wraps a kernel's image, to be loaded at a physical address and entered at another one inside it. */
export function pvhElf(image: Uint8Array, address: number, entry: number): Uint8Array {
  const noteAt = EHDR_SIZE + 2 * PHDR_SIZE;
  const imageAt = noteAt + NOTE_SIZE + 4;
  const file = new Uint8Array(imageAt + image.length);
  const view = new DataView(file.buffer);
  // e_ident: 64-bit, little-endian, version 1
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_EXEC, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, entry, true);
  view.setUint32(32, EHDR_SIZE, true);
  view.setUint16(52, EHDR_SIZE, true);
  view.setUint16(54, PHDR_SIZE, true);
  view.setUint16(56, 2, true);
  writeProgramHeader(view, EHDR_SIZE, PT_LOAD, imageAt, address, image.length);
  writeProgramHeader(view, EHDR_SIZE + PHDR_SIZE, PT_NOTE, noteAt, 0, NOTE_SIZE);
  // Sizes of name and value, type, 'Xen', the entry.
  view.setUint32(noteAt, 4, true);
  view.setUint32(noteAt + 4, 4, true);
  view.setUint32(noteAt + 8, XEN_ELFNOTE_PHYS32_ENTRY, true);
  file.set([0x58, 0x65, 0x6e, 0], noteAt + 12);
  view.setUint32(noteAt + 16, entry, true);
  file.set(image, imageAt);
  return file;
}

function writeProgramHeader(
  view: DataView,
  at: number,
  type: number,
  offset: number,
  address: number,
  size: number,
): void {
  view.setUint32(at, type, true);
  view.setUint32(at + 4, PF_RWX, true);
  view.setUint32(at + 8, offset, true);
  view.setUint32(at + 16, address, true);
  view.setUint32(at + 24, address, true);
  view.setUint32(at + 32, size, true);
  view.setUint32(at + 40, size, true);
}
