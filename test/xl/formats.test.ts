/** What xl of Xen 4.17 printed on real hardware, character by character: other programs split these lines. */
import { equal, match, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectUnixSocket } from '../../src/host/node/unix-socket.ts';
import { StoreClient } from '../../src/libs/store/store.ts';
import { TestHost } from './testing/test-host.ts';

let host: TestHost;
before(async () => {
  host = await TestHost.start();
  await host.xl('create -q -p idle.cfg name="lpv" vcpus=2');
});
after(async () => {
  equal(await host.stop(), 0);
});

/** A command's header, and a line of its, as real xl printed them but for the numbers. */
const FORMATS: readonly (readonly [line: string, header: string, row: string])[] = [
  [
    'list',
    'Name                                        ID   Mem VCPUs\tState\tTime(s)',
    'lpv                                          1     4     1     --p---       0.0\n',
  ],
  [
    'list -v',
    'Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label',
    'lpv                                          1     4     1     --p---       0.0 ',
  ],
  [
    'vcpu-list',
    'Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)',
    'lpv                                  1     1    -   --p       0.0  all / all\n',
  ],
  ['uptime', 'Name                                ID Uptime', 'Domain-0                             0  0:00:0'],
  [
    'sched-credit2',
    'Cpupool Pool-0: ratelimit=1000us',
    'Name                                ID Weight  Cap\nDomain-0                             0    256    0\n',
  ],
  ['cpupool-list -c', 'Name               CPU list', 'Pool-0             0'],
  [
    'claims',
    'Name                                        ID   Mem VCPUs\tState\tTime(s)  Claimed',
    'lpv                                          1     4     1     --p---       0.0     0\n',
  ],
];

for (const [line, header, row] of FORMATS) {
  test(`xl ${line}`, async () => {
    const { out } = await host.xl(line);
    equal(out.split('\n')[0], header);
    ok(out.includes(`\n${row}`), out);
  });
}

test('xl list -l is indented as libxl does it, down to its empty maps', async () => {
  const { out } = await host.xl('list -l Domain-0');
  match(out, /^\[\n {4}\{\n {8}"domid": 0,\n {8}"config": \{\n {12}"c_info": \{\n {16}"type": "pv",\n/);
  match(out, /\n {16}"type\.pv": \{\n\n {16}\},\n/);
  match(out, /\n {4}\}\n\]\n\n$/);
});

test('xl info, in the order of Xen 4.17', async () => {
  const names = (await host.xl('info')).out.split('\n').map((line) => line.slice(0, 23).trimEnd());
  equal(
    names.join(' ').trim(),
    [
      'host release version machine nr_cpus max_cpu_id nr_nodes cores_per_socket threads_per_core cpu_mhz hw_caps',
      'virt_caps total_memory free_memory sharing_freed_memory sharing_used_memory outstanding_claims free_cpus',
      'xen_major xen_minor xen_extra xen_version xen_caps xen_scheduler xen_pagesize platform_params xen_changeset',
      'xen_commandline cc_compiler cc_compile_by cc_compile_domain cc_compile_date build_id xend_config_format',
    ].join(' '),
  );
});

test('xl network-list and block-list: the columns of tools/xl, from where libxl has them in the store', async () => {
  const domid = (await host.xl('domid lpv')).out.trim();
  const store = new StoreClient(await connectUnixSocket(join(host.folder, 'xenstored/socket')));
  const add = async (kind: string, id: number, nodes: Record<string, string>, backend: Record<string, string>) => {
    const front = `/local/domain/${domid}/device/${kind}/${id}`;
    const back = `/local/domain/0/backend/${kind}/${domid}/${id}`;
    await store.write(`/libxl/${domid}/device/${kind}/${id}/frontend`, front);
    await store.write(`/libxl/${domid}/device/${kind}/${id}/backend`, back);
    for (const [name, value] of Object.entries(nodes)) await store.write(`${front}/${name}`, value);
    for (const [name, value] of Object.entries(backend)) await store.write(`${back}/${name}`, value);
  };
  const rings = { state: '4', 'event-channel': '9', 'tx-ring-ref': '768', 'rx-ring-ref': '769' };
  await add('vif', 0, rings, { mac: '00:16:3e:00:00:01' });
  await add('vbd', 51712, { state: '1' }, {});
  const path = (kind: string, id: number) => `/local/domain/0/backend/${kind}/${domid}/${id}`.padEnd(30);
  equal(
    (await host.xl('network-list lpv')).out.split('\n')[1],
    `0   0  00:16:3e:00:00:01     0     4      9   768/769         ${path('vif', 0)}`,
  );
  equal(
    (await host.xl('block-list lpv')).out.split('\n')[1],
    `51712 0   ${domid.padEnd(6)} 1     -1     -1       ${path('vbd', 51712)}`,
  );
  await store.rm('/local/domain/0/backend');
  store.close();
});
