import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XenconsInterface } from '../../abi/io/console.ts';
import { gfn, grantRef, port, VIRQ_DOM_EXC } from '../../abi/xen.ts';
import { StoreClient } from '../../libs/store/store.ts';
import { bytesOf, textOf } from '../../libs/store/wire.ts';
import type { SimulatedGuest } from '../xenstored/testing/simulated-xen.ts';
import { Bench, settle } from '../xenstored/testing/transcript.ts';
import type { ConsoleClient } from './console-client.ts';
import type { XenconsoledOptions } from './xenconsoled.ts';
import { Xenconsoled } from './xenconsoled.ts';

const CONSOLE_PORT = port(2);
const CONSOLE_GFN = gfn(0xfefff);

/** A guest's hvc driver: writes as far as there is room, and tells dom0 of every move. */
class GuestConsole {
  readonly guest: SimulatedGuest;
  readonly bytes = new Uint8Array(4096);
  readonly page = new XenconsInterface(new DataView(this.bytes.buffer), 0);
  readonly #bench: Bench;
  read = '';
  reading = true;
  #unsent = '';

  constructor(bench: Bench, guest: SimulatedGuest) {
    this.#bench = bench;
    this.guest = guest;
    guest.ports.set(CONSOLE_PORT, () => this.service());
  }

  /** Bytes that had to wait because the ring is full. */
  get waiting(): number {
    return this.#unsent.length;
  }

  print(text: string): void {
    this.#unsent += text;
    this.service();
    this.#bench.xen.deliver();
  }

  service(): void {
    let moved = false;
    const room = 2048 - ((this.page.out_prod - this.page.out_cons) >>> 0);
    for (const byte of bytesOf(this.#unsent.slice(0, room))) {
      this.page.out[this.page.out_prod % 2048] = byte;
      this.page.out_prod = (this.page.out_prod + 1) >>> 0;
      moved = true;
    }
    this.#unsent = this.#unsent.slice(room);
    while (this.reading && this.page.in_cons !== this.page.in_prod) {
      this.read += String.fromCharCode(this.page.in[this.page.in_cons % 1024] ?? 0);
      this.page.in_cons = (this.page.in_cons + 1) >>> 0;
      moved = true;
    }
    if (moved) this.guest.notify(CONSOLE_PORT);
  }
}

class TestClient implements ConsoleClient {
  text = '';
  room = Number.POSITIVE_INFINITY;
  paused = false;
  isClosed = false;
  drain = () => {};
  type = (_bytes: Uint8Array) => {};

  output(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.room);
    this.text += textOf(taken);
    this.room -= taken.length;
    return taken.length;
  }

  onDrain(listener: () => void): void {
    this.drain = listener;
  }

  onInput(listener: (bytes: Uint8Array) => void): void {
    this.type = listener;
  }

  inputPaused(paused: boolean): void {
    this.paused = paused;
  }

  closed(): void {
    this.isClosed = true;
  }

  makeRoom(bytes: number): void {
    this.room = bytes;
    this.drain();
  }
}

interface ConsoleBench {
  readonly bench: Bench;
  readonly store: StoreClient;
  readonly xenconsoled: Xenconsoled;
  readonly log: string[];
}

async function consoleBench(options: XenconsoledOptions = {}): Promise<ConsoleBench> {
  const bench = new Bench();
  const store = new StoreClient(bench.xenstored.connect());
  const log: string[] = [];
  const services = { store, events: bench.xen, grants: bench.xen, memory: bench.xen, ctrl: bench.xen };
  const xenconsoled = new Xenconsoled({ ...services, log: (line) => log.push(line) }, options);
  await xenconsoled.start();
  return { bench, store, xenconsoled, log };
}

/** What the toolstack writes for a domain, before it introduces it. */
async function addGuest({ bench, store }: ConsoleBench, domid: number, how: 'grant' | 'frame' = 'grant') {
  const { guest } = bench.addGuest(domid);
  const console = new GuestConsole(bench, guest);
  if (how === 'grant') guest.pages.set(grantRef(0), console.bytes);
  else guest.frames.set(CONSOLE_GFN, console.bytes);
  const path = `/local/domain/${domid}/console`;
  await store.write(`${path}/ring-ref`, `${CONSOLE_GFN}`);
  await store.write(`${path}/port`, `${CONSOLE_PORT}`);
  await store.write(`${path}/limit`, '3000');
  await store.write(`${path}/type`, 'xenconsoled');
  await store.write(`${path}/tty`, '');
  await store.introduceDomain(guest.domid, gfn(1), port(3));
  await settle();
  return console;
}

