import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../abi/elfnote.ts';
import {
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_soft_reset,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
} from '../../abi/sched.ts';
import { elf, words } from '../builder/testing/kernels.ts';
import { xl } from './main.ts';
import { type FakeHost, FakeServices } from './testing/fake-services.ts';

const KERNEL = elf({
  segments: [{ paddr: 0x1000000, bytes: Uint8Array.of(0xf4), memorySize: 0x3000 }],
  notes: [{ type: XEN_ELFNOTE_PHYS32_ENTRY, description: words(0x1000000) }],
});
const GUEST = 'name = "web"\ntype = "pvh"\nkernel = "vmlinux"\nmemory = 32\n';

function services(files: Readonly<Record<string, string | Uint8Array>> = {}): FakeServices {
  const all = new FakeServices({ 'guest.cfg': GUEST, vmlinux: KERNEL, initrd: new Uint8Array(100), ...files });
  all.guest = (host, domid) => host.ctrl.shutDown(domid, SHUTDOWN_poweroff);
  return all;
}

const run = (line: string, on: FakeServices) => xl(line.split(' '), on);

function nothingLeft(on: FakeServices): void {
  for (const host of on.hosts) {
    equal(host.ctrl.domains.size, 0, 'no domain is left');
    deepEqual([...host.store.nodes], [], 'nothing is left in the store');
    equal(host.store.watching, 0, 'nobody watches any more');
    equal(host.stopped, true, 'the machine is stopped');
  }
  equal(on.terminal.raw, false, 'the terminal is as it was');
  equal(on.listeningForSignals, false, 'signals do what they did');
  equal(
    on.timers.every((timer) => timer.cancelled),
    true,
    'no timer keeps the process alive',
  );
}

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
    { guestMemoryKib: 0, vcpus: 2, trace: ['hypercalls', 'xenstore'], stats: '1' },
  );
  const more = (options?.guestMemoryKib ?? 0) - 32768;
  equal(more > 32 && more <= 256, true, `special pages and tables on top of memory: ${more} KiB`);
});

const endings: readonly (readonly [what: string, keys: string, reason: number, status: number])[] = [
  ['a crash', '', SHUTDOWN_crash, 10],
  ['the watchdog', '', SHUTDOWN_watchdog, 11],
  ['a reboot that is not wanted', 'on_reboot="destroy"', SHUTDOWN_reboot, 12],
  ['a suspend', '', SHUTDOWN_suspend, 13],
  ['a soft reset', '', SHUTDOWN_soft_reset, 14],
  ['a reason nobody knows', '', 77, 10],
];

for (const [what, keys, reason, status] of endings) {
  test(`${what} ends xl with status ${status}, and is told`, async () => {
    const on = services({ 'guest.cfg': `${GUEST}${keys}\n` });
    on.guest = (host, domid) => host.ctrl.shutDown(domid, reason);
    equal(await run('create -F -q guest.cfg', on), status);
    match(on.err, /^xl: domain web \(domid 1\) .*\n/);
    equal(on.err.includes('\n  d1v0: RIP 0xdead\n'), reason === SHUTDOWN_crash);
    nothingLeft(on);
  });
}

