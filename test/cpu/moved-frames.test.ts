/**
 * Guest frames that get other memory while an access to another one is under way, as when memory is populated on demand
 * and taken back from where it lies unused: what was remembered of them is of the past.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';
import { forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const TAKEN = 0x400000;
const OTHER = 0x500000;
const POPULATED = 0x600000;

/** The first access to the page at POPULATED moves the one at TAKEN to where OTHER is. */
class Guest extends TestProcessor {
  isPopulated = true;

  protected override lookup(gfn: number): number {
    if (gfn === POPULATED / 4096 && !this.isPopulated) {
      this.isPopulated = true;
      this.vcpu.flushTlb();
    }
    const isMoved = gfn === TAKEN / 4096 && this.isPopulated;
    return super.lookup(isMoved ? OTHER / 4096 : gfn);
  }

  end(source: string): void {
    const { bytes } = assembler.assemble(`${source}\nhlt`, { origin: CODE });
    // Once before, so that all of it is known.
    equal(this.run([...bytes]), EXIT_HLT);
    for (const page of [TAKEN, OTHER]) this.memory.fill(0, page, page + 4096);
    this.isPopulated = false;
    this.vcpu.flushTlb();
    this.state.rip = BigInt(CODE);
    equal(this.vcpu.run(1000), EXIT_HLT);
    equal(this.isPopulated, true);
  }

  word(address: number): number {
    return Number(this.view.getBigUint64(address, true));
  }
}

const ACCESSES = ['mov [rsi], rcx', 'mov rbx, [rsi]', 'add [rsi], rcx', 'mov [rsi - 4], rcx', 'mov rbx, [rsi - 4]'];

for (const access of ACCESSES) {
  forEveryEngine(`what a loop remembers of a page does not outlive ${access}`, (make) => {
    using guest = new Guest({}, make);
    guest.end(`
      mov rdi, ${TAKEN}
      mov rsi, ${POPULATED - 4 * 4096}
      mov rcx, 6
    next:
      mov [rdi + rcx * 8], rcx
      ${access}
      add rsi, 4096
      dec rcx
      jnz next`);
    deepEqual([guest.word(TAKEN + 16), guest.word(TAKEN + 8)], [2, 0]);
    deepEqual([guest.word(OTHER + 16), guest.word(OTHER + 8)], [0, 1]);
  });

  forEveryEngine(`nor does what is known of accesses by one register outlive ${access}`, (make) => {
    using guest = new Guest({}, make);
    guest.end(`
      mov rdx, ${TAKEN}
      mov rdi, ${TAKEN}
      mov rsi, ${POPULATED}
      mov rcx, 3
      mov [rdx], rcx
      mov [rdi + 8], rcx
      ${access}
      mov [rdi + 16], rcx
      mov rax, [rdi]`);
    deepEqual(
      [8, 16].map((at) => guest.word(TAKEN + at)),
      [3, 0],
    );
    deepEqual(
      [8, 16].map((at) => guest.word(OTHER + at)),
      [0, 3],
    );
    equal(guest.state.gpr(state.RAX), 0n);
  });
}
