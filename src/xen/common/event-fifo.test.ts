import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, EINVAL, ENOENT, ENOSPC, ENOSYS, EOPNOTSUPP } from '../../abi/errno.ts';
import * as evtchn from '../../abi/event_channel.ts';
import { DOMID_SELF, type Domid, VIRQ_TIMER } from '../../abi/xen.ts';
import { ARRAY_GFN, CONTROL_GFN, FifoGuest, MASKED, PENDING } from '../testing/fifo-guest.ts';
import * as event2l from './event-2l.ts';

test('events come in the order they were sent in, each once', () => {
  const it = FifoGuest.ready();
  const [a, b, c] = [it.ipi(), it.ipi(), it.ipi()];
  for (const port of [b, a, b, c]) it.send(port);
  equal(it.upcall(), true);
  deepEqual(it.take(), [b, a, c]);
  it.send(a);
  deepEqual(it.take(), [a]);
});

test('only the first event of an empty queue raises the upcall', () => {
  const it = FifoGuest.ready();
  const [a, b] = [it.ipi(), it.ipi()];
  it.send(a);
  it.machine.xen.memory.bytes[it.guest.domain.vcpu(0)?.infoAddress ?? 0] = 0;
  it.send(b);
  equal(it.upcall(), false);
  equal(it.word(a) & evtchn.EVTCHN_FIFO_LINK_MASK, b);
});

test('the queue of the lowest number is the most urgent; a new priority is for events to come', () => {
  const it = FifoGuest.ready();
  const [late, early] = [it.ipi(), it.ipi()];
  it.send(late);
  equal(it.setPriority(late, evtchn.EVTCHN_FIFO_PRIORITY_MIN), 0);
  equal(it.setPriority(early, evtchn.EVTCHN_FIFO_PRIORITY_MAX), 0);
  it.send(early);
  deepEqual(it.take(), [early, late]);
  it.send(late);
  equal(it.block().ready, 1 << evtchn.EVTCHN_FIFO_PRIORITY_MIN);
  equal(it.setPriority(late, 16), -EINVAL);
  equal(it.setPriority(late + 1 + 64, 0), -EINVAL);
  equal(it.setPriority(early + 1, 0), -EACCES, 'a free port');
});

test('a port that is the tail of its old queue leaves that queue empty when it moves to another', () => {
  const it = FifoGuest.ready();
  const [moved, other] = [it.ipi(), it.ipi()];
  it.send(moved);
  deepEqual(it.take(), [moved]);
  it.setPriority(moved, 0);
  it.send(moved);
  it.send(other);
  equal(it.word(moved) & evtchn.EVTCHN_FIFO_LINK_MASK, 0, 'the other port is in another queue');
  deepEqual(it.take(), [moved, other]);
});

test('a masked port becomes pending and is in no queue until it is unmasked', () => {
  const it = FifoGuest.ready();
  const port = it.ipi();
  it.setWord(port, MASKED);
  it.send(port);
  equal(it.word(port), PENDING | MASKED);
  equal(it.upcall(), false);
  equal(it.unmask(port), 0);
  deepEqual(it.take(), [port]);
});

test('each vCPU has its own queues', () => {
  const it = FifoGuest.ready(2);
  const [first, second] = [it.ipi(0), it.ipi(1)];
  it.send(second);
  it.send(first);
  deepEqual([it.upcall(0), it.upcall(1)], [true, true]);
  deepEqual([it.take(0), it.take(1)], [[first], [second]]);
});

test('events before there is a page for their words wait for it; those of the bitmaps are not lost', () => {
  const it = new FifoGuest();
  const before = it.ipi();
  it.send(before);
  equal(event2l.isPending(it.guest.domain, before), true);
  equal(it.initControl(CONTROL_GFN, 0), 0);
  const after = it.ipi();
  it.send(after);
  it.take();
  equal(it.expandArray(ARRAY_GFN), 0);
  deepEqual(it.take(), [before, after]);
});

test('a closed port that is still in a queue is not given out again until the guest took it', () => {
  const it = FifoGuest.ready();
  const [busy, next] = [it.ipi(), it.ipi()];
  it.send(busy);
  it.close(busy);
  equal(it.ipi(), next + 1);
  deepEqual(it.take(), [], 'it is pending no more');
  equal(it.ipi(), busy);
});

