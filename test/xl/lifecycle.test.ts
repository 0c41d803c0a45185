import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectUnixSocket } from '../../src/host/node/unix-socket.ts';
import { StoreClient } from '../../src/libs/store/store.ts';
import { type RunningCommand, TestHost, writeKernel } from './testing/test-host.ts';

let host: TestHost;
let empty: string[];
before(async () => {
  host = await TestHost.start();
  // What xl makes once and for all is there from the first domain on.
  await host.xl('create -q -p idle.cfg');
  await host.xl('destroy idle');
  empty = await host.store();
});
after(async () => {
  equal(await host.stop(), 0);
});

/** No domain and no node of one is left. */
async function nothingLeft(): Promise<void> {
  equal((await host.xl('list')).out.split('\n').length, 3, 'a header, Domain-0, and the end');
  deepEqual(await host.store(), empty, 'the store is as it was');
}

/** A paused domain, `once`, that reboots a single time: by then its kernel is another. */
async function rebooting(settings: string): Promise<void> {
  writeKernel(host.folder, 'once', 'reboot');
  const { status, err } = await host.xl(
    `create -q -p /dev/null name="once" type="pvh" kernel="once" memory=4 ${settings}`,
  );
  equal(status, 0, err);
  writeKernel(host.folder, 'once', 'idle');
}

/** Lets it, and hears of so many events. */
async function reboot(events: number): Promise<RunningCommand> {
  const heard = host.command(`events --existing --count=${events + 1}`);
  await heard.printed(/exists/);
  equal((await host.xl('unpause once')).status, 0);
  return heard;
}

test('a domain that powers off is destroyed, and its exit status tells', async () => {
  const created = await host.xl('create -F -q poweroff.cfg');
  equal(created.status, 0, created.err);
  await nothingLeft();
});

test('how a domain ended is the exit status of wait, even afterwards', async () => {
  const waiting = host.command('wait crash --timeout 10');
  equal((await host.xl('create -q -p crash.cfg')).status, 0);
  equal((await waiting.answer).status, 1, 'it was not there yet');
  const wait = host.command('wait crash --timeout 10');
  await host.xl('unpause crash');
  equal((await wait.answer).status, 10);
  equal((await host.xl('wait crash')).status, 10);
  await nothingLeft();

  await host.xl('create -q idle.cfg');
  const destroyed = host.command('wait idle --timeout 10 --json');
  await host.xl('destroy idle');
  equal((await destroyed.answer).status, 15);
  await nothingLeft();
});

test('create -F tells of a crash where it happened', async () => {
  const { status, err } = await host.xl('create -F --exit-status crash.cfg');
  equal(status, 10);
  match(err, /^Domain [0-9]+ has shut down, reason code 3 0x3$/m);
  match(err, /RIP|rip/);
});

test('a crash is told by the kernel’s symbols, where a map is given', async () => {
  writeFileSync(join(host.folder, 'System.map'), '00100000 T startup\n00100010 t other\n');
  const told = host.command('events crash --count=4');
  const { err } = await host.xl('create -F -q crash.cfg symbols="System.map"');
  match(err, /^\[<0000000000100000>\] startup\+0x0$/m);
  const [, , crashed] = (await told.answer).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  deepEqual([crashed.event, crashed.rip], ['crashed', '0x0000000000100000']);
  equal(crashed.stack[0], '[<0000000000100000>] startup+0x0');
  await nothingLeft();
});

test('on_crash = "preserve" leaves the domain, as Ganeti expects, in state ---s', async () => {
  const { status } = await host.xl('create -F -q --exit-status crash.cfg on_crash="preserve"');
  equal(status, 10);
  match((await host.xl('list crash')).out, /\ncrash +[0-9]+ +4 +1 {5}---sc- /);
  equal((await host.xl('destroy crash')).status, 0);
  equal((await host.xl('wait crash')).status, 10, 'what it ended by, and not that it was cleared away');
  await nothingLeft();
});

