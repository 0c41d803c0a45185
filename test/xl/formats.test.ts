/** What xl of Xen 4.17 printed on real hardware, character by character: other programs split these lines. */
import { equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
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
