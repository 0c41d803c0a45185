/** The SSE slow path against the host's processor: results, sticky flags and faults, bit for bit. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from './testing/float-samples.ts';
import { below, random64, sampleF32, sampleF64 } from './testing/float-samples.ts';
import {
  EFLAGS_AT,
  MXCSR_AT,
  newState,
  oracleSkip,
  RAX_AT,
  randomWords,
  runOnHost,
  SIGFPE,
  SIGNAL_AT,
  XMM0_AT,
  XMM1_AT,
  fuzzTimes,
} from './testing/host-oracle.ts';
import {
  SSE_ADD,
  SSE_ADDSUB,
  SSE_CMP,
  SSE_COMI,
  SSE_CVT_FLOAT,
  SSE_CVT_SI32_TO,
  SSE_CVT_SI64_TO,
  SSE_CVT_TO_SI32,
  SSE_CVT_TO_SI64,
  SSE_CVTT_TO_SI32,
  SSE_CVTT_TO_SI64,
  SSE_DIV,
  SSE_DOUBLE,
  SSE_MAX,
  SSE_MIN,
  SSE_MUL,
  SSE_ROUND,
  SSE_SQRT,
  SSE_SUB,
  SSE_UCOMI,
} from './sse-operations.ts';
import { reciprocalEstimate, reciprocalSquareRootEstimate } from './sse-estimate.ts';
import { sseSlow, sseSlowDotProduct, sseSlowPacked } from './sse-slow.ts';

const CASES = 1000 * fuzzTimes;
const EFLAGS_ZF_PF_CF = 0x45;

interface Form {
  readonly name: string;
  readonly code: readonly number[];
  readonly op: number;
  /** Where the source is: xmm1 or rax. */
  readonly source?: 'rax';
  /** Where the result is: the low element of xmm0, rax, or EFLAGS. */
  readonly result: 4 | 8 | 'eax' | 'rax' | 'eflags';
}

const SS = [0xf3, 0x0f];
const SD = [0xf2, 0x0f];
const XMM0_XMM1 = 0xc1;

function arithmeticForms(): Form[] {
  const rows: [string, number, number][] = [
    ['ADD', 0x58, SSE_ADD],
    ['MUL', 0x59, SSE_MUL],
    ['SUB', 0x5c, SSE_SUB],
    ['MIN', 0x5d, SSE_MIN],
    ['DIV', 0x5e, SSE_DIV],
    ['MAX', 0x5f, SSE_MAX],
    ['SQRT', 0x51, SSE_SQRT],
  ];
  const forms: Form[] = [];
  for (const [name, opcode, op] of rows) {
    forms.push({ name: `${name}SS`, code: [...SS, opcode, XMM0_XMM1], op, result: 4 });
    forms.push({ name: `${name}SD`, code: [...SD, opcode, XMM0_XMM1], op: op | SSE_DOUBLE, result: 8 });
  }
  for (let imm = 0; imm < 8; imm++) {
    const op = SSE_CMP | (imm << 8);
    forms.push({ name: `CMPSS ${imm}`, code: [...SS, 0xc2, XMM0_XMM1, imm], op, result: 4 });
    forms.push({ name: `CMPSD ${imm}`, code: [...SD, 0xc2, XMM0_XMM1, imm], op: op | SSE_DOUBLE, result: 8 });
  }
  for (const imm of [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]) {
    const op = SSE_ROUND | (imm << 8);
    forms.push({ name: `ROUNDSS ${imm}`, code: [0x66, 0x0f, 0x3a, 0x0a, XMM0_XMM1, imm], op, result: 4 });
    forms.push({
      name: `ROUNDSD ${imm}`,
      code: [0x66, 0x0f, 0x3a, 0x0b, XMM0_XMM1, imm],
      op: op | SSE_DOUBLE,
      result: 8,
    });
  }
  return forms;
}

