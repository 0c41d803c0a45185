import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_LEAVE, NESTED_READ, NESTED_REFUSED, NESTED_WRITE } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const PAGE = 0x400000;

/** Nested paging lets PAGE be written, and refuses reads: XENMEM_access_w. */
class Guest extends TestProcessor {
  readonly refused: number[];

  constructor(make: EngineMaker) {
    const refused: number[] = [];
    const accessRefused = ({ intent }: { intent: number }): void => {
      refused.push(intent);
      this.vcpu.leave();
    };
    super({ accessRefused }, make);
    this.refused = refused;
  }

  protected override lookup(gfn: number, intent = NESTED_READ): number {
    const answer = super.lookup(gfn);
    if (gfn !== PAGE / 4096) return answer;
    return intent === NESTED_WRITE ? answer - (answer % 8) + NESTED_WRITE : NESTED_REFUSED;
  }
}

for (const write of ['mov [rdi], rax', 'rep stosq', 'xchg [rdi], rbx']) {
  forEveryEngine(`a page that may be written alone is not read behind ${write}`, (make) => {
    using guest = new Guest(make);
    guest.state.setGpr(state.RSI, BigInt(PAGE));
    guest.state.setGpr(state.RDI, BigInt(PAGE + 8));
    guest.state.setGpr(state.RCX, 2n);
    guest.state.setGpr(state.RBX, 5n);
    const { bytes } = assembler.assemble(`${write}\nmov rbx, [rsi]\nhlt`, { origin: CODE });
    equal(guest.run([...bytes]), EXIT_LEAVE);
    deepEqual([guest.refused, guest.state.gpr(state.RBX)], [[NESTED_READ], 5n]);
  });
}
