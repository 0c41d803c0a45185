/** Code and data at the ends of what can be addressed: of both halves in 64-bit code, of 4 GiB in 32-bit code. */
import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE, PML4 } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const LOW_END = 0x7ffffffff000n;
const HIGH_START = 0xffff800000000000n;
const FRAMES = [0x400000, 0x500000] as const;
const RET = 0xc3;
const NOP = 0x90;

class Guest extends SystemGuest {
  constructor(make: EngineMaker) {
    super({}, make);
    // The last page of the lower half, the first one of the upper half.
    this.view.setBigUint64(PML4 + 255 * 8, 0x90007n, true);
    this.view.setBigUint64(0x90000 + 511 * 8, 0x91007n, true);
    this.view.setBigUint64(0x91000 + 511 * 8, 0x92007n, true);
    this.view.setBigUint64(0x92000 + 511 * 8, BigInt(FRAMES[0]) | 7n, true);
    this.view.setBigUint64(PML4 + 256 * 8, 0x94007n, true);
    this.view.setBigUint64(0x94000, 0x95007n, true);
    this.view.setBigUint64(0x95000, 0x96007n, true);
    this.view.setBigUint64(0x96000, BigInt(FRAMES[1]) | 7n, true);
    this.vcpu.flushTlb();
  }
}

forEveryEngine('code does not run from one half of the address space into the other', (make) => {
  using guest = new Guest(make);
  guest.load(FRAMES[1], [RET]);
  guest.load(FRAMES[0] + 0xffe, [NOP, NOP]);
  guest.state.setGpr(state.RDX, HIGH_START);
  guest.state.setGpr(state.RBX, LOW_END + 0xffen);
  for (let round = 0; round < 3; round++) {
    guest.state.setGpr(state.RSP, 0x40000n);
    const { bytes } = assembler.assemble('call rdx\ncall rdx\njmp rbx', { origin: CODE });
    const exit = guest.run([...bytes]);
    const { vector, rip } = guest.frame(exit);
    deepEqual([vector, BigInt(rip)], [state.EXCEPTION_GP, LOW_END + 0x1000n]);
  }
});

/** mov al, [0x50000]; mov [0x6003f], al; mov al, fs:[esi]: what the TLB has goes by blocks. */
const TOUCH = [0x8a, 0x04, 0x25, 0, 0, 5, 0, 0x88, 0x04, 0x25, 0x3f, 0, 6, 0, 0x64, 0x67, 0x8a, 0x06];

forEveryEngine('ESI wraps inside of a page where FS does not begin at one', (make) => {
  using guest = new SystemGuest({}, make);
  // 2 MiB at 0x100000000.
  guest.view.setBigUint64(0x2000 + 4 * 8, 0x98007n, true);
  guest.view.setBigUint64(0x98000, 0x600087n, true);
  guest.vcpu.flushTlb();
  guest.state.setSegment(state.FS, 0, 0xc093, 0xffffffff, 0x50008n);
  for (let i = 0; i < 64; i++) guest.memory[0x50000 + i] = i;
  for (let i = 0; i < 64; i++) guest.memory[0x650000 + i] = i < 8 ? i : 0xee;
  for (let round = 0; round < 3; round++) {
    guest.memory.fill(0xcc, 0x60000, 0x60040);
    guest.state.setGpr(state.RSI, 0xfffffff8n);
    guest.state.setGpr(state.RDI, 0x60000n);
    guest.state.setGpr(state.RCX, 16n);
    equal(guest.run([...TOUCH, 0x64, 0x67, 0xf3, 0xa4, 0xf4]), EXIT_HLT); // fs rep movsb, with ESI
    deepEqual([...guest.memory.subarray(0x60000, 0x60010)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    deepEqual([guest.state.gpr(state.RSI), guest.state.gpr(state.RCX)], [8n, 0n]);
  }
});
