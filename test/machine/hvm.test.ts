/** HVM guests with a file of their own in hvmloader's place, and Xen's command line. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { EM_386, elf } from '../../src/dom0/builder/testing/kernels.ts';
import { EXIT_CRASH, EXIT_POWEROFF } from '../../src/dom0/xl/exit-status.ts';
import { put, runXl, scratchFolder } from './testing/run-xl.ts';

const folder = scratchFolder();
const BASE = 0x100000;
const assembler = new Assembler(ALL_INSTRUCTIONS);

/** Firmware as hvmloader is: a 32-bit ELF file without notes. It powers off; where it comes to `fail` it crashes. */
function firmware(source: string): void {
  const text = `${source}\n  cli\n  hlt\nfail:\n  ud2\n`;
  const { bytes } = assembler.assemble(text, { width: 32, origin: BASE });
  const segments = [{ paddr: BASE, bytes, memorySize: 0x3000 }];
  put(folder, 'firmware', elf({ bits: 32, machine: EM_386, entry: BASE, segments }));
}

async function create(settings = '', environment: Record<string, string> = {}) {
  put(folder, 'hvm.cfg', `name = "h"\ntype = "hvm"\nfirmware_override = "firmware"\nmemory = 32\n${settings}`);
  return await runXl(folder, ['create', '-F', 'hvm.cfg'], environment);
}

test('firmware starts in 32-bit mode with the start info in EBX and the HVM info table at 0x9f800', async () => {
  firmware(`
  cmp dword [ebx], 0x336ec578
  jne fail
  cmp dword [0x9f800], 0x204d5648   ; "HVM "
  jne fail`);
  const { status, stderr } = await create();
  equal(status, EXIT_POWEROFF, stderr);
});

const DEVICES = `
  mov dword [0xfec00000], 1
  cmp dword [0xfec00010], 0x2f0011  ; I/O APIC: its version
  jne fail
  cmp dword [0xfed00000], 0x8086a201
  jne fail                          ; HPET: its capabilities`;

test('it has an I/O APIC and an HPET, which hpet = 0 takes away', async () => {
  firmware(DEVICES);
  const { status, stderr } = await create();
  equal(status, EXIT_POWEROFF, stderr);
  equal((await create('hpet = 0\n')).status, EXIT_CRASH);
});

test("Hyper-V's leaves are there where viridian asks for them", async () => {
  firmware(`
  mov eax, 0x40000000
  cpuid
  cmp ebx, 0x7263694d               ; "Micr"
  jne fail`);
  equal((await create('viridian = ["base", "stimer"]\n')).status, EXIT_POWEROFF);
  equal((await create()).status, EXIT_CRASH);
});

test('the forced emulation prefix is an option of Xen, off by itself', async () => {
  firmware(`
  ud2
  db "xen"
  mov eax, 1`);
  equal((await create('', { XENOLITH_CMDLINE_XEN: 'hvm_fep' })).status, EXIT_POWEROFF);
  equal((await create()).status, EXIT_CRASH);
});

test("an option that is none of Xen's ends it before there is a domain", async () => {
  const { status, stderr } = await create('', { XENOLITH_CMDLINE_XEN: 'hvm_feb' });
  equal(status, 1);
  match(stderr, /Xen's command line: hvm_feb: expected hvm_fep, /);
});