for (const how of ['grant', 'frame'] as const) {
  test(`bytes go both ways over a ring that was mapped by ${how}`, async () => {
    const all = await consoleBench();
    const console = await addGuest(all, 1, how);
    const client = new TestClient();
    all.xenconsoled.attach(console.guest.domid, client);
    console.print('login: ');
    equal(client.text, 'login: ');
    client.type(bytesOf('root\n'));
    all.bench.xen.deliver();
    equal(console.read, 'root\n');
  });
}

test('nodes that are gone and come again tell of another ring, though its numbers are the same', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  const client = new TestClient();
  all.xenconsoled.attach(console.guest.domid, client);
  console.print('before, ');
  await all.store.rm('/local/domain/1/console');
  await settle();
  const bound = all.bench.xen.boundPorts;
  await all.store.write('/local/domain/1/console/ring-ref', `${CONSOLE_GFN}`);
  await all.store.write('/local/domain/1/console/port', `${CONSOLE_PORT}`);
  await settle();
  console.print('after');
  equal(client.text, 'before, after');
  equal(all.bench.xen.boundPorts, bound + 1);
});

test('a client may be attached before the domain is there', async () => {
  const all = await consoleBench();
  const client = new TestClient();
  all.xenconsoled.attach(1 as never, client);
  const console = await addGuest(all, 1);
  console.print('hello');
  equal(client.text, 'hello');
});

test('what was written before anybody looked is kept, the end of it, and nobody has to wait for that', async () => {
  const all = await consoleBench({ historyBytes: 2500 });
  const console = await addGuest(all, 1);
  const text = Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join('');
  console.print(text);
  equal(console.waiting, 0);
  const client = new TestClient();
  all.xenconsoled.attach(console.guest.domid, client);
  equal(client.text, text.slice(-2500));
});

test('a guest waits for a slow client when the limit is reached, and nothing is lost', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  const client = new TestClient();
  client.room = 10;
  all.xenconsoled.attach(console.guest.domid, client);
  const text = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
  console.print(text);
  equal(console.waiting, text.length - 10 - 3000 - 2048, '10 taken, 3000 in the daemon, 2048 in the ring');

  for (let i = 0; client.text.length < text.length && i < 10_000; i++) {
    client.makeRoom(1 + (i % 700));
    all.bench.xen.deliver();
  }
  equal(client.text, text);
});

test('with overflow discarded the guest never waits, and a slow client misses the middle', async () => {
  const all = await consoleBench({ overflow: 'discard' });
  const console = await addGuest(all, 1);
  const client = new TestClient();
  client.room = 10;
  all.xenconsoled.attach(console.guest.domid, client);
  const text = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
  console.print(text);
  equal(console.waiting, 0);
  client.makeRoom(1_000_000);
  equal(client.text, text.slice(0, 10) + text.slice(-3000));
});

test('a slow client that leaves, or a second one, does not hold the others up', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  const [slow, fast] = [new TestClient(), new TestClient()];
  slow.room = 0;
  const detach = all.xenconsoled.attach(console.guest.domid, slow);
  all.xenconsoled.attach(console.guest.domid, fast);
  const text = 'x'.repeat(9000);
  console.print(text);
  equal(fast.text.length, 3000, 'all that the slow one leaves room for');
  detach();
  all.bench.xen.deliver();
  equal(fast.text, text);
});

test('a client that calls back while it is handed output gets every byte once', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  class Echo extends TestClient {
    override output(bytes: Uint8Array): number {
      const taken = super.output(bytes.subarray(0, 3));
      this.type(bytes.subarray(0, taken));
      this.drain();
      return taken;
    }
  }
  const client = new Echo();
  all.xenconsoled.attach(console.guest.domid, client);
  console.print('0123456789');
  client.drain();
  all.bench.xen.deliver();
  equal(client.text, '0123456789');
  equal(console.read, '0123456789');
});