const SCALAR_FORMS: readonly Form[] = [
  ...arithmeticForms(),
  { name: 'UCOMISS', code: [0x0f, 0x2e, XMM0_XMM1], op: SSE_UCOMI, result: 'eflags' },
  { name: 'UCOMISD', code: [0x66, 0x0f, 0x2e, XMM0_XMM1], op: SSE_UCOMI | SSE_DOUBLE, result: 'eflags' },
  { name: 'COMISS', code: [0x0f, 0x2f, XMM0_XMM1], op: SSE_COMI, result: 'eflags' },
  { name: 'COMISD', code: [0x66, 0x0f, 0x2f, XMM0_XMM1], op: SSE_COMI | SSE_DOUBLE, result: 'eflags' },
  { name: 'CVTSS2SD', code: [...SS, 0x5a, XMM0_XMM1], op: SSE_CVT_FLOAT, result: 8 },
  { name: 'CVTSD2SS', code: [...SD, 0x5a, XMM0_XMM1], op: SSE_CVT_FLOAT | SSE_DOUBLE, result: 4 },
  { name: 'CVTSI2SS r32', code: [...SS, 0x2a, 0xc0], op: SSE_CVT_SI32_TO, source: 'rax', result: 4 },
  { name: 'CVTSI2SD r32', code: [...SD, 0x2a, 0xc0], op: SSE_CVT_SI32_TO | SSE_DOUBLE, source: 'rax', result: 8 },
  { name: 'CVTSI2SS r64', code: [0xf3, 0x48, 0x0f, 0x2a, 0xc0], op: SSE_CVT_SI64_TO, source: 'rax', result: 4 },
  {
    name: 'CVTSI2SD r64',
    code: [0xf2, 0x48, 0x0f, 0x2a, 0xc0],
    op: SSE_CVT_SI64_TO | SSE_DOUBLE,
    source: 'rax',
    result: 8,
  },
  { name: 'CVTSS2SI r32', code: [...SS, 0x2d, XMM0_XMM1], op: SSE_CVT_TO_SI32, result: 'eax' },
  { name: 'CVTSD2SI r32', code: [...SD, 0x2d, XMM0_XMM1], op: SSE_CVT_TO_SI32 | SSE_DOUBLE, result: 'eax' },
  { name: 'CVTSS2SI r64', code: [0xf3, 0x48, 0x0f, 0x2d, XMM0_XMM1], op: SSE_CVT_TO_SI64, result: 'rax' },
  { name: 'CVTSD2SI r64', code: [0xf2, 0x48, 0x0f, 0x2d, XMM0_XMM1], op: SSE_CVT_TO_SI64 | SSE_DOUBLE, result: 'rax' },
  { name: 'CVTTSS2SI r32', code: [...SS, 0x2c, XMM0_XMM1], op: SSE_CVTT_TO_SI32, result: 'eax' },
  { name: 'CVTTSD2SI r32', code: [...SD, 0x2c, XMM0_XMM1], op: SSE_CVTT_TO_SI32 | SSE_DOUBLE, result: 'eax' },
  { name: 'CVTTSS2SI r64', code: [0xf3, 0x48, 0x0f, 0x2c, XMM0_XMM1], op: SSE_CVTT_TO_SI64, result: 'rax' },
  {
    name: 'CVTTSD2SI r64',
    code: [0xf2, 0x48, 0x0f, 0x2c, XMM0_XMM1],
    op: SSE_CVTT_TO_SI64 | SSE_DOUBLE,
    result: 'rax',
  },
];

test('scalar operations leave the bits, the sticky flags and the faults of the processor', {
  skip: oracleSkip,
}, (t) => {
  const random = randomWords(0x5eed0001);
  const differences: string[] = [];
  let cases = 0;
  for (const form of SCALAR_FORMS) {
    const states = Array.from({ length: CASES }, () => scalarState(random, form));
    const after = runOnHost({ code: form.code, memoryBytes: 0, states });
    states.forEach((before, i) => {
      compare(differences, ours(form, before), theirs(form, before, after[i] as DataView), form.name, before);
    });
    cases += states.length;
  }
  t.diagnostic(`${SCALAR_FORMS.length} instructions, ${cases} cases, ${differences.length} differences`);
  equal(differences.length, 0, differences.slice(0, 8).join('\n'));
});

