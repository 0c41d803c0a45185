import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../dom0/xl/cfg/parser.ts';
import { configFiles, type DomainConfig } from './config-text.ts';

function read(config: DomainConfig) {
  const { path, files } = configFiles(config);
  const parsed = parseConfig('config', new TextDecoder().decode(files.get(path)));
  return { parsed, files };
}

test('what xl reads is what was given, whatever characters are in it', () => {
  const cmdline = 'a "quoted" \\path\\ \t it\'s\nnew é';
  const { parsed } = read({ name: 'web', kernel: 'k', cmdline, memory: 64, localtime: true, cpus: ['0', '1'] });
  equal(parsed.string('cmdline', ''), cmdline);
  equal(parsed.string('type', ''), 'pvh');
  equal(parsed.number('memory', '', { from: 0, to: 100, example: 1 }), 64);
  equal(parsed.number('localtime', '', { from: 0, to: 1, example: 1 }), 1);
  const cpus = parsed.get('cpus')?.value;
  deepEqual(cpus?.kind === 'list' && cpus.items.map((item) => item.kind === 'string' && item.text), ['0', '1']);
});

test('a negative number is read as one', () => {
  const { parsed } = read({ name: 'web', kernel: 'k', rtc_timeoffset: -60 });
  equal(parsed.number('rtc_timeoffset', '', { from: -100, to: 100, example: 1 }), -60);
});

test('bytes stand for a file that the host asks for', () => {
  const { parsed, files } = read({ name: 'web', kernel: new Uint8Array([1, 2]) });
  deepEqual(files.get(parsed.string('kernel', '') ?? ''), new Uint8Array([1, 2]));
});

test('what no config file can say is told at once', () => {
  throws(() => configFiles({ name: 'a\0b', kernel: 'k' }), /config\.name: a NUL cannot be in it/);
  throws(() => configFiles({ name: 'a', kernel: 'k', memory: 1.5 }), /config\.memory: 1\.5 is no whole number/);
  throws(() => configFiles({ name: 'a', kernel: 'k', 'x=y': 1 }), /config\.x=y: no key/);
});
