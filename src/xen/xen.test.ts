import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_DOMCTL_CDF_hvm } from '../abi/domctl.ts';
import { EINVAL } from '../abi/errno.ts';
import { EVTCHNOP_send } from '../abi/event_channel.ts';
import { GTF_permit_access } from '../abi/grant_table.ts';
import { HVM_PARAM_CALLBACK_IRQ } from '../abi/hvm/params.ts';
import { XENMAPSPACE_grant_table } from '../abi/memory.ts';
import { SCHEDOP_shutdown, SCHEDOP_yield, SHUTDOWN_crash, SHUTDOWN_poweroff, SHUTDOWN_reboot } from '../abi/sched.ts';
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_sched_op,
  type Domid,
  type Gfn,
  type GrantRef,
  type Port,
  VIRQ_DOM_EXC,
} from '../abi/xen.ts';
import { EXIT_BUDGET, EXIT_HLT, EXIT_SHUTDOWN } from '../cpu/engine.ts';
import { HypercallError } from '../libs/call/call.ts';
import type { CreateDomain } from '../libs/ctrl/ctrl.ts';
import type { GuestProgram } from './testing/fake-engine.ts';
import { build, GRANT_GFN, grant, machine, PVH, SHARED_PAGE } from './testing/whole-xen.ts';
import { HypercallTracer } from './trace.ts';

// The hypervisor as the machine has it: dom0's libraries on one side, guests on the other.

/** A guest that shuts down for `reason`, with its structure in its page 1. */
function shutsDown(reason: number): GuestProgram {
  return function* (cpu) {
    cpu.writeLinear(0x1000, 0, Uint8Array.of(reason, 0, 0, 0));
    yield cpu.hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, 0x1000);
  };
}

test('a domain is created paused, built, run, shuts down, and is destroyed without a trace', () => {
  const it = machine();
  const { ctrl, host } = it;
  const before = ctrl.physinfo().free_pages;
  const { domid, cpu } = build(it);
  deepEqual(
    ctrl.domain_getinfolist(0 as Domid, 10).map((info) => info.domid),
    [0, domid],
  );
  const created = ctrl.domain_getinfo(domid);
  deepEqual([created?.paused, created?.hvm, created?.tot_pages, created?.max_pages], [true, true, 64, 64]);
  equal(cpu.state.rip, 0x100000n);
  equal(cpu.state.gprLo(3), 0x9000);

  cpu.load(shutsDown(SHUTDOWN_reboot));
  ctrl.domain_unpause(domid);
  host.settle();
  const stopped = ctrl.domain_getinfo(domid);
  deepEqual([stopped?.shutdown, stopped?.shutdown_reason, stopped?.paused], [true, SHUTDOWN_reboot, false]);

  ctrl.domain_destroy(domid);
  equal(ctrl.domain_getinfo(domid), undefined);
  equal(ctrl.physinfo().free_pages, before);
  equal(host.timers, 0);
});

test('VIRQ_DOM_EXC tells dom0 of a shutdown, and again when the domain is gone', () => {
  const it = machine();
  const { ctrl, events, host } = it;
  const port = events.bindVirq(VIRQ_DOM_EXC);
  const seen: (string | undefined)[] = [];
  const { domid, cpu } = build(it);
  events.onEvent(port, () => {
    const info = ctrl.domain_getinfo(domid);
    seen.push(info === undefined ? 'gone' : info.shutdown ? 'shut down' : 'up');
  });
  host.settle();
  cpu.load(shutsDown(SHUTDOWN_poweroff));
  ctrl.domain_unpause(domid);
  host.settle();
  deepEqual(seen, ['shut down']);
  ctrl.domain_destroy(domid);
  host.settle();
  deepEqual(seen, ['shut down', 'gone']);
});

