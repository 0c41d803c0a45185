import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { readXlConf } from './xl-conf.ts';

function read(text: string) {
  const warnings: string[] = [];
  const conf = readXlConf('xl.conf', text, (line) => warnings.push(line));
  return { conf, warnings };
}

test('limits and processors are for all domains', () => {
  deepEqual(read('max_grant_version=1').conf, { maxGrantVersion: 1, cpuMasks: [] });
  deepEqual(read('max_grant_frames=32\nmax_maptrack_frames=512\nvm.cpumask="0-3"\nvm.hvm.cpumask="^0"').conf, {
    maxGrantFrames: 32,
    maxMaptrackFrames: 512,
    cpuMasks: ['0-3', '^0'],
  });
  deepEqual(read('').conf, { cpuMasks: [] });
});

test('what does nothing is named, with the reason', () => {
  deepEqual(read('autoballoon="auto"\nvif.default.bridge="br0"\nfoo=1\nclaim_mode=1\noutput_format="json"').warnings, [
    'xl.conf:1: warning: autoballoon has no effect: Domain-0 has no memory to give away',
    'xl.conf:2: warning: vif.default.bridge has no effect: guests have no network yet',
    'xl.conf:3: warning: unknown key foo is ignored',
  ]);
});

test('a value that will not do names its line', () => {
  throws(() => read('output_format="sxp"'), /^XenolithError: xl.conf:1: output_format = "sxp": expected one of json/);
  throws(() => read('vm.cpumask="fast"'), /^XenolithError: xl.conf:1: vm.cpumask = "fast": expected processors/);
});
