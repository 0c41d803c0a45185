import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { RUNSTATE_blocked, RUNSTATE_runnable, RUNSTATE_running } from '../../abi/vcpu.ts';
import { TRC_HVM, TRC_HVM_ENTRYEXIT, TRC_SCHED } from '../../abi/trace.ts';
import * as event from './events.ts';
import { EVERYTHING, TraceBuffer, type TraceFilter } from './trace-buffer.ts';
import { DOMID_IDLE } from './trace-record.ts';

interface Seen {
  readonly event: number;
  readonly who: string;
  readonly cpu: number;
  readonly ns: number;
  readonly timed: boolean;
  readonly extra: number[];
}

function ring(capacity: number, filter: TraceFilter = EVERYTHING) {
  const clock = { ns: 1000 };
  const buffer = new TraceBuffer(capacity, () => clock.ns, filter);
  const take = () => {
    const records: Seen[] = [];
    const lost: number[][] = [];
    buffer.take({
      lost: (...numbers) => lost.push(numbers),
      record: (record) =>
        records.push({
          event: record.event,
          who: `d${record.domid}v${record.vcpuId}`,
          cpu: record.cpu,
          ns: record.stampNs,
          timed: record.timed,
          extra: Array.from({ length: record.extras }, (_, index) => record.extra(index)),
        }),
    });
    return { records, lost };
  };
  return { buffer, clock, take };
}

const vcpu = (domid: number, vcpuId: number, cpu: number) => ({
  domain: { id: domid },
  vcpuId,
  placement: { cpu },
});

test('records come back in order, each once, with their words; a word too many is not there', () => {
  const { buffer, clock, take } = ring(8);
  buffer.record(event.SCHED_WAKE, 1, 1, 2, 99);
  clock.ns = 2000;
  buffer.record(event.HVM_MSR_READ, 1, 0xc0000080, 0xffffffff, 1);
  deepEqual(take().records, [
    { event: 0x28004, who: `d${DOMID_IDLE}v0`, cpu: 0, ns: 1000, timed: true, extra: [1, 2] },
    // Untimed: of the moment of the one before, as TRACE() is in Xen.
    { event: 0x8200c, who: `d${DOMID_IDLE}v0`, cpu: 0, ns: 1000, timed: false, extra: [0xc0000080, 0xffffffff, 1] },
  ]);
  deepEqual(take().records, []);
});

test('stamps increase even where the clock does not: records of several pCPUs have one order', () => {
  const { buffer, clock, take } = ring(8);
  buffer.record(event.HVM_VMENTRY, 1);
  buffer.record(event.HVM_VMENTRY, 1);
  clock.ns = 900;
  buffer.record(event.HVM_VMENTRY, 1);
  deepEqual(
    take().records.map(({ ns }) => ns),
    [1000, 1001, 1002],
  );
});

test('a full ring loses the oldest, and tells how many of which pCPU were lost, and since when', () => {
  const { buffer, clock, take } = ring(4);
  for (let number = 0; number < 10; number++) {
    clock.ns = 1000 + number;
    buffer.recordOn(number % 2, event.SCHED_WAKE, 1, 1, number);
  }
  const { records, lost } = take();
  deepEqual(
    records.map(({ extra }) => extra[1]),
    [6, 7, 8, 9],
  );
  deepEqual(lost, [
    [0, 3, 1000],
    [1, 3, 1001],
  ]);
  buffer.record(event.SCHED_WAKE, 1, 1, 10);
  const next = take();
  deepEqual([next.records.length, next.lost], [1, []], 'told once');
});

test('reading in parts across the end of the ring loses nothing', () => {
  const { buffer, take } = ring(5);
  const seen: number[] = [];
  for (let number = 0; number < 23; number++) {
    buffer.record(event.SCHED_WAKE, 1, number);
    if (number % 3 === 0) seen.push(...take().records.map(({ extra }) => extra[0] as number));
  }
  seen.push(...take().records.map(({ extra }) => extra[0] as number));
  deepEqual(
    seen,
    Array.from({ length: 23 }, (_, number) => number),
  );
});