test('a hundred domains leave the machine as they found it', () => {
  const it = machine();
  const { ctrl, events, grants, foreign, host, xen, engine } = it;
  const count = () => ({
    free: ctrl.physinfo().free_pages,
    domains: ctrl.domain_getinfolist(0 as Domid, 1000).length,
    dom0Ports: xen.dom0.domain.events.active,
    dom0Grants: xen.dom0.domain.grants.maptrackInUse,
    vcpus: engine.vcpus.length,
    timers: host.timers,
  });
  const before = count();
  for (let round = 0; round < 100; round++) {
    const { domid, port, cpu } = build(it, 32);
    const [table] = (() => {
      ctrl.domain_add_to_physmap(domid, XENMAPSPACE_grant_table, 0, GRANT_GFN);
      return foreign.map(domid, [GRANT_GFN]);
    })() as [Uint8Array];
    grant(table, 1, 0 as Domid, SHARED_PAGE);
    const mine = events.bindInterdomain(domid, port);
    const page = grants.mapGrantRef(domid, 1 as GrantRef, true);
    cpu.load(function* () {
      yield EXIT_HLT;
    });
    ctrl.domain_unpause(domid);
    host.settle();
    // Every second domain dies while dom0 still holds its page and its event channel.
    if (round % 2 === 0) ctrl.domain_destroy(domid);
    grants.unmap(page);
    foreign.unmap([table]);
    if (round % 2 === 1) ctrl.domain_destroy(domid);
    events.unbind(mine);
    host.settle();
  }
  deepEqual(count(), before);
});

test('a domain that dom0 still has mapped stays, dying, until the last page is let go', () => {
  const it = machine();
  const { ctrl, foreign } = it;
  const { domid } = build(it);
  const views = foreign.map(domid, [3, 4] as Gfn[]);
  ctrl.domain_destroy(domid);
  const zombie = ctrl.domain_getinfo(domid);
  deepEqual([zombie?.dying, zombie?.tot_pages], [true, 2]);
  throws(() => foreign.map(domid, [5 as Gfn]), HypercallError, 'its other frames are gone');
  foreign.unmap(views);
  equal(ctrl.domain_getinfo(domid), undefined);
});

test('dom0 and a guest raise each other, and share a granted page', () => {
  const it = machine();
  const { ctrl, events, foreign, grants, host } = it;
  const { domid, port, cpu } = build(it);
  ctrl.domain_add_to_physmap(domid, XENMAPSPACE_grant_table, 0, GRANT_GFN);
  const [table] = foreign.map(domid, [GRANT_GFN]) as [Uint8Array];
  grant(table, 1, 0 as Domid, SHARED_PAGE);
  foreign.unmap([table]);
  ctrl.domain_remove_from_physmap(domid, GRANT_GFN);

  const page = grants.mapGrantRef(domid, 1 as GrantRef, true);
  const mine = events.bindInterdomain(domid, port);
  const heard: number[] = [];
  events.onEvent(mine, () => {
    heard.push(page[0] as number);
    page[1] = (page[0] as number) + 1;
    events.notify(mine);
  });
  host.settle();
  heard.length = 0;

  let answer = 0;
  cpu.load(function* (guest) {
    guest.writeLinear(SHARED_PAGE * 4096, 0, Uint8Array.of(41));
    guest.writeLinear(0x1000, 0, Uint8Array.of(port, 0, 0, 0));
    yield guest.hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, 0x1000);
    guest.interruptsEnabled = true;
    const back = new Uint8Array(1);
    while (answer !== 42) {
      yield guest.hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
      guest.readLinear(SHARED_PAGE * 4096 + 1, 0, back);
      answer = back[0] as number;
    }
    yield EXIT_HLT;
  });
  ctrl.hvm_param_set(domid, HVM_PARAM_CALLBACK_IRQ, (2n << 56n) | 0xf3n);
  ctrl.domain_unpause(domid);
  host.settle();
  deepEqual(heard, [41]);
  equal(answer, 42);
  deepEqual(cpu.injected, [0xf3]);
});

test('a grant is refused to whom it was not given, and read-only when it says so', () => {
  const it = machine();
  const { ctrl, foreign, grants } = it;
  const { domid } = build(it);
  ctrl.domain_add_to_physmap(domid, XENMAPSPACE_grant_table, 0, GRANT_GFN);
  const [table] = foreign.map(domid, [GRANT_GFN]) as [Uint8Array];
  const refused = (ref: number, writable: boolean) => {
    try {
      grants.unmap(grants.mapGrantRef(domid, ref as GrantRef, writable));
      return 0;
    } catch (error) {
      return error instanceof HypercallError ? -error.errno : error;
    }
  };
  equal(refused(0, false), -1, 'an empty entry');
  grant(table, 0, 5 as Domid, SHARED_PAGE);
  equal(refused(0, false), -1, 'for another domain');
  grant(table, 0, 0 as Domid, 0x1234);
  equal(refused(0, false), -9, 'a frame there is not');
  grant(table, 0, 0 as Domid, SHARED_PAGE, GTF_permit_access | 4);
  equal(refused(0, true), -1, 'read-only');
  equal(refused(0, false), 0);
  equal(refused(512, false), -3, 'past the table');
  equal(table[0], GTF_permit_access | 4, 'nobody uses it any more');
});

