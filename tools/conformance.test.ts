import { deepEqual, equal } from 'node:assert/strict';
import test from 'node:test';
import {
  asPvh,
  instancesOf,
  isAsExpected,
  type Outcome,
  parseExpected,
  resultOf,
  row,
  summary,
} from './conformance.ts';

const outcome = (name: string, result: Outcome['result']): Outcome => ({ name, result, seconds: 1.25, reason: '' });

test('a test says how it ended in its last result line', () => {
  equal(resultOf('--- Xen Test Framework ---\nHello World\nTest result: SUCCESS\n'), 'SUCCESS');
  equal(resultOf('Test result: SUCCESS with warnings\n'), 'SUCCESS');
  equal(resultOf('Fail: no\nTest result: FAILURE\n'), 'FAILURE');
  equal(resultOf('Test result: SKIP\nTest result: ERROR\n'), 'ERROR');
});

test('without a result line, or with one there is not, it crashed', () => {
  equal(resultOf('PANIC: Unhandled exception\n'), 'CRASH');
  equal(resultOf('Test result: RUNNING\n'), 'CRASH');
  equal(resultOf('it prints Test result: SUCCESS in the middle of a line\n'), 'CRASH');
});

test('an instance is a configuration with its kernel beside it; variations share a kernel', () => {
  const files = [
    'xtf/tests/xsa-122/test-pv64-xsa-122',
    'xtf/tests/xsa-122/test-pv64-xsa-122.cfg',
    'xtf/tests/invlpg/test-hvm64-invlpg',
    'xtf/tests/invlpg/test-hvm64-invlpg~shadow.cfg',
    'xtf/tests/invlpg/test-hvm64-invlpg~hap.cfg',
    'xtf/tests/gone/test-hvm64-gone.cfg',
    'xtf/tests/invlpg/main.c',
    'xtf/config/default-hvm.cfg.in',
  ];
  deepEqual(
    instancesOf(files).map(({ name, environment, kernel }) => [name, environment, kernel]),
    [
      ['hvm64-invlpg~hap', 'hvm64', 'xtf/tests/invlpg/test-hvm64-invlpg'],
      ['hvm64-invlpg~shadow', 'hvm64', 'xtf/tests/invlpg/test-hvm64-invlpg'],
      ['pv64-xsa-122', 'pv64', 'xtf/tests/xsa-122/test-pv64-xsa-122'],
    ],
  );
});

test('the configuration keeps its settings; type and kernel are those of a PVH guest', () => {
  const hvm = 'name="t"\ntype="hvm"\nbuilder="hvm" # old\nmemory=128\nfirmware_override="/elsewhere/t"\nviridian=1\n';
  deepEqual(
    asPvh(hvm, '/here/t')
      .split('\n')
      .filter((line) => line !== ''),
    ['name="t"', 'memory=128', 'viridian=1', 'type = "pvh"', 'kernel = "/here/t"'],
  );
});

test('passed and skipped is as it should be, anything else only where it was expected', () => {
  const expected = parseExpected('hvm32-fep   FAILURE   0.6 s  Fail: no\n\nhvm64-example SUCCESS\nnonsense\n');
  deepEqual(
    [...expected],
    [
      ['hvm32-fep', 'FAILURE'],
      ['hvm64-example', 'SUCCESS'],
    ],
  );
  equal(isAsExpected(outcome('hvm32-fep', 'FAILURE'), expected), true);
  equal(isAsExpected(outcome('hvm32-fep', 'CRASH'), expected), false);
  equal(isAsExpected(outcome('hvm64-example', 'SKIP'), expected), false);
  equal(isAsExpected(outcome('hvm64-argo', 'SKIP'), expected), true);
  equal(isAsExpected(outcome('hvm64-argo', 'ERROR'), expected), false);
});

test('a printed row is read back as expected', () => {
  const printed = [outcome('hvm64-xsa-122', 'SUCCESS'), outcome('hvm32-fep', 'FAILURE')];
  deepEqual([...parseExpected(printed.map(row).join('\n')).values()], ['SUCCESS', 'FAILURE']);
  equal(summary(printed), 'SUCCESS 1  SKIP 0  ERROR 0  FAILURE 1  CRASH 0');
});
