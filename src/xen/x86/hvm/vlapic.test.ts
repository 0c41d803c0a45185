import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TimerQueue } from '../../common/timer.ts';
import * as apic from './apic-registers.ts';
import { Vlapic, type VlapicOwner } from './vlapic.ts';

const ENABLED_X2APIC = apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_EXTD | apic.APIC_BASE_ENABLE;

class TestVcpu implements VlapicOwner {
  readonly vcpuId: number;
  readonly timers: TimerQueue;
  readonly clock: { nowNs: number };
  readonly domain: TestVcpu[];
  readonly log: string[] = [];
  upcallVector = 0;
  kicks = 0;
  readonly lapic: Vlapic;

  constructor(domain: TestVcpu[], timers: TimerQueue, clock: { nowNs: number }) {
    this.vcpuId = domain.length;
    this.domain = domain;
    this.timers = timers;
    this.clock = clock;
    this.lapic = new Vlapic(this);
    domain.push(this);
  }
  nowNs() {
    return this.clock.nowNs;
  }
  peers() {
    return this.domain.map((vcpu) => vcpu.lapic);
  }
  kick() {
    this.kicks += 1;
  }
  nmi() {
    this.log.push('nmi');
  }
  init() {
    this.log.push('init');
  }
  startup(vector: number) {
    this.log.push(`startup ${vector}`);
  }
  ipiCame(): void {}
  pendingUpcallVector() {
    return this.upcallVector;
  }
  systemTimeOfTsc(tsc: bigint) {
    return Number(tsc);
  }
}

function domain(vcpus: number) {
  const timers = new TimerQueue();
  const clock = { nowNs: 0 };
  const all: TestVcpu[] = [];
  for (let id = 0; id < vcpus; id++) new TestVcpu(all, timers, clock);
  const advanceTo = (ns: number) => {
    while (timers.nextNs <= ns) {
      clock.nowNs = timers.nextNs;
      timers.expire(clock.nowNs);
    }
    clock.nowNs = ns;
  };
  return { vcpus: all, advanceTo, timers };
}

function enabled(vcpus = 1) {
  const made = domain(vcpus);
  for (const { lapic } of made.vcpus) lapic.writeMmio(apic.APIC_SPIV, 4, 0x1ff);
  const first = made.vcpus[0] as TestVcpu;
  return { ...made, first, lapic: first.lapic };
}

/** Takes what the processor would take, until nothing is deliverable. */
function takeAll(lapic: Vlapic): number[] {
  const taken: number[] = [];
  for (let vector = lapic.pendingVector(); vector !== -1; vector = lapic.pendingVector()) {
    lapic.acknowledge(vector);
    taken.push(vector);
  }
  return taken;
}

test('the highest requested vector comes first (SDM vol. 3A, 10.8.4)', () => {
  const { lapic } = enabled();
  for (const vector of [0x31, 0xf3, 0x80, 0x20]) lapic.setIrq(vector);
  deepEqual(takeAll(lapic), [0xf3]);
  lapic.writeMmio(apic.APIC_EOI, 4, 0);
  deepEqual(takeAll(lapic), [0x80]);
});

test('a vector of a higher class interrupts one in service, one of the same class waits for its EOI', () => {
  const { lapic } = enabled();
  lapic.setIrq(0x35);
  deepEqual(takeAll(lapic), [0x35]);
  lapic.setIrq(0x3f);
  deepEqual(takeAll(lapic), []);
  lapic.setIrq(0x41);
  deepEqual(takeAll(lapic), [0x41]);
  lapic.writeMmio(apic.APIC_EOI, 4, 0);
  lapic.writeMmio(apic.APIC_EOI, 4, 0);
  deepEqual(takeAll(lapic), [0x3f]);
});

