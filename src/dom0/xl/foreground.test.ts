import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import {
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_soft_reset,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
} from '../../abi/sched.ts';
import { GUEST, nothingLeft, run, services } from './testing/create.ts';
import type { FakeHost, FakeServices } from './testing/fake-services.ts';

const endings: readonly (readonly [what: string, keys: string, reason: number, status: number])[] = [
  ['a crash', '', SHUTDOWN_crash, 10],
  ['the watchdog', '', SHUTDOWN_watchdog, 11],
  ['a reboot that is not wanted', 'on_reboot="destroy"', SHUTDOWN_reboot, 12],
  ['a suspend', '', SHUTDOWN_suspend, 13],
  ['a soft reset that is not wanted', 'on_soft_reset="destroy"', SHUTDOWN_soft_reset, 14],
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
});

test('on_crash = "coredump-restart" puts its memory into a file first; one that cannot be written is told', async () => {
  const on = services({ 'guest.cfg': `${GUEST}on_crash="coredump-restart"` });
  on.guest = (host, domid) => {
    if (domid === 2) host.dumpFailure = new Error('no space left on device');
    host.ctrl.shutDown(domid, domid < 3 ? SHUTDOWN_crash : SHUTDOWN_poweroff);
  };
  equal(await run('create -F guest.cfg', on), 0);
  deepEqual(on.hosts[0]?.dumps, [1]);
  match(on.err, /^domain web \(domid 1\): core dumped to \/dump\/web$/m);
  match(on.err, /^xl: warning: domain web \(domid 2\): core dump failed: no space left on device$/m);
  nothingLeft(on);
});

test('on_soft_reset = "soft-reset" has the domain go on, until it ends otherwise', async () => {
  const on = services();
  const reasons = [SHUTDOWN_soft_reset, SHUTDOWN_soft_reset, SHUTDOWN_poweroff];
  on.guest = (host, domid) => host.ctrl.shutDown(domid, reasons.shift() ?? SHUTDOWN_crash);
  equal(await run('create -F -q guest.cfg', on), 0);
  deepEqual(on.hosts[0]?.resets, [1, 1]);
  nothingLeft(on);
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
  match(on.err, /d1v0: RIP 0xdead\n.*has not ended within 2.5 s/);
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