test('on_crash = "coredump-destroy" leaves a dump, whose sections are those of Xen’s format', async () => {
  equal((await host.xl('create -F -q --exit-status crash.cfg on_crash="coredump-destroy"')).status, 10);
  const dump = readFileSync(join(host.folder, 'dump/crash'));
  equal(dump.readUInt32BE(0), 0x7f454c46);
  equal(dump.readUInt16LE(16), 4, 'ET_CORE');
  const sections = new Map<string, Buffer>();
  const section = (index: number) => {
    const at = Number(dump.readBigUInt64LE(40)) + index * 64;
    const offset = Number(dump.readBigUInt64LE(at + 24));
    return {
      name: dump.readUInt32LE(at),
      bytes: dump.subarray(offset, offset + Number(dump.readBigUInt64LE(at + 32))),
    };
  };
  const names = section(dump.readUInt16LE(62)).bytes.toString('latin1');
  for (let index = 1; index < dump.readUInt16LE(60); index++) {
    const { name, bytes } = section(index);
    sections.set(names.slice(name, names.indexOf('\0', name)), bytes);
  }
  const pfns = sections.get('.xen_pfn');
  const pages = sections.get('.xen_pages');
  equal(sections.get('.xen_prstatus')?.length, 0x1430, 'a vcpu_guest_context');
  equal((pfns?.length ?? 0) * 512, pages?.length);
  const text = Array.from({ length: (pfns?.length ?? 0) / 8 }, (_, index) => Number(pfns?.readBigUInt64LE(index * 8)));
  const kernel = text.indexOf(0x100);
  deepEqual(
    pages?.subarray(kernel * 4096, kernel * 4096 + 2),
    Buffer.of(0x0f, 0x0b),
    'the kernel is where it was loaded',
  );
  await nothingLeft();
});

test('on_reboot = "restart" makes it anew, with the sizes it has by then', async () => {
  await rebooting('maxmem=8 memory=4');
  const before = Number((await host.xl('domid once')).out);
  await host.xl('mem-set once 3');
  const names = (await (await reboot(6)).answer).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event)
    .slice(1);
  deepEqual(names, ['unpaused', 'shutdown', 'destroyed', 'created', 'unpaused', 'restarted']);
  notEqual(Number((await host.xl('domid once')).out), before);
  equal(JSON.parse((await host.xl('list -l once')).out)[0].config.b_info.target_memkb, 3 * 1024);
  await host.xl('destroy once');
  await nothingLeft();
});

test('a domain that crashes as soon as it runs is not restarted faster than once a second, and can be destroyed', async () => {
  const lives = host.command('events --count=24');
  equal((await host.xl('create -q crash.cfg on_crash="restart"')).status, 0);
  await lives.until(() => lives.out.split('"destroyed"').length > 4);
  equal((await host.xl('list')).status, 0);
  equal((await host.xl('destroy crash')).status, 0, 'between two of its lives');
  await lives.until(() => lives.out.includes('cannot be restarted'));
  await lives.signal('SIGINT');
  await nothingLeft();
});

test('on_reboot = "rename-restart" keeps the old one under another name and UUID', async () => {
  const uuid = '84b6c97a-d3cb-4428-a34d-5d4c5fadc36f';
  await rebooting(`on_reboot="rename-restart" uuid="${uuid}"`);
  await (await reboot(6)).answer;
  const rows = JSON.parse((await host.xl('list --json')).out) as { name: string; uuid: string; domid: number }[];
  const [, preserved, fresh] = rows;
  match(preserved?.name ?? '', /^once-[0-9]{8}T[0-9]{4}Z$/);
  notEqual(preserved?.uuid, uuid);
  deepEqual([fresh?.name, fresh?.uuid], ['once', uuid]);
  await host.xl(`destroy ${preserved?.domid}`);
  await host.xl('destroy once');
  await nothingLeft();
});

test('config-update is what the domain is restarted with', async () => {
  await rebooting('');
  equal((await host.xl('config-update once idle.cfg memory=6')).status, 0);
  await (await reboot(6)).answer;
  match((await host.xl('list once')).out, /\nonce +[0-9]+ +6 /);
  await host.xl('destroy once');
  await nothingLeft();
});

test('of two creations of one name one wins, and of one UUID as well', async () => {
  const both = await Promise.all([host.xl('create -q -p idle.cfg'), host.xl('create -q -p idle.cfg')]);
  deepEqual(both.map(({ status }) => status).toSorted(), [0, 1]);
  match(both.map(({ err }) => err).join(''), /Domain with name "idle" (is being created|already exists)/);
  await host.xl('destroy idle');

  const uuid = 'uuid="84b6c97a-d3cb-4428-a34d-5d4c5fadc36f"';
  await host.xl(`create -q -p idle.cfg ${uuid}`);
  const second = await host.xl(`create -q -p idle.cfg ${uuid} name="other"`);
  match(second.err, /uuid = "84b6c97a.*": that of domain [0-9]+ already/);
  await host.xl('destroy idle');
  await nothingLeft();
});