test('the task priority holds back its class and those below; lowering it kicks the vCPU', () => {
  const { lapic, first } = enabled();
  lapic.writeTpr(5);
  lapic.setIrq(0x5e);
  equal(lapic.pendingVector(), -1);
  equal(lapic.pendingAboveIsr(), 0x5e);
  equal(lapic.readMmio(apic.APIC_PROCPRI, 4), 0x50);
  const before = first.kicks;
  lapic.writeTpr(4);
  equal(first.kicks, before + 1);
  equal(lapic.pendingVector(), 0x5e);
});

test('a disabled APIC delivers nothing, and keeps an event upcall for when it is enabled', () => {
  const { vcpus } = domain(1);
  const { lapic } = vcpus[0] as TestVcpu;
  lapic.setIrq(0x93);
  equal(lapic.pendingVector(), -1);
  (vcpus[0] as TestVcpu).upcallVector = 0xf3;
  lapic.writeMmio(apic.APIC_SPIV, 4, 0x1ff);
  deepEqual(takeAll(lapic), [0xf3]);
});

test('the one-shot timer counts down at 100 MHz over the divisor and fires once', () => {
  const { lapic, advanceTo } = enabled();
  lapic.writeMmio(apic.APIC_TDCR, 4, 0b1011); // divide by 1
  lapic.writeMmio(apic.APIC_LVTT, 4, 0xec);
  lapic.writeMmio(apic.APIC_TMICT, 4, 1000);
  advanceTo(2_500);
  equal(lapic.readMmio(apic.APIC_TMCCT, 4), 750);
  advanceTo(9_999);
  equal(lapic.pendingVector(), -1);
  advanceTo(10_000);
  deepEqual(takeAll(lapic), [0xec]);
  equal(lapic.readMmio(apic.APIC_TMCCT, 4), 0);
  advanceTo(100_000);
  lapic.writeMmio(apic.APIC_EOI, 4, 0);
  deepEqual(takeAll(lapic), []);
});

test('the divide configuration encodes 1 to 128 in bits 0, 1 and 3 (SDM vol. 3A, figure 10-10)', () => {
  const divisors = [2, 4, 8, 16, 32, 64, 128, 1];
  divisors.forEach((divisor, encoded) => {
    const { lapic, advanceTo, timers } = enabled();
    lapic.writeMmio(apic.APIC_TDCR, 4, (encoded & 3) | ((encoded & 4) << 1));
    lapic.writeMmio(apic.APIC_TMICT, 4, 100);
    equal(timers.nextNs, 100 * 10 * divisor);
    advanceTo(0);
  });
});

test('the periodic timer reloads; periods nobody served are one interrupt', () => {
  const { lapic, advanceTo, timers } = enabled();
  lapic.writeMmio(apic.APIC_LVTT, 4, 0xec | apic.APIC_TIMER_MODE_PERIODIC);
  lapic.writeMmio(apic.APIC_TMICT, 4, 10_000); // divisor 2: 200 us
  advanceTo(700_000);
  deepEqual(takeAll(lapic), [0xec]);
  equal(timers.nextNs, 800_000);
  equal(lapic.readMmio(apic.APIC_TMCCT, 4), 5000);
  lapic.writeMmio(apic.APIC_TMICT, 4, 0);
  equal(timers.size, 0);
});

test('a masked timer counts but does not interrupt', () => {
  const { lapic, advanceTo } = enabled();
  lapic.writeMmio(apic.APIC_LVTT, 4, 0xec | apic.APIC_LVT_MASKED);
  lapic.writeMmio(apic.APIC_TMICT, 4, 10);
  advanceTo(1_000);
  equal(lapic.pendingVector(), -1);
});

