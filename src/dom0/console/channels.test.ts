import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { XenconsInterface } from '../../abi/io/console.ts';
import { grantRef, port } from '../../abi/xen.ts';
import { StoreClient } from '../../libs/store/store.ts';
import { bytesOf, textOf } from '../../libs/store/wire.ts';
import { Bench, settle } from '../xenstored/testing/transcript.ts';
import { type ChannelOptions, Channels } from './channels.ts';
import type { ConsoleClient } from './console-client.ts';

const FRONTEND = '/local/domain/4/device/console/1';
const BACKEND = '/local/domain/0/backend/console/4/1';
const PORT = port(9);

class Reader implements ConsoleClient {
  text = '';
  isClosed = false;
  type = (_bytes: Uint8Array) => {};
  output(bytes: Uint8Array): number {
    this.text += textOf(bytes);
    return bytes.length;
  }
  onDrain(): void {}
  onInput(listener: (bytes: Uint8Array) => void): void {
    this.type = listener;
  }
  closed(): void {
    this.isClosed = true;
  }
}

/** A domain with a channel, as the toolstack leaves it, and the driver's page of it. */
async function channelBench(options: ChannelOptions = {}) {
  const bench = new Bench();
  const store = new StoreClient(bench.xenstored.connect());
  const log: string[] = [];
  const services = { store: new StoreClient(bench.xenstored.connect()), events: bench.xen, grants: bench.xen };
  const channels = new Channels({ ...services, log: (line) => log.push(line) }, options);
  await channels.start();
  const { guest } = bench.addGuest(4);
  const bytes = new Uint8Array(4096);
  const page = new XenconsInterface(new DataView(bytes.buffer), 0);
  guest.pages.set(grantRef(8), bytes);
  guest.ports.set(PORT, () => {});
  await store.write(`${FRONTEND}/state`, '1');
  await store.write(`${FRONTEND}/tty`, '');
  await store.write(`${BACKEND}/state`, '1');
  await store.write(`${BACKEND}/frontend`, FRONTEND);
  await settled();
  const set = async (nodes: Record<string, string>) => {
    for (const [name, value] of Object.entries(nodes)) await store.write(`${FRONTEND}/${name}`, value);
    await settled();
  };
  const print = (text: string) => {
    for (const byte of bytesOf(text)) page.out[page.out_prod++ % 2048] = byte;
    guest.notify(PORT);
    bench.xen.deliver();
  };
  const state = () => store.read(`${BACKEND}/state`);
  return { bench, store, channels, page, log, guest, set, print, state };
}

const CONNECTING = { 'ring-ref': '8', port: '9', state: '3' };

test('a driver that has its ring ready is connected; both ways it is a console', async () => {
  const { channels, guest, set, print, page, state } = await channelBench();
  equal(await state(), '2', 'it waits for the driver');
  await set(CONNECTING);
  equal(await state(), '4');
  const reader = new Reader();
  ok(channels.attach(guest.domid, 1, reader, 'unread') !== undefined);
  equal(channels.attach(guest.domid, 2, reader, 'unread'), undefined, 'there is no second one');
  print('hello');
  equal(reader.text, 'hello');
  reader.type(bytesOf('yes'));
  equal(textOf(page.in.slice(0, page.in_prod)), 'yes');
});

test('a driver that goes may come again, with another ring', async () => {
  const { channels, guest, set, print, state, bench } = await channelBench();
  const before = bench.xen.mapped.size;
  await set(CONNECTING);
  await set({ state: '6' });
  equal(await state(), '6');
  equal(bench.xen.mapped.size, before, 'the ring is given back');
  await set({ state: '1' });
  equal(await state(), '2');
  await set(CONNECTING);
  const reader = new Reader();
  channels.attach(guest.domid, 1, reader, 'unread');
  print('again');
  equal(reader.text, 'again');
});

/** What goes to and fro between the store and its clients has come to an end. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await settle();
}

test('nonsense of a driver’s is told in the log and holds nothing', async () => {
  const { set, log, bench, state } = await channelBench();
  const ports = bench.xen.boundPorts;
  await set({ ...CONNECTING, 'ring-ref': '77' });
  await set({ state: '1' });
  await set({ ...CONNECTING, port: '70' });
  await set({ 'ring-ref': 'x', port: '-1', state: '3' });
  equal(await state(), '2');
  equal(log.length, 2, log.join('\n'));
  equal(bench.xen.boundPorts, ports);
});

test('its terminal is named in the frontend’s tty; both go with the domain, and no node comes back', async () => {
  const closed: string[] = [];
  const { channels, guest, set, store } = await channelBench({
    openTerminal: async (domid) => ({ name: `/dev/pts/${domid}`, close: () => closed.push(`${domid}`) }),
  });
  equal(await store.read(`${FRONTEND}/tty`), '/dev/pts/4');
  await set(CONNECTING);
  const reader = new Reader();
  channels.attach(guest.domid, 1, reader, 'unread');
  await store.rm('/local/domain/0/backend/console/4');
  await store.rm('/local/domain/4');
  await settled();
  deepEqual([closed, reader.isClosed], [['4'], true]);
  equal(await store.read(BACKEND), undefined);
  equal(await store.read(FRONTEND), undefined);
});
