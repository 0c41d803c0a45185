import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT, EXIT_LEAVE } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, DATA } from '../testing/processor.ts';
import { SystemGuest, TSS } from './testing/system-guest.ts';

const HLT = 0xf4;

/** A platform that answers a port with its number and remembers what is written. */
function recorder(): { log: number[][]; platform: ConstructorParameters<typeof SystemGuest>[0] } {
  const log: number[][] = [];
  return {
    log,
    platform: {
      readPort: (port, size) => (port * 0x01010101) >>> (32 - size * 8),
      writePort: (...args) => {
        log.push(args);
      },
    },
  };
}

test('IN and OUT by number and by DX, of 1, 2 and 4 bytes', () => {
  const { log, platform } = recorder();
  using guest = new SystemGuest(platform);
  guest.state.setGpr(state.RAX, 0xffffffff_aabbccddn);
  guest.state.setGpr(state.RDX, 0x1234n);
  equal(guest.run([0xe6, 0x80, 0x66, 0xe7, 0x81, 0xef, 0x48, 0xef, HLT]), EXIT_HLT);
  deepEqual(log, [
    [0x80, 1, 0xdd],
    [0x81, 2, 0xccdd],
    [0x1234, 4, 0xaabbccdd],
    [0x1234, 4, 0xaabbccdd],
  ]);
  equal(guest.run([0xe4, 0x60, HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0xffffffff_aabbcc60n);
  equal(guest.run([0x66, 0xe5, 0x60, HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0xffffffff_aabb6060n);
  equal(guest.run([0xe5, 0x60, HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0x60606060n);
});

test('a port write that leaves stops before the next instruction', () => {
  using guest = new SystemGuest({ writePort: () => guest.vcpu.leave() });
  equal(guest.run([0xe6, 0x80, 0xff, 0xc0, HLT]), EXIT_LEAVE);
  equal(guest.state.rip, BigInt(CODE + 2));
});

test('REP OUTSB and REP INSB count down, and fault at the element that is not there', () => {
  const { log, platform } = recorder();
  using guest = new SystemGuest(platform);
  guest.memory.set([1, 2, 3], DATA);
  guest.state.setGpr(state.RDX, 0xe9n);
  guest.state.setGpr(state.RCX, 3n);
  guest.state.setGpr(state.RSI, BigInt(DATA));
  equal(guest.run([0xf3, 0x6e, HLT]), EXIT_HLT);
  deepEqual(
    log.map(([, , value]) => value),
    [1, 2, 3],
  );
  deepEqual([guest.state.gpr(state.RCX), guest.state.gpr(state.RSI)], [0n, BigInt(DATA + 3)]);

  guest.state.setGpr(state.RCX, 4n);
  guest.state.setGpr(state.RDI, 0x3ffffffen);
  const frame = guest.delivered([0xf3, 0x6c]);
  deepEqual([frame.vector, frame.rip, guest.state.gpr(state.RCX)], [14, CODE, 2n]);
  equal(guest.state.u64(state.OFFSET_CR2), 0x40000000n);
});

test('REP with rCX = 0 touches nothing', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RCX, 0n);
  guest.state.setGpr(state.RSI, 0x50000000n);
  equal(guest.run([0xf3, 0x6e, HLT]), EXIT_HLT);
});

test('user code gets ports by IOPL, or where the TSS bitmap has zeros for all their bytes (SDM vol. 1, 19.5.2)', () => {
  const allowed = (prepare: (guest: SystemGuest) => void, bytes: readonly number[]): boolean => {
    using guest = new SystemGuest();
    guest.enterUser();
    guest.state.setGpr(state.RDX, 0x10fn);
    prepare(guest);
    return guest.delivered([...bytes, HLT]).rip !== CODE;
  };
  const IN_AL = [0xec];
  const IN_EAX = [0xed];
  const bitmap = (guest: SystemGuest, byte: number, limit: number): void => {
    guest.view.setUint16(TSS + 0x66, 0x68, true);
    guest.memory.fill(0xff, TSS + 0x68, TSS + 0x68 + 0x30);
    guest.memory[TSS + 0x68 + (0x10f >>> 3)] = byte;
    guest.state.setSegment(state.TR, 0x38, 0x8b, limit, BigInt(TSS));
  };
  equal(
    allowed(() => {}, IN_AL),
    false,
  );
  equal(
    allowed((guest) => {
      guest.rflags = state.FLAG_IOPL;
    }, IN_AL),
    true,
  );
  equal(
    allowed((guest) => bitmap(guest, 0x7f, 0x97), IN_AL),
    true,
  );
  equal(
    allowed((guest) => bitmap(guest, 0xff, 0x97), IN_AL),
    false,
  );
  // Ports 10FH to 112H: three of them are in the next byte, which has ones.
  equal(
    allowed((guest) => bitmap(guest, 0x7f, 0x97), IN_EAX),
    false,
  );
  // The byte after the port's own must be inside the limit too.
  equal(
    allowed((guest) => bitmap(guest, 0x7f, 0x68 + (0x10f >>> 3)), IN_AL),
    false,
  );
});
