/** Code and data at the ends of what can be addressed: of both halves in 64-bit code, of 4 GiB in 32-bit code. */
import { deepEqual } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
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