test('the mask is Xen’s: class and subclass must both be in it', () => {
  const kept = (events: number) => {
    const { buffer, take } = ring(8, { ...EVERYTHING, events });
    buffer.record(event.SCHED_WAKE, 1, 1);
    buffer.record(event.HVM_VMENTRY, 1);
    buffer.record(event.HVM_CPUID, 1);
    buffer.record(event.GRANT_COPY, 1);
    return take().records.map((record) => record.event);
  };
  deepEqual(kept(EVERYTHING.events), [0x28004, 0x81001, 0x8200e, event.TRC_X_GRANT_COPY]);
  deepEqual(kept(TRC_HVM), [0x81001, 0x8200e]);
  deepEqual(kept(TRC_HVM_ENTRYEXIT), [0x81001]);
  deepEqual(kept(TRC_SCHED), [0x28004]);
  deepEqual(kept(event.TRC_X_GRANT), [event.TRC_X_GRANT_COPY]);
  deepEqual(kept(0), []);
});

test('a domain’s records are those its vCPUs make, and those that others make about it', () => {
  const { buffer, take } = ring(16, { ...EVERYTHING, domains: [2] });
  buffer.runstate(vcpu(1, 0, 3), RUNSTATE_runnable, RUNSTATE_running);
  buffer.record(event.SCHED_WAKE, 1, 1, 0);
  buffer.record(event.EVENT_RAISED, 2, 2, 7);
  buffer.runstate(vcpu(1, 0, 3), RUNSTATE_running, RUNSTATE_blocked);
  buffer.runstate(vcpu(2, 1, 3), RUNSTATE_runnable, RUNSTATE_running);
  buffer.record(event.EVENT_RAISED, 1, 1, 9);
  deepEqual(
    take().records.map(({ event: number, who, extra }) => [number, who, extra[0]]),
    [
      [event.TRC_X_EVENT_RAISED, 'd1v0', 2],
      [0x21101, `d${DOMID_IDLE}v3`, (2 << 16) | 1],
      [event.TRC_X_EVENT_RAISED, 'd2v1', 1],
    ],
  );
});

test('pCPUs can be left out', () => {
  const { buffer, take } = ring(4, { ...EVERYTHING, cpus: 0b10 });
  buffer.recordOn(0, event.SCHED_WAKE, 1, 1);
  buffer.recordOn(1, event.SCHED_WAKE, 1, 1);
  deepEqual(
    take().records.map(({ cpu }) => cpu),
    [1],
  );
});

test('who runs follows from runstates, and where: a vCPU that is moved meanwhile leaves the pCPU it was on', () => {
  const { buffer, take } = ring(16);
  const moving = { domain: { id: 1 }, vcpuId: 1, placement: { cpu: 2 } };
  buffer.runstate(moving, RUNSTATE_runnable, RUNSTATE_running);
  buffer.record(event.HVM_VMENTRY, 1);
  moving.placement.cpu = 5;
  buffer.runstate(moving, RUNSTATE_running, RUNSTATE_runnable);
  buffer.record(event.SCHED_WAKE, 1, 1, 1);
  deepEqual(
    take().records.map(({ event: number, who, cpu }) => [number.toString(16), who, cpu]),
    [
      ['21101', `d${DOMID_IDLE}v2`, 2],
      ['81001', 'd1v1', 2],
      ['21011', 'd1v1', 2],
      ['28004', `d${DOMID_IDLE}v2`, 2],
    ],
  );
});

test('dom0, which no scheduler lets wait, goes from blocked to running by way of runnable, as every vCPU of Xen’s', () => {
  const { buffer, take } = ring(4);
  buffer.runstate(vcpu(0, 0, 0), RUNSTATE_blocked, RUNSTATE_running);
  deepEqual(
    take().records.map(({ event: number }) => number.toString(16)),
    ['21211', '21101'],
  );
});

test('recording allocates nothing', () => {
  const { buffer } = ring(1024);
  const record = (count: number) => {
    for (let number = 0; number < count; number++) buffer.record(event.GRANT_COPY, 1, number, 2, 3, 4, 5, 6);
  };
  record(200_000);
  const before = process.memoryUsage().heapUsed;
  record(400_000);
  const grown = process.memoryUsage().heapUsed - before;
  ok(grown < 400_000, `${grown} bytes for 400,000 records: not one byte each`);
  equal(buffer.pending, 1024);
});
