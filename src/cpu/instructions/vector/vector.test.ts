/** Rules of the vector instructions that a comparison with a processor does not show, or shows only on such a host. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  SSE_ADD,
  SSE_ADDSUB,
  SSE_CVT_FLOAT,
  SSE_CVT_SI32_TO,
  SSE_CVT_TO_SI32,
  SSE_CVTT_TO_SI32,
  SSE_DIV,
  SSE_DOUBLE,
  SSE_MAX,
  SSE_MIN,
  SSE_MUL,
  SSE_ROUND,
  SSE_SQRT,
  SSE_SUB,
} from '../../fpu/sse-operations.ts';
import { sseSlow, sseSlowPacked } from '../../fpu/sse-slow.ts';
import { sampleF32, sampleF64 } from '../../fpu/testing/float-samples.ts';
import * as state from '../../state.ts';
import { DATA } from '../../testing/processor.ts';
import { VectorProcessor } from './testing/vector-processor.ts';

const cpu = new VectorProcessor();
after(() => cpu[Symbol.dispose]());

const CASES = 400;
/** All exceptions masked, PE set: what code has run with since its first inexact result. */
const USUAL = 0x1fa0;
/** As a process starts. */
const PE_CLEAR = 0x1f80;
const CAN_BE_EXACT: ReadonlySet<number> = new Set([SSE_ADD, SSE_SUB, SSE_MUL, SSE_DIV]);
const XMM0_XMM1 = 0xc1;
const SENTINEL = 0x5eed_5eed_5eed_5eedn;

interface FloatRow {
  readonly name: string;
  readonly code: readonly number[];
  readonly operation: number;
  readonly packed: boolean;
}

const SHAPES: readonly (readonly [suffix: string, prefix: readonly number[], double: boolean, packed: boolean])[] = [
  ['SS', [0xf3], false, false],
  ['SD', [0xf2], true, false],
  ['PS', [], false, true],
  ['PD', [0x66], true, true],
];

const ARITHMETIC: readonly (readonly [name: string, opcode: number, operation: number])[] = [
  ['ADD', 0x58, SSE_ADD],
  ['SUB', 0x5c, SSE_SUB],
  ['MUL', 0x59, SSE_MUL],
  ['DIV', 0x5e, SSE_DIV],
  ['SQRT', 0x51, SSE_SQRT],
  ['MIN', 0x5d, SSE_MIN],
  ['MAX', 0x5f, SSE_MAX],
];

const OTHERS: readonly FloatRow[] = [
  { name: 'ADDSUBPS', code: [0xf2, 0x0f, 0xd0, XMM0_XMM1], operation: SSE_ADDSUB, packed: true },
  { name: 'ADDSUBPD', code: [0x66, 0x0f, 0xd0, XMM0_XMM1], operation: SSE_ADDSUB | SSE_DOUBLE, packed: true },
  { name: 'CVTDQ2PS', code: [0x0f, 0x5b, XMM0_XMM1], operation: SSE_CVT_SI32_TO, packed: true },
  { name: 'CVTPS2DQ', code: [0x66, 0x0f, 0x5b, XMM0_XMM1], operation: SSE_CVT_TO_SI32, packed: true },
  { name: 'CVTTPS2DQ', code: [0xf3, 0x0f, 0x5b, XMM0_XMM1], operation: SSE_CVTT_TO_SI32, packed: true },
  { name: 'CVTTPD2DQ', code: [0x66, 0x0f, 0xe6, XMM0_XMM1], operation: SSE_CVTT_TO_SI32 | SSE_DOUBLE, packed: true },
  { name: 'CVTPD2PS', code: [0x66, 0x0f, 0x5a, XMM0_XMM1], operation: SSE_CVT_FLOAT | SSE_DOUBLE, packed: true },
  { name: 'ROUNDPD down', code: [0x66, 0x0f, 0x3a, 0x09, XMM0_XMM1, 9], operation: SSE_ROUND | 0x920, packed: true },
];

for (const row of [...arithmeticRows(), ...OTHERS]) {
  test(`${row.name}: what is computed natively is what the slow way computes`, () => {
    const double = (row.operation & SSE_DOUBLE) !== 0;
    const random = randomNumbers(row.operation);
    cpu.place(row.code);
    for (let i = 0; i < CASES; i++) {
      const a = [element(random, double), element(random, double)] as const;
      const b = [element(random, double), element(random, double)] as const;
      cpu.setXmm(0, ...a);
      cpu.setXmm(1, ...b);
      cpu.mxcsr = USUAL;
      equal(cpu.step(), -1);
      const expected = slowResult(row, a, b);
      const shown = `${hex(a)} ${hex(b)}`;
      deepEqual([hex(cpu.xmm(0)), cpu.mxcsr], [hex(expected.result), expected.mxcsr], shown);
    }
  });
}

