import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as argo from '../../abi/argo.ts';
import { CompatXenArgoIov } from '../../abi/compat/argo.ts';
import {
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EEXIST,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  ENOSPC,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
} from '../../abi/errno.ts';
import { __HYPERVISOR_argo_op, type Domid, VIRQ_ARGO } from '../../abi/xen.ts';
import { bindVirq } from '../testing/events.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import * as event2l from './event-2l.ts';

const RING_GFN = 0x20;
const PAGE_SIZE = 4096;
const LIST = 0x3000;
const PORT = 7;
/** What fits behind the header of a ring of two pages. */
const TWO_PAGES = 2 * PAGE_SIZE - 64;

function operate(guest: Guest, op: number, ...args: (number | bigint)[]): number {
  return guest.hypercall(__HYPERVISOR_argo_op, [op, ...args]);
}

interface Registration {
  readonly partner: number;
  readonly aport?: number;
  readonly len?: number;
  readonly gfns?: readonly number[];
  readonly flags?: number;
  readonly pages?: number;
}

function register(guest: Guest, asked: Registration): number {
  const { partner, aport = PORT, len = TWO_PAGES, gfns = [RING_GFN, RING_GFN + 1], flags = 0 } = asked;
  gfns.forEach((gfn, index) => guest.view(LIST).setBigUint64(index * 8, BigInt(gfn), true));
  return guest.withStructure(
    argo.XenArgoRegisterRing,
    (ring) => {
      ring.aport = aport;
      ring.partner_id = partner as Domid;
      ring.len = len;
    },
    (at) => operate(guest, argo.XEN_ARGO_OP_register_ring, at, LIST, asked.pages ?? gfns.length, flags),
  ).result;
}

function unregister(guest: Guest, partner: number, aport = PORT): number {
  return guest.withStructure(
    argo.XenArgoUnregisterRing,
    (ring) => {
      ring.aport = aport;
      ring.partner_id = partner as Domid;
    },
    (at) => operate(guest, argo.XEN_ARGO_OP_unregister_ring, at, 0, 0, 0),
  ).result;
}

/** Sends pieces of the sender's memory: address and length of each. */
function send(from: Guest, to: Guest | number, pieces: readonly (readonly [number, number])[], as = 0x7ff4): number {
  pieces.forEach(([address, length], index) => {
    const vector = new argo.XenArgoIov(from.view(LIST), index * argo.XenArgoIov.SIZE);
    vector.iov_hnd = BigInt(address);
    vector.iov_len = length;
    vector.pad = 0;
  });
  return from.withStructure(
    argo.XenArgoSendAddr,
    ({ src, dst }) => {
      src.aport = 99;
      src.domain_id = as as Domid;
      dst.aport = PORT;
      dst.domain_id = (typeof to === 'number' ? to : to.domain.id) as Domid;
    },
    (at) => operate(from, argo.XEN_ARGO_OP_sendv, at, LIST, pieces.length, 0xabcd),
  ).result;
}

function ask(guest: Guest, about: Guest, space: number) {
  const view = guest.view(LIST);
  new argo.XenArgoRingData(view, 0).nent = 1;
  const entry = new argo.XenArgoRingDataEnt(view, argo.XenArgoRingData.SIZE);
  entry.ring.aport = PORT;
  entry.ring.domain_id = about.domain.id;
  entry.space_required = space;
  equal(operate(guest, argo.XEN_ARGO_OP_notify, LIST, 0, 0, 0), 0);
  return { flags: entry.flags, most: entry.max_message_size };
}

function ringOf(guest: Guest): argo.XenArgoRing {
  return new argo.XenArgoRing(guest.view(RING_GFN * PAGE_SIZE), 0);
}

/** A byte of the ring's messages. */
function ringByte(guest: Guest, at: number): number {
  const address = RING_GFN * PAGE_SIZE + argo.XenArgoRing.SIZE + at;
  return guest.bytes(address, 1)[0] as number;
}

/** Two domains, of which the second has a ring for the first, and knows when something happens to it. */
function pair() {
  const machine = new TestMachine();
  const [sender, receiver] = [machine.domain(), machine.domain()];
  equal(register(receiver, { partner: sender.domain.id }), 0);
  const port = bindVirq(receiver, VIRQ_ARGO, 0).argument.port;
  return { machine, sender, receiver, port };
}

test('a message arrives with its header, in one piece, and raises VIRQ_ARGO', () => {
  const { sender, receiver, port } = pair();
  sender.bytes(0x8000, 5).set([1, 2, 3, 4, 5]);
  equal(
    send(sender, receiver, [
      [0x8000, 2],
      [0x8002, 3],
    ]),
    5,
  );
  const header = new argo.XenArgoRingMessageHeader(receiver.view(RING_GFN * PAGE_SIZE), argo.XenArgoRing.SIZE);
  deepEqual([header.len, header.source.aport, header.source.domain_id], [21, 99, sender.domain.id]);
  equal(header.message_type, 0xabcd);
  deepEqual(
    [16, 17, 18, 19, 20].map((at) => ringByte(receiver, at)),
    [1, 2, 3, 4, 5],
  );
  equal(ringOf(receiver).tx_ptr, 32, 'padded to whole slots');
  equal(event2l.isPending(receiver.domain, port), true);
});

