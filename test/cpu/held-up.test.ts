/** A repeated instruction counts as few, however long it takes: nobody else may be held up by it. */
import { equal, ok } from 'node:assert/strict';
import { EXIT_BUDGET } from '../../src/cpu/engine.ts';
import * as state from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';
import { forEveryEngine } from './engines.ts';

const NOWHERE = 0x20000000n;

for (const [name, bytes] of [
  ['rep stosb', [0xf3, 0xaa]],
  ['repe scasb', [0xf3, 0xae]],
] as const) {
  forEveryEngine(`${name} on a device gives the thread back`, (make) => {
    let accesses = 0;
    const count = (): number => {
      accesses++;
      return 0;
    };
    using guest = new TestProcessor({ readMmio: count, writeMmio: count }, make);
    guest.state.setGpr(state.RDI, NOWHERE);
    guest.state.setGpr(state.RCX, 1n << 40n);
    guest.state.setGpr(state.RAX, 0n);
    equal(guest.run([...bytes, 0xf4], CODE, 50_000), EXIT_BUDGET);
    ok(accesses < 100_000, `${accesses} accesses`);
    equal(guest.state.rip, BigInt(CODE));
    // It goes on where it was.
    const before = guest.state.gpr(state.RCX);
    equal(guest.continue(50_000), EXIT_BUDGET);
    ok(guest.state.gpr(state.RCX) < before);
  });
}

forEveryEngine('REP behind STI is held off for once, not until it is done', (make) => {
  using guest = new TestProcessor({}, make);
  guest.state.setGpr(state.RDI, 0x20000n);
  guest.state.setGpr(state.RCX, 3000n);
  equal(guest.run([0xfb, 0xf3, 0x6c, 0xf4], CODE, 20), EXIT_BUDGET); // sti; rep insb
  ok(guest.state.gpr(state.RCX) > 2900n);
});

for (const [name, bytes] of [
  ['std; rep movsb', [0xf3, 0xa4]],
  ['repe cmpsb', [0xf3, 0xa6]],
] as const) {
  forEveryEngine(`${name} counts by few elements, which go one by one`, (make) => {
    using guest = new TestProcessor({}, make);
    // Places of the TLB that are the same.
    guest.state.setGpr(state.RSI, 0x600000n);
    guest.state.setGpr(state.RDI, 0x200000n);
    guest.state.setGpr(state.RCX, 1n << 20n);
    equal(guest.run([0xfd, ...bytes, 0xf4], CODE, 200), EXIT_BUDGET);
    ok(guest.state.gpr(state.RCX) > (1n << 20n) - 200_000n);
  });
}
