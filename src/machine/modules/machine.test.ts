import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { XenconsInterface } from '../../abi/io/console.ts';
import { readBuiltIn } from '../built-in.ts';
import { openCtrl } from './ctrl.ts';
import { domid, gfn, openForeignMemory } from './foreignmemory.ts';
import { type DomainEvent, type EmbeddedMachine, startMachine } from './machine.ts';

let machine: EmbeddedMachine;
beforeEach(async () => {
  machine = await startMachine({ memoryMiB: 32 });
});
afterEach(async () => {
  await machine.stop();
});

const HELLO = { name: 'hello', kernel: 'builtin:hello', memory: 8 };

test('a console has all lines, and ends when the domain is gone', async () => {
  const guest = await machine.toolstack.create(HELLO, { paused: true });
  const console0 = await guest.console();
  await guest.unpause();
  const lines: string[] = [];
  for await (const line of console0.lines()) lines.push(line);
  deepEqual([lines[0], lines.at(-1)], ['Hello from a PVH guest in 64-bit mode.', 'Goodbye.']);
  match(await guest.logs(), /^Hello[\s\S]*Goodbye\.\r?\n$/);
});

test('what is written to a console is in the ring that the guest reads', async () => {
  const guest = await machine.toolstack.create(HELLO, { paused: true });
  const console0 = await guest.console();
  await new Promise<void>((resolve) => console0.write('abc', () => resolve()));
  const frame = Number(await machine.store.read(`/local/domain/${guest.domid}/console/ring-ref`));
  const [page] = openForeignMemory(machine).map(domid(guest.domid), [gfn(frame)]);
  if (page === undefined) throw new Error('no page');
  const ring = () => new XenconsInterface(new DataView(page.buffer, page.byteOffset, page.length), 0);
  while (ring().in_prod < 3) await new Promise<void>((resolve) => setImmediate(resolve));
  equal(new TextDecoder().decode(page.slice(0, 3)), 'abc', 'in[1024] is the first of struct xencons_interface');
  console0.destroy();
});

test('listeners hear of everything that was asked for after they came', async () => {
  const { toolstack } = machine;
  const heard: string[] = [];
  const gone = new Promise<DomainEvent>((resolve) => toolstack.on('destroyed', resolve));
  const stop = toolstack.on('event', ({ event, reason = '' }) => heard.push(`${event} ${reason}`.trim()));
  const events = await toolstack.events();
  await toolstack.create(HELLO);
  await gone;
  deepEqual(heard, ['created', 'unpaused', 'shutdown poweroff', 'destroyed']);
  stop();
  const first = await events.next();
  equal(first.done === true ? '' : first.value.event, 'created');
  await events.return?.();
});

test('a kernel given as bytes is there for the next life as well', async () => {
  const kernel = await readBuiltIn('builtin:hello');
  const { toolstack } = machine;
  const restarted = new Promise<DomainEvent>((resolve) => toolstack.on('restarted', resolve));
  const guest = await toolstack.create({ name: 'again', kernel, memory: 8, on_poweroff: 'restart' });
  equal((await restarted).domid, guest.domid + 1);
});

test('a failure has the sentence that xl says, and its status', async () => {
  const { toolstack } = machine;
  await rejects(
    toolstack.create({ ...HELLO, memory: 4000 }),
    /^ToolstackError: config:4: memory = 4000: the host has [0-9]+ MiB free/,
  );
  await rejects(toolstack.create({ name: 'a', kernel: '/nowhere' }), /no such file/);
  const guest = await toolstack.create(HELLO, { paused: true });
  await rejects(guest.wait({ timeoutMs: 1 }), { name: 'ToolstackError', status: 124 });
  await rejects(guest.waitForConsole(new RegExp('x', ['v'].join(''))), /expected the flags i, m and s at most/);
  deepEqual(
    (await toolstack.list()).map(({ name, state }) => [name, state]),
    [
      ['Domain-0', 'r-----'],
      ['hello', '--p---'],
    ],
  );
  equal((await toolstack.find('hello'))?.domid, guest.domid);
  equal(await toolstack.find('nobody'), undefined);
});

test('Xen’s parameters are in its own file system, as it was booted with and as they are set since', async () => {
  const booted = await startMachine({ memoryMiB: 32, xen: 'gnttab_max_frames=0x20 maxcpus=2' });
  const { hypfs, ctrl } = openCtrl(booted);
  equal(hypfs.read('/params/gnttab_max_frames'), '32');
  await booted.toolstack.do('set-parameters', 'gnttab_max_frames=48 gnttab_max_maptrack_frames=7');
  equal(hypfs.read('/params/gnttab_max_frames'), '48');
  equal(hypfs.read('/params/gnttab_max_maptrack_frames'), '7');
  throws(() => hypfs.read('/nowhere'), { name: 'HypercallError', operation: 'XEN_HYPFS_OP_read' });
  equal(ctrl.physinfo().max_cpu_id, 1);
  await booted.stop();
});

test('a machine that is stopped leaves nobody waiting', async () => {
  const stopped = await startMachine({ memoryMiB: 32 });
  const { toolstack } = stopped;
  const guest = await toolstack.create(HELLO, { paused: true });
  const events = await toolstack.events();
  const end = guest.wait();
  const never = rejects(guest.waitForConsole('nothing of the kind'), /is gone, and its console never matched/);
  // They have begun to wait once another command is answered.
  await toolstack.list();
  await stopped.stop();
  deepEqual(await end, { kind: 'destroyed', reason: undefined, status: 15 });
  await never;
  const heard = async () => {
    for await (const { event } of events) equal(event, 'destroyed');
  };
  await rejects(heard(), /the host has ended/);
  await rejects(guest.unpause(), { code: 'HOST_GONE' });
});

test('a machine with a seed repeats, to the nanosecond that its guest has run', async () => {
  const run = async () => {
    const repeating = await startMachine({ memoryMiB: 32, deterministic: { seed: 7 } });
    const guest = await repeating.toolstack.create({ ...HELLO, on_poweroff: 'preserve' });
    await guest.wait();
    const info = openCtrl(repeating).ctrl.domain_getinfo(domid(guest.domid));
    const log = await guest.logs();
    await repeating.stop();
    return [info?.cpu_time, info?.handle, log];
  };
  deepEqual(await run(), await run());
});
