/** Every x87 encoding, D8 to DF, against the host's processor: registers, tags, control and status word, memory, EFLAGS. */
import { equal } from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { oracleSkip, randomWords, runAllOnHost, SIGFPE, SIGNAL_AT, fuzzTimes } from './testing/host-oracle.ts';
import { codeOf, type Encoding, encoding, hex, MEMORY, runOnOurs, sampleState, show } from './testing/x87-host.ts';

/** States for an encoding that stands alone, and for each of eight that name a register. */
const CASES = 600 * fuzzTimes;
const CASES_REGISTER = 120 * fuzzTimes;
const SIGILL = 4;

/** Compared with a tolerance in x87-transcendental.test.ts. */
const TRANSCENDENTAL = ['F2XM1', 'FYL2X', 'FPTAN', 'FPATAN', 'FYL2XP1', 'FSINCOS', 'FSIN', 'FCOS'];
/** D9 D8+i is in no manual: AMD's pops without a move, Intel's moves. */
const NOT_COMPARED = [...TRANSCENDENTAL, 'FSTPNCE ST(i)'];

for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
  const rows = encodings(opcode).filter((row) => !NOT_COMPARED.includes(row.name));
  test(`${hex(opcode, 2)}: ${rows.length} encodings do what the processor does`, { skip: oracleSkip }, (t) => {
    const random = randomWords(0x5eed0100 + opcode);
    expectSame(t, rows, (row) => Array.from({ length: casesOf(row) }, () => sampleState(random, row)));
  });
}

test('the environment with 16-bit operand size is laid out in words', { skip: oracleSkip }, (t) => {
  const random = randomWords(0x5eed0110);
  // FLDENV, FNSTENV, FRSTOR, FNSAVE
  const rows = [
    encoding(0xd9, 0x27, true),
    encoding(0xd9, 0x37, true),
    encoding(0xdd, 0x27, true),
    encoding(0xdd, 0x37, true),
  ];
  expectSame(t, rows, (row) => Array.from({ length: CASES }, () => sampleState(random, row)));
});

test('a pending exception stops every instruction that waits, and no other', { skip: oracleSkip }, (t) => {
  const random = randomWords(0x5eed0111);
  const rows = [0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf].flatMap(encodings);
  const defined = rows.filter((row) => !row.name.startsWith('#UD') && !NOT_COMPARED.includes(row.name));
  expectSame(t, defined, (row) => [
    sampleState(random, row, true),
    sampleState(random, row, true),
    sampleState(random, row, true),
  ]);
});

function expectSame(t: TestContext, rows: readonly Encoding[], statesOf: (row: Encoding) => DataView[]): void {
  const batches = rows.map((row) => ({ code: codeOf(row), memoryBytes: MEMORY, states: statesOf(row) }));
  const after = runAllOnHost(batches);
  const differences: string[] = [];
  let cases = 0;
  rows.forEach((row, r) => {
    batches[r]?.states.forEach((before, i) => {
      cases++;
      const mine = showOrFault(runOnOurs(row, before));
      const theirs = showOrFault(hostOutcome(after[r]?.[i] as DataView));
      if (mine === theirs) return;
      const where = `${row.name} ${hex(row.opcode, 2)} ${hex(row.modrm, 2)}`;
      differences.push(`${where}\n from ${show(before)}\n host ${theirs}\n ours ${mine}`);
    });
  });
  t.diagnostic(`${cases} cases, ${differences.length} differences`);
  equal(differences.length, 0, differences.slice(0, 20).join('\n'));
}

function encodings(opcode: number): Encoding[] {
  const memory = [0, 1, 2, 3, 4, 5, 6, 7].map((digit) => encoding(opcode, (digit << 3) | 7));
  const registers = Array.from({ length: 64 }, (_, i) => encoding(opcode, 0xc0 + i));
  return [...memory, ...registers];
}

function casesOf(row: Encoding): number {
  if (row.name.startsWith('#UD')) return 1;
  return row.name.includes('ST(i)') || row.name.startsWith('FCMOV') ? CASES_REGISTER : CASES;
}

function hostOutcome(after: DataView): DataView | '#UD' | '#MF' {
  const signal = after.getUint32(SIGNAL_AT, true);
  if (signal === SIGILL) return '#UD';
  return signal === SIGFPE ? '#MF' : after;
}

function showOrFault(outcome: DataView | '#UD' | '#MF'): string {
  return typeof outcome === 'string' ? outcome : show(outcome);
}