test('a process of dom0 has no use of another’s ports', () => {
  const it = machine();
  const { driver, events } = it;
  const port = events.bindVirq(VIRQ_DOM_EXC);
  const other = driver.open();
  throws(
    () => other.notify(port),
    (error: unknown) => error instanceof HypercallError && error.errno === EINVAL,
  );
  throws(() => other.unbind(port), HypercallError);
  events.unbind(port);
  throws(() => events.unbind(port), HypercallError);
});

test('an event that comes before anybody listens is not lost', () => {
  const it = machine();
  const { ctrl, events, host } = it;
  const { domid, port } = build(it);
  const mine = events.bindInterdomain(domid, port);
  host.settle();
  let heard = 0;
  events.onEvent(mine, () => {
    heard += 1;
  });
  equal(heard, 0, 'never from inside onEvent');
  host.settle();
  equal(heard, 1);
  ctrl.domain_destroy(domid);
});

test('a service of dom0 that fails is told in the log, and the others have their events', () => {
  const it = machine();
  const { events, host } = it;
  const it2 = build(it);
  const first = events.bindInterdomain(it2.domid, it2.port);
  const second = events.bindVirq(VIRQ_DOM_EXC);
  const heard: Port[] = [];
  events.onEvent(first, () => {
    throw new Error('a daemon fell over');
  });
  events.onEvent(second, () => heard.push(second));
  it.ctrl.domain_destroy(it2.domid);
  host.settle();
  deepEqual(heard, [second]);
  ok(host.lines.some((line) => line.includes('a daemon fell over')));
});

test('a triple fault stops that domain alone, and the log has its registers and exits', () => {
  const it = machine();
  const { ctrl, host } = it;
  const bad = build(it);
  const good = build(it);
  let steps = 0;
  good.cpu.load(function* () {
    for (; steps < 10_000; steps++) yield EXIT_BUDGET;
  });
  bad.cpu.load(function* (cpu) {
    yield cpu.hypercall(17, 0);
    cpu.state.rip = 0xffffffff81234567n;
    yield EXIT_SHUTDOWN;
  });
  it.engine.onStep = () => host.spend(1000);
  ctrl.domain_unpause(bad.domid);
  ctrl.domain_unpause(good.domid);
  host.settle();
  const info = ctrl.domain_getinfo(bad.domid);
  deepEqual([info?.shutdown, info?.shutdown_reason], [true, SHUTDOWN_crash]);
  equal(steps, 10_000);
  const log = host.lines.join('\n');
  ok(log.includes(`d${bad.domid}v0 Triple fault`));
  ok(log.includes('ffffffff81234567'));
  ok(log.includes('exit: hypercall(rax 11)'));
});

test('a bug of ours costs the domain it was met in, not the machine', () => {
  const it = machine();
  const { ctrl, host } = it;
  const { domid, cpu } = build(it);
  cpu.load(function* () {
    yield EXIT_BUDGET;
    throw new Error('an instruction nobody thought of');
  });
  ctrl.domain_unpause(domid);
  host.settle();
  equal(ctrl.domain_getinfo(domid)?.shutdown_reason, SHUTDOWN_crash);
  ok(host.lines.some((line) => line.includes('an instruction nobody thought of')));
});

