import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessorCpuid } from './cpuid.ts';

const leaf = (number: number, subleaf = 0): number[] => {
  const out = new Uint32Array(4);
  new ProcessorCpuid().leaf(number, subleaf, out);
  return [...out];
};
const text = (...words: number[]): string => Buffer.from(new Uint32Array(words).buffer).toString('latin1');

test('vendor and brand', () => {
  const [, ebx = 0, ecx = 0, edx = 0] = leaf(0);
  equal(text(ebx, edx, ecx), 'AuthenticAMD');
  const brand = text(...leaf(0x80000002), ...leaf(0x80000003), ...leaf(0x80000004));
  equal(brand.replace(/\0.*/s, ''), 'Xenolith Virtual CPU');
});

test('x86-64-v2 is there and nothing of v3 (psABI, table 3.1)', () => {
  const [, , features = 0, older = 0] = leaf(1);
  // SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT
  for (const bit of [0, 9, 13, 19, 20, 23]) equal((features >>> bit) & 1, 1);
  // FMA, MOVBE, AVX, F16C; RDRAND
  for (const bit of [12, 22, 28, 29, 30]) equal((features >>> bit) & 1, 0);
  // FPU, TSC, MSR, PAE, CX8, PGE, CMOV, FXSR, SSE, SSE2
  for (const bit of [0, 4, 5, 6, 8, 13, 15, 24, 25, 26]) equal((older >>> bit) & 1, 1);
  const [, leaf7 = 0] = leaf(7);
  // BMI1, AVX2, BMI2
  for (const bit of [3, 5, 8]) equal((leaf7 >>> bit) & 1, 0);
  const [, , extended = 0] = leaf(0x80000001);
  deepEqual([extended & 1, (extended >>> 5) & 1], [1, 0]);
});

test('addresses are 40 bits physical and 48 linear', () => {
  equal((leaf(0x80000008)[0] as number) & 0xffff, 40 | (48 << 8));
});

test('the TSC runs at what leaf 15H and 16H say', () => {
  const [denominator = 0, numerator = 0, crystal = 0] = leaf(0x15);
  equal((crystal * numerator) / denominator, 1e9);
  equal(leaf(0x16)[0], 1000);
});

test('caches in leaf 8000001DH are as large as in the older leaves', () => {
  const bytes = (index: number): number => {
    const [, ebx = 0, ecx = 0] = leaf(0x8000001d, index);
    return ((ebx >>> 22) + 1) * ((ebx & 0xfff) + 1) * (ecx + 1);
  };
  equal(bytes(0), ((leaf(0x80000005)[2] as number) >>> 24) * 1024);
  equal(bytes(2), ((leaf(0x80000006)[2] as number) >>> 16) * 1024);
  equal(bytes(3), ((leaf(0x80000006)[3] as number) >>> 18) * 512 * 1024);
  deepEqual(leaf(0x8000001d, 4), [0, 0, 0, 0]);
});