test('a creation whose xl dies half-way leaves nothing, wherever it was', async () => {
  for (const step of ['create the domain', 'allocate its vCPUs', 'open its event channels', 'give it memory']) {
    const command = host.command('-v create idle.cfg');
    await command.printed(new RegExp(step));
    await command.die();
    // It takes its turns to be taken back.
    for (let tries = 0; tries < 20 && (await host.xl('list')).out.split('\n').length > 3; tries++);
    await nothingLeft();
  }
});

test('Ctrl-C ends a creation, and a wait', async () => {
  const command = host.command('-v create idle.cfg');
  await command.printed(/load its kernel/);
  await command.signal('SIGINT');
  const { status, err } = await command.answer;
  equal(status, 128 + 2);
  match(err, /domain idle is not created: nobody wants it any more\n$/);
  await nothingLeft();
});

test('destroying a domain that is being created ends its creation', async () => {
  const command = host.command('-v create idle.cfg');
  await command.printed(/give it memory/);
  equal((await host.xl('destroy idle')).status, 0);
  equal((await command.answer).status, 1);
  await nothingLeft();
});

test('a configuration that fails names its line and leaves nothing', async () => {
  const { status, err } = await host.xl('create -q idle.cfg memory=4000');
  equal(status, 1);
  match(err, /^command line:1: memory = 4000: the host has [0-9]+ MiB free/);
  match((await host.xl('create -q idle.cfg pool="deep"')).err, /pool = "deep": no such cpupool/);
  match((await host.xl('create -q idle.cfg cpus="63"')).err, /cpus = "63": "63" is no range/);
  await nothingLeft();
});

test('cpuid takes features away, and Xen refuses to make some up', async () => {
  equal((await host.xl(`create -q -p idle.cfg 'cpuid="host,sse4.2=0,popcnt=0"'`)).status, 0);
  const [row] = JSON.parse((await host.xl('list -l idle')).out);
  equal(row.config.b_info.cpuid[0].ecx, 'xxxxxxxx0xx0xxxxxxxxxxxxxxxxxxxx');
  const leaves = JSON.parse((await host.xl('cpuid-show idle --json')).out) as { leaf: number; ecx: number }[];
  equal((leaves.find(({ leaf }) => leaf === 1)?.ecx ?? 0) & ((1 << 20) | (1 << 23)), 0);
  await host.xl('destroy idle');
  match((await host.xl(`create -q -p idle.cfg 'cpuid="host,maxleaf=255"'`)).err, /cpuid: more than the processor has/);
  await nothingLeft();
});

test('a config file that only xl can read comes over the socket', async () => {
  equal((await host.xl('create -q -p /dev/stdin')).status, 0);
  equal((await host.xl('destroy idle')).status, 0);
  await nothingLeft();
});

test('-e leaves a domain alone once it has shut down', async () => {
  await host.xl('create -q -e poweroff.cfg');
  equal((await host.xl('wait poweroff --timeout 10')).status, 0);
  match((await host.xl('list poweroff')).out, /---s-- /);
  await host.xl('destroy poweroff');
  await nothingLeft();
});

test('a domain that has suspended itself is left, and goes on where it was', async () => {
  await host.xl('create -q suspend.cfg');
  equal((await host.xl('wait suspend --timeout 10')).status, 13);
  match((await host.xl('list suspend')).out, / ---ss- /);
  const end = host.command('wait suspend --timeout 10');
  await end.answer;
  const gone = host.command('events suspend --count=3');
  equal((await host.xl('resume suspend')).status, 0);
  const events = (await gone.answer).out.trim().split('\n');
  deepEqual(
    events.map((line) => JSON.parse(line).event),
    ['resumed', 'shutdown', 'destroyed'],
  );
  equal((await host.xl('wait suspend')).status, 0, 'it has seen that its suspend was cancelled, and powered off');
  await nothingLeft();
});

test('Solo5 starts its guests without a file', async () => {
  const line = '/dev/null name="solo" kernel="poweroff" type="pvh" memory=4 cmdline="a b" vcpus=1';
  const { status, err } = await host.xl(`create -F -q ${line.replace(/cmdline="a b"/, `'cmdline="a b"'`)}`);
  equal(status, 0, err);
  await nothingLeft();
});

