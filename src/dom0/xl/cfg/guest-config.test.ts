import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { XenolithError } from '../../../lib/errors.ts';
import { type DomainConfig, uuidText } from '../../toolstack/domain-config.ts';
import { guestConfig } from './guest-config.ts';
import { parseConfig } from './parser.ts';

const random = { fill: (bytes: Uint8Array) => void bytes.fill(0xff) };
const LEAST = 'name="web"\ntype="pvh"\nkernel="/boot/vmlinuz"\n';

function read(text: string): { config: DomainConfig; warnings: string[] } {
  const warnings: string[] = [];
  const config = guestConfig('guest.cfg', parseConfig('guest.cfg', text), random, (line) => warnings.push(line), {
    nowMs: 0,
  });
  return { config, warnings };
}

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof XenolithError) return `${error.message}   (${error.code})`;
    throw error;
  }
  return 'accepted';
}

test('what is not said is as libxl has it', () => {
  const { config, warnings } = read(LEAST);
  deepEqual(warnings, []);
  deepEqual(
    { ...config, uuid: uuidText(config.uuid) },
    {
      name: 'web',
      uuid: 'ffffffff-ffff-4fff-bfff-ffffffffffff',
      kernel: '/boot/vmlinuz',
      ramdisk: undefined,
      cmdline: undefined,
      memoryKib: 32768,
      maxMemoryKib: 32768,
      vcpus: 1,
      maxVcpus: 1,
      maxEventChannels: 1023,
      maxGrantFrames: 64,
      maxMaptrackFrames: 1024,
      maxGrantVersion: undefined,
      suspendEventChannelCompat: false,
      onPoweroff: 'destroy',
      onReboot: 'restart',
      onWatchdog: 'destroy',
      onCrash: 'destroy',
      onSoftReset: 'soft-reset',
    },
  );
});

test('what is said is acted on', () => {
  const { config } = read(
    `${LEAST}memory=0x100; maxmem='512'; vcpus=2; maxvcpus=4; ramdisk="/boot/initrd"; on_crash="coredump-restart"
     uuid="84B6C97A-d3cb-4428-a34d-5d4c5fadc36f"; max_event_channels=4095; max_grant_version=1`,
  );
  equal(config.memoryKib, 256 * 1024);
  equal(config.maxMemoryKib, 512 * 1024);
  equal(config.vcpus, 2);
  equal(config.maxVcpus, 4);
  equal(config.ramdisk, '/boot/initrd');
  equal(config.onCrash, 'coredump-restart');
  equal(uuidText(config.uuid), '84b6c97a-d3cb-4428-a34d-5d4c5fadc36f');
  equal(config.maxEventChannels, 4095);
  equal(config.maxGrantVersion, 1);
});

test('maxmem alone is memory too', () => {
  equal(read(`${LEAST}maxmem=64`).config.memoryKib, 64 * 1024);
});

test('cmdline stands alone; root and extra make one otherwise', () => {
  equal(read(`${LEAST}root="/dev/xvda1 ro"\nextra="quiet"`).config.cmdline, 'root=/dev/xvda1 ro quiet');
  equal(read(`${LEAST}extra="quiet"`).config.cmdline, 'quiet');
  const both = read(`${LEAST}cmdline="a"\nextra="b"`);
  equal(both.config.cmdline, 'a');
  deepEqual(both.warnings, ['guest.cfg: warning: ignoring root= and extra= in favour of cmdline=']);
});

