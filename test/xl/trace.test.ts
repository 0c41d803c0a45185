import { equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestHost } from './testing/test-host.ts';

let host: TestHost;
before(async () => {
  host = await TestHost.start();
});
after(async () => {
  equal(await host.stop(), 0);
});

const linesOf = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('it prints what happens as it happens, until it is interrupted', async () => {
  const trace = host.command('trace');
  // What others ask the host is something that happens.
  while (trace.out === '') await host.xl('list');
  await host.xl('create -q -p idle.cfg');
  await trace.printed(/XEN_DOMCTL_createdomain/);
  await host.xl('destroy idle');
  await trace.printed(/XEN_DOMCTL_destroydomain/);
  await trace.signal('SIGINT');
  const { out, err } = await trace.answer;
  equal(err, '');
  ok(linesOf(out).every(({ event }) => typeof event === 'string'));
});

test('of a domain: what it does, and what is done to it', async () => {
  await host.xl('create -q -p idle.cfg');
  await host.xl(`create -q -p /dev/null name="other" type="pvh" kernel="idle" memory=4`);
  const trace = host.command('trace other --events=exit,sched');
  while (trace.out === '') await host.xl('sched-credit2 -d other -w 300');
  // Both wake up and halt; once the second is seen, the first would have been.
  await host.xl('unpause idle');
  await host.xl('unpause other');
  await trace.printed(/VMEXIT_HLT/);
  await trace.signal('SIGINT');
  const domid = (await host.xl('domid other')).out.trim();
  const whose = new Set(linesOf((await trace.answer).out).map(({ vcpu }) => vcpu));
  ok(whose.has(`d${domid}v0`));
  for (const vcpu of whose) ok(vcpu === `d${domid}v0` || vcpu === 'd0v0' || vcpu === 'idle', `${vcpu}`);
  await host.xl('destroy idle');
  await host.xl('destroy other');
});

test('into a file: for Perfetto by its name, with domains by theirs; it says how many records', async () => {
  const trace = host.command('trace --output=trace.json');
  while (!existsSync(join(host.folder, 'trace.json'))) await host.xl('list');
  await host.xl('create -q idle.cfg');
  await trace.signal('SIGINT');
  const { err, out } = await trace.answer;
  equal(out, '');
  match(err, /^\d+ records\n$/);
  const { traceEvents } = JSON.parse(readFileSync(join(host.folder, 'trace.json'), 'utf8'));
  const names = (traceEvents as { name: string; args?: { name?: string } }[])
    .filter(({ name }) => name === 'process_name')
    .map(({ args }) => args?.name ?? '');
  ok(names.includes('Domain-0 (domain 0)'));
  ok(names.some((name) => /^idle \(domain \d+\)$/.test(name)));
  await host.xl('destroy idle');
});

test('one at a time, and the next once the one before is over', async () => {
  const first = host.command('trace');
  while (first.out === '') await host.xl('list');
  const second = await host.xl('trace --seconds=0.01');
  equal(second.status, 1);
  match(second.err, /somebody records already/);
  await first.die();
  while ((await host.xl('trace --seconds=0.01 --output=again.jsonl')).status !== 0);
});

test('what it cannot do is told', async () => {
  match((await host.xl('trace nobody')).err, /nobody is an invalid domain identifier/);
  match((await host.xl('trace --output=/nowhere/at/all')).err, /\/nowhere\/at\/all: cannot be written: ENOENT/);
  match((await host.xl('trace --events=nonsense')).err, /nonsense: expected all, or some of exit/);
  match((await host.xl('trace --seconds=0')).err, /--seconds=0: expected a time/);
});

test('a host that ends while somebody records ends the file as well', async () => {
  const other = await TestHost.start();
  const file = join(host.folder, 'until-the-end.json');
  const trace = other.command(`trace --output=${file}`);
  await other.xl('create -q idle.cfg');
  while (!existsSync(file)) await other.xl('list');
  equal(await other.stop(), 0);
  await trace.answer;
  const { traceEvents } = JSON.parse(readFileSync(file, 'utf8'));
  ok(traceEvents.length > 0);
});
