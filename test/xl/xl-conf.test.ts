/** xl.conf(5) in a host's folder: what holds for all its domains. */
import { equal, match, notDeepEqual } from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
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

test('xl.conf keeps processors back from all domains, unless they are to be had all the same', async () => {
  writeFileSync(join(host.folder, 'xl.conf'), 'vm.cpumask = "1"\nautoballoon = "off"\n');
  const { err } = await host.xl('create -q -p idle.cfg');
  match(err, /xl\.conf:2: warning: autoballoon has no effect: /);
  equal(JSON.parse((await host.xl('vcpu-list idle --json')).out)[0].hard, '1');
  await host.xl('destroy idle');
  match((await host.xl('create -q -p idle.cfg cpus="0"')).err, /vcpu hard affinity map is empty/);
  await host.xl('create -q -p --ignore-global-affinity-masks idle.cfg cpus="0"');
  const pinned = async () => JSON.parse((await host.xl('vcpu-list idle --json')).out)[0].hard;
  equal(await pinned(), '0');
  await host.xl('vcpu-pin idle 0 0-2');
  equal(await pinned(), '1');
  match((await host.xl('vcpu-pin idle 0 2')).err, /^vcpu hard affinity map is empty\n$/);
  await host.xl('vcpu-pin --ignore-global-affinity-masks idle 0 2');
  equal(await pinned(), '2');
  await host.xl('destroy idle');
  rmSync(join(host.folder, 'xl.conf'));
});

test('domid_policy = "random" of xl.conf: a domain’s number is any that is free', async () => {
  writeFileSync(join(host.folder, 'xl.conf'), 'domid_policy = "random"\n');
  const numbers: number[] = [];
  for (let domain = 0; domain < 3; domain++) {
    equal((await host.xl(`create -q -p idle.cfg name="random${domain}"`)).status, 0);
    numbers.push(Number((await host.xl(`domid random${domain}`)).out));
  }
  notDeepEqual(numbers, [numbers[0], (numbers[0] ?? 0) + 1, (numbers[0] ?? 0) + 2], 'not one after the other');
  for (const number of numbers) await host.xl(`destroy ${number}`);
  rmSync(join(host.folder, 'xl.conf'));
});
