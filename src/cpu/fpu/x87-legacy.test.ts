/** x87 instructions in 32-bit code: what segments have to say about their operands. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import * as state from '../state.ts';
import { LegacyGuest, SMALL_DATA } from '../system/testing/legacy-guest.ts';
import { CODE } from '../testing/processor.ts';

const HLT = 0xf4;
const FNINIT = [0xdb, 0xe3];
const FLD1 = [0xd9, 0xe8];
/** mov ax, SMALL_DATA; mov ds, ax */
const LOAD_DS = [0x66, 0xb8, SMALL_DATA & 0xff, SMALL_DATA >> 8, 0x8e, 0xd8];

test('all bytes of an operand must be within the limit of its segment, the ten of an m80 too (SDM vol. 3A, 5.3)', () => {
  const cases = [
    ['FLD m64', [0xdd, 0x05], 8],
    ['FLD m80', [0xdb, 0x2d], 10],
    ['FSTP m80', [0xdb, 0x3d], 10],
    ['FISTP m16', [0xdf, 0x1d], 2],
  ] as const;
  for (const [name, code, bytes] of cases) {
    for (const isInside of [true, false]) {
      using guest = new LegacyGuest();
      // The last byte of the segment is at FFFH.
      const offset = 0x1000 - bytes + (isInside ? 0 : 1);
      const before = [...LOAD_DS, ...FNINIT, ...FLD1];
      const exit = guest.run([...before, ...code, offset & 0xff, offset >> 8, 0, 0, HLT]);
      const place = CODE + before.length;
      if (isInside) {
        deepEqual([name, guest.state.u64(state.OFFSET_RIP)], [name, BigInt(place + code.length + 4 + 1)]);
        continue;
      }
      const { vector, errorCode, eip } = guest.frame32(exit);
      deepEqual([name, vector, errorCode, eip], [name, state.EXCEPTION_GP, 0, place]);
    }
  }
});
