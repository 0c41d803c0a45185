import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import { FS, RAX } from '../state.ts';
import { SystemGuest } from '../system/testing/system-guest.ts';
import { DATA, PML4 } from '../testing/processor.ts';

const GIB = 0x4000_0000;
const HLT = 0xf4;
const VECTOR_GP = 13;

/** A guest whose first GiB is also seen at another one. */
function guestWithAlias(gib: number): SystemGuest {
  const guest = new SystemGuest();
  guest.view.setUint32(PML4 + 0x1000 + gib * 8, 0x87, true);
  guest.vcpu.flushTlb();
  return guest;
}

test('the offset in MOV rAX, moffs64 is all 64 bits of it (SDM vol. 2A, 2.2.1.4)', () => {
  for (const gib of [3, 5]) {
    using guest = guestWithAlias(gib);
    guest.load(DATA, [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
    // movabs rax, [gib GiB + DATA]; hlt
    equal(guest.run([0x48, 0xa1, ...int64(BigInt(gib * GIB + DATA)), HLT]), EXIT_HLT);
    equal(guest.state.gpr(RAX), 0x1122334455667788n);
  }
});

test('MOV moffs64, AL writes there', () => {
  using guest = guestWithAlias(5);
  guest.state.setGpr(RAX, 0xa5n);
  guest.run([0xa2, ...int64(BigInt(5 * GIB + DATA)), HLT]);
  equal(guest.memory[DATA], 0xa5);
});

test('with an address-size prefix the offset is 32 bits, without a sign (SDM vol. 2A, MOV)', () => {
  using guest = guestWithAlias(3);
  guest.load(DATA, [0x42]);
  equal(guest.run([0x67, 0xa0, ...int64(BigInt(3 * GIB + DATA)).slice(0, 4), HLT]), EXIT_HLT);
  equal(guest.state.gprLo(RAX) & 0xff, 0x42);
});

test('FS adds its base to a moffs64', () => {
  using guest = new SystemGuest();
  guest.load(DATA, [0x42]);
  guest.state.setSegment(FS, 0x10, 0xc093, 0xffffffff, BigInt(DATA));
  guest.run([0x64, 0xa0, ...int64(0n), HLT]);
  equal(guest.state.gprLo(RAX) & 0xff, 0x42);
});

test('a moffs64 that is not canonical is #GP(0)', () => {
  using guest = new SystemGuest();
  const { vector, errorCode } = guest.delivered([0xa0, ...int64(0x0008_0000_0000_0000n)]);
  equal(vector, VECTOR_GP);
  equal(errorCode, 0);
});

function int64(value: bigint): number[] {
  return Array.from({ length: 8 }, (_, byte) => Number((value >> BigInt(byte * 8)) & 0xffn));
}
