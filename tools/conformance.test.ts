import { deepEqual, equal } from 'node:assert/strict';
import test from 'node:test';
import { asHvm, asPvh, instancesOf } from './conformance.ts';
import {
  isAsExpected,
  markdown,
  type Outcome,
  parseExpected,
  parseReal,
  resultOf,
  row,
  summary,
} from './conformance-results.ts';

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

test("started as XTF does, the configuration is its own, with the kernel's place", () => {
  const hvm = 'type="hvm"\nbuilder="hvm" # old\nfirmware_override="/elsewhere/t"\nviridian=1\n';
  deepEqual(
    asHvm(hvm, '/here/t')
      .split('\n')
      .filter((line) => line !== ''),
    ['type="hvm"', 'builder="hvm" # old', 'viridian=1', 'firmware_override = "/here/t"'],
  );
});

test("real Xen's results: no word is a crash; what could not be created, and PV guests, are no results", () => {
  const text = `test-hvm32-argo [down] SKIP
test-hvm64-xsa-308 [down]
pvh-hvm64-example [down] SUCCESS
pvh-hvm64-xsa-168~shadow CREATE-FAILED: libxl_create.c:711:libxl__domain_make:
test-pv64-example [down] SUCCESS`;
  deepEqual(
    [...parseReal(text)],
    [
      ['test-hvm32-argo', 'SKIP'],
      ['test-hvm64-xsa-308', 'CRASH'],
      ['pvh-hvm64-example', 'SUCCESS'],
    ],
  );
});

test('beside real Xen: what passes there must pass, what fails there may fail alike', () => {
  const real = parseReal('test-hvm64-a SUCCESS\ntest-hvm64-b SKIP\ntest-hvm64-c\n');
  const judged = (name: string, result: Outcome['result']) => isAsExpected(outcome(name, result), new Map(), real);
  deepEqual([judged('test-hvm64-a', 'SUCCESS'), judged('test-hvm64-a', 'SKIP')], [true, false]);
  deepEqual([judged('test-hvm64-b', 'SUCCESS'), judged('test-hvm64-b', 'FAILURE')], [true, false]);
  deepEqual([judged('test-hvm64-c', 'CRASH'), judged('test-hvm64-c', 'ERROR')], [true, false]);
});

test('the page has a kernel a row, each start beside real Xen', () => {
  const skipped = { ...outcome('test-hvm64-a', 'SKIP'), reason: 'Skip: no | here' };
  const page = markdown([outcome('pvh-hvm64-a', 'SUCCESS'), skipped], parseReal('test-hvm64-a SUCCESS'), 'hvm_fep');
  equal(page.split('\n').at(-2), '| hvm64-a | SUCCESS |  | SKIP | SUCCESS | Skip: no \\| here |');
  equal(page.includes('- neither passed nor as on real Xen: test-hvm64-a\n'), true);
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
