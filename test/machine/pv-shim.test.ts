/** pvshim = 1: a shim is started in the PV kernel's place, which it finds as its first module. */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { EXIT_POWEROFF } from '../../src/dom0/xl/exit-status.ts';
import { KERNEL_BASE, kernelOf, put, runXl, scratchFolder } from './testing/run-xl.ts';

const folder = scratchFolder();
const assembler = new Assembler(ALL_INSTRUCTIONS);

/** Stands in for xen-shim: looks at what it was given, and powers off; it crashes where something else is there. */
const SHIM = `
  cmp dword [ebx + 0xc], 2          ; hvm_start_info.nr_modules
  jne fail
  mov eax, [ebx + 0x18]             ; cmdline_paddr
  cmp dword [eax], 0x732d7670       ; "pv-s"
  jne fail
  cmp dword [eax + 23], 0x676f6c    ; "log" after "pv-shim console=xen,pv "
  jne fail
  mov esi, [ebx + 0x10]             ; modlist_paddr
  mov eax, [esi]                    ; hvm_modlist_entry.paddr
  cmp dword [eax], 0x6e72656b       ; "kern"
  jne fail
  cmp dword [esi + 8], 6            ; size
  jne fail
  mov eax, [esi + 0x10]             ; cmdline_paddr
  cmp dword [eax], 0x69757173       ; "squi"
  jne fail
  mov eax, [esi + 0x20]
  cmp dword [eax], 0x6b736964       ; "disk"
  jne fail
  cmp dword [esi + 0x30], 0         ; the ramdisk has no command line
  jne fail
  cli
  hlt
fail:
  ud2
`;

const GUEST = `name = "pv"
type = "pvh"
pvshim = 1
pvshim_extra = "log"
kernel = "kernel"
ramdisk = "ramdisk"
cmdline = "squi"
memory = 32
`;

test('a shim finds the PV kernel with its command line, and the ramdisk, by the start info', async () => {
  const { bytes } = assembler.assemble(SHIM, { width: 32, origin: KERNEL_BASE });
  put(folder, 'shim', kernelOf([...bytes]));
  put(folder, 'kernel', 'kernel');
  put(folder, 'ramdisk', 'disk');
  put(folder, 'pv.cfg', `${GUEST}pvshim_path = "shim"\n`);
  const { status, stderr } = await runXl(folder, ['create', '-F', 'pv.cfg']);
  equal(status, EXIT_POWEROFF, stderr);
});

test('a shim that is not there is told of by its key', async () => {
  put(folder, 'none.cfg', `${GUEST}pvshim_path = "/nowhere/xen-shim"\n`);
  const { status, stderr } = await runXl(folder, ['create', '-F', 'none.cfg']);
  equal(status, 1);
  match(stderr, /none\.cfg:9: pvshim_path = "\/nowhere\/xen-shim": no such file/);
});
