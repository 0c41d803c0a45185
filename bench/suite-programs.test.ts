import { deepEqual, throws } from 'node:assert/strict';
import test from 'node:test';
import { readOutput, timedByHost } from './suite-programs.ts';

const ORDER = { names: ['crc32', 'awk'], divisor: 1 };
const OUTPUT = [
  '[    0.812345] Run /init as init process',
  'suite: at 1.000000 suite-begin',
  'suite: crc32 0.250000 000000002e70e32b',
  'suite: awk 1.500000 50406b2bbb0623fc',
  'suite: at 3.000000 suite-end',
  '',
].join('\r\n');

test('what each program printed is read, whatever the kernel prints in between', () => {
  deepEqual(
    [...readOutput(OUTPUT, ORDER, 2.05)],
    [
      ['crc32', { seconds: 0.25, checksum: '000000002e70e32b' }],
      ['awk', { seconds: 1.5, checksum: '50406b2bbb0623fc' }],
    ],
  );
});

test('a program that failed, or printed nothing, makes the run void', () => {
  throws(() => readOutput('suite: failed awk: status 0x8b\r\n', ORDER), /failed awk: status 0x8b/);
  throws(() => readOutput(OUTPUT.replace('suite: awk', 'awk'), ORDER), /no result of awk/);
});

test('a guest whose clock runs slow would win every contest: its run is void', () => {
  throws(() => readOutput(OUTPUT, ORDER, 3), /the guest counted 2 s where 3.00 s passed on the host/);
});

test("by the host's clock a program takes from the line before its own to that", () => {
  const lines = OUTPUT.split('\r\n').map((text, at) => ({ text, atMs: at * at * 100 }));
  const timed = timedByHost(lines, readOutput(OUTPUT, ORDER));
  deepEqual(
    [...timed].map(([name, { seconds, checksum }]) => [name, seconds, checksum]),
    [
      ['crc32', 0.3, '000000002e70e32b'],
      ['awk', 0.5, '50406b2bbb0623fc'],
    ],
  );
});
