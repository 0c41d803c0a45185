import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { elf } from '../builder/testing/kernels.ts';
import { COMMANDS } from './commands/table.ts';
import { xl } from './main.ts';
import { GUEST, KERNEL, nothingLeft, run, services } from './testing/create.ts';

test('create -F runs a domain until it powers off: status 0', async () => {
  const on = services();
  equal(await run('create -F guest.cfg', on), 0);
  equal(
    on.err,
    'Parsing config from guest.cfg\n' +
      'Waiting for domain web (domid 1) to die\n' +
      'Domain 1 has shut down, reason code 0 0x0\n' +
      'Action for shutdown reason code 0 is destroy\n' +
      'Done. Exiting now\n',
  );
  equal(on.out, '');
  nothingLeft(on);
});

test('create -q says nothing when nothing goes wrong', async () => {
  const on = services();
  equal(await run('create -F -q guest.cfg', on), 0);
  equal(on.err, '');
});

test("solo5's command line: everything on it, the config from /dev/null", async () => {
  const on = services();
  const line = 'create -F -c /dev/null name="T" kernel="vmlinux" type="pvh" memory=32 cmdline="--solo5:quiet"';
  equal(await run(line, on), 0);
  nothingLeft(on);
});

test('the machine hears how much it must hold, and what to trace', async () => {
  const on = services();
  on.environmentVariables.XENOLITH_STATS = '1';
  equal(await run('create -F guest.cfg vcpus=2 --trace=hypercalls,xenstore', on), 0);
  const [options] = on.hostOptions;
  deepEqual(
    { ...options, guestMemoryKib: 0 },
    { guestMemoryKib: 0, vcpus: 2, trace: ['hypercalls', 'xenstore'], stats: '1', deterministic: undefined },
  );
  const more = (options?.guestMemoryKib ?? 0) - 32768;
  equal(more > 32 && more <= 256, true, `special pages and tables on top of memory: ${more} KiB`);
});