for (const row of arithmeticRows().filter(({ operation }) => CAN_BE_EXACT.has(operation & ~SSE_DOUBLE))) {
  test(`${row.name}: while PE is clear, exact results leave it clear without leaving generated code`, () => {
    const double = (row.operation & SSE_DOUBLE) !== 0;
    const random = randomNumbers(row.operation + 1);
    const round = (): bigint => (double ? roundF64(random) : roundF32(random) | (roundF32(random) << 32n));
    const seen = { exact: 0, inexact: 0 };
    cpu.place(row.code);
    for (let i = 0; i < CASES; i++) {
      const b = [round(), round()] as const;
      const other = [round(), round()] as const;
      // Hardly any quotient is exact that was not a factor before.
      const a = (row.operation & ~SSE_DOUBLE) === SSE_DIV ? products(other, b, double) : other;
      cpu.setXmm(0, ...a);
      cpu.setXmm(1, ...b);
      cpu.mxcsr = PE_CLEAR;
      cpu.state.setU64(state.OFFSET_VECTOR_RESULT, SENTINEL);
      equal(cpu.step(), -1);
      const expected = slowResult(row, a, b, PE_CLEAR);
      const shown = `${hex(a)} ${hex(b)}`;
      deepEqual([hex(cpu.xmm(0)), cpu.mxcsr], [hex(expected.result), expected.mxcsr], shown);
      const exact = expected.mxcsr === PE_CLEAR;
      equal(cpu.state.u64(state.OFFSET_VECTOR_RESULT) === SENTINEL, exact, shown);
      seen[exact ? 'exact' : 'inexact']++;
    }
    ok(seen.exact > 10 && seen.inexact > 10, JSON.stringify(seen));
  });
}

test('ordinary numbers under a usual MXCSR never leave generated code', () => {
  for (const { code, operation } of arithmeticRows()) {
    const one = (operation & SSE_DOUBLE) !== 0 ? 0x3ff8000000000000n : 0x3fc000003fc00000n;
    cpu.setXmm(0, one, one);
    cpu.setXmm(1, one, one);
    cpu.mxcsr = USUAL;
    cpu.state.setU64(state.OFFSET_VECTOR_RESULT, SENTINEL);
    equal(cpu.execute(code), -1);
    equal(cpu.state.u64(state.OFFSET_VECTOR_RESULT), SENTINEL);
  }
});

test('an unmasked exception raises #XM with the flag set and the destination as it was (SDM vol. 1, 11.5.2)', () => {
  const one = 0x3ff0000000000000n;
  cpu.setXmm(0, one, 7n);
  cpu.setXmm(1, 0n, 0n);
  cpu.mxcsr = 0x1d80;
  equal(cpu.execute([0x66, 0x0f, 0x5e, XMM0_XMM1]), state.EXCEPTION_XM);
  deepEqual(cpu.xmm(0), [one, 7n]);
  equal(cpu.mxcsr, 0x1d84);
});

test('it is #UD while CR4.OSXMMEXCPT is clear (SDM vol. 3A, 13.1.5)', () => {
  const cr4 = cpu.state.u32(state.OFFSET_CR4);
  cpu.state.setU32(state.OFFSET_CR4, cr4 & ~state.CR4_OSXMMEXCPT);
  cpu.setXmm(0, 0x3ff0000000000000n);
  cpu.setXmm(1, 0n);
  cpu.mxcsr = 0x1d80;
  equal(cpu.execute([0xf2, 0x0f, 0x5e, XMM0_XMM1]), state.EXCEPTION_UD);
  cpu.state.setU32(state.OFFSET_CR4, cr4);
});

test('LDMXCSR refuses reserved bits (SDM vol. 1, 10.2.3)', () => {
  cpu.mxcsr = USUAL;
  cpu.state.setGpr(state.RDI, BigInt(DATA));
  cpu.processor.view.setUint32(DATA, 0x10000, true);
  equal(cpu.execute([0x0f, 0xae, 0x17]), state.EXCEPTION_GP);
  equal(cpu.mxcsr, USUAL);
});

