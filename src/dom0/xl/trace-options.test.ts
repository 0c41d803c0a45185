import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { TRACE_CLASSES } from './services.ts';
import { type TraceWords, traceOptions } from './trace-options.ts';

const of = (words: Partial<TraceWords>) => traceOptions({ command: 'xl trace', ...words });

test('without options: lines as they come, of everything but p2m entries, from all pCPUs', () => {
  deepEqual(of({}), {
    format: 'jsonl',
    events: TRACE_CLASSES.filter((name) => name !== 'memory'),
    domains: undefined,
    cpus: undefined,
    bufferBytes: 32 << 20,
    follow: true,
  });
});

test('a file’s name tells its format, unless that is told otherwise; a file is written when it disturbs least', () => {
  equal(of({ path: '/a/b.jsonl' }).format, 'jsonl');
  equal(of({ path: '/a/b.json' }).format, 'chrome');
  equal(of({ path: '/a/trace' }).format, 'xentrace');
  equal(of({ path: '/a/b.json', format: 'xentrace' }).format, 'xentrace');
  equal(of({ path: '/a/b.json' }).follow, false);
});

test('classes, pCPUs and room by name and number', () => {
  deepEqual(of({ events: 'sched,exit' }).events, ['sched', 'exit']);
  deepEqual(of({ events: 'all' }).events, TRACE_CLASSES);
  deepEqual(of({ events: 'exit', path: 'trace' }).events, ['exit', 'sched'], 'xenalyze needs to know who runs');
  equal(of({ cpus: '0,2-3' }).cpus, 0b1101);
  equal(of({ mib: '1' }).bufferBytes, 1 << 20);
});

test('what is none of those is told with what would be', () => {
  throws(() => of({ format: 'text' }), /xl trace: --format=text: expected jsonl, chrome, xentrace/);
  throws(() => of({ format: 'xentrace' }), /is not text: expected a file for it, as --output=FILE/);
  throws(() => of({ events: 'sched,evtchn' }), /evtchn: expected all, or some of exit,hypercall,event/);
  throws(() => of({ cpus: '3-1' }), /--cpus=3-1: expected numbers of CPUs, for example --cpus=0,2-3/);
  throws(() => of({ cpus: 'all' }), /--cpus=all/);
  throws(() => of({ mib: '0' }), /--buffer=0: expected MiB, from 1 to 256/);
});
