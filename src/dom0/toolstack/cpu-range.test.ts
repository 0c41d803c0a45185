import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { cpusIn, formatCpuRange, parseCpuRange } from './cpu-range.ts';

const nodes = (node: number) => [0b0011n, 0b1100n][node];
const parse = (text: string) => parseCpuRange(text, 4, nodes);

test('ranges, lists, exclusions and nodes, as xl.cfg(5) has them for cpus', () => {
  equal(parse('all'), 0b1111n);
  equal(parse('2'), 0b0100n);
  equal(parse('0-1,3'), 0b1011n);
  equal(parse('0-3,^1'), 0b1101n);
  equal(parse('^0'), 0b1110n, 'an exclusion first is one from all');
  equal(parse('node:1'), 0b1100n);
  equal(parse('nodes:0-1,^node:0'), 0b1100n);
});

test('what is no processor of the host is told', () => {
  for (const text of ['4', '0-4', '3-1', 'node:2', 'x', '', '1,^1', '-'])
    match(`${parse(text)}`, /expected processors/);
});

test('a mask is printed as xl prints it', () => {
  equal(formatCpuRange(0b1111n, 4), 'all');
  equal(formatCpuRange(0n, 4), 'none');
  equal(formatCpuRange(0b1011n, 4), '0-1,3');
  equal(formatCpuRange(~0n, 4), 'all', 'what the host has not does not count');
  equal(cpusIn(0b1010n).join(), '1,3');
});
