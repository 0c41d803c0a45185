import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import * as state from '../state.ts';
import { CODE } from '../testing/processor.ts';
import { FORCED_EMULATION_PREFIX } from './forced-emulation.ts';
import { LegacyGuest, SMALL_CODE } from './testing/legacy-guest.ts';
import { SystemGuest } from './testing/system-guest.ts';

const HLT = 0xf4;
const MOV_EAX_1 = [0xb8, 1, 0, 0, 0];
const ON = { forcesEmulation: true };

test('UD2 and "xen" is #UD at the UD2 unless the platform offers it (docs/misc/xen-command-line, hvm_fep)', () => {
  using guest = new SystemGuest();
  const { vector, rip } = guest.delivered([...FORCED_EMULATION_PREFIX, ...MOV_EAX_1, HLT]);
  deepEqual([vector, rip], [6, CODE]);
});

test('with it the instruction after the prefix runs, at any privilege', () => {
  for (const user of [false, true]) {
    using guest = new SystemGuest(ON);
    if (user) guest.enterUser();
    const { vector } = guest.delivered([...FORCED_EMULATION_PREFIX, ...MOV_EAX_1, 0x0f, 0x0b]);
    deepEqual([vector, guest.state.gpr(state.RAX)], [6, 1n]);
  }
});

test('UD2 followed by anything else, or with a prefix of its own, is #UD', () => {
  for (const bytes of [
    [0x0f, 0x0b, 0x78, 0x65, 0x6f],
    [0x66, ...FORCED_EMULATION_PREFIX],
  ]) {
    using guest = new SystemGuest(ON);
    const { vector, rip } = guest.delivered([...bytes, HLT]);
    deepEqual([vector, rip], [6, CODE]);
  }
});

test('a fault of the instruction is told with RIP past the prefix (hvm_ud_intercept)', () => {
  using guest = new SystemGuest(ON);
  guest.enterUser();
  const { vector, rip } = guest.delivered([...FORCED_EMULATION_PREFIX, 0xfa]); // cli
  deepEqual([vector, rip], [13, CODE + FORCED_EMULATION_PREFIX.length]);
});

test('a single step is over prefix and instruction together', () => {
  using guest = new SystemGuest(ON);
  guest.rflags = state.FLAG_TF;
  const { vector, rip } = guest.delivered([...FORCED_EMULATION_PREFIX, 0x90, 0x90]);
  deepEqual([vector, rip], [1, CODE + FORCED_EMULATION_PREFIX.length + 1]);
});

test('a budget does not end between prefix and instruction', () => {
  using guest = new SystemGuest(ON);
  guest.vcpu.exactBudget = true;
  guest.run([...FORCED_EMULATION_PREFIX, ...MOV_EAX_1, HLT], CODE, 1);
  equal(guest.state.gpr(state.RAX), 1n);
});

test('the prefix may cross into the next page; one that is not there makes it #UD, not a page fault', () => {
  using there = new SystemGuest(ON);
  const end = CODE + 4096 - 3;
  equal(there.run([...FORCED_EMULATION_PREFIX, ...MOV_EAX_1, HLT], end), EXIT_HLT);
  equal(there.state.gpr(state.RAX), 1n);

  // Mapped up to here alone.
  using guest = new SystemGuest(ON);
  guest.view.setUint32(0x2000, 0x5007, true);
  guest.view.setUint32(0x5000, 0x87, true);
  guest.vcpu.flushTlb();
  const last = (2 << 20) - 2;
  const { vector, rip } = guest.delivered([0x0f, 0x0b], last);
  deepEqual([vector, rip, guest.state.u64(state.OFFSET_CR2)], [6, last, 0n]);
});

test('the prefix must be within the limit of CS', () => {
  using guest = new LegacyGuest(ON);
  const { state: registers } = guest;
  const at = 0xffc;
  registers.setSegment(state.CS, SMALL_CODE, 0x409b, at + 4, BigInt(CODE));
  guest.load(CODE + at, [...FORCED_EMULATION_PREFIX]);
  registers.rip = BigInt(at);
  deepEqual([guest.frame32(guest.continue()).vector, guest.frame32(EXIT_HLT).eip], [13, at + 5]);

  registers.setSegment(state.CS, SMALL_CODE, 0x409b, at + 3, BigInt(CODE));
  registers.rip = BigInt(at);
  deepEqual([guest.frame32(guest.continue()).vector, guest.frame32(EXIT_HLT).eip], [6, at]);
});