test('typed bytes wait for a guest that does not read, and clients are told to pause', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  const client = new TestClient();
  all.xenconsoled.attach(console.guest.domid, client);
  console.reading = false;
  const text = Array.from({ length: 2000 }, (_, i) => `${i} `)
    .join('')
    .slice(0, 6000);
  client.type(bytesOf(text.slice(0, 2000)));
  equal(client.paused, false);
  client.type(bytesOf(text.slice(2000)));
  equal(client.paused, true);
  console.reading = true;
  console.service();
  all.bench.xen.deliver();
  equal(console.read, text);
  equal(client.paused, false);
});

test('a domain that dies is told to its clients once they have all it wrote, and nothing of it stays mapped', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  const client = new TestClient();
  client.room = 4;
  all.xenconsoled.attach(console.guest.domid, client);
  console.print('last words');
  all.bench.xen.guests.clear();
  all.bench.xen.raiseVirq(VIRQ_DOM_EXC);
  all.bench.xen.deliver();
  await settle();
  deepEqual([client.text, client.isClosed], ['last', false]);
  client.makeRoom(100);
  deepEqual([client.text, client.isClosed], ['last words', true]);
  deepEqual([all.bench.xen.mapped.size, all.bench.xen.boundPorts], [0, 0]);
  deepEqual(all.log, []);
});

test('a new port in the store is bound instead of the old one', async () => {
  const all = await consoleBench();
  const console = await addGuest(all, 1);
  const client = new TestClient();
  all.xenconsoled.attach(console.guest.domid, client);
  const ports = all.bench.xen.boundPorts;
  console.guest.ports.set(port(9), () => {});
  await all.store.write('/local/domain/1/console/port', '9');
  await settle();
  console.print('not heard');
  equal(client.text, '');
  console.guest.notify(port(9));
  all.bench.xen.deliver();
  equal(client.text, 'not heard');
  equal(all.bench.xen.boundPorts, ports);
});

test('a console that somebody else serves is left alone', async () => {
  const all = await consoleBench();
  const console = new GuestConsole(all.bench, all.bench.addGuest(1).guest);
  console.guest.pages.set(grantRef(0), console.bytes);
  await all.store.write('/local/domain/1/console/type', 'ioemu');
  await all.store.write('/local/domain/1/console/ring-ref', '1');
  await all.store.write('/local/domain/1/console/port', `${CONSOLE_PORT}`);
  await all.store.introduceDomain(console.guest.domid, gfn(1), port(3));
  await settle();
  console.print('x');
  equal(console.page.out_cons, 0);
});

test('nodes that make no sense, or a port that is not there, leave a domain without console and others alone', async () => {
  const all = await consoleBench();
  const good = await addGuest(all, 1);
  const bad = await addGuest(all, 2);
  await all.store.write('/local/domain/2/console/ring-ref', 'nonsense');
  await all.store.write('/local/domain/2/console/port', '77');
  await settle();
  await all.store.write('/local/domain/2/console/ring-ref', '5');
  await settle();
  deepEqual(all.log, ['domain 2: no console: EVTCHNOP_bind_interdomain: Xen refused with errno 22']);
  const client = new TestClient();
  all.xenconsoled.attach(good.guest.domid, client);
  bad.print('x');
  good.print('still here');
  equal(client.text, 'still here');
});

test('a terminal is made for each console: its name goes to console/tty, and it goes with the domain', async () => {
  const client = new TestClient();
  const closed: number[] = [];
  const all = await consoleBench({
    openTerminal: async (domid, attach) => {
      attach(client);
      return { name: `/dev/pts/${domid}`, close: () => closed.push(domid) };
    },
  });
  const console = await addGuest(all, 4);
  await settle();
  equal(await all.store.read('/local/domain/4/console/tty'), '/dev/pts/4');
  console.print('seen');
  equal(client.text, 'seen');
  await all.xenconsoled.stop();
  deepEqual(closed, [4]);
});

test('stop lets go of everything', async () => {
  const all = await consoleBench();
  await addGuest(all, 1);
  const stores = all.bench.xen.boundPorts - 1;
  await all.xenconsoled.stop();
  deepEqual([all.bench.xen.boundPorts, all.bench.xen.mapped.size], [stores, 1]);
});