const refused: readonly (readonly [text: string, sentence: string])[] = [
  [
    'memory="lots"',
    'guest.cfg:4: memory = "lots": expected MiB as a number, for example memory = 512   (XL_CONFIG_TYPE)',
  ],
  ['memory=08', 'guest.cfg:4: memory = 08: expected MiB as a number, for example memory = 512   (XL_CONFIG_TYPE)'],
  ['memory=[1]', 'guest.cfg:4: memory = [1]: expected MiB as a number, for example memory = 512   (XL_CONFIG_TYPE)'],
  ['memory=0', 'guest.cfg:4: memory = 0: expected MiB from 1 to 1048576, for example memory = 512   (XL_CONFIG_RANGE)'],
  [
    'memory="-5"',
    'guest.cfg:4: memory = "-5": expected MiB from 1 to 1048576, for example memory = 512   (XL_CONFIG_RANGE)',
  ],
  [
    'memory=99999999999999999999',
    'guest.cfg:4: memory = 99999999999999999999: expected MiB as a number, for example memory = 512   (XL_CONFIG_TYPE)',
  ],
  [
    'memory+=1',
    'guest.cfg:4: memory = 1: expected a number set with =, not +=, for example memory = 512   (XL_CONFIG_TYPE)',
  ],
  [
    'memory=64\nmaxmem=32',
    'guest.cfg:5: maxmem = 32: expected at least memory, 64 MiB, for example maxmem = 64   (XL_CONFIG_RANGE)',
  ],
  ['vcpus=129', 'guest.cfg:4: vcpus = 129: expected a count from 1 to 128, for example vcpus = 1   (XL_CONFIG_RANGE)'],
  [
    'vcpus=2\nmaxvcpus=1',
    'guest.cfg:5: maxvcpus = 1: expected at least vcpus, 2, for example maxvcpus = 2   (XL_CONFIG_RANGE)',
  ],
  [
    'uuid="7"',
    'guest.cfg:4: uuid = "7": expected a UUID, for example uuid = "c7d4a3f0-5b1e-4c8e-9a51-2f6d0e8b7c13"   (XL_CONFIG_VALUE)',
  ],
  [
    'on_crash="explode"',
    'guest.cfg:4: on_crash = "explode": expected one of destroy restart rename-restart preserve coredump-destroy coredump-restart soft-reset, for example on_crash = "destroy"   (XL_CONFIG_VALUE)',
  ],
  [
    'ramdisk=["a"]',
    'guest.cfg:4: ramdisk = ["a"]: expected a single value, for example ramdisk = "/boot/initrd.img"   (XL_CONFIG_TYPE)',
  ],
  ['name=""', 'guest.cfg:4: name = "": expected something, for example name = "guest"   (XL_CONFIG_VALUE)'],
  [
    'type="hvm"',
    'guest.cfg:3: kernel = "/boot/vmlinuz": expected no such key: an HVM guest has it of hvmloader, which does not come with Xenolith   (XL_NOT_THERE_YET)',
  ],
  [
    'type="pv"',
    'guest.cfg:4: type = "pv": expected type = "pvh", and pvshim = 1 for a PV kernel; PV guests are not there yet   (XL_NOT_THERE_YET)',
  ],
  ['type="xen"', 'guest.cfg:4: type = "xen": expected one of pvh pv hvm, for example type = "pvh"   (XL_CONFIG_VALUE)'],
  [
    'builder="hvm"',
    'guest.cfg:4: Contradicting "builder" and "type" options specified: expected type = "pvh" alone   (XL_CONFIG_VALUE)',
  ],
];

for (const [text, sentence] of refused) {
  test(`xl.cfg refuses ${text}`, () => equal(refusal(LEAST + text), sentence));
}

test('a file must say type, name and kernel', () => {
  equal(
    refusal('kernel="k"\nname="web"'),
    'guest.cfg: no type, which means pv, and PV guests are not there yet: expected type = "pvh", and pvshim = 1 for a PV kernel   (XL_NOT_THERE_YET)',
  );
  equal(
    refusal('kernel="k"\nname="web"\nbuilder="generic"'),
    'guest.cfg:3: builder = "generic": expected type = "pvh" instead, and pvshim = 1 for a PV kernel; PV guests are not there yet   (XL_NOT_THERE_YET)',
  );
  equal(
    refusal('type="pvh"\nkernel="k"'),
    'guest.cfg: Domain name must be specified: expected one, for example name = "guest"   (XL_CONFIG_MISSING)',
  );
  equal(
    refusal('type="pvh"\nname="web"'),
    'guest.cfg: Neither kernel nor bootloader specified: expected one, for example kernel = "/boot/vmlinuz"   (XL_CONFIG_MISSING)',
  );
});

test('a key that has no effect is named once, an unknown one as well', () => {
  deepEqual(read(`${LEAST}disk=["a"]\ndisk+=["b"]\nvnc=1\nmemery=5\nfoo=1`).warnings, [
    'guest.cfg:5: warning: disk has no effect yet: the guest has no disks',
    'guest.cfg:6: warning: vnc has no effect yet: only HVM guests have it',
    'guest.cfg:7: warning: unknown key memery is ignored; did you mean memory?',
    'guest.cfg:8: warning: unknown key foo is ignored',
  ]);
});

test('an empty list asks for nothing, so nothing is missing', () => {
  deepEqual(read(`${LEAST}vif=[]\ndisk=[ ]`).warnings, []);
});

