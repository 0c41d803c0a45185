import { equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';
import { forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const TABLE = 0x400000;
const ENTRY = 256;
const LINEAR = 0x40000000 + ENTRY * 4096;

/** ADD EAX, EBX that is an entry of a page table too: its accessed bit makes it AND, its dirty bit besides MOVSXD. */
const BYTES = [0x03, 0xc3, 0x90, 0, 0, 0, 0, 0, 0xf4, 0xf4];

for (const access of ['mov cl, [rsi]', 'nop']) {
  forEveryEngine(`the processor's own writes to tables change code: ${access}`, (make) => {
    using guest = new TestProcessor({}, make);
    guest.view.setUint32(0x2008, 0x90067, true);
    guest.view.setUint32(0x90000, TABLE | 0x67, true);
    guest.load(TABLE + ENTRY * 8, BYTES);
    guest.vcpu.flushTlb();
    const { bytes } = assembler.assemble(`${access}\njmp ${TABLE + ENTRY * 8}`, { origin: CODE });
    const run = (at: number): bigint => {
      guest.state.setGpr(state.RAX, 0x210000n);
      guest.state.setGpr(state.RBX, 0x200000n);
      guest.state.setGpr(state.RSI, BigInt(LINEAR));
      guest.state.rip = BigInt(at);
      equal(guest.continue(), EXIT_HLT);
      return guest.state.gpr(state.RAX) & ~0xffffn;
    };
    guest.load(CODE, [...bytes]);
    equal(run(TABLE + ENTRY * 8), 0x410000n);
    equal(run(CODE), access === 'nop' ? 0x410000n : 0x200000n);
    equal(run(CODE), access === 'nop' ? 0x410000n : 0x200000n);
  });
}
