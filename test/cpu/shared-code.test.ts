/**
 * Frames with the same code share what was made of it, those of another domain too: what one of them changes beside it
 * is never executed by whoever has another.
 */
import { equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT, type Exit } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const FRAMES = [0x400000, 0x401000];
const ELSEWHERE = 0x50000;

// Each writes to [rdi], and then comes to `mov eax, 1` for the first time.
const PAGES = {
  'a jump': 'mov [rdi], bl\njmp there\nalign 256\nthere: mov eax, 1\nhlt',
  'a jump that depends': 'mov [rdi], bl\ncmp eax, eax\njz there\nalign 256\nthere: mov eax, 1\nhlt',
  'a call': 'mov [rdi], bl\ncall there\nhlt\nalign 256\nthere: mov eax, 1\nret',
  // The call's own return address is a change of code, and what is behind is not the code that it was part of.
  'a call with its stack in the page':
    'mov [rdi], bl\nlea rsp, [rel stack]\ncall there\nhlt\nalign 8\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nstack:\nalign 256\nthere: mov eax, 1\nhlt',
  'a return': 'call sub\nalign 128\nmov eax, 1\nhlt\nalign 256\nsub: hlt\nmov [rdi], bl\nret',
};

for (const [name, source] of Object.entries(PAGES)) {
  forEveryEngine(
    `where ${name} leads, and was changed by one who has the page, is not where it leads others`,
    (make) => {
      using guest = new SystemGuest({}, make);
      const { bytes } = assembler.assemble(source, { origin: 0 });
      const one = [...bytes].findIndex((byte, at) => byte === 0xb8 && bytes[at + 1] === 1) + 1;
      for (const frame of FRAMES) guest.load(frame, [...bytes]);
      for (const [number, frame] of FRAMES.entries()) {
        guest.state.setGpr(state.RDI, BigInt(number === 0 ? frame + one : ELSEWHERE));
        guest.state.setGpr(state.RBX, 2n);
        guest.state.setGpr(state.RAX, 0n);
        guest.state.setGpr(state.RSP, 0x40000n);
        guest.state.rip = BigInt(frame);
        for (let stops = 0; stops < 3 && guest.state.gpr(state.RAX) === 0n; stops++) equal(guest.continue(), EXIT_HLT);
        equal(guest.state.gpr(state.RAX), number === 0 ? 2n : 1n);
      }
    },
  );
}

// What comes to be no instruction is at the beginning of 64 bytes, behind others that are decoded with it.
const BEFORE = `jmp a\nalign 64\na: mov [rdi], bl\njmp there\nalign 64\ntimes 48 nop\nthere: times 16 nop`;
const PUSH_ES = 6;

forEveryEngine('what is no instruction in one frame is one in others', (make) => {
  using guest = new SystemGuest({}, make);
  const at = assembler.assemble(BEFORE, { origin: 0 }).bytes.length;
  const { bytes } = assembler.assemble(`${BEFORE}\nmov eax, 1\nhlt`, { origin: 0 });
  const run = (frame: number, writesTo: number): Exit => {
    guest.state.setGpr(state.RDI, BigInt(writesTo));
    guest.state.setGpr(state.RBX, BigInt(PUSH_ES));
    guest.state.setGpr(state.RAX, 0n);
    guest.state.setGpr(state.RSP, 0x40000n);
    guest.state.rip = BigInt(frame);
    return guest.continue();
  };
  for (const frame of FRAMES) guest.load(frame, [...bytes]);
  const [first = 0, second = 0] = FRAMES;
  equal(guest.frame(run(first, first + at)).vector, state.EXCEPTION_UD);
  equal(run(second, ELSEWHERE), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 1n);
  // And where it is made one again.
  guest.load(first + at, [0xb8]);
  equal(run(first, ELSEWHERE), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 1n);
});
