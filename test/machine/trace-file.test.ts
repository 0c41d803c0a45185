/** xl create -F, whose machine records what happens from its start to its end. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { kernelOf, put, runXl, scratchFolder } from './testing/run-xl.ts';

const folder = scratchFolder();
// xor eax, eax; cpuid; hlt with interrupts off: it powers off
put(folder, 'kernel', kernelOf([0x31, 0xc0, 0x0f, 0xa2, 0xf4]));
put(folder, 'guest.cfg', 'name = "g"\ntype = "pvh"\nmemory = 32\nkernel = "kernel"\n');

const create = (...options: string[]) => runXl(folder, ['create', '-F', '-q', ...options, 'guest.cfg']);

test('--trace-file records the domain from its creation to its end', async () => {
  const { status, stderr } = await create('--trace-file=trace.jsonl');
  equal(status, 0, stderr);
  const lines = readFileSync(join(folder, 'trace.jsonl'), 'utf8').trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  deepEqual(
    records.filter(({ vcpu, event }) => vcpu === 'd1v0' && event === 'vmexit').map(({ code }) => code),
    ['VMEXIT_CPUID', 'VMEXIT_HLT'],
  );
  const created = records.findIndex(({ event, domid }) => event === 'domain_created' && domid === 1);
  const shutDown = records.findIndex(({ event, subject }) => event === 'shutdown' && subject === 'd1v0');
  ok(created >= 0 && shutDown > created);
  equal(records[shutDown]?.reason, 0);
});

test('--trace-events says of what', async () => {
  equal((await create('--trace-file=few.jsonl', '--trace-events=domain')).status, 0);
  const lines = readFileSync(join(folder, 'few.jsonl'), 'utf8').trimEnd().split('\n');
  deepEqual(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ['domain_created'],
  );
});

test('a file that cannot be written is told before there is a domain', async () => {
  const { status, stderr } = await create('--trace-file=no/such/folder/trace.json');
  equal(status, 1);
  match(stderr, /no\/such\/folder\/trace\.json: cannot be written: ENOENT/);
  equal(existsSync(join(folder, 'no')), false);
});
