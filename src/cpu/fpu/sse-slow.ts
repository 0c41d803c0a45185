/**
 * The doors through which generated code calls for what WebAssembly cannot do natively: NaNs, denormals, flags not yet
 * sticky, rounding modes, FTZ, DAZ, unmasked exceptions. Slow, and right bit for bit.
 */
import type { FloatContext } from './float.ts';
import { sseContext } from './float.ts';
import { gatheredFlags, sseLane } from './sse-lane.ts';
import {
  SSE_ADD,
  SSE_ADDSUB,
  SSE_CVT_FLOAT,
  SSE_CVT_SI32_TO,
  SSE_CVT_SI64_TO,
  SSE_CVT_TO_SI32,
  SSE_CVT_TO_SI64,
  SSE_CVTT_TO_SI32,
  SSE_CVTT_TO_SI64,
  SSE_DOUBLE,
  SSE_MUL,
  SSE_SUB,
} from './sse-operations.ts';

/**
 * A scalar operation. `op`: see sse-operations.ts. Operands are bits in two halves; the upper half of a 32-bit operand
 * is ignored. All numbers may be signed or unsigned 32-bit.
 * out[0], out[1]: the result, low and high (32-bit results: high is 0).
 * out[2]: the new MXCSR, sticky flags included, also when faulting.
 * out[3]: 1 if an exception is unmasked: store MXCSR, leave the destination (and EFLAGS) alone, raise #XM
 * (or #UD when CR4.OSXMMEXCPT is clear).
 */
export function sseSlow(
  op: number,
  mxcsr: number,
  aLo: number,
  aHi: number,
  bLo: number,
  bHi: number,
  out: Uint32Array,
): void {
  const ctx = sseContext(mxcsr);
  const wide = sourceBytes(op) === 8;
  const a = wide ? join(aLo, aHi) : BigInt(aLo >>> 0);
  const b = wide ? join(bLo, bHi) : BigInt(bLo >>> 0);
  const result = sseLane(ctx, op, a, b);
  out[0] = Number(result & 0xffff_ffffn);
  out[1] = Number(result >> 32n);
  const flags = gatheredFlags(ctx.flags, ctx.masks);
  out[2] = (mxcsr | flags) >>> 0;
  out[3] = (flags & ~ctx.masks) === 0 ? 0 : 1;
}

/**
 * A packed operation. `a` (first operand and destination) and `b` (source) are 16 bytes as four words; `out` is four
 * result words, then the new MXCSR, then 1 for #XM, as `sseSlow`. `out` may not be `a` or `b`.
 * All elements are computed and their flags gathered before it is decided whether an exception is unmasked.
 * Conversions between element sizes read and write the low elements; what is left of `out` is zero, as CVTPD2PS,
 * CVTPD2DQ and CVTTPD2DQ need it. For the MMX forms (CVTPS2PI, CVTPI2PS) pass zeros above the two elements.
 * Horizontal operations (HADDPS...): rearrange the elements, then SSE_ADD or SSE_SUB. ADDSUBPS: SSE_ADDSUB.
 */
export function sseSlowPacked(op: number, mxcsr: number, a: Uint32Array, b: Uint32Array, out: Uint32Array): void {
  const ctx = sseContext(mxcsr);
  const from = sourceBytes(op);
  const to = resultBytes(op);
  const elements = 16 / Math.max(from, to);
  let flags = 0;
  out.fill(0, 0, 4);
  for (let i = 0; i < elements; i++) {
    ctx.flags = 0;
    const result = sseLane(ctx, elementOperation(op, i), element(a, from, i), element(b, from, i));
    putElement(out, to, i, result);
    flags |= ctx.flags;
  }
  finish(ctx, mxcsr, gatheredFlags(flags, ctx.masks), out);
}

/**
 * DPPS (or with `double` DPPD): the product of the elements that imm8[7:4] selects, summed in pairs, delivered where
 * imm8[3:0] says. Arguments as `sseSlowPacked`. Each stage (products, sums) decides its
 * exceptions before the next begins.
 */
export function sseSlowDotProduct(
  double: boolean,
  imm8: number,
  mxcsr: number,
  a: Uint32Array,
  b: Uint32Array,
  out: Uint32Array,
): void {
  const ctx = sseContext(mxcsr);
  const bytes = double ? 8 : 4;
  const type = double ? SSE_DOUBLE : 0;
  out.fill(0, 0, 4);
  let terms: bigint[] = [];
  let stage = 0;
  for (let i = 0; i < 16 / bytes; i++) {
    ctx.flags = 0;
    const selected = ((imm8 >>> (4 + i)) & 1) !== 0;
    terms.push(selected ? sseLane(ctx, SSE_MUL | type, element(a, bytes, i), element(b, bytes, i)) : 0n);
    stage |= ctx.flags;
  }
  let flags = gatheredFlags(stage, ctx.masks);
  while (terms.length > 1 && (flags & ~ctx.masks) === 0) {
    const sums: bigint[] = [];
    stage = 0;
    for (let i = 0; i < terms.length; i += 2) {
      ctx.flags = 0;
      sums.push(sseLane(ctx, SSE_ADD | type, terms[i] as bigint, terms[i + 1] as bigint));
      stage |= ctx.flags;
    }
    flags |= gatheredFlags(stage, ctx.masks);
    terms = sums;
  }
  for (let i = 0; i < 16 / bytes; i++) {
    if (((imm8 >>> i) & 1) !== 0) putElement(out, bytes, i, terms[0] as bigint);
  }
  finish(ctx, mxcsr, flags, out);
}

function finish(ctx: FloatContext, mxcsr: number, flags: number, out: Uint32Array): void {
  out[4] = (mxcsr | flags) >>> 0;
  out[5] = (flags & ~ctx.masks) === 0 ? 0 : 1;
}

function elementOperation(op: number, index: number): number {
  if ((op & 0x1f) !== SSE_ADDSUB) return op;
  return (op & SSE_DOUBLE) | ((index & 1) === 0 ? SSE_SUB : SSE_ADD);
}

function sourceBytes(op: number): number {
  switch (op & 0x1f) {
    case SSE_CVT_SI32_TO:
      return 4;
    case SSE_CVT_SI64_TO:
      return 8;
    default:
      return (op & SSE_DOUBLE) !== 0 ? 8 : 4;
  }
}

function resultBytes(op: number): number {
  switch (op & 0x1f) {
    case SSE_CVT_TO_SI32:
    case SSE_CVTT_TO_SI32:
      return 4;
    case SSE_CVT_TO_SI64:
    case SSE_CVTT_TO_SI64:
      return 8;
    case SSE_CVT_FLOAT:
      return (op & SSE_DOUBLE) !== 0 ? 4 : 8;
    default:
      return (op & SSE_DOUBLE) !== 0 ? 8 : 4;
  }
}

function element(words: Uint32Array, bytes: number, index: number): bigint {
  if (bytes === 4) return BigInt(words[index] as number);
  return join(words[index * 2] as number, words[index * 2 + 1] as number);
}

function putElement(words: Uint32Array, bytes: number, index: number, bits: bigint): void {
  if (bytes === 4) {
    words[index] = Number(bits);
    return;
  }
  words[index * 2] = Number(bits & 0xffff_ffffn);
  words[index * 2 + 1] = Number(bits >> 32n);
}

function join(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
