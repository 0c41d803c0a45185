import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { changedRows, XEN_CPUID_NO_SUBLEAF } from '../../toolstack/cpuid-rules.ts';
import { cpuidRules } from './cpuid.ts';
import { parseConfig } from './parser.ts';

const rules = (value: string) => cpuidRules(parseConfig('guest.cfg', `cpuid=${value}`)) ?? [];
const ONE = { leaf: 1, subleaf: undefined } as const;

test('words name bits and numbers, as xl.cfg(5) has them', () => {
  deepEqual(rules('"host,sse4.2=0,aes=x,tm=k"'), [
    { ...ONE, register: 'ecx', bits: 'xxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxx' },
    { ...ONE, register: 'edx', bits: 'xxkxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' },
  ]);
  deepEqual(rules('"host,stepping=3"'), [{ ...ONE, register: 'eax', bits: `${'x'.repeat(28)}0011` }]);
  deepEqual(rules('"host,tsc_adjust=0"'), rules('"host,tsc-adjust=0"'), 'dashes and underscores are the same');
});

test('family and model lie in two places each', () => {
  equal(rules('"host,family=6"')[0]?.bits, `xxxx00000000xxxxxxxx0110xxxxxxxx`);
  equal(rules('"host,family=0x17"')[0]?.bits, `xxxx00001000xxxxxxxx1111xxxxxxxx`);
  equal(rules('"host,model=0x5e"')[0]?.bits, `xxxxxxxxxxxx0101xxxxxxxx1110xxxx`);
});

test('leaves are given register by register', () => {
  const bits = `0${'x'.repeat(31)}`;
  deepEqual(rules(`["7,0:ebx=${bits},ecx=${bits}"]`), [
    { leaf: 7, subleaf: 0, register: 'ebx', bits },
    { leaf: 7, subleaf: 0, register: 'ecx', bits },
  ]);
});

const refused = [
  ['"sse=0"', 'the first word has to be host'],
  ['"host,sse"', 'sse: nothing after it'],
  ['"host,turbo=1"', 'turbo is no name of CPUID'],
  ['"host,sse=2"', 'sse=2: expected 0, 1, x, k or s, or a number of 1 bits'],
  ['["7:ebp=x"]', 'ebp=x: expected eax, ebx, ecx or edx'],
  ['["7:ebx=x"]', 'ebx=x: expected 32 of 0, 1, x, k and s'],
] as const;
for (const [value, why] of refused) {
  test(`cpuid = ${value} is refused`, () => {
    throws(() => rules(value), new RegExp(`guest.cfg:1: cpuid = .*: expected features \\(${why}\\), for example`));
  });
}

test('rules change rows: bits, what domains see by default, what the processor has', () => {
  const row = (a: number) => ({ leaf: 1, subleaf: XEN_CPUID_NO_SUBLEAF, a, b: 7, c: 8, d: 9 });
  const rule = { leaf: 1, subleaf: undefined, register: 'eax', bits: '01xk'.padEnd(32, 'x') } as const;
  deepEqual(changedRows([rule], [row(0xbfffffff)], [row(0)]), [row(0x6fffffff)]);
  deepEqual(changedRows([rule], [row(0x0fffffff)], [row(0xffffffff)]), [row(0x5fffffff)]);
});
