import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, EINVAL, ENOENT, ENOSPC, ENOSYS, EOPNOTSUPP } from '../../abi/errno.ts';
import * as evtchn from '../../abi/event_channel.ts';
import {
  __HYPERVISOR_event_channel_op,
  DOMID_SELF,
  type Domid,
  type Gfn,
  type Port,
  VIRQ_TIMER,
} from '../../abi/xen.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import * as event2l from './event-2l.ts';

const CONTROL_GFN = 0x20;
const ARRAY_GFN = 0x22;
const PENDING = 1 << evtchn.EVTCHN_FIFO_PENDING;
const MASKED = 1 << evtchn.EVTCHN_FIFO_MASKED;
const LINKED = 1 << evtchn.EVTCHN_FIFO_LINKED;

/** A guest's side of the FIFO ABI, as public/event_channel.h tells guests to do it. */
class FifoGuest {
  readonly machine: TestMachine;
  readonly guest: Guest;

  constructor(vcpus = 1) {
    this.machine = new TestMachine();
    this.guest = this.machine.domain({ vcpus });
  }

  /** With control blocks and the first page of words. */
  static ready(vcpus = 1): FifoGuest {
    const it = new FifoGuest(vcpus);
    for (let vcpu = 0; vcpu < vcpus; vcpu++) equal(it.initControl(CONTROL_GFN, vcpu * 0x80, vcpu), 0);
    equal(it.expandArray(ARRAY_GFN), 0);
    return it;
  }

  operate<T>(
    op: number,
    structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
    fill: (argument: T) => void,
  ) {
    return this.guest.withStructure(structure, fill, (at) =>
      this.guest.hypercall(__HYPERVISOR_event_channel_op, [op, at]),
    );
  }

  initControl(gfn: number, offset: number, vcpu = 0): number {
    const { result, argument } = this.operate(evtchn.EVTCHNOP_init_control, evtchn.EvtchnInitControl, (init) => {
      init.control_gfn = gfn as Gfn;
      init.offset = offset;
      init.vcpu = vcpu;
    });
    if (result === 0) equal(argument.link_bits, 17);
    return result;
  }

  expandArray(gfn: number): number {
    return this.operate(evtchn.EVTCHNOP_expand_array, evtchn.EvtchnExpandArray, (argument) => {
      argument.array_gfn = gfn as Gfn;
    }).result;
  }

  setPriority(port: number, priority: number): number {
    return this.operate(evtchn.EVTCHNOP_set_priority, evtchn.EvtchnSetPriority, (argument) => {
      argument.port = port as Port;
      argument.priority = priority;
    }).result;
  }

  unmask(port: number): number {
    return this.operate(evtchn.EVTCHNOP_unmask, evtchn.EvtchnUnmask, (argument) => {
      argument.port = port as Port;
    }).result;
  }

  /** A port that the guest can send to itself, unmasked as the words start. */
  ipi(vcpu = 0): number {
    return this.operate(evtchn.EVTCHNOP_bind_ipi, evtchn.EvtchnBindIpi, (argument) => {
      argument.vcpu = vcpu;
    }).argument.port;
  }

  close(port: number): number {
    return this.operate(evtchn.EVTCHNOP_close, evtchn.EvtchnClose, (argument) => {
      argument.port = port as Port;
    }).result;
  }

  send(port: number): void {
    this.guest.domain.events.send(port);
  }

  word(port: number): number {
    return this.guest.view(ARRAY_GFN * 4096).getInt32(port * 4, true);
  }
  setWord(port: number, value: number): void {
    this.guest.view(ARRAY_GFN * 4096).setInt32(port * 4, value, true);
  }
  block(vcpu = 0): evtchn.EvtchnFifoControlBlock {
    return new evtchn.EvtchnFifoControlBlock(this.guest.view(CONTROL_GFN * 4096), vcpu * 0x80);
  }
  upcall(vcpu = 0): boolean {
    return this.guest.domain.vcpu(vcpu)?.upcallPending === true;
  }

  /** Takes every event that is ready, the most urgent first; its ports. */
  take(vcpu = 0): number[] {
    const block = this.block(vcpu);
    const ports: number[] = [];
    this.machine.xen.memory.bytes[this.guest.domain.vcpu(vcpu)?.infoAddress ?? 0] = 0;
    while (block.ready !== 0) {
      const priority = 31 - Math.clz32(block.ready & -block.ready);
      block.ready &= ~(1 << priority);
      for (let port = block.head(priority); port !== 0; ) {
        const word = this.word(port);
        const next = word & evtchn.EVTCHN_FIFO_LINK_MASK;
        this.setWord(port, word & ~(LINKED | PENDING | evtchn.EVTCHN_FIFO_LINK_MASK));
        if ((word & PENDING) !== 0 && (word & MASKED) === 0) ports.push(port);
        block.set_head(priority, next);
        port = next;
      }
    }
    return ports;
  }
}

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