test('an idle machine waits for its timers and does nothing else', () => {
  const it = machine();
  const { ctrl, host } = it;
  const { domid, cpu } = build(it);
  let wakes = 0;
  cpu.load(function* (guest) {
    for (;;) {
      // set_timer_op in 32-bit code: two halves of an absolute time
      const now = new Uint32Array(2);
      guest.tsc.read(now);
      const at = (now[0] as number) + (now[1] as number) * 2 ** 32 + 10_000_000;
      guest.interruptsEnabled = true;
      yield guest.hypercall(15, at % 2 ** 32, Math.floor(at / 2 ** 32));
      yield EXIT_HLT;
      wakes += 1;
    }
  });
  cpu.handler = () => {};
  ctrl.hvm_param_set(domid, HVM_PARAM_CALLBACK_IRQ, (2n << 56n) | 0xf3n);
  ctrl.domain_unpause(domid);
  host.settle();
  equal(host.deferred, 0);
  equal(host.timers, 1, 'one alarm for everything');
  host.advance(100_000_000);
  equal(wakes, 0, 'VIRQ_TIMER is not bound: the timer fires into nothing, and the guest sleeps on');
  equal(host.deferred, 0);
});

test('two busy domains share the processor evenly', () => {
  const it = machine();
  const { ctrl, host } = it;
  const guests = [build(it), build(it)];
  it.engine.onStep = () => host.spend(500);
  for (const { cpu, domid } of guests) {
    cpu.load(function* () {
      for (let steps = 0; steps < 50_000; steps++) yield EXIT_BUDGET;
    });
    ctrl.domain_unpause(domid);
  }
  for (let turn = 0; turn < 40; turn++) {
    if (host.deferred > 0) host.settle(10_000);
  }
  const [a, b] = guests.map(({ cpu }) => cpu.instructions) as [number, number];
  ok(Math.abs(a - b) <= 200_000, `${a} and ${b} instructions`);
});

test('domains that cannot be are refused with EINVAL and a line in the log', () => {
  const it = machine();
  const { ctrl, host } = it;
  const bad: Partial<CreateDomain>[] = [
    { flags: 0 },
    { flags: XEN_DOMCTL_CDF_hvm },
    { flags: 0x80000000 },
    { max_vcpus: 0 },
    { max_vcpus: 129 },
    { emulation_flags: 0x7ff },
    { grant_opts: 3 },
    { max_grant_frames: 65 },
    { max_maptrack_frames: 100_000 },
  ];
  for (const config of bad) {
    const before = host.lines.length;
    throws(
      () => ctrl.domain_create({ ...PVH, ...config }),
      (error: unknown) => error instanceof HypercallError && error.errno === EINVAL,
    );
    equal(host.lines.length, before + 1, JSON.stringify(config));
  }
  throws(() => ctrl.domain_create({ ...PVH, cpupool_id: 3 }), /errno 3\b/, 'ESRCH: there is no such pool');
  throws(() => ctrl.domain_create({ ...PVH, domid: 0x7ff5 as Domid }) && ctrl.domain_max_vcpus(77 as Domid, 1));
  const domid = ctrl.domain_create({ ...PVH, domid: 9 as Domid });
  equal(domid, 9);
  throws(() => ctrl.domain_create({ ...PVH, domid: 9 as Domid }), HypercallError);
});

test('a domain gets no more memory than its limit, and no more than there is', () => {
  const it = machine();
  const { ctrl } = it;
  const { domid } = build(it, 16);
  throws(() => ctrl.domain_populate_physmap_exact(domid, [100 as Gfn]), HypercallError);
  ctrl.domain_setmaxmem(domid, 1 << 30);
  throws(
    () =>
      ctrl.domain_populate_physmap_exact(
        domid,
        Array.from({ length: 5000 }, (_, index) => (0x1000 + index) as Gfn),
      ),
    HypercallError,
  );
  ctrl.domain_destroy(domid);
  equal(ctrl.physinfo().free_pages, ctrl.physinfo().total_pages - 3, 'Xen’s page, dom0’s shared info and grant table');
});

test('a tracer sees every call with its arguments, result, and what the structure became', () => {
  const it = machine();
  const lines: string[] = [];
  it.xen.trace = new HypercallTracer((line) => lines.push(line));
  const port = it.events.bindVirq(VIRQ_DOM_EXC);
  it.xen.trace = undefined;
  it.events.unbind(port);
  deepEqual(lines, [`d0v0 event_channel_op EVTCHNOP_bind_virq{virq=3 vcpu=0 port=0} = 0 {port=${port}}`]);
});