test('on_reboot=restart starts it again, as a new domain of the same name and UUID, in the same process', async () => {
  const on = services();
  const uuids: string[] = [];
  on.guest = (host, domid) => {
    uuids.push(String(host.ctrl.domain(domid).config.handle));
    host.ctrl.shutDown(domid, domid < 3 ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
  };
  equal(await run('create -F -q guest.cfg', on), 0);
  equal(uuids.length, 3);
  equal(new Set(uuids).size, 1);
  equal(on.hosts.length, 1);
  equal(on.err, '', 'a reboot that is granted is nothing to report');
  nothingLeft(on);
});

test('what cannot be done in the foreground is done in the nearest way, and named', async () => {
  const warnings = async (action: string) => {
    const on = services({ 'guest.cfg': `${GUEST}on_crash="${action}"` });
    on.guest = (host, domid) => host.ctrl.shutDown(domid, domid === 1 ? SHUTDOWN_crash : SHUTDOWN_poweroff);
    const status = await run('create -F -q guest.cfg', on);
    nothingLeft(on);
    return [status, on.err.split('\n').find((line) => line.includes('warning'))];
  };
  deepEqual(await warnings('preserve'), [
    10,
    'xl: warning: on_crash = "preserve": the domain is destroyed, since it cannot outlive xl in the foreground',
  ]);
  deepEqual(await warnings('rename-restart'), [
    0,
    'xl: warning: on_crash = "rename-restart": the domain is restarted, and not kept under another name',
  ]);
  deepEqual(await warnings('coredump-restart'), [
    0,
    'xl: warning: on_crash = "coredump-restart": the domain is restarted without a core dump, which is not there yet',
  ]);
});

test('a domain that somebody else destroys', async () => {
  const on = services();
  on.guest = (host, domid) => host.ctrl.domain_destroy(host.ctrl.domain_getinfo(domid as never)?.domid ?? (0 as never));
  equal(await run('create -F -q guest.cfg', on), 15);
  nothingLeft(on);
});

test('--timeout destroys a domain that runs on: status 124', async () => {
  const on = services();
  on.guest = () => on.timers[0]?.callback();
  equal(await run('create -F -q --timeout=2.5 guest.cfg', on), 124);
  equal(on.timers[0]?.atNs, 1000 + 2.5e9);
  match(on.err, /has not ended within 2.5 s/);
  nothingLeft(on);
});

test('a signal destroys the domain: status 128 + its number', async () => {
  const on = services();
  on.guest = () => on.signal('SIGTERM', 15);
  equal(await run('create -F -q guest.cfg', on), 143);
  match(on.err, /SIGTERM: domain web \(domid 1\) is destroyed/);
  nothingLeft(on);
});

test('-p leaves the domain paused', async () => {
  const on = services();
  on.guest = () => {
    throw new Error('it runs');
  };
  const status = run('create -F -q -p guest.cfg', on);
  await new Promise((resolve) => setImmediate(resolve));
  on.signal('SIGINT', 2);
  equal(await status, 130);
});

test('a machine that breaks takes xl with it, not without giving the terminal back', async () => {
  const on = services();
  on.guest = (host) => host.breakDown(new Error('assertion failed'));
  await rejects(run('create -F -c -q guest.cfg', on), /assertion failed/);
  nothingLeft(on);
});

/** Runs `create -F -c` with a guest that does as told. */
async function withConsole(guest: (host: FakeHost, domid: number, on: FakeServices) => void): Promise<FakeServices> {
  const on = services();
  on.guest = (host, domid) => guest(host, domid, on);
  await run('create -F -c -q guest.cfg', on);
  nothingLeft(on);
  return on;
}

test('-c shows the console in raw mode, keys go to the guest, and its last words are not lost', async () => {
  const on = await withConsole((host, domid, { terminal }) => {
    equal(terminal.raw, true);
    host.console(domid).print('login: ');
    terminal.type('root\r\x03');
    equal(host.console(domid).typed, 'root\r\x03');
    host.console(domid).leave('Power down.\r\n');
    host.ctrl.shutDown(domid, SHUTDOWN_poweroff);
  });
  equal(on.terminal.output, 'login: Power down.\r\n');
});

test('Ctrl-] alone ends the view, and the domain runs on', async () => {
  const on = await withConsole((host, domid, { terminal }) => {
    terminal.type('a\x1db');
    equal(terminal.raw, true, 'within a paste it is data');
    terminal.type('\x1d');
    equal(terminal.raw, false);
    equal(host.console(domid).typed, 'a\x1db');
    host.console(domid).print('nobody sees this');
    host.ctrl.shutDown(domid, SHUTDOWN_poweroff);
  });
  equal(on.terminal.output, '');
  match(on.err, /left the console of web, which runs on; Ctrl-C destroys it\n$/);
});

test('piped input waits for the console, and Ctrl-] in it is data', async () => {
  const on = services();
  on.terminal.interactive = false;
  const start = on.startHost.bind(on);
  on.startHost = async (options) => {
    const host = await start(options);
    const allocate = host.ctrl.domain_max_vcpus.bind(host.ctrl);
    host.ctrl.domain_max_vcpus = (domid, max) => {
      on.terminal.type('typed before the console is there\n');
      on.terminal.type('\x1d');
      allocate(domid, max);
    };
    return host;
  };
  on.guest = (host, domid) => {
    equal(host.console(domid).typed, 'typed before the console is there\n\x1d');
    on.terminal.endInput();
    host.ctrl.shutDown(domid, SHUTDOWN_poweroff);
  };
  equal(await run('create -F -c -q guest.cfg', on), 0);
  nothingLeft(on);
});

test('after a restart the new console is on the terminal', async () => {
  const on = await withConsole((host, domid, { terminal }) => {
    host.console(domid).print(`boot ${domid}\n`);
    terminal.type(`${domid}`);
    equal(host.console(domid).typed, `${domid}`);
    host.ctrl.shutDown(domid, domid === 1 ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
  });
  equal(on.terminal.output, 'boot 1\nboot 2\n');
});

test('lines of xl on a raw terminal end with CR LF', async () => {
  const on = await withConsole((host, domid) => host.ctrl.shutDown(domid, SHUTDOWN_crash));
  equal(on.err, 'xl: domain web (domid 1) has crashed\r\n  d1v0: RIP 0xdead\r\n');
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
    ['a type that is not there yet', 'create -F guest.cfg type="hvm"', {}, /HVM guests are not there yet\n$/],
    [
      'create in the background',
      'create guest.cfg',
      {},
      /^xl create without -F: a domain cannot outlive xl yet: expected -F.*\n$/,
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
    ['a command that is not there yet', 'list', {}, /^xl list is not there yet: .*\n$/],
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
  match(on.out, /\nnot there yet:\n\n list destroy /);

  for (const line of ['help create', 'create -h', 'create --help', 'cr -h']) {
    const each = services();
    equal(await run(line, each), 0);
    match(each.out, /^Usage: xl \[-vtTfN\] create <ConfigFile> \[options\] \[vars\]\n/);
  }
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