interface PackedForm {
  readonly name: string;
  readonly code: readonly number[];
  readonly run: (mxcsr: number, a: Uint32Array, b: Uint32Array, out: Uint32Array) => void;
  readonly element: 'f32' | 'f64' | 'i32';
}

const PACKED_FORMS: readonly PackedForm[] = [
  packed('ADDPS', [0x0f, 0x58, XMM0_XMM1], SSE_ADD),
  packed('DIVPS', [0x0f, 0x5e, XMM0_XMM1], SSE_DIV),
  packed('MULPD', [0x66, 0x0f, 0x59, XMM0_XMM1], SSE_MUL | SSE_DOUBLE),
  packed('SQRTPS', [0x0f, 0x51, XMM0_XMM1], SSE_SQRT),
  packed('MAXPS', [0x0f, 0x5f, XMM0_XMM1], SSE_MAX),
  packed('CMPLTPS', [0x0f, 0xc2, XMM0_XMM1, 1], SSE_CMP | 0x100),
  packed('ROUNDPS 4', [0x66, 0x0f, 0x3a, 0x08, XMM0_XMM1, 4], SSE_ROUND | 0x400),
  packed('ADDSUBPS', [0xf2, 0x0f, 0xd0, XMM0_XMM1], SSE_ADDSUB),
  packed('ADDSUBPD', [0x66, 0x0f, 0xd0, XMM0_XMM1], SSE_ADDSUB | SSE_DOUBLE),
  packed('CVTDQ2PS', [0x0f, 0x5b, XMM0_XMM1], SSE_CVT_SI32_TO, 'i32'),
  packed('CVTDQ2PD', [0xf3, 0x0f, 0xe6, XMM0_XMM1], SSE_CVT_SI32_TO | SSE_DOUBLE, 'i32'),
  packed('CVTPS2DQ', [0x66, 0x0f, 0x5b, XMM0_XMM1], SSE_CVT_TO_SI32),
  packed('CVTTPS2DQ', [0xf3, 0x0f, 0x5b, XMM0_XMM1], SSE_CVTT_TO_SI32),
  packed('CVTPD2DQ', [0xf2, 0x0f, 0xe6, XMM0_XMM1], SSE_CVT_TO_SI32 | SSE_DOUBLE),
  packed('CVTTPD2DQ', [0x66, 0x0f, 0xe6, XMM0_XMM1], SSE_CVTT_TO_SI32 | SSE_DOUBLE),
  packed('CVTPS2PD', [0x0f, 0x5a, XMM0_XMM1], SSE_CVT_FLOAT),
  packed('CVTPD2PS', [0x66, 0x0f, 0x5a, XMM0_XMM1], SSE_CVT_FLOAT | SSE_DOUBLE),
  dotProduct(false, 0xf1),
  dotProduct(false, 0x5f),
  dotProduct(false, 0xba),
  dotProduct(true, 0x31),
  dotProduct(true, 0x23),
];

test('packed operations decide their exceptions over all elements', { skip: oracleSkip }, (t) => {
  const random = randomWords(0x5eed0002);
  const differences: string[] = [];
  let cases = 0;
  for (const form of PACKED_FORMS) {
    const states = Array.from({ length: CASES }, () => packedState(random, form));
    const after = runOnHost({ code: form.code, memoryBytes: 0, states });
    states.forEach((before, i) => {
      const host = after[i] as DataView;
      const out = new Uint32Array(6);
      const a = words(before, XMM0_AT);
      form.run(before.getUint32(MXCSR_AT, true), a, words(before, XMM1_AT), out);
      const result = out[5] === 1 ? a : out.subarray(0, 4);
      const mine = `${hex(result)} mxcsr ${out[4]?.toString(16)} fault ${out[5]}`;
      const expected = `${hex(words(host, XMM0_AT))} mxcsr ${host.getUint32(MXCSR_AT, true).toString(16)} fault ${faulted(host)}`;
      compare(differences, mine, expected, form.name, before);
    });
    cases += states.length;
  }
  t.diagnostic(`${PACKED_FORMS.length} instructions, ${cases} cases, ${differences.length} differences`);
  equal(differences.length, 0, differences.slice(0, 8).join('\n'));
});

