/** Flags that one turn of a loop sets and an access of a later one faults with: nobody saw them until then. */
import { deepEqual } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE } from '../../src/cpu/testing/processor.ts';
import { forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const PAGE = 0x40000000;
const TABLE = 0x91000;
const FRAME = 0x400000;
const STACK = 0x51000;
const STATUS_FLAGS = 0x8d5;
const TURNS = 6;

const SETTERS = [
  'cmp rbx, rdx',
  'cmp bl, dl\nlea rbx, [rbx + rdx]',
  'sub bx, dx',
  'add ebx, edx',
  'and rbx, rdx',
  'cmp rbx, rdx\ninc bl',
  'add rbx, rdx\ndec ebx',
  'inc rbx',
  'shl rbx, 3',
  'shr ebx, 1',
  'sar bx, cl',
  'adc rbx, rdx',
  'sbb bl, dl',
  'add rbx, rdx\nrol rbx, 5',
  'imul ebx, edx',
  'cmp rdx, rbx\nbt rbx, rcx',
  'sub rbx, rdx\nsetb bl',
  'add rbx, rdx\ncmovs rbx, rdx',
  'ucomisd xmm0, xmm1',
  'test ebx, edx\nstc',
];

// One page is there, the next one is not.
function prepare(guest: SystemGuest): void {
  guest.view.setBigUint64(0x2008, 0x90007n, true);
  guest.view.setBigUint64(0x90000, BigInt(TABLE | 7), true);
  guest.view.setBigUint64(TABLE, BigInt(FRAME | 7), true);
  guest.vcpu.flushTlb();
}

function run(guest: SystemGuest, source: string): void {
  guest.state.setGpr(state.RBX, 0x1234_5678_8765_43f0n);
  guest.state.setGpr(state.RDX, 0x8000_0001_ffff_ffa1n);
  guest.state.setGpr(state.RCX, 11n);
  guest.state.setGpr(state.RDI, BigInt(PAGE + 4096 - TURNS));
  guest.state.setGpr(state.RSP, BigInt(STACK));
  guest.run([...assembler.assemble(`cmp rdi, rdi\n${source}`, { origin: CODE }).bytes]);
}

for (const back of ['jmp next', 'jrcxz out\njmp next\nout: hlt']) {
  forEveryEngine(`a fault in a loop has the flags of the turn before: ${back.replaceAll('\n', '; ')}`, (make) => {
    using guest = new SystemGuest({}, make);
    prepare(guest);
    const { state: registers } = guest;
    for (const setter of SETTERS) {
      run(guest, `${`${setter}\n`.repeat(TURNS)}pushfq\npop rax\nhlt`);
      const expected = [Number(registers.gpr(state.RAX)) & STATUS_FLAGS, registers.gpr(state.RBX)];
      run(guest, `next: mov al, [rdi]\n${setter}\nlea rdi, [rdi + 1]\n${back}`);
      const { vector, rflags } = guest.frame(EXIT_HLT);
      deepEqual([vector, rflags & STATUS_FLAGS, registers.gpr(state.RBX)], [state.EXCEPTION_PF, ...expected], setter);
    }
  });
}
