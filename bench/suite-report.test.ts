import { deepEqual, equal, throws } from 'node:assert/strict';
import test from 'node:test';
import type { SuiteRun } from './suite-programs.ts';
import { compare, suiteFigures } from './suite-report.ts';

const run = (sha256: number, sort: number, checksum = 'a'): SuiteRun => ({
  programs: new Map([
    ['sha256', { seconds: sha256, checksum }],
    ['sort', { seconds: sort, checksum: 'b' }],
  ]),
});

test('each program counts by the median of its runs, the suite by the geometric mean of the ratios', () => {
  const results = new Map([
    ['ours', [run(1, 8), run(9, 8), run(2, 8)]],
    ['peer', [run(1, 1)]],
  ]);
  const figures = suiteFigures(['sha256', 'sort'], results);
  deepEqual(figures.programs[0]?.medians, { ours: 2, peer: 1 });
  const { geometricMean, slowest } = compare(figures, 'ours', 'peer');
  equal(geometricMean.toFixed(9), '4.000000000');
  deepEqual(slowest, { name: 'sort', ratio: 8 });
});

test('a machine that works something else out than the others has no figures', () => {
  const results = new Map([
    ['ours', [run(1, 1), run(1, 1, 'c')]],
    ['peer', [run(1, 1)]],
  ]);
  throws(() => suiteFigures(['sha256', 'sort'], results), /sha256 gives c on ours and a on ours/);
});