test('a message goes on at the ring’s beginning where its end comes first, and over the ring’s pages', () => {
  const { sender, receiver } = pair();
  const most = TWO_PAGES - 32;
  for (let at = 0; at < most; at++) sender.bytes(0x8000 + at, 1)[0] = at % 251;
  equal(send(sender, receiver, [[0x8000, most]]), most);
  for (const at of [0, 4000, 4016, 4017, 4064, most - 1]) equal(ringByte(receiver, 16 + at), at % 251, `byte ${at}`);
  equal(send(sender, receiver, [[0x8000, 1]]), -EAGAIN);
  ringOf(receiver).rx_ptr = ringOf(receiver).tx_ptr;
  equal(send(sender, receiver, [[0x8000, 64]]), 64);
  equal(ringByte(receiver, 10), 10, 'sixteen bytes of room were left behind the header before the end');
  equal(ringOf(receiver).tx_ptr, 64);
});

test('who found no room hears when there is', () => {
  const { sender, receiver } = pair();
  const port = bindVirq(sender, VIRQ_ARGO, 0).argument.port;
  equal(send(sender, receiver, [[0x8000, 8000]]), 8000);
  equal(send(sender, receiver, [[0x8000, 2000]]), -EAGAIN);
  equal(operate(receiver, argo.XEN_ARGO_OP_notify, 0, 0, 0, 0), 0);
  equal(event2l.isPending(sender.domain, port), false, 'nothing was taken');
  ringOf(receiver).rx_ptr = ringOf(receiver).tx_ptr;
  equal(operate(receiver, argo.XEN_ARGO_OP_notify, 0, 0, 0, 0), 0);
  equal(event2l.isPending(sender.domain, port), true);
  equal(send(sender, receiver, [[0x8000, 2000]]), 2000);
});

test('notify tells what a sender may know of a ring', () => {
  const { machine, sender, receiver } = pair();
  const most = TWO_PAGES - 32;
  const { RING_EXISTS, RING_EMPTY, RING_SUFFICIENT, RING_EMSGSIZE } = {
    RING_EXISTS: argo.XEN_ARGO_RING_EXISTS,
    RING_EMPTY: argo.XEN_ARGO_RING_EMPTY,
    RING_SUFFICIENT: argo.XEN_ARGO_RING_SUFFICIENT,
    RING_EMSGSIZE: argo.XEN_ARGO_RING_EMSGSIZE,
  };
  deepEqual(ask(sender, receiver, 100), { flags: RING_EXISTS | RING_EMPTY | RING_SUFFICIENT, most });
  deepEqual(ask(sender, receiver, most + 1).flags, RING_EXISTS | RING_EMPTY | RING_EMSGSIZE);
  send(sender, receiver, [[0x8000, 8000]]);
  deepEqual(ask(sender, receiver, 1000).flags, RING_EXISTS);
  deepEqual(ask(sender, sender, 1).flags, 0);
  deepEqual(ask(machine.domain(), receiver, 1).flags, 0, 'the ring is not for this one');
});

test('what register_ring refuses leaves no page held', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const partner = machine.domain().domain.id;
  const refused: [Registration, number][] = [
    [{ partner, len: 32 }, -EINVAL],
    [{ partner, len: TWO_PAGES + 8 }, -EINVAL],
    [{ partner, len: argo.XEN_ARGO_MAX_RING_SIZE + 16 }, -EINVAL],
    [{ partner, len: TWO_PAGES, pages: 3 }, -EINVAL],
    [{ partner, flags: 2 }, -EINVAL],
    [{ partner: 4000 }, -ESRCH],
    [{ partner: argo.XEN_ARGO_DOMID_ANY }, -EPERM],
    [{ partner, gfns: [RING_GFN, 0x9999] }, -EINVAL],
    [{ partner, pages: 0x10000 }, -EINVAL],
  ];
  for (const [asked, errno] of refused) equal(register(guest, asked), errno, JSON.stringify(asked));
  equal(operate(guest, argo.XEN_ARGO_OP_register_ring, 0xdead0000, LIST, 2, 0), -EFAULT);
  equal(operate(guest, argo.XEN_ARGO_OP_register_ring, 0x1000, LIST, 2n ** 32n, 0), -EINVAL);
  equal(machine.xen.frames.references(guest.domain.p2m?.mfn(RING_GFN) ?? 0), 1);
  equal(register(guest, { partner }), 0);
  equal(register(guest, { partner, flags: argo.XEN_ARGO_REGISTER_FLAG_FAIL_EXIST }), -EEXIST);
  equal(register(guest, { partner, len: TWO_PAGES - 16 }), -EEXIST, 'another size');
  equal(register(guest, { partner }), 0, 'again, with the same pages');
  equal(machine.xen.frames.references(guest.domain.p2m?.mfn(RING_GFN) ?? 0), 2);
  for (let aport = 1; aport < 128; aport++) equal(register(guest, { partner, aport: 100 + aport }), 0);
  equal(register(guest, { partner, aport: 300 }), -ENOSPC);
});