test('there are as many ports as the domain may have, not the 4096 of the bitmaps', () => {
  const it = FifoGuest.ready();
  equal(it.expandArray(ARRAY_GFN + 1), 0);
  let last = 0;
  for (let port = it.ipi(); port !== 0; port = it.ipi()) last = port;
  equal(last, 1023);
});

test('what init_control refuses (XSA-188: without leaving anything behind)', () => {
  const it = new FifoGuest();
  const references = () => it.guest.domain.totPages;
  const before = references();
  equal(it.initControl(2 ** 52, 0), -EINVAL);
  equal(it.initControl(0x4000, 0), -EINVAL, 'nothing is there');
  equal(it.initControl(CONTROL_GFN, 4), -EINVAL, 'aligned to 8');
  equal(it.initControl(CONTROL_GFN, 4096 - 0x48 + 8), -EINVAL, 'across the page');
  equal(it.initControl(CONTROL_GFN, 0, 1), -ENOENT);
  equal(it.expandArray(ARRAY_GFN), -EOPNOTSUPP, 'still bitmaps');
  equal(it.setPriority(it.ipi(), 0), -ENOSYS);
  equal(it.initControl(CONTROL_GFN, 4096 - 0x48), 0);
  equal(it.initControl(CONTROL_GFN, 0), -EINVAL, 'once a vCPU');
  equal(references(), before);
});

test('the array has 128 pages at most', () => {
  const it = FifoGuest.ready();
  for (let page = 1; page < 128; page++) equal(it.expandArray(ARRAY_GFN), 0);
  equal(it.expandArray(ARRAY_GFN), -ENOSPC);
  equal(it.expandArray(2 ** 40), -ENOSPC);
});

test('an event for a vCPU without a control block is dropped', () => {
  const it = new FifoGuest(2);
  equal(it.initControl(CONTROL_GFN, 0), 0);
  equal(it.expandArray(ARRAY_GFN), 0);
  const port = it.ipi(1);
  it.send(port);
  equal(it.word(port), 0);
  equal(it.upcall(1), false);
});

test('words and heads that the guest spoils spoil no other memory', () => {
  const it = FifoGuest.ready();
  const [a, b] = [it.ipi(), it.ipi()];
  it.send(a);
  it.setWord(a, -1);
  it.block().set_head(evtchn.EVTCHN_FIFO_PRIORITY_DEFAULT, 0xffffffff);
  it.send(b);
  equal(it.word(a) & evtchn.EVTCHN_FIFO_LINK_MASK, b);
  it.setWord(a, 0);
  it.setWord(b, 0);
  it.send(a);
  equal(it.block().head(evtchn.EVTCHN_FIFO_PRIORITY_DEFAULT), a);
});

test('reset goes back to the bitmaps and lets go of the pages; so does the end of the domain', () => {
  const it = FifoGuest.ready();
  const { frames } = it.machine.xen;
  const mfns = [CONTROL_GFN, ARRAY_GFN].map((gfn) => it.guest.domain.p2m?.mfn(gfn) ?? 0);
  deepEqual(
    mfns.map((mfn) => frames.references(mfn)),
    [2, 2],
  );
  const reset = it.operate(evtchn.EVTCHNOP_reset, evtchn.EvtchnReset, (argument) => {
    argument.dom = DOMID_SELF as Domid;
  });
  equal(reset.result, 0);
  deepEqual(
    mfns.map((mfn) => frames.references(mfn)),
    [1, 1],
  );
  const port = it.operate(evtchn.EVTCHNOP_bind_virq, evtchn.EvtchnBindVirq, (argument) => {
    argument.virq = VIRQ_TIMER;
  }).argument.port;
  it.guest.domain.events.notify(port);
  equal(event2l.isPending(it.guest.domain, port), true);

  const other = FifoGuest.ready();
  const free = other.machine.xen.frames.free;
  const pages = other.guest.domain.totPages;
  other.guest.domain.kill();
  equal(other.machine.xen.frames.free - free >= pages, true);
});