test('128-bit operands must be aligned, but not those of MOVDQU, LDDQU and the string comparisons', () => {
  const misaligned: readonly (readonly [expected: number, ...code: number[]])[] = [
    [state.EXCEPTION_GP, 0x66, 0x0f, 0x6f, 0x07], // MOVDQA XMM0, [RDI]
    [state.EXCEPTION_GP, 0x66, 0x0f, 0x7f, 0x07], // MOVDQA [RDI], XMM0
    [state.EXCEPTION_GP, 0x66, 0x0f, 0xef, 0x07], // PXOR
    [state.EXCEPTION_GP, 0x0f, 0x58, 0x07], // ADDPS
    [state.EXCEPTION_GP, 0x0f, 0x2b, 0x07], // MOVNTPS
    [-1, 0xf3, 0x0f, 0x6f, 0x07], // MOVDQU
    [-1, 0xf2, 0x0f, 0xf0, 0x07], // LDDQU
    [-1, 0x66, 0x0f, 0x3a, 0x63, 0x07, 0], // PCMPISTRI
    [-1, 0xf3, 0x0f, 0x58, 0x07], // ADDSS
    [-1, 0x0f, 0x5a, 0x07], // CVTPS2PD, which reads 64 bits
    [-1, 0x66, 0x0f, 0x38, 0x20, 0x07], // PMOVSXBW
  ];
  cpu.mxcsr = 0x1f80;
  cpu.state.setGpr(state.RDI, BigInt(DATA + 4));
  for (const [expected, ...code] of misaligned) equal(cpu.execute(code), expected, hexCode(code));
});

test('an MMX instruction ends the x87 use of the registers: TOP 0, none empty, exponents all ones (SDM vol. 1, 9.5)', () => {
  const control = state.OFFSET_X87_CONTROL;
  cpu.state.setU16(control, 0x37f);
  cpu.state.setU16(control + 2, 3 << 11);
  cpu.state.setU16(control + 4, 0x10);
  cpu.state.setU64(state.OFFSET_X87, 5n);
  cpu.state.setU16(state.OFFSET_X87 + 8, 0);
  equal(cpu.execute([0x0f, 0xfe, 0xc0]), -1); // PADDD MM0, MM0
  deepEqual([cpu.state.u16(control + 2), cpu.state.u16(control + 4)], [0, 0xff]);
  deepEqual([cpu.state.u64(state.OFFSET_X87), cpu.state.u16(state.OFFSET_X87 + 8)], [10n, 0xffff]);
  equal(cpu.execute([0x0f, 0x77]), -1); // EMMS
  equal(cpu.state.u16(control + 4), 0);
});

test('a pending x87 exception comes before an MMX instruction, and before WAIT, not before FNSTSW', () => {
  const control = state.OFFSET_X87_CONTROL;
  cpu.state.setU16(control, 0x340);
  cpu.state.setU16(control + 2, 0x8081);
  equal(cpu.execute([0x0f, 0xfe, 0xc0]), state.EXCEPTION_MF);
  equal(cpu.execute([0x9b]), state.EXCEPTION_MF);
  equal(cpu.execute([0xdf, 0xe0]), -1);
  equal(cpu.state.gprLo(state.RAX) & 0xffff, 0x8081);
  equal(cpu.execute([0xdb, 0xe3]), -1); // FNINIT
});

test('CRC32 of "123456789" is that of RFC 3720, B.4', () => {
  const text = [...'123456789'].map((character) => character.charCodeAt(0));
  cpu.state.setGpr(state.RAX, 0xffffffffn);
  for (const byte of text) {
    cpu.state.setGpr(state.RCX, BigInt(byte));
    equal(cpu.execute([0xf2, 0x0f, 0x38, 0xf0, 0xc1]), -1); // CRC32 EAX, CL
  }
  equal(~cpu.state.gprLo(state.RAX) >>> 0, 0xe3069283);
  cpu.state.setGpr(state.RAX, 0xffffffffn);
  cpu.state.setGpr(
    state.RCX,
    text.slice(0, 8).reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n),
  );
  equal(cpu.execute([0xf2, 0x48, 0x0f, 0x38, 0xf1, 0xc1]), -1); // CRC32 RAX, RCX
  cpu.state.setGpr(state.RCX, BigInt(text[8] as number));
  equal(cpu.execute([0xf2, 0x0f, 0x38, 0xf0, 0xc1]), -1);
  equal(~cpu.state.gprLo(state.RAX) >>> 0, 0xe3069283);
});

