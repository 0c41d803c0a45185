import { equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestHost } from './testing/test-host.ts';

let host: TestHost;
before(async () => {
  host = await TestHost.start();
  equal((await host.xl('create -q idle.cfg vcpus=1 maxvcpus=2')).status, 0);
});
after(async () => {
  equal(await host.stop(), 0);
});

const NOTHING = /^$/;
const NO_DISKS = /^xl [a-z-]+: guests have no disks yet\.\n$/;
const NO_NETWORK = /^xl [a-z-]+: guests have no network yet\.\n$/;
const NO_DEVICES = /^xl [a-z0-9-]+: guests have no such devices yet\.\n$/;
const NOTHING_TO_GIVE = /^xl [a-z-]+: this host has no devices to give away\.\n$/;

/** Every subcommand of xl(1), called once: status, standard output, standard error. */
const CALLS: readonly (readonly [line: string, status: number, out: RegExp, err: RegExp])[] = [
  ['list', 0, /^Name +ID +Mem VCPUs\tState\tTime\(s\)\nDomain-0 +0 .*\nidle +1 +4 +1 +-b---- +[0-9.]+\n$/, NOTHING],
  ['list -l idle', 0, /"domid": 1,\n +"config": \{\n +"c_info": \{\n +"type": "pvh",\n +"name": "idle"/, NOTHING],
  ['list -v', 0, /UUID +Reason-Code\tSecurity Label\n/, NOTHING],
  ['list nobody', 1, NOTHING, /^nobody is an invalid domain identifier \(rc=-6\)\n$/],
  ['list 77', 1, NOTHING, /^Error: Domain '77' does not exist\.\n$/],
  ['list --frobnicate', 2, NOTHING, /not supported/],
  ['create -q /dev/null name="x" kernel="idle" type="pvh" memory=4', 0, NOTHING, NOTHING],
  ['rename x y', 0, NOTHING, NOTHING],
  ['rename y idle', 1, NOTHING, /Domain with name "idle" already exists, as domain 1/],
  ['domid y', 0, /^2\n$/, NOTHING],
  ['domid x', 1, NOTHING, /^Can't get domid of domain name 'x', maybe this domain does not exist\.\n$/],
  ['domname 2', 0, /^y\n$/, NOTHING],
  ['domname y', 1, NOTHING, /^Invalid domain id\.\n/],
  ['pause y', 0, NOTHING, NOTHING],
  ['unpause y', 0, NOTHING, NOTHING],
  ['destroy y', 0, NOTHING, NOTHING],
  ['destroy y', 1, NOTHING, /invalid domain identifier/],
  ['destroy 0', 1, NOTHING, /^Not destroying domain 0/],
  ['config-update idle idle.cfg memory=5', 0, NOTHING, /setting dom1 configuration\n$/],
  ['shutdown idle', 0, NOTHING, /^Shutting down domain 1\n$/],
  ['shutdown', 1, NOTHING, /^You must specify -a or a domain id\.\n/],
  ['reboot idle', 0, NOTHING, /^Rebooting domain 1\n$/],
  ['console -t serial idle', 1, NOTHING, /Unable to attach console\n$/],
  ['vcpu-list', 0, /^Name +ID +VCPU +CPU State +Time\(s\) Affinity \(Hard \/ Soft\)\n/, NOTHING],
  ['vcpu-pin idle all 0', 0, NOTHING, NOTHING],
  ['vcpu-pin idle 0 nowhere', 1, NOTHING, /"nowhere" is no range/],
  ['vcpu-set idle 2', 0, NOTHING, NOTHING],
  ['vcpu-set idle 3', 1, NOTHING, /expected 1 to 2/],
  ['mem-set idle 3', 0, NOTHING, NOTHING],
  ['mem-set idle much', 1, NOTHING, /^invalid memory size: much/],
  ['mem-max idle 4m', 0, NOTHING, NOTHING],
  ['vm-list', 0, /^UUID +ID +name\n[0-9a-f-]{36} +1 +idle +\n$/, NOTHING],
  ['info', 0, /^host +: .*\nrelease +: .*\n(.*\n)+total_memory +: [0-9]+\n(.*\n)+xend_config_format +: 4\n$/, NOTHING],
  ['info -n', 0, /\ncpu_topology +:\ncpu: +core +socket +node\n/, NOTHING],
  ['info xen_major', 0, /^4\n$/, NOTHING],
  ['uptime', 0, /^Name +ID Uptime\nDomain-0 +0 +0:00:0[0-9]\nidle/, NOTHING],
  ['uptime -s', 0, /^ [0-9:]{8} up +0:00, Domain-0 \(0\)\n/, NOTHING],
  ['dmesg', 0, /^\(XEN\) Xen version /, NOTHING],
  ['top -b -i 1', 0, /^ {6}NAME {2}STATE {3}CPU\(sec\) CPU\(%\)/, NOTHING],
  ['sharing', 0, /^Name +ID +Mem Shared\n/, NOTHING],
  ['claims', 0, /Claimed\n/, NOTHING],
  ['sched-credit', 0, NOTHING, NOTHING],
  ['sched-credit2', 0, /^Cpupool Pool-0: ratelimit=[0-9]+us\nName +ID Weight +Cap\n/, NOTHING],
  ['sched-credit2 -d idle -w 512', 0, NOTHING, NOTHING],
  ['sched-credit2 -d idle', 0, /\nidle +1 +512 +0\n$/, NOTHING],
  ['sched-credit2 -w 1', 1, NOTHING, /^Must specify a domain\.\n$/],
  ['sched-rtds', 0, NOTHING, NOTHING],
  ['cpupool-list', 0, /^Name +CPUs +Sched +Active +Domain count\nPool-0 /, NOTHING],
  ['cpupool-cpu-remove Pool-0 1', 0, NOTHING, NOTHING],
  ['cpupool-create name="two"', 0, /number of cpus: 1\n$/, NOTHING],
  ['cpupool-migrate idle two', 0, NOTHING, NOTHING],
  ['cpupool-rename two three', 0, NOTHING, NOTHING],
  ['cpupool-destroy three', 1, NOTHING, /Can't destroy cpupool 'three'/],
  ['cpupool-migrate idle Pool-0', 0, NOTHING, NOTHING],
  ['cpupool-destroy three', 0, NOTHING, NOTHING],
  ['cpupool-cpu-add Pool-0 1', 0, NOTHING, NOTHING],
  ['cpupool-numa-split', 0, NOTHING, NOTHING],
  ['cpupool-list -c nowhere', 1, NOTHING, /^unknown cpupool 'nowhere'\n$/],
  ['sysrq idle s', 0, NOTHING, NOTHING],
  ['sysrq idle sync', 1, /^Usage/, /^Invalid sysrq\./],
  ['trigger idle sleepwalk', 1, NOTHING, /^Invalid trigger "sleepwalk"\n$/],
  ['button-press idle doorbell', 1, NOTHING, /is an invalid button identifier\n$/],
  ['debug-keys h', 0, NOTHING, NOTHING],
  ['cpuid-show', 0, /^Leaf +EAX +EBX +ECX +EDX\n00000000 +[0-9a-f]{8} /, NOTHING],
  ['cpuid-show idle', 0, /^Leaf +EAX +EBX +ECX +EDX\n00000000 +[0-9a-f]{8} /, NOTHING],
  ['logs idle', 0, NOTHING, NOTHING],
  ['events --existing --count=1', 0, /^\{"event":"exists","domid":1,"name":"idle"\}\n$/, NOTHING],
  ['wait idle --timeout 0.01', 124, NOTHING, /not within 0\.01 s\n$/],
  ['wait idle --for console:( --timeout 1', 1, NOTHING, /Invalid regular expression/],
  ['host status', 0, /^a host runs at /, NOTHING],
  ['host dance', 1, NOTHING, /expected start, stop or status/],
  ['save idle f', 1, NOTHING, /cannot be saved or moved yet/],
  ['restore f', 1, NOTHING, /cannot be saved or moved yet/],
  ['migrate idle there', 1, NOTHING, /cannot be saved or moved yet/],
  ['migrate-receive', 1, NOTHING, /cannot be saved or moved yet/],
  ['remus idle there', 1, NOTHING, /cannot be saved or moved yet/],
  ['suspend 0', 1, NOTHING, /Domain-0 is the host itself/],
  ['resume idle', 1, NOTHING, /^domain 1 has not suspended itself/],
  ['dump-core idle core', 0, NOTHING, NOTHING],
  ['dump-core idle /nowhere/core', 1, NOTHING, /^\/nowhere\/core: cannot be written: /],
  ...['block-attach', 'block-detach', 'cd-insert', 'cd-eject'].map((name) => refused(name, NO_DISKS)),
  ...['network-attach', 'network-detach'].map((name) => refused(name, NO_NETWORK)),
  ...['vtpm-attach', 'vkb-detach', 'vdispl-attach', 'vsnd-detach', '9pfs-list', 'usbdev-attach'].map((name) =>
    refused(name, NO_DEVICES),
  ),
  ...['pci-attach', 'pci-detach', 'pci-assignable-list'].map((name) => refused(name, NOTHING_TO_GIVE)),
  ['block-list idle', 0, /^Vdev {2}BE {2}handle state evt-ch ring-ref BE-path {23}\n$/, NOTHING],
  ['network-list idle', 0, /^Idx BE Mac Addr\. {9}handle state evt-ch {3}tx-\/rx-ring-ref BE-path {23}\n$/, NOTHING],
  ['channel-list idle', 0, /^Idx BE state evt-ch ring-ref connection +\n$/, NOTHING],
  ['vtpm-list idle', 0, /^Idx BE Uuid +handle state evt-ch ring-ref BE-path {3}\n$/, NOTHING],
  ['vkb-list idle', 0, /^Idx BE handle state evt-ch {4}ref ID +BE-type +BE-path +\n$/, NOTHING],
  ...['vdispl-list', 'vsnd-list', 'usb-list', 'pci-list'].map((name) => [`${name} idle`, 0, NOTHING, NOTHING] as const),
  ['block-list nobody', 1, NOTHING, /^nobody is an invalid domain identifier/],
  ['xenstore-quota-get -g', 0, /^Quota name {11}Quota value\n-{32}\nnodes +[0-9]+\n/, NOTHING],
  ['xenstore-quota-set idle nodes=1234', 0, NOTHING, NOTHING],
  ['xenstore-quota-get idle', 0, /^nodes {20}1234$/m, NOTHING],
  [
    'xenstore-quota-set idle nodes=many',
    1,
    NOTHING,
    /^Quota specification "nodes=many" uses illegal value "many"\.\n$/,
  ],
  ['xenstore-quota-set idle nodes', 1, NOTHING, /^Quota specification "nodes" lacks "="\.\n$/],
  ['xenstore-quota-set idle dragons=1', 1, NOTHING, /^could not set quota dragons: .*EINVAL/],
  ['xenstore-quota-get', 1, /^Usage: /, /^Illegal number of parameters\.\n$/],
  ['xenstore-quota-set idle', 1, /^Usage: /, /^Not enough parameters\.\n$/],
  ['getenforce', 255, /^Flask XSM Disabled\n$/, NOTHING],
  ['setenforce 1', 255, NOTHING, /^Flask XSM disabled\n$/],
  ['setenforce maybe', 2, /^Usage: /, NOTHING],
  ['loadpolicy idle', 255, NOTHING, /^Flask XSM disabled\n$/],
  refused('psr-hwinfo', /shares no such resources/),
  ['set-parameters gnttab_max_frames=65', 0, NOTHING, NOTHING],
  ['set-parameters gnttab_max_frames=many', 1, NOTHING, /^could not set parameter gnttab_max_frames=many: .*EINVAL\n$/],
  [
    'set-parameters dom0_mem=1',
    1,
    NOTHING,
    /^could not set parameter dom0_mem=1: XEN_HYPFS_OP_write_contents: ENOENT\n$/,
  ],
  ['set-parameters nonsense', 1, NOTHING, /ENOENT\n$/],
  ['set-parameters sense', 1, NOTHING, /^xl set-parameters: sense: expected a value, for example /],
  refused('devd', /attends to devices itself/),
  refused('qemu-monitor-command', /no device model/),
  ['ps', 0, /^Name +ID +Mem VCPUs\tState\tTime\(s\)\n/, NOTHING],
  ['kill nobody', 1, NOTHING, /invalid domain identifier/],
  ['frobnicate', 1, NOTHING, /^xl: frobnicate: command not implemented/],
  ['help', 0, /^Usage xl \[-vfNtT\]/, NOTHING],
  ['help --long', 0, /^Usage xl \[-vfNtT\]/, NOTHING],
  ['help list', 0, /^Usage: xl \[-vtT\] list \[options\] \[Domain\]\n/, NOTHING],
  ['completion bash', 0, /complete .* -F _xl xl\n$/, NOTHING],
];

function refused(name: string, err: RegExp) {
  return [`${name} idle`, 1, NOTHING, err] as const;
}

for (const [line, status, out, err] of CALLS) {
  test(`xl ${line}`, async () => {
    const answer = await host.xl(line);
    match(answer.out, out);
    match(answer.err, err);
    equal(answer.status, status);
  });
}

/** What prints for people prints JSON for programs. */
const PRINTERS = [
  ...['list', 'vm-list', 'claims', 'info', 'info -n', 'uptime', 'dmesg', 'sharing', 'vcpu-list', 'top', 'cpupool-list'],
  ...[
    'sched-credit2',
    'sched-credit2 -s',
    'sched-credit2 -d idle',
    'domid idle',
    'domname 1',
    'host status',
    'cpuid-show',
    'block-list idle',
    'network-list idle',
  ],
];
for (const line of PRINTERS) {
  test(`xl ${line} --json`, async () => {
    const { status, out } = await host.xl(`${line} --json`);
    equal(status, 0);
    equal(typeof JSON.parse(out), 'object');
  });
}
