import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as note from '../../abi/elfnote.ts';
import { parseElf } from './elf.ts';
import { parseXenNotes } from './notes.ts';
import { elf, number, type TestElf, words } from './testing/kernels.ts';

const notesOf = (options: TestElf) => parseXenNotes('k', parseElf('k', elf(options)));

/** What Debian 6.1's cloud kernel has (reference/guests.md). */
const DEBIAN = [
  { type: note.XEN_ELFNOTE_GUEST_OS, description: 'linux' },
  { type: note.XEN_ELFNOTE_GUEST_VERSION, description: '2.6' },
  { type: note.XEN_ELFNOTE_XEN_VERSION, description: 'xen-3.0' },
  { type: note.XEN_ELFNOTE_VIRT_BASE, description: number(0xffffffff80000000n) },
  { type: note.XEN_ELFNOTE_INIT_P2M, description: number(0x8000000000n) },
  { type: note.XEN_ELFNOTE_ENTRY, description: number(0xffffffff8304e1c0n) },
  { type: note.XEN_ELFNOTE_FEATURES, description: '!writable_page_tables|pae_pgdir_above_4gb' },
  { type: note.XEN_ELFNOTE_SUPPORTED_FEATURES, description: number(0x8801, 4) },
  { type: note.XEN_ELFNOTE_PAE_MODE, description: 'yes' },
  { type: note.XEN_ELFNOTE_LOADER, description: 'generic' },
  { type: note.XEN_ELFNOTE_L1_MFN_VALID, description: words(1, 0, 1, 0) },
  { type: note.XEN_ELFNOTE_SUSPEND_CANCEL, description: number(1, 4) },
  { type: note.XEN_ELFNOTE_MOD_START_PFN, description: number(1) },
  { type: note.XEN_ELFNOTE_HV_START_LOW, description: number(0xffff800000000000n) },
  { type: note.XEN_ELFNOTE_PADDR_OFFSET, description: number(0) },
  { type: note.XEN_ELFNOTE_PHYS32_ENTRY, description: number(0x1000850, 4) },
];

describe('parseXenNotes', () => {
  test("reads every note of Debian's kernel", () => {
    assert.deepEqual(notesOf({ notes: DEBIAN }), {
      source: 'PT_NOTE',
      guestOs: 'linux',
      guestVersion: '2.6',
      xenVersion: 'xen-3.0',
      loader: 'generic',
      entry: 0xffffffff8304e1c0n,
      virtBase: 0xffffffff80000000n,
      paddrOffset: 0n,
      initP2m: 0x8000000000n,
      hvStartLow: 0xffff800000000000n,
      physEntry: 0x1000850,
      pae: 'extended-cr3',
      bsdSymtab: false,
      modStartPfn: true,
      suspendCancel: true,
      l1MfnValid: [{ mask: 1n, value: 1n }],
      supportedFeatures: 0x8811,
      requiredFeatures: 1,
    });
  });

  test('falls back to note sections when no segment has a note of Xen (Mini-OS)', () => {
    const notes = notesOf({ notes: DEBIAN, notesIn: 'section' });
    assert.equal(notes.source, 'SHT_NOTE');
    assert.equal(notes.physEntry, 0x1000850);
  });

  test('falls back to the ASCII section __xen_guest (public/elfnote.h, LEGACY), whose hypercall page is a page number', () => {
    const guestString =
      'GUEST_OS=GNU Mach,GUEST_VER=1.3,XEN_VER=xen-3.0,VIRT_BASE=0x40000000,ELF_PADDR_OFFSET=0x40000000,' +
      'HYPERCALL_PAGE=0x2,LOADER=generic,PAE=yes[extended-cr3],FEATURES=!writable_page_tables,BSD_SYMTAB\0';
    const notes = notesOf({ guestString });
    assert.equal(notes.source, '__xen_guest');
    assert.equal(notes.guestOs, 'GNU Mach');
    assert.equal(notes.virtBase, 0x40000000n);
    assert.equal(notes.hypercallPage, 0x40002000n);
    assert.equal(notes.pae, 'extended-cr3');
    assert.equal(notes.requiredFeatures, 1);
    assert.equal(notes.bsdSymtab, true);
    assert.throws(() => notesOf({ guestString: 'VIRT_BASE=high\0' }), {
      code: 'KERNEL_NOTES',
      message: 'k: __xen_guest has VIRT_BASE=high: expected a number, for example 0xc0000000',
    });
  });

  test('a file without any is no error here: who loads it says what it needs', () => {
    assert.equal(notesOf({ notes: [{ type: 3, name: 'GNU', description: [1, 2, 3, 4] }] }).source, 'none');
  });

  test('PHYS32_RELOC has defaults for what it leaves out (public/elfnote.h)', () => {
    const reloc = (...values: number[]) => notesOf({ notes: [{ type: 19, description: words(...values) }] }).physReloc;
    assert.deepEqual(reloc(), { align: undefined, min: 0, max: 0xffffffff });
    assert.deepEqual(reloc(0x200000), { align: 0x200000, min: 0, max: 0xffffffff });
    assert.deepEqual(reloc(0x200000, 0x1000000, 0x3fffffff), { align: 0x200000, min: 0x1000000, max: 0x3fffffff });
  });

  test('a number is read by its size: 1, 2, 4 or 8 bytes', () => {
    const entry = (...description: number[]) =>
      notesOf({ notes: [{ type: note.XEN_ELFNOTE_ENTRY, description }] }).entry;
    assert.equal(entry(0x80), 0x80n);
    assert.equal(entry(0x34, 0x12), 0x1234n);
    assert.equal(entry(0, 0, 0, 0x80), 0x80000000n);
    assert.equal(entry(1, 2, 3), 0n);
  });

  test('an unknown feature is ignored, unless the kernel requires it', () => {
    const features = (description: string) => notesOf({ notes: [{ type: note.XEN_ELFNOTE_FEATURES, description }] });
    assert.equal(features('teleport|pae_pgdir_above_4gb').supportedFeatures, 1 << 4);
    assert.throws(() => features('!teleport'), {
      message: 'k: requires the feature "teleport", which Xen does not know',
    });
  });

  test('a note that runs past the file says nothing', () => {
    const whole = elf({ notes: DEBIAN });
    const file = parseElf('k', whole);
    const start = file.noteSegments[0]?.start ?? 0;
    const bad = whole.slice();
    bad.fill(0xff, start + 4, start + 8);
    assert.equal(parseXenNotes('k', parseElf('k', bad)).physEntry, undefined);
  });
});
