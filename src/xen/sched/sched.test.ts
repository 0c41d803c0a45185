import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  XEN_SCHEDULER_CREDIT,
  XEN_SCHEDULER_CREDIT2,
  XEN_SCHEDULER_NULL,
  XEN_SCHEDULER_RTDS,
} from '../../abi/domctl-sched.ts';
import { RUNSTATE_running } from '../../abi/vcpu.ts';
import { EXIT_BUDGET, EXIT_HLT } from '../../cpu/engine.ts';
import { Contest } from '../testing/contest.ts';

const SECOND = 1_000_000_000;

/** Everybody's share of the thread is within 5 % of what it should be. */
function sharesAre(contest: Contest, wanted: readonly number[]): void {
  const shares = contest.shares();
  shares.forEach((share, index) => {
    const want = wanted[index] as number;
    ok(Math.abs(share - want) <= want * 0.05, `domain ${index}: ${share.toFixed(3)} instead of ${want}: ${shares}`);
  });
}

for (const scheduler of [XEN_SCHEDULER_CREDIT2, XEN_SCHEDULER_CREDIT]) {
  for (const cpus of [1, 2, 8]) {
    test(`scheduler ${scheduler} on ${cpus} pCPUs: busy domains get the thread by their weights over 10 s`, () => {
      const contest = new Contest({ scheduler, cpus });
      for (const weight of [128, 256, 512, 1024]) contest.spinner({ weight });
      contest.run(10 * SECOND);
      sharesAre(contest, [128 / 1920, 256 / 1920, 512 / 1920, 1024 / 1920]);
    });

    test(`scheduler ${scheduler} on ${cpus} pCPUs: a cap is what a domain gets at most, the others get the rest`, () => {
      const contest = new Contest({ scheduler, cpus });
      contest.spinner({ cap: 20, vcpus: 2 });
      contest.spinner({ cap: 10 });
      contest.spinner({});
      contest.run(10 * SECOND);
      sharesAre(contest, [0.2, 0.1, 0.7]);
    });
  }
}

test('credit2 with more domains than pCPUs', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_CREDIT2, cpus: 4 });
  const weights = [128, 256, 256, 512, 512, 1024, 256];
  for (const weight of weights) contest.spinner({ weight });
  contest.run(10 * SECOND);
  const sum = weights.reduce((a, b) => a + b);
  sharesAre(
    contest,
    weights.map((weight) => weight / sum),
  );
});

test('a weight counts for each vCPU of a domain, as in Xen', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_CREDIT2 });
  contest.spinner({ vcpus: 4 });
  contest.spinner({ vcpus: 2, weight: 512 });
  contest.spinner({});
  contest.run(10 * SECOND);
  sharesAre(contest, [4 / 9, 4 / 9, 1 / 9]);
});

test('rtds: everybody has its budget in each period; what is left over goes to those in extra time', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_RTDS });
  contest.spinner({ rtds: { periodUs: 10_000, budgetUs: 5_000, extra: false } });
  contest.spinner({ rtds: { periodUs: 100_000, budgetUs: 20_000, extra: false } });
  contest.spinner({ rtds: { periodUs: 20_000, budgetUs: 2_000, extra: true } });
  contest.run(10 * SECOND);
  sharesAre(contest, [0.5, 0.2, 0.3]);
});

test('rtds: a short period is served although a long budget would fill it (earliest deadline first)', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_RTDS, cpus: 2 });
  contest.spinner({ rtds: { periodUs: 10_000, budgetUs: 8_000, extra: false } });
  contest.spinner({ rtds: { periodUs: 100_000, budgetUs: 19_000, extra: false } });
  contest.run(10 * SECOND);
  sharesAre(contest, [0.8, 0.19]);
});

test('null: a pCPU each; who finds none waits until one is free', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_NULL, cpus: 2 });
  const [first] = [contest.spinner({}), contest.spinner({}), contest.spinner({})];
  contest.run(SECOND);
  deepEqual(
    contest.shares().map((share) => Math.round(share * 100)),
    [50, 50, 0],
  );
  first?.domain.kill();
  contest.run(SECOND);
  const [, second, third] = contest.shares();
  ok((third ?? 0) > 0.24 && (second ?? 0) > 0.49, `${second} and ${third} of both seconds`);
});

test('a vCPU runs only where its hard affinity allows, and where it would rather if there is a choice', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_CREDIT2, cpus: 4 });
  const pinned = contest.spinner({});
  const other = contest.spinner({});
  const { scheduler } = contest.machine.xen;
  const [vcpu] = pinned.domain.vcpus;
  const [otherVcpu] = other.domain.vcpus;
  if (vcpu === undefined || otherVcpu === undefined) throw new Error('each has a vCPU');
  vcpu.placement.hard = 0b1000;
  otherVcpu.placement.soft = 0b0010;
  for (const one of [vcpu, otherVcpu]) scheduler.affinityChanged(one);
  contest.run(SECOND);
  deepEqual([vcpu.placement.cpu, otherVcpu.placement.cpu], [3, 1]);
  otherVcpu.placement.hard = 0b1000;
  scheduler.affinityChanged(otherVcpu);
  contest.run(SECOND);
  deepEqual([vcpu.placement.cpu, otherVcpu.placement.cpu], [3, 3]);
  sharesAre(contest, [0.5, 0.5]);
});

test('the runstates of every vCPU add up to the time it has been there', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_CREDIT2, cpus: 2 });
  for (const weight of [256, 512, 100]) contest.spinner({ weight });
  const sleeper = contest.machine.domain();
  sleeper.cpu().load(function* () {
    yield EXIT_BUDGET;
    sleeper.cpu().interruptsEnabled = true;
    yield EXIT_HLT;
  });
  contest.start(sleeper);
  contest.run(3 * SECOND);
  const now = contest.machine.xen.now();
  let running = 0;
  for (const { domain } of [...contest.guests, sleeper]) {
    for (const { runstate } of domain.vcpus) {
      const times = [0, 1, 2, 3].map((state) => runstate.timeNs(state, now));
      equal(
        times.reduce((a, b) => a + b),
        now,
      );
      running += times[RUNSTATE_running] as number;
    }
  }
  ok(
    running <= now && running > 0.99 * (now - contest.startNs),
    'one executes at a time, and the thread was never idle',
  );
  ok(sleeper.domain.vcpus[0]?.runstate.timeNs(2, now) ?? 0 > 2.9 * SECOND, 'blocked');
});

test('who wakes up runs at once, although others compute', () => {
  const contest = new Contest({ scheduler: XEN_SCHEDULER_CREDIT2 });
  for (let count = 0; count < 10; count++) contest.spinner({});
  const waits: number[] = [];
  const { machine } = contest;
  const sleeper = machine.domain();
  let askedNs = 0;
  sleeper.cpu().load(function* () {
    for (;;) {
      if (askedNs > 0) waits.push(machine.xen.now() - askedNs);
      sleeper.cpu().interruptsEnabled = true;
      yield EXIT_HLT;
    }
  });
  contest.start(sleeper);
  contest.run(SECOND);
  for (let round = 0; round < 50; round++) {
    askedNs = machine.xen.now();
    sleeper.domain.vcpus[0]?.unblock();
    contest.run(7_000_000);
  }
  equal(waits.length, 50);
  const worst = Math.max(...waits);
  ok(worst <= 1_000_000, `at worst ${worst} ns`);
});