const refused: readonly (readonly [what: string, line: string, files: Record<string, string | Uint8Array>, RegExp])[] =
  [
    [
      'no config file',
      'create -F',
      {},
      /^xl create: no config file: expected one, for example xl create -F -c guest.cfg\n$/,
    ],
    [
      'a config file that is not there',
      'create -F none.cfg',
      {},
      /^Failed to read config file: none.cfg: no such file; paths are relative to the working directory, \/work\n$/,
    ],
    [
      'a syntax error',
      'create -F guest.cfg',
      { 'guest.cfg': 'name = web\n' },
      /\nguest.cfg:1: config parsing error near `web': .*\n$/,
    ],
    [
      'a type error',
      'create -F guest.cfg memory="lots"',
      {},
      /\ncommand line:1: memory = "lots": expected MiB .*memory = 512\n$/,
    ],
    [
      'a kernel that is not there',
      'create -F guest.cfg',
      { 'guest.cfg': GUEST.replace('vmlinux', '/boot/none') },
      /\nguest.cfg:3: kernel = "\/boot\/none": no such file\n$/,
    ],
    [
      'an initramfs that is not there',
      'create -F guest.cfg ramdisk="none"',
      {},
      /\ncommand line:1: ramdisk = "none": no such file; paths are .*\n$/,
    ],
    [
      'a kernel that is none',
      'create -F guest.cfg',
      { vmlinux: 'hello' },
      /\nguest.cfg:3: vmlinux: a file that starts with .*\n$/,
    ],
    [
      'a truncated kernel',
      'create -F guest.cfg',
      { vmlinux: KERNEL.subarray(0, 100) },
      /\nguest.cfg:3: vmlinux: .*\n$/,
    ],
    [
      'a kernel without a PVH note',
      'create -F guest.cfg',
      { vmlinux: elf() },
      /\nguest.cfg:3: vmlinux: no Xen notes .*\n$/,
    ],
    [
      'memory that the kernel does not fit into',
      'create -F guest.cfg memory=4',
      {},
      /\ncommand line:1: vmlinux: does not fit .*\n$/,
    ],
    [
      'more memory than the host has',
      'create -F guest.cfg memory=1024',
      {},
      /\ncommand line:1: memory = 1024: the host has 256 MiB free: expected at most 255, for example memory = 255\n$/,
    ],
    [
      'a type that is not there yet',
      'create -F guest.cfg type="hvm"',
      {},
      /an HVM guest has it of hvmloader, which does not come with Xenolith\n$/,
    ],
    [
      'create in the background',
      'create guest.cfg',
      {},
      /^xl create without -F: there is no host here for the domain to live on: expected -F.*\n$/,
    ],
    ['create -e', 'create -F -e guest.cfg', {}, /^xl create -e: .*\n$/],
    ['an unknown option', 'create -F -z guest.cfg', {}, /^xl create: option `z' not supported.\n\nUsage: /],
    ['two config files', 'create -F guest.cfg other.cfg', {}, /^xl create: one config file too many, other.cfg: /],
    [
      'a time-out that is none',
      'create -F --timeout=soon guest.cfg',
      {},
      /^xl create: --timeout=soon: expected seconds .*--timeout=60\n/,
    ],
    [
      'a trace that is none',
      'create -F --trace=all guest.cfg',
      {},
      /^xl create: --trace=all: "all" cannot be traced: /,
    ],
    ['a command that needs a host', 'list', {}, /^xl list: there is no host here to ask: .*\n$/],
    ['a command that is not there yet', 'save', {}, /^xl save: domains cannot be saved or moved yet\.\n$/],
    ['a command that xl does not know', 'explode', {}, /^xl: explode: command not implemented; /],
    ['an abbreviation of several commands', 'con', {}, /^xl: con: command not implemented; /],
    ['an unknown global option', '-x create', {}, /^unknown global option: /],
  ];

for (const [what, line, files, sentence] of refused) {
  test(`${what}: a sentence, status 1, nothing left behind`, async () => {
    const on = services(files);
    equal(await run(line, on), 1);
    match(on.err, sentence);
    nothingLeft(on);
  });
}

test('whatever Xen refuses: a sentence, status 1, nothing left behind', async () => {
  const rehearsal = services();
  equal(await run('create -F -q guest.cfg', rehearsal), 0);
  const calls = rehearsal.hosts[0]?.ctrl.calls ?? [];
  const untilItRuns = calls.indexOf('XEN_DOMCTL_unpausedomain') + 1;
  for (let nth = 0; nth < untilItRuns; nth++) {
    const on = services();
    const start = on.startHost.bind(on);
    on.startHost = async (options) => {
      const host = await start(options);
      host.ctrl.failCall(nth);
      return host;
    };
    equal(await run('create -F -q guest.cfg', on), 1, `call ${nth}, ${calls[nth]}`);
    match(on.err, new RegExp(`^could not .*: ${calls[nth]}: ENOMEM\n$`));
    nothingLeft(on);
  }
});

test('a dry run prints the configuration as libxl would, and starts nothing', async () => {
  for (const line of ['create -n guest.cfg', '-N create -q guest.cfg on_crash="rename-restart" vcpus=2']) {
    const on = services();
    equal(await run(line, on), 0);
    const json = JSON.parse(on.out);
    equal(json.c_info.name, 'web');
    equal(json.c_info.uuid, '11111111-1111-4111-9111-111111111111');
    equal(json.b_info.target_memkb, 32768);
    equal(json.on_reboot, 'restart');
    equal(json.on_crash, line.startsWith('-N') ? 'restart_rename' : undefined);
    deepEqual(on.hosts, []);
  }
});

test('help', async () => {
  const on = services();
  equal(await run('help', on), 0);
  match(on.out, /^Usage xl \[-vfNtT\] <subcommand> \[args\]\n/);
  match(on.out, /\n create +Create a domain/);
  match(on.out, /\nknown, and doing nothing here:\n\n save /);

  for (const line of ['help create', 'create -h', 'create --help', 'cr -h']) {
    const each = services();
    equal(await run(line, each), 0);
    match(each.out, /^Usage: xl \[-vtTfN\] create <ConfigFile> \[options\] \[vars\]\n/);
  }
});

test('a command is in the table once', () => {
  const names = COMMANDS.map(({ name }) => name);
  deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test('no command at all is the list of commands, and status 1', async () => {
  const on = services();
  equal(await xl([], on), 1);
  match(on.out, /^Usage xl/);
});

test('-T puts the time in front, -v tells each step', async () => {
  const on = services();
  equal(await run('-vT create -F guest.cfg', on), 0);
  match(on.err, /^2026-11-21T03:02:01.287Z Parsing config from guest.cfg\n/);
  match(on.err, /xl: detail: web: load its kernel\n/);
});