test('RCPSS and RSQRTSS agree with the processor in all but the last bits', { skip: oracleSkip }, (t) => {
  const random = randomWords(0x5eed0003);
  for (const [name, opcode, estimate] of [
    ['RCPSS', 0x53, reciprocalEstimate] as const,
    ['RSQRTSS', 0x52, reciprocalSquareRootEstimate] as const,
  ]) {
    const states = Array.from({ length: CASES }, () => {
      const state = newState(0);
      state.setUint32(XMM1_AT, sampleF32(random), true);
      return state;
    });
    const after = runOnHost({ code: [...SS, opcode, XMM0_XMM1], memoryBytes: 0, states });
    let widest = 0;
    states.forEach((before, i) => {
      const host = after[i] as DataView;
      const mine = new DataView(new ArrayBuffer(4));
      mine.setUint32(0, estimate(before.getUint32(XMM1_AT, true)), true);
      const ours = mine.getFloat32(0, true);
      const theirs = host.getFloat32(XMM0_AT, true);
      equal(host.getUint32(MXCSR_AT, true), 0x1f80);
      if (mine.getUint32(0, true) === host.getUint32(XMM0_AT, true)) return;
      // Both may be off by the 1.5 * 2^-12 that the manual allows.
      const error = Math.abs(ours / theirs - 1);
      ok(error < 3 * 2 ** -12, `${name} ${before.getUint32(XMM1_AT, true).toString(16)}: host ${theirs}, ours ${ours}`);
      widest = Math.max(widest, error);
    });
    t.diagnostic(`${name}: ${CASES} cases, at most ${(widest * 2 ** 12).toFixed(2)} * 2^-12 apart`);
  }
});

function packed(name: string, code: number[], op: number, element?: 'i32'): PackedForm {
  const run = (mxcsr: number, a: Uint32Array, b: Uint32Array, out: Uint32Array) => sseSlowPacked(op, mxcsr, a, b, out);
  return { name, code, run, element: element ?? ((op & SSE_DOUBLE) !== 0 ? 'f64' : 'f32') };
}

function dotProduct(double: boolean, imm8: number): PackedForm {
  return {
    name: `${double ? 'DPPD' : 'DPPS'} 0x${imm8.toString(16)}`,
    code: [0x66, 0x0f, 0x3a, double ? 0x41 : 0x40, XMM0_XMM1, imm8],
    run: (mxcsr, a, b, out) => sseSlowDotProduct(double, imm8, mxcsr, a, b, out),
    element: double ? 'f64' : 'f32',
  };
}

/** Mostly all masked; sometimes some exceptions are not. Sticky flags start clear, or all set. */
function sampleMxcsr(random: Random): number {
  const masks = below(random, 4) === 0 ? random() & 0x1f80 : 0x1f80;
  const sticky = below(random, 8) === 0 ? 0x3f & ~((masks >> 7) ^ 0x3f) : 0;
  const control = below(random, 2) === 0 ? random() & 0xe040 : random() & 0x6000;
  return masks | sticky | control;
}

function scalarState(random: Random, form: Form): DataView {
  const state = newState(0);
  state.setUint32(MXCSR_AT, sampleMxcsr(random), true);
  state.setUint32(EFLAGS_AT, 0x202 | (random() & 0x8d5), true);
  state.setBigUint64(RAX_AT, sampleInteger(random), true);
  const double = (form.op & SSE_DOUBLE) !== 0;
  fill(state, XMM0_AT, random, double ? 'f64' : 'f32');
  fill(state, XMM1_AT, random, double ? 'f64' : 'f32');
  return state;
}

