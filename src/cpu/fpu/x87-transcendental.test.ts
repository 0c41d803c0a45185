/**
 * The transcendental instructions against the host's: results within one unit in the last place of f80, everything else
 * exact but for C1 ("rounded up" means little where the last place may differ).
 */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from './testing/float-samples.ts';
import { below, random64, sampleF80 } from './testing/float-samples.ts';
import { oracleSkip, randomWords, runAllOnHost, X87_AT, fuzzTimes } from './testing/host-oracle.ts';
import { codeOf, type Encoding, encoding, MEMORY, runOnOurs, sampleState, show } from './testing/x87-host.ts';

const CASES = 1000 * fuzzTimes;
const FSW_AT = X87_AT + 4;
const FSW_C1 = 0x200;
const REGISTERS_AT = X87_AT + 28;

interface Row {
  readonly encoding: Encoding;
  /** Puts operands into ST and ST(1) for which the manual defines a result. */
  readonly operands: (random: Random, state: DataView) => void;
  /** The registers, after the instruction, that hold results. */
  readonly results: readonly number[];
}

const ROWS: readonly Row[] = [
  { encoding: encoding(0xd9, 0xf0), operands: unitInterval, results: [0] },
  { encoding: encoding(0xd9, 0xf1), operands: logarithmOperands, results: [0] },
  { encoding: encoding(0xd9, 0xf2), operands: angle, results: [1] },
  { encoding: encoding(0xd9, 0xf3), operands: twoNumbers, results: [0] },
  { encoding: encoding(0xd9, 0xf9), operands: nearZero, results: [0] },
  { encoding: encoding(0xd9, 0xfb), operands: angle, results: [0, 1] },
  { encoding: encoding(0xd9, 0xfe), operands: angle, results: [0] },
  { encoding: encoding(0xd9, 0xff), operands: angle, results: [0] },
];

for (const { encoding: row, operands, results } of ROWS) {
  test(`${row.name} is within one unit in the last place`, { skip: oracleSkip }, (t) => {
    const random = randomWords(0x5eed0200 + row.modrm);
    const states = Array.from({ length: CASES }, () => {
      const state = sampleState(random, row);
      if (below(random, 4) !== 0) state.setUint16(X87_AT + 8, 0xffff & (random() & 1 ? 0x0ff0 : 0x3c3c), true);
      operands(random, state);
      return state;
    });
    const [after = []] = runAllOnHost([{ code: codeOf(row), memoryBytes: MEMORY, states }]);
    const differences: string[] = [];
    let off = 0;
    states.forEach((before, i) => {
      const mine = runOnOurs(row, before);
      const host = after[i];
      if (typeof mine === 'string' || host === undefined) throw new Error(`${row.name}: nothing was executed`);
      off += adoptNear(host, mine, results);
      if (show(mine) !== show(host)) {
        differences.push(`${row.name}\n from ${show(before)}\n host ${show(host)}\n ours ${show(mine)}`);
      }
    });
    t.diagnostic(`${CASES} cases, ${off} off by one in the last place, ${differences.length} differences`);
    equal(differences.length, 0, differences.slice(0, 10).join('\n'));
  });
}

/** Takes over the host's C1 and the results that are one off; returns how many were. */
function adoptNear(host: DataView, mine: DataView, results: readonly number[]): number {
  const c1 = host.getUint16(FSW_AT, true) & FSW_C1;
  mine.setUint16(FSW_AT, (mine.getUint16(FSW_AT, true) & ~FSW_C1) | c1, true);
  let adopted = 0;
  for (const register of results) {
    const at = REGISTERS_AT + register * 10;
    const distance = ordered(host, at) - ordered(mine, at);
    if (distance !== 1n && distance !== -1n) continue;
    mine.setUint16(at + 8, host.getUint16(at + 8, true), true);
    mine.setBigUint64(at, host.getBigUint64(at, true), true);
    adopted = 1;
  }
  return adopted;
}

/** Neighbouring f80 numbers are one apart. */
function ordered(state: DataView, at: number): bigint {
  const signExponent = state.getUint16(at + 8, true);
  const significand = state.getBigUint64(at, true);
  const exponent = BigInt(signExponent & 0x7fff);
  const magnitude = exponent === 0n ? significand : (exponent - 1n) * (1n << 63n) + significand;
  return signExponent >= 0x8000 ? -magnitude : magnitude;
}

function unitInterval(random: Random, state: DataView): void {
  if (below(random, 8) === 0) put(state, 0, (random() & 0x8000) | 0x3fff, 1n << 63n);
  else small(random, state, 0x3ffe);
}

function nearZero(random: Random, state: DataView): void {
  small(random, state, 0x3ffc);
}

function logarithmOperands(random: Random, state: DataView): void {
  twoNumbers(random, state);
  if (below(random, 4) === 0) put(state, 0, 0x3ffe + (random() & 1), random64(random) | (1n << 63n));
}

function angle(random: Random, state: DataView): void {
  const kind = below(random, 4);
  if (kind === 0) {
    small(random, state, 0x3fff);
  } else if (kind === 1) {
    const { signExponent, significand } = sampleF80(random);
    put(state, 0, signExponent, significand);
  } else if (kind === 2) {
    // About a multiple of pi/2: little is left after the reduction.
    put(state, 0, 0x3fff + below(random, 4), 0xc90fdaa22168c234n + BigInt(below(random, 4)));
  } else {
    put(state, 0, (random() & 0x8000) | (0x3ffe + below(random, 64)), random64(random) | (1n << 63n));
  }
}

function twoNumbers(random: Random, state: DataView): void {
  if (below(random, 2) === 0) return;
  const exponent = 0x3fff - 100 + below(random, 200);
  put(state, 0, (random() & 0x8000) | exponent, random64(random) | (1n << 63n));
  put(state, 1, (random() & 0x8000) | (exponent - 90 + below(random, 180)), random64(random) | (1n << 63n));
}

/** A number whose exponent field is at most `limit`; half of them close below it. NaNs and zeros as they come. */
function small(random: Random, state: DataView, limit: number): void {
  const { signExponent, significand } = sampleF80(random);
  const exponent = signExponent & 0x7fff;
  if (exponent <= limit || (exponent === 0x7fff && significand > 1n << 63n)) {
    put(state, 0, signExponent, significand);
  } else {
    const range = below(random, 2) === 0 ? 8 : 200;
    put(state, 0, (signExponent & 0x8000) | (limit - below(random, range)), significand | (1n << 63n));
  }
}

function put(state: DataView, register: number, signExponent: number, significand: bigint): void {
  state.setUint16(REGISTERS_AT + register * 10 + 8, signExponent, true);
  state.setBigUint64(REGISTERS_AT + register * 10, significand, true);
}
