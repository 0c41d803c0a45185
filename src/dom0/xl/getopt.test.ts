import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { getopt } from './getopt.ts';

const table = {
  short: 'cFf:',
  long: { defconfig: { value: true, letter: 'f' }, dryrun: { value: false, letter: 'n' }, timeout: { value: true } },
};

const read = (line: string, stop = false) => {
  const parsed = getopt(line.split(' '), table, stop);
  if (typeof parsed === 'string') return parsed;
  const options = parsed.options.map(({ name, value }) => (value === '' ? name : `${name}=${value}`));
  return [options, parsed.operands];
};

test('letters cluster, and a value is the rest of its argument or the next one', () => {
  deepEqual(read('-cF'), [['c', 'F'], []]);
  deepEqual(read('-cfFILE'), [['c', 'f=FILE'], []]);
  deepEqual(read('-cf FILE -F'), [['c', 'f=FILE', 'F'], []]);
});

test('long options take =value or the next argument, and may be cut short where that is clear', () => {
  deepEqual(read('--defconfig=x --timeout 5'), [['f=x', 'timeout=5'], []]);
  deepEqual(read('--def x --dry'), [['f=x', 'n'], []]);
  deepEqual(read('--d x'), "option `--d' is ambiguous: --defconfig, --dryrun.");
});

test('operands and options mix, until --', () => {
  deepEqual(read('a -c b=1 -- -F'), [['c'], ['a', 'b=1', '-F']]);
  deepEqual(read('-'), [[], ['-']]);
});

test('the first operand ends the options of xl itself', () => {
  deepEqual(read('-c create -F', true), [['c'], ['create', '-F']]);
});

test('mistakes are sentences', () => {
  deepEqual(read('-cx'), "option `x' not supported.");
  deepEqual(read('-c:'), "option `:' not supported.");
  deepEqual(read('-f'), "option `f' needs a value.");
  deepEqual(read('--nope'), "option `--nope' not supported.");
  deepEqual(read('--timeout'), "option `--timeout' needs a value.");
  deepEqual(read('--dryrun=1'), "option `--dryrun' takes no value.");
});