function packedState(random: Random, form: PackedForm): DataView {
  const state = newState(0);
  state.setUint32(MXCSR_AT, sampleMxcsr(random), true);
  fill(state, XMM0_AT, random, form.element);
  fill(state, XMM1_AT, random, form.element);
  return state;
}

function fill(state: DataView, at: number, random: Random, element: 'f32' | 'f64' | 'i32'): void {
  for (let i = 0; i < 16; i += element === 'f64' ? 8 : 4) {
    if (element === 'f64') state.setBigUint64(at + i, sampleF64(random), true);
    else if (element === 'f32') state.setUint32(at + i, sampleF32(random), true);
    else state.setUint32(at + i, Number(sampleInteger(random) & 0xffff_ffffn), true);
  }
}

function sampleInteger(random: Random): bigint {
  const shift = BigInt(below(random, 64));
  const value = random64(random) >> shift;
  return below(random, 2) === 0 ? value : BigInt.asUintN(64, -value);
}

function ours(form: Form, before: DataView): string {
  const out = new Uint32Array(4);
  const at = form.source === 'rax' ? RAX_AT : XMM1_AT;
  sseSlow(
    form.op,
    before.getUint32(MXCSR_AT, true),
    before.getInt32(XMM0_AT, true),
    before.getInt32(XMM0_AT + 4, true),
    before.getInt32(at, true),
    before.getInt32(at + 4, true),
    out,
  );
  const fault = out[3] === 1;
  const result = fault ? 'kept' : outcome(form, out[0] ?? 0, out[1] ?? 0);
  return `${result} mxcsr ${out[2]?.toString(16)} fault ${out[3]}`;
}

function theirs(form: Form, before: DataView, after: DataView): string {
  const fault = faulted(after);
  const at = form.result === 'eax' || form.result === 'rax' ? RAX_AT : XMM0_AT;
  if (fault === 1) equal(after.getBigUint64(XMM0_AT, true), before.getBigUint64(XMM0_AT, true));
  const lo = form.result === 'eflags' ? after.getUint32(EFLAGS_AT, true) & 0x8d5 : after.getUint32(at, true);
  const result = fault === 1 ? 'kept' : outcome(form, lo, after.getUint32(at + 4, true));
  return `${result} mxcsr ${after.getUint32(MXCSR_AT, true).toString(16)} fault ${fault}`;
}

function outcome(form: Form, lo: number, hi: number): string {
  switch (form.result) {
    case 'eflags':
      equal(lo & ~EFLAGS_ZF_PF_CF, 0);
      return `eflags ${lo.toString(16)}`;
    case 'eax':
    case 4:
      return lo.toString(16);
    default:
      return hex(Uint32Array.of(lo, hi));
  }
}

function faulted(after: DataView): number {
  const signal = after.getUint32(SIGNAL_AT, true);
  equal(signal === 0 || signal === SIGFPE, true, `signal ${signal}`);
  return signal === SIGFPE ? 1 : 0;
}

function words(state: DataView, at: number): Uint32Array {
  return Uint32Array.from([0, 4, 8, 12], (i) => state.getUint32(at + i, true));
}

function hex(value: Uint32Array): string {
  return Array.from(value, (word) => word.toString(16).padStart(8, '0'))
    .reverse()
    .join('_');
}

function compare(differences: string[], mine: string, host: string, name: string, before: DataView): void {
  if (mine === host) return;
  const mxcsr = before.getUint32(MXCSR_AT, true).toString(16);
  const rax = before.getBigUint64(RAX_AT, true).toString(16);
  const operands = `xmm0 ${hex(words(before, XMM0_AT))} xmm1 ${hex(words(before, XMM1_AT))} rax ${rax}`;
  differences.push(`${name} mxcsr ${mxcsr} ${operands}\n  host ${host}\n  ours ${mine}`);
}