test("a key of the wrong shape is told in libxlu's words", () => {
  deepEqual(read(`${LEAST}vif="bridge=br0"\nvnc=[1]`).warnings, [
    "guest.cfg:4: warning: parameter `vif' is a single value but should be a list",
    "guest.cfg:5: warning: parameter `vnc' is a list but should be a single value",
  ]);
});

test('maxmem may be above memory', () => {
  const { config, warnings } = read(`${LEAST}memory=64\nmaxmem=128`);
  deepEqual([config.memoryKib, config.maxMemoryKib, warnings], [64 * 1024, 128 * 1024, []]);
});

test('names that JavaScript objects have by themselves are unknown keys', () => {
  throws(() => read(`${LEAST}constructor=1\nmemory="x"`), XenolithError);
  deepEqual(read(`${LEAST}constructor=1`).warnings, ['guest.cfg:4: warning: unknown key constructor is ignored']);
});

test('how the domain is scheduled', () => {
  equal(read(LEAST).config.scheduling, undefined);
  const text = 'cpu_weight=512\ncap=50\npool="Pool-1"\ncpus="0-1,^1"\ncpus_soft=["0", "all"]\nslice=4000\nextratime=1';
  const { config, warnings } = read(`${LEAST}${text}`);
  deepEqual(warnings, []);
  deepEqual(config.scheduling, {
    pool: 'Pool-1',
    weight: 512,
    cap: 50,
    budget: 4000,
    extratime: true,
    cpus: '0-1,^1',
    cpusSoft: ['0', 'all'],
  });
  equal(
    refusal(`${LEAST}cpus="fast ones"`),
    'guest.cfg:4: cpus = "fast ones": expected processors, for example cpus = "0-1,3" or cpus = ["0", "1"]   (XL_CONFIG_VALUE)',
  );
  equal(
    refusal(`${LEAST}cpu_weight=0`),
    'guest.cfg:4: cpu_weight = 0: expected a weight from 1 to 65535, for example cpu_weight = 256   (XL_CONFIG_RANGE)',
  );
});

test('which time the domain has', () => {
  const { config, warnings } = read(`${LEAST}timer_mode="no_missed_ticks_pending"\nrtc_timeoffset='-3600'\ntsc_mode=2`);
  deepEqual(warnings, []);
  deepEqual([config.timerMode, config.timeOffsetSeconds], [2, -3600]);
  equal(
    refusal(`${LEAST}timer_mode="soon"`),
    'guest.cfg:4: timer_mode = "soon": expected one of delay_for_missed_ticks no_delay_for_missed_ticks no_missed_ticks_pending one_missed_tick_pending, for example timer_mode = "delay_for_missed_ticks"   (XL_CONFIG_VALUE)',
  );
  equal(
    refusal(`${LEAST}tsc_mode="native_paravirt"`),
    'guest.cfg:4: tsc_mode = "native_paravirt": expected default, always_emulate or native: Xen has no PVRDTSCP any more   (XL_CONFIG_VALUE)',
  );
});

test('nestedhvm lets a guest run guests of its own', () => {
  equal(read(LEAST).config.nestedVirt, undefined);
  equal(read(`${LEAST}nestedhvm=1`).config.nestedVirt, true);
  equal(read(`${LEAST}nestedhvm=0`).config.nestedVirt, false);
});

test('a key that says what is so anyway is no reason to warn', () => {
  deepEqual(read(`${LEAST}acpi=1\nhap=1\npae=1\nvnc=0\npassthrough="disabled"`).warnings, []);
});

test('a value that could not be right is refused, whether or not the key has an effect', () => {
  equal(
    refusal(`${LEAST}acpi="yes"`),
    'guest.cfg:4: acpi = "yes": expected 0 or 1 as a number, for example acpi = 1   (XL_CONFIG_TYPE)',
  );
  equal(
    refusal(`${LEAST}vga="voodoo"`),
    'guest.cfg:4: vga = "voodoo": expected one of none stdvga cirrus qxl, for example vga = "none"   (XL_CONFIG_VALUE)',
  );
  equal(
    refusal(`${LEAST}vncdisplay=70000`),
    'guest.cfg:4: vncdisplay = 70000: expected a number from 0 to 65535, for example vncdisplay = 1   (XL_CONFIG_RANGE)',
  );
  equal(
    refusal(`${LEAST}vnuma=[["pnode=0"]]`),
    'guest.cfg:4: vnuma = [["pnode=0"]]: expected no such key: guests see one NUMA node, of all their memory   (XL_NOT_THERE_YET)',
  );
});