test('on_soft_reset = "soft-reset": the domain goes on as it is, with all that it had agreed on made anew', async () => {
  equal((await host.xl('create -q -p reset.cfg on_poweroff="preserve"')).status, 0);
  const domid = (await host.xl('domid reset')).out.trim();
  const before = await host.store();
  const heard = host.command('events reset --existing --count=5');
  await heard.printed(/exists/);
  const waiting = host.command('wait reset --timeout 20');
  await host.xl('list');
  await host.xl('unpause reset');
  equal((await waiting.answer).status, 0, 'a reset is no end');
  const told = (await heard.answer).out.trim().split('\n').slice(1);
  deepEqual(
    told.map((line) => JSON.parse(line)).map(({ event, reason, action }) => [event, reason, action]),
    [
      ['unpaused', undefined, undefined],
      ['shutdown', 'soft-reset', 'soft-reset'],
      ['soft-reset', undefined, undefined],
      ['shutdown', 'poweroff', 'preserve'],
    ],
  );
  equal((await host.xl('logs reset')).out, 'R', 'its console works, by a port that was opened anew');
  equal((await host.xl('domid reset')).out.trim(), domid);
  const dated = (nodes: string[]) => nodes.filter((node) => !node.includes('/start_time'));
  deepEqual(dated(await host.store()), dated(before));
  await host.xl('destroy reset');
  await nothingLeft();
});

test('one that does nothing but reset itself keeps no others waiting, and is destroyed whole, wherever it is', async () => {
  for (let round = 0; round < 6; round++) {
    await host.xl('create -q -p resetting.cfg');
    const resets = host.command('events resetting');
    await host.xl('unpause resetting');
    await resets.until(() => resets.out.split('"shutdown"').length > Math.min(round, 3) + 1);
    equal((await host.xl('destroy resetting')).status, 0);
    await resets.signal('SIGINT');
    await nothingLeft();
  }
});

test('a soft reset that the configuration does not want is any other end', async () => {
  equal((await host.xl('create -F -q --exit-status reset.cfg on_soft_reset="destroy"')).status, 14);
  await nothingLeft();
});

test('devices’ states are events, of both ends, wherever the store has them', async () => {
  await host.xl('create -q -p idle.cfg');
  const domid = Number((await host.xl('domid idle')).out);
  const heard = host.command('events idle --ready --count=5');
  await heard.printed(/listening/);
  const store = new StoreClient(await connectUnixSocket(join(host.folder, 'xenstored/socket')));
  const [frontend, backend] = [`/local/domain/${domid}/device/vif/0`, `/local/domain/0/backend/vif/${domid}/0`];
  const told = async (count: number) => await heard.until(() => heard.out.split('\n').length > count);
  await store.transaction(async (change) => {
    await change.write(`${backend}/state`, '1');
    await change.write(`${frontend}/state`, '1');
    await change.write(`/libxl/${domid}/device/vif/0/frontend`, frontend);
    await change.write(`/libxl/${domid}/device/vif/0/backend`, backend);
  });
  await told(3);
  await store.write(`${backend}/state`, '2');
  await told(4);
  await store.write(`${frontend}/state`, '4');
  await told(5);
  await store.rm(backend);
  const events = (await heard.answer).out
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line));
  deepEqual(
    events.map(({ event, device, end, state }) => [event, device, end, state]),
    [
      ['device', 'vif/0', 'frontend', 'Initialising'],
      ['device', 'vif/0', 'backend', 'Initialising'],
      ['device', 'vif/0', 'backend', 'InitWait'],
      ['device', 'vif/0', 'frontend', 'Connected'],
      ['device', 'vif/0', 'backend', 'Unknown'],
    ],
  );
  await store.rm('/local/domain/0/backend');
  store.close();
  await host.xl('destroy idle');
  await nothingLeft();
});

test('what only a machine of its own can have is refused, and told where to get it', async () => {
  const { status, err } = await host.xl('create -q idle.cfg deterministic=1');
  equal(status, 1);
  match(err, /^command line:1: deterministic = 1: this host goes by its own time, .*: expected a machine of its own/);
  match((await host.xl('create -q idle.cfg --trace=events')).err, /^xl create --trace: .* or xl trace, /);
  await nothingLeft();
});
