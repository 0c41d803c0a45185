/** Data breakpoints, for which every access is looked at, where SMAP's flag changes meanwhile. */
import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE, DATA } from '../../src/cpu/testing/processor.ts';
import { forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const assemble = (source: string): number[] => [...assembler.assemble(source, { origin: CODE }).bytes];
/** DR7: writes of 4 bytes at DR0; instructions at DR1. */
const WRITES = 0xd0001;
const INSTRUCTIONS = 0x4;
const WATCHED = DATA + 0x100;

for (const [name, flags] of [
  ['clac', state.FLAG_AC],
  ['stac', 0],
] as const) {
  forEveryEngine(`writes are still noticed after ${name}`, (make) => {
    using guest = new SystemGuest({}, make);
    guest.rflags = flags;
    guest.state.setGpr(state.RDX, BigInt(WRITES));
    const before = `
      mov rdi, ${WATCHED}
      mov dr0, rdi
      mov dr7, rdx
      ${name}
      mov [rdi + 64], eax
      mov [rdi + 128], eax
      mov [rdi], eax`;
    const { vector, rip } = guest.delivered(assemble(`${before}\nnop\nhlt`));
    deepEqual([vector, rip], [state.EXCEPTION_DB, CODE + assemble(before).length]);
  });
}

forEveryEngine('after STAC no other processor’s registers are taken for what the TLB has', (make) => {
  using guest = new SystemGuest({}, make);
  using other = new SystemGuest({}, make);
  for (let register = 0; register < 16; register += 2) {
    other.state.setGpr(register, 0x100000n + BigInt(register / 2) * 4096n);
    other.state.setGpr(register + 1, BigInt(other.state.base - 0x100000 - (register / 2) * 4096));
  }
  const expected = Array.from({ length: 16 }, (_, register) => other.state.gpr(register));
  guest.rflags = 0;
  guest.state.setGpr(state.RDX, BigInt(WRITES));
  const writes = Array.from({ length: 8 }, (_, page) => `mov [${0x100000 + page * 4096 + 8}], rdi`);
  const program = `mov rdi, ${WATCHED}\nmov dr0, rdi\nmov dr7, rdx\nstac\n${writes.join('\n')}\nhlt`;
  equal(guest.run(assemble(program)), EXIT_HLT);
  deepEqual(
    Array.from({ length: 16 }, (_, register) => other.state.gpr(register)),
    expected,
  );
});

forEveryEngine('SMAP holds where only instructions have breakpoints', (make) => {
  using guest = new SystemGuest({}, make);
  guest.rflags = state.FLAG_AC;
  guest.view.setBigUint64(0x2008, 0x90007n, true);
  guest.view.setBigUint64(0x90000, 0x400087n, true);
  guest.view.setUint32(0x2000, 0x83, true);
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_SMAP);
  guest.vcpu.flushTlb();
  guest.state.setGpr(state.RDX, BigInt(INSTRUCTIONS));
  const before = 'mov dr7, rdx\nmov edi, 0x40000000\nstac\nmov [rdi], eax\nclac';
  const { vector, rip } = guest.delivered(assemble(`${before}\nmov [rdi], eax\nhlt`));
  deepEqual([vector, rip], [state.EXCEPTION_PF, CODE + assemble(before).length]);
});

forEveryEngine('a loop that arms a breakpoint, or sets TF, is left for the trap', (make) => {
  using guest = new SystemGuest({}, make);
  const cases = [
    { change: 'mov dr7, r8', before: 0x400, after: WRITES, done: 'mov [rdi], ecx' },
    { change: 'push r8\npopfq', before: 2, after: 2 | state.FLAG_TF, done: 'mov [rdi], ecx' },
  ];
  for (const { change, before, after, done } of cases) {
    const start = `next: mov [rdi + 8], ecx\n${change}`;
    const program = assemble(`${start}\n${done}\nmov [rdi + 16], ecx\nmov [rdi + 4], ecx\ndec ecx\njnz next\nhlt`);
    for (const [value, vector] of [
      [before, undefined],
      [before, undefined],
      [after, state.EXCEPTION_DB],
    ] as const) {
      guest.state.setGpr(state.RDI, BigInt(WATCHED));
      guest.state.setU64(state.OFFSET_DR, BigInt(WATCHED));
      guest.state.setGpr(state.RCX, 9n);
      guest.state.setGpr(state.R8, BigInt(value));
      guest.state.setGpr(state.RSP, 0x40000n);
      guest.rflags = 0;
      const exit = guest.run(program);
      if (vector === undefined) {
        deepEqual([exit, guest.state.rip], [EXIT_HLT, BigInt(CODE + program.length)]);
        continue;
      }
      const found = guest.frame(exit);
      deepEqual([found.vector, found.rip], [vector, CODE + assemble(`${start}\n${done}`).length]);
    }
    guest.state.setU64(state.OFFSET_DR + 7 * 8, 0x400n);
  }
});
