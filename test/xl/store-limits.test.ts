/** xenstore_feature_mask and xenstore_quota of xl.cfg(5): what a domain sees and may have of XenStore. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EmbeddedMachine, startMachine } from '../../src/machine/modules/machine.ts';
import { domid } from '../../src/machine/modules/ctrl.ts';

let machine: EmbeddedMachine;
before(async () => {
  machine = await startMachine({ memoryMiB: 32 });
});
after(async () => {
  await machine.stop();
});

const GUEST = { name: 'g', kernel: 'builtin:hello', memory: 8 };

test('what is masked is not offered, and quotas are the domain’s own, in its next life as well', async () => {
  const { toolstack, store } = machine;
  const config = { ...GUEST, xenstore_feature_mask: 0x2, xenstore_quota: ['nodes=17', 'watches=0x10'] };
  const guest = await toolstack.create(config, { paused: true });
  equal(await store.getFeatures(domid(guest.domid)), 0x2);
  deepEqual([await store.getQuota('nodes', domid(guest.domid)), await store.getQuota('nodes')], [17, 1000]);
  const told = await toolstack.do('xenstore-quota-get', 'g');
  match(told, /^nodes {22}17$/m);
  match(told, /^watches {20}16$/m);
  const [, row] = JSON.parse(await toolstack.do('list', '-l')) as { config: { b_info: Record<string, unknown> } }[];
  equal(row?.config.b_info.xenstore_feature_mask, 2);
  await guest.destroy();
});

test('what is no quota is told, before there is a domain or with it taken back', async () => {
  const { toolstack } = machine;
  const create = (quota: string) => toolstack.create({ ...GUEST, xenstore_quota: [quota] }, { paused: true });
  await rejects(create('nodes'), /xenstore_quota = \["nodes"\]: expected quotas with their values .*lacks "="/);
  await rejects(
    create('dragons=1'),
    /could not introduce it to the store \(domain g\): xenstore: set quota dragons: EINVAL/,
  );
  equal((await toolstack.list()).length, 1);
});