test('PCMPISTRI finds a substring: "lo" in "hello" begins at 3 (SDM vol. 2B, 4.1)', () => {
  cpu.setXmm(0, 0x6f6cn); // "lo"
  cpu.setXmm(1, 0x6f_6c6c_6568n); // "hello"
  equal(cpu.execute([0x66, 0x0f, 0x3a, 0x63, XMM0_XMM1, 0x0c]), -1);
  equal(cpu.state.gpr(state.RCX), 3n);
});

function arithmeticRows(): FloatRow[] {
  return ARITHMETIC.flatMap(([name, opcode, operation]) =>
    SHAPES.map(([suffix, prefix, double, packed]) => ({
      name: `${name}${suffix}`,
      code: [...prefix, 0x0f, opcode, XMM0_XMM1],
      operation: operation | (double ? SSE_DOUBLE : 0),
      packed,
    })),
  );
}

const packedOut = new Uint32Array(6);
const scalarOut = new Uint32Array(4);

function slowResult(
  { operation, packed }: FloatRow,
  a: readonly [bigint, bigint],
  b: readonly [bigint, bigint],
  mxcsr = USUAL,
): { result: [bigint, bigint]; mxcsr: number } {
  if (packed) {
    sseSlowPacked(operation, mxcsr, words(a), words(b), packedOut);
    return { result: [join(packedOut, 0), join(packedOut, 2)], mxcsr: packedOut[4] as number };
  }
  const [aLo, aHi, bLo, bHi] = [words(a)[0], words(a)[1], words(b)[0], words(b)[1]] as [number, number, number, number];
  sseSlow(operation, mxcsr, aLo, aHi, bLo, bHi, scalarOut);
  const kept = (operation & SSE_DOUBLE) !== 0 ? 0n : a[0] & 0xffffffff00000000n;
  return { result: [join(scalarOut, 0) | kept, a[1]], mxcsr: scalarOut[2] as number };
}

function words([low, high]: readonly [bigint, bigint]): Uint32Array {
  return new Uint32Array(new BigUint64Array([low, high]).buffer);
}

function join(from: Uint32Array, at: number): bigint {
  return BigInt(from[at] as number) | (BigInt(from[at + 1] as number) << 32n);
}

/** Half of the samples are numbers that no processor treats specially: otherwise packed operands hardly ever are. */
function element(random: () => number, double: boolean): bigint {
  const ordinary = (random() & 1) === 0;
  if (double) return ordinary ? plainF64(random) : sampleF64(random);
  const single = (): bigint => (ordinary ? plainF32(random) : BigInt(sampleF32(random)));
  return single() | (single() << 32n);
}

function plainF32(random: () => number): bigint {
  return BigInt(((random() & 0x807fffff) | ((117 + (random() % 20)) << 23)) >>> 0);
}

function plainF64(random: () => number): bigint {
  const significand = (BigInt(random()) << 32n) | BigInt(random());
  return (significand & 0x800fffffffffffffn) | (BigInt(1013 + (random() % 20)) << 52n);
}

/** Near one, or zero, with any number of zeros at the end. */
function roundF32(random: () => number): bigint {
  const zeros = random() % 26;
  return zeros > 24 ? 0n : (plainF32(random) >> BigInt(zeros)) << BigInt(zeros);
}

function roundF64(random: () => number): bigint {
  const zeros = random() % 55;
  return zeros > 53 ? 0n : (plainF64(random) >> BigInt(zeros)) << BigInt(zeros);
}

function products(a: readonly [bigint, bigint], b: readonly [bigint, bigint], double: boolean): [bigint, bigint] {
  const floats = (bits: readonly [bigint, bigint]): Float32Array | Float64Array => {
    const { buffer } = new BigUint64Array([...bits]);
    return double ? new Float64Array(buffer) : new Float32Array(buffer);
  };
  const [result, factors] = [floats(a), floats(b)];
  for (const [i, factor] of factors.entries()) result[i] = (result[i] as number) * factor;
  const [low, high] = new BigUint64Array(result.buffer as ArrayBuffer);
  return [low as bigint, high as bigint];
}

/** Random words from a seed, the same on every run (xorshift). */
function randomNumbers(seed: number): () => number {
  let word = 0x9e3779b9 ^ (seed + 1);
  return () => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return word >>> 0;
  };
}

function hex([low, high]: readonly [bigint, bigint]): string {
  return `${high.toString(16).padStart(16, '0')}_${low.toString(16).padStart(16, '0')}`;
}

function hexCode(code: readonly number[]): string {
  return code.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