test('TSC-deadline mode fires when the TSC gets there and then reads 0 (SDM vol. 3A, 10.5.4.1)', () => {
  const { lapic, advanceTo } = enabled();
  lapic.timer.deadline = 50_000n;
  equal(lapic.timer.deadline, 0n, 'ignored in the other modes');
  lapic.writeMmio(apic.APIC_LVTT, 4, 0xec | apic.APIC_TIMER_MODE_TSC_DEADLINE);
  lapic.timer.deadline = 50_000n;
  equal(lapic.timer.deadline, 50_000n);
  equal(lapic.readMmio(apic.APIC_TMCCT, 4), 0);
  advanceTo(50_000);
  deepEqual(takeAll(lapic), [0xec]);
  equal(lapic.timer.deadline, 0n);
  lapic.writeMmio(apic.APIC_EOI, 4, 0);
  lapic.timer.deadline = 1n;
  advanceTo(50_001);
  deepEqual(takeAll(lapic), [0xec], 'a deadline in the past fires at once');
});

test('in x2APIC mode the registers are MSRs, the page is gone, and reserved bits are #GP', () => {
  const { lapic } = enabled();
  const out = new Uint32Array(2);
  equal(lapic.readMsr(0x802, out), false, 'not in xAPIC mode');
  equal(lapic.writeBaseMsr(ENABLED_X2APIC, 0), true);
  equal(lapic.xapicPageVisible, false);
  equal(lapic.readMsr(0x802, out), true);
  deepEqual([...out], [0, 0]);
  equal(lapic.readMsr(0x803, out), true);
  equal(out[0], 0x00050014);
  equal(lapic.writeMsr(0x80b, 1, 0), false, 'EOI takes only 0');
  equal(lapic.writeMsr(0x808, 0x100, 0), false);
  equal(lapic.writeMsr(0x802, 0, 0), false, 'the ID is read-only');
  equal(lapic.readMsr(0x80b, out), false, 'EOI is write-only');
  equal(lapic.writeMsr(0x838, 0xffffffff | 0, 0), true, 'the initial count takes any value');
  equal(lapic.writeBaseMsr(apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_ENABLE, 0), false, 'no way back to xAPIC');
  equal(lapic.writeBaseMsr(apic.APIC_DEFAULT_PHYS_BASE, 0), true, 'but off');
});

test('the APIC page does not move (Xen, guest_wrmsr_apic_base)', () => {
  const { lapic } = enabled();
  equal(lapic.writeBaseMsr(0xfed00000 | apic.APIC_BASE_ENABLE, 0), false);
  equal(lapic.writeBaseMsr(apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_ENABLE | 1, 0), false);
  equal(lapic.writeBaseMsr(apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_ENABLE, 1), false);
});

test('vCPU n has APIC ID 2n, and logical x2APIC IDs of 16 to a cluster', () => {
  const { vcpus } = enabled(18);
  const out = new Uint32Array(2);
  const ldr = vcpus.map(({ lapic }) => {
    lapic.writeBaseMsr(ENABLED_X2APIC, 0);
    lapic.readMsr(0x80d, out);
    return out[0];
  });
  equal(ldr[1], 1 << 2);
  equal(ldr[8], 0x10001);
  equal(ldr[17], 0x20004);
});

test('INIT leaves the logical x2APIC ID, which is read-only (SDM vol. 3A, 10.12.10.2)', () => {
  const { vcpus } = enabled(2);
  const { lapic } = vcpus[1] as (typeof vcpus)[number];
  const out = new Uint32Array(2);
  lapic.writeBaseMsr(ENABLED_X2APIC, 0);
  lapic.initialise();
  lapic.readMsr(0x80d, out);
  equal(out[0], 1 << 2);
});

test('a physical IPI reaches its target, a broadcast all, all-but-self the others', () => {
  const { vcpus } = enabled(3);
  const [a, b, c] = vcpus as [TestVcpu, TestVcpu, TestVcpu];
  a.lapic.writeMmio(apic.APIC_ICR2, 4, 2 << 24);
  a.lapic.writeMmio(apic.APIC_ICR, 4, 0x40);
  deepEqual(
    [a, b, c].map(({ lapic }) => takeAll(lapic)),
    [[], [0x40], []],
  );
  a.lapic.writeMmio(apic.APIC_ICR2, 4, 0xff000000);
  a.lapic.writeMmio(apic.APIC_ICR, 4, 0x50);
  deepEqual(
    [a, b, c].map(({ lapic }) => takeAll(lapic)),
    [[0x50], [0x50], [0x50]],
  );
  c.lapic.writeMmio(apic.APIC_ICR, 4, 0x60 | apic.APIC_DEST_ALLBUT);
  deepEqual(
    [a, b, c].map(({ lapic }) => takeAll(lapic)),
    [[0x60], [0x60], []],
  );
});

