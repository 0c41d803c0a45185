import { deepEqual, equal } from 'node:assert/strict';
import type { Domid } from '../../../src/abi/xen.ts';
import { VIRQ_DOM_EXC } from '../../../src/abi/xen.ts';
import type { Socket } from '../../../src/dom0/xenstored/socket.ts';
import type { GuestRing } from '../../../src/dom0/xenstored/testing/guest-ring.ts';
import { STORE_PORT } from '../../../src/dom0/xenstored/testing/guest-ring.ts';
import { Bench } from '../../../src/dom0/xenstored/testing/transcript.ts';
import { Random } from '../../cpu/native/random.ts';
import { FUZZ_DOMIDS, randomFrame } from './frames.ts';

/** How many processes send nonsense at a time. */
const PROCESSES = 6;
/** After so many frames the witnesses are asked whether they notice anything. */
const ROUND = 200;

/**
 * Sends `frames` malformed frames, from processes and from guests that also scribble into their rings, and sees that
 * a guest and a process beside them are served as if nobody else were there; at the end, that nothing is left of it.
 *
 * @throws an assertion with the seed's frame where something is wrong
 */
export async function fuzzFrames(frames: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const bench = new Bench();
  await witnesses(bench);
  const processes = Array.from({ length: PROCESSES }, () => new HostileProcess(bench));
  const guests = new Map<number, GuestRing>();
  for (let frame = 0; frame < frames; frame += ROUND) {
    for (let i = 0; i < ROUND; i++) {
      if (random.oneIn(2)) random.pick(processes).attack(random);
      else attackAsGuest(bench, guests, random);
    }
    bench.clock.advanceMs(random.pick([0, 10, 1000, 25_000]));
    bench.xen.deliver();
    await witnessed(bench, `seed ${seed}, before frame ${frame + ROUND}`);
  }
  for (const process of processes) process.end();
  for (const domid of guests.keys()) bench.xen.guests.delete(domid as Domid);
  bench.xen.raiseVirq(VIRQ_DOM_EXC);
  bench.xen.deliver();
  await nothingLeft(bench, seed);
}

/** dom1 watches a node that dom0 writes; both are there from the start to the end. */
async function witnesses(bench: Bench): Promise<void> {
  bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /witness|start', 'OK'],
    ['dom0', 'SET_PERMS /witness|n0|r1|', 'OK'],
    ['dom0', 'WRITE /fuzz|', 'OK'],
    ['dom0', 'SET_PERMS /fuzz|b0|', 'OK'],
    ['dom1', 'WATCH /witness|tok|', 'OK'],
    ['dom1', 'WATCH_EVENT', '/witness|tok|'],
  ]);
}

async function witnessed(bench: Bench, when: string): Promise<void> {
  equal(await bench.client('dom0').ask(`WRITE /witness|${when}`), 'OK', when);
  equal(bench.client('dom1').takeEvent(), '/witness|tok|', when);
  equal(await bench.client('dom1').ask('READ /witness|'), when);
  deepEqual(bench.client('dom1').events, [], when);
}

async function nothingLeft(bench: Bench, seed: number): Promise<void> {
  const dom0 = bench.client('dom0');
  equal(await dom0.ask('RM /fuzz|'), 'OK');
  equal(await dom0.ask('CONTROL check|'), 'OK');
  const findings = bench.log.filter((line) => line.startsWith('check'));
  deepEqual(findings, [], `seed ${seed}`);
  equal(bench.xen.mapped.size, 0, 'ring pages of dead domains are given back');
  equal(bench.xen.boundPorts, 1, 'event channels too');
  equal(bench.clock.pendingTimers, 0, 'no timer is left');
  for (const domid of FUZZ_DOMIDS) equal(await dom0.ask(`CONTROL quota|${domid}|`), 'ENOENT');
  equal(/outstanding +: +0\n/.test(await dom0.ask('CONTROL quota|1|')), true, 'the witness has nothing outstanding');
}

/** A process that sends frames in pieces, reads what it likes, and goes away at any moment. */
class HostileProcess {
  readonly #bench: Bench;
  #data: (bytes: Uint8Array) => void = () => {};
  #drain: () => void = () => {};
  #closed: () => void = () => {};
  #unsent = 0;
  #isOpen = false;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#connect();
  }

  attack(random: Random): void {
    if (!this.#isOpen || random.oneIn(50)) {
      this.end();
      this.#connect();
    }
    if (random.oneIn(30)) {
      this.#unsent = 0;
      this.#drain();
    }
    const frame = randomFrame(random, false);
    const cut = random.oneIn(5) ? random.below(frame.length + 1) : frame.length;
    this.#data(frame.slice(0, cut));
    if (this.#isOpen && cut < frame.length && !random.oneIn(10)) this.#data(frame.slice(cut));
    this.#bench.xen.deliver();
  }

  end(): void {
    if (this.#isOpen) this.#closed();
    this.#isOpen = false;
  }

  #connect(): void {
    this.#isOpen = true;
    this.#unsent = 0;
    const socket: Socket = {
      send: (bytes) => {
        this.#unsent += bytes.length;
      },
      unsent: 0,
      onDrain: (listener) => {
        this.#drain = listener;
      },
      onData: (listener) => {
        this.#data = listener;
      },
      hold: () => {},
      onClose: (listener) => {
        this.#closed = listener;
      },
      close: () => {
        this.#isOpen = false;
      },
    };
    Object.defineProperty(socket, 'unsent', { get: () => this.#unsent });
    this.#bench.xenstored.accept(socket);
  }
}

/** A guest that sends frames, and scribbles over indexes and bytes of its ring; it dies and comes back. */
function attackAsGuest(bench: Bench, guests: Map<number, GuestRing>, random: Random): void {
  const domid = random.pick(FUZZ_DOMIDS);
  let ring = guests.get(domid);
  if (ring === undefined || random.oneIn(100)) {
    if (ring !== undefined) {
      bench.xen.guests.delete(domid as Domid);
      bench.xen.raiseVirq(VIRQ_DOM_EXC);
      bench.xen.deliver();
    }
    ring = bench.introduce(domid);
    guests.set(domid, ring);
    // Its own reader would trip over indexes that make no sense: this guest only drops what it gets.
    ring.reading = false;
  }
  switch (random.below(12)) {
    case 0: {
      const index = random.pick(['req_cons', 'req_prod', 'rsp_cons', 'rsp_prod'] as const);
      ring.page[index] = random.pick([random.u32(), ring.page[index] + random.below(2000), 0, 0xffff_ffff]) >>> 0;
      break;
    }
    case 1:
      ring.bytes.fill(random.u32(), random.below(2048), random.below(4096));
      break;
    default:
  }
  scribble(ring, randomFrame(random, true));
  ring.guest.notify(STORE_PORT);
  bench.xen.deliver();
  if (!random.oneIn(4)) ring.page.rsp_cons = ring.page.rsp_prod;
}

function scribble(ring: GuestRing, bytes: Uint8Array): void {
  const { page } = ring;
  for (const byte of bytes.subarray(0, 1024)) {
    page.req[page.req_prod % 1024] = byte;
    page.req_prod = (page.req_prod + 1) >>> 0;
  }
}