test('what sendv refuses', () => {
  const { machine, sender, receiver } = pair();
  equal(send(sender, 4000, [[0x8000, 1]]), -ESRCH);
  equal(send(receiver, sender, [[0x8000, 1]]), -ECONNREFUSED);
  equal(send(machine.domain(), receiver, [[0x8000, 1]]), -ECONNREFUSED, 'the ring is not for this one');
  equal(send(sender, receiver, [[0x8000, 1]], receiver.domain.id), -EPERM, 'in another one’s name');
  equal(send(sender, receiver, [[0x8000, TWO_PAGES]]), -EMSGSIZE);
  equal(send(sender, receiver, [[0x8000, 0xffffffff]]), -EINVAL);
  equal(
    send(sender, receiver, [
      [0x8000, 0xfffff0],
      [0x8000, 0xfffff0],
    ]),
    -EMSGSIZE,
  );
  equal(
    send(sender, receiver, [
      [0x8000, 4],
      [0xdead0000, 4],
    ]),
    -EFAULT,
  );
  equal(ringOf(receiver).tx_ptr, 0, 'no part of it is there');
  equal(operate(sender, argo.XEN_ARGO_OP_sendv, 0x1000, LIST, 9, 0), -EINVAL);
  equal(send(sender, receiver, []), 0, 'nothing at all is a message too');
  equal(operate(sender, 17, 0x1000, 0, 0, 0), -EOPNOTSUPP);
});

test('a receiver that spoils its pointers spoils its own ring, and nothing else', () => {
  const { sender, receiver } = pair();
  ringOf(receiver).tx_ptr = 0xfffffff0;
  ringOf(receiver).rx_ptr = 0xffffffff;
  equal(send(sender, receiver, [[0x8000, 100]]), 100);
  equal(ringOf(receiver).tx_ptr, 128, 'where Xen knows it to be');
  ringOf(receiver).tx_ptr = 5;
  ringOf(receiver).rx_ptr = 41;
  equal(register(receiver, { partner: sender.domain.id }), 0);
  equal(ringOf(receiver).tx_ptr, 48, 'past what has been read');
});

test('a 32-bit sender’s buffers have 12-byte structures', () => {
  const { sender, receiver } = pair();
  sender.bytes(0x8000, 1)[0] = 77;
  sender.cpu().longMode(false);
  const vector = new CompatXenArgoIov(sender.view(LIST), 0);
  vector.iov_hnd = 0x8000n;
  vector.iov_len = 1;
  vector.pad = 0;
  const { result } = sender.withStructure(
    argo.XenArgoSendAddr,
    ({ src, dst }) => {
      src.domain_id = sender.domain.id;
      dst.aport = PORT;
      dst.domain_id = receiver.domain.id;
    },
    (at) => operate(sender, argo.XEN_ARGO_OP_sendv, at, LIST, 1, 0),
  );
  deepEqual([result, ringByte(receiver, 16)], [1, 77]);
});

test('rings go with their owner, with their partner, or when they are unregistered; the pages are let go', () => {
  const { machine, sender, receiver } = pair();
  const mfn = receiver.domain.p2m?.mfn(RING_GFN) ?? 0;
  const { frames } = machine.xen;
  equal(frames.references(mfn), 2);
  equal(unregister(receiver, sender.domain.id), 0);
  equal(unregister(receiver, sender.domain.id), -ENOENT);
  equal(frames.references(mfn), 1);
  equal(register(receiver, { partner: sender.domain.id }), 0);
  sender.domain.kill();
  equal(frames.references(mfn), 1);
  const other = machine.domain();
  equal(register(receiver, { partner: other.domain.id }), 0);
  receiver.domain.kill();
  equal(machine.xen.domains.has(receiver.domain.id), false);
  equal(send(other, receiver.domain.id, [[0x8000, 1]]), -ESRCH);
});

test('no more is told at a time than 256 rings', () => {
  const { sender } = pair();
  new argo.XenArgoRingData(sender.view(LIST), 0).nent = 257;
  equal(operate(sender, argo.XEN_ARGO_OP_notify, LIST, 0, 0, 0), -EACCES);
  equal(operate(sender, argo.XEN_ARGO_OP_notify, LIST, 0x1000, 0, 0), -EINVAL);
  equal(operate(sender, argo.XEN_ARGO_OP_notify, 0xdead0000, 0, 0, 0), -EFAULT);
});