test('a logical IPI in flat mode goes by the destination bits', () => {
  const { vcpus } = enabled(3);
  vcpus.forEach(({ lapic }, id) => lapic.writeMmio(apic.APIC_LDR, 4, (1 << id) << 24));
  (vcpus[0] as TestVcpu).lapic.writeMmio(apic.APIC_ICR2, 4, 0b110 << 24);
  (vcpus[0] as TestVcpu).lapic.writeMmio(apic.APIC_ICR, 4, 0x40 | apic.APIC_DEST_LOGICAL);
  deepEqual(
    vcpus.map(({ lapic }) => takeAll(lapic)),
    [[], [0x40], [0x40]],
  );
});

test('INIT, start-up and NMI go past the IRR; an INIT de-assert is nothing', () => {
  const { vcpus } = enabled(2);
  const [a, b] = vcpus as [TestVcpu, TestVcpu];
  a.lapic.writeMmio(apic.APIC_ICR2, 4, 2 << 24);
  a.lapic.writeMmio(apic.APIC_ICR, 4, apic.APIC_DM_INIT | apic.APIC_INT_ASSERT | apic.APIC_INT_LEVELTRIG);
  a.lapic.writeMmio(apic.APIC_ICR, 4, apic.APIC_DM_INIT | apic.APIC_INT_LEVELTRIG);
  a.lapic.writeMmio(apic.APIC_ICR, 4, apic.APIC_DM_STARTUP | 0x9a);
  a.lapic.writeMmio(apic.APIC_ICR, 4, apic.APIC_DM_NMI);
  deepEqual(b.log, ['init', 'startup 154', 'nmi']);
  deepEqual(a.log, []);
});

test('an illegal vector is an error that LVTERR reports, without running in circles (XSA-462)', () => {
  const { lapic } = enabled();
  lapic.writeMmio(apic.APIC_LVTERR, 4, 0xfe);
  lapic.writeMmio(apic.APIC_ICR, 4, 0x0f | apic.APIC_DEST_SELF);
  deepEqual(takeAll(lapic), [0xfe]);
  equal(lapic.readMmio(apic.APIC_ESR, 4), 0, 'not before it is latched');
  lapic.writeMmio(apic.APIC_ESR, 4, 0);
  equal(lapic.readMmio(apic.APIC_ESR, 4), apic.APIC_ESR_SENDILL);
  lapic.writeMmio(apic.APIC_EOI, 4, 0);
  lapic.writeMmio(apic.APIC_LVTERR, 4, 0x05);
  lapic.writeMmio(apic.APIC_ICR, 4, 0x0f | apic.APIC_DEST_SELF);
  lapic.writeMmio(apic.APIC_ESR, 4, 0);
  equal(lapic.readMmio(apic.APIC_ESR, 4), apic.APIC_ESR_SENDILL | apic.APIC_ESR_RECVILL);
});

test('narrow accesses reach the register they lie in, others read 0', () => {
  const { lapic } = enabled();
  equal(lapic.readMmio(apic.APIC_LVR, 1), 0x14);
  equal(lapic.readMmio(apic.APIC_LVR + 2, 2), 0x0005);
  equal(lapic.readMmio(apic.APIC_LVR + 3, 2), 0);
  equal(lapic.readMmio(apic.APIC_LVR + 4, 4), 0);
  lapic.writeMmio(apic.APIC_TASKPRI, 1, 0x30);
  equal(lapic.readTpr(), 3);
});
