import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as evtchn from '../../abi/event_channel.ts';
import { XENMEM_decrease_reservation, XenMemoryReservation } from '../../abi/memory.ts';
import * as sched from '../../abi/sched.ts';
import * as vcpu from '../../abi/vcpu.ts';
import * as abi from '../../abi/xen.ts';
import { EXIT_HLT } from '../../cpu/engine.ts';
import { HypercallCtrl } from '../../libs/ctrl/ctrl-hypercalls.ts';
import type { HypercallTrace } from '../trace.ts';
import { accountOf } from '../testing/accounting.ts';
import type { FakeVcpu, GuestProgram } from '../testing/fake-engine.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';

const ARGUMENT = 0x1000;
const AREA = 0x3000;
const APIC_SPIV_MSR = 0x80f;
const APIC_LVTT_MSR = 0x832;
const APIC_BASE_MSR = 0x1b;
const TSC_DEADLINE_MSR = 0x6e0;

/** Puts a structure into the guest's memory, at its argument's place. */
function put<T>(
  cpu: FakeVcpu,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  fill: (argument: T) => void,
): number {
  const bytes = new Uint8Array(structure.SIZE);
  fill(new structure(new DataView(bytes.buffer), 0));
  cpu.writeLinear(ARGUMENT, 0, bytes);
  return ARGUMENT;
}

/** A guest that takes one of everything that Xen has for it, and waits in every way there is, for ever. */
const greedy: GuestProgram = function* (cpu) {
  const far = () => 1_000_000_000_000n;
  cpu.intercepts.writeMsr(APIC_BASE_MSR, 0xfee00d00, 0);
  cpu.intercepts.writeMsr(APIC_SPIV_MSR, 0x1ff, 0);
  cpu.intercepts.writeMsr(APIC_LVTT_MSR, 0x40030, 0);
  cpu.intercepts.writeMsr(TSC_DEADLINE_MSR, 0xffffffff, 0xff);
  const evtchnOp = (op: number, argument: number) => cpu.hypercall(abi.__HYPERVISOR_event_channel_op, op, argument);
  const vcpuOp = (op: number, argument: number) => cpu.hypercall(abi.__HYPERVISOR_vcpu_op, op, 0, argument);
  yield evtchnOp(
    evtchn.EVTCHNOP_bind_virq,
    put(cpu, evtchn.EvtchnBindVirq, (argument) => {
      argument.virq = abi.VIRQ_TIMER;
    }),
  );
  yield evtchnOp(
    evtchn.EVTCHNOP_bind_ipi,
    put(cpu, evtchn.EvtchnBindIpi, () => {}),
  );
  yield evtchnOp(
    evtchn.EVTCHNOP_alloc_unbound,
    put(cpu, evtchn.EvtchnAllocUnbound, (argument) => {
      argument.dom = abi.DOMID_SELF;
      argument.remote_dom = 0 as abi.Domid;
    }),
  );
  yield vcpuOp(
    vcpu.VCPUOP_register_vcpu_info,
    put(cpu, vcpu.VcpuRegisterVcpuInfo, (argument) => {
      argument.mfn = 4 as abi.Gfn;
    }),
  );
  yield vcpuOp(
    vcpu.VCPUOP_register_runstate_memory_area,
    put(cpu, vcpu.VcpuRegisterRunstateMemoryArea, (argument) => {
      argument.p = BigInt(AREA);
    }),
  );
  yield vcpuOp(
    vcpu.VCPUOP_set_periodic_timer,
    put(cpu, vcpu.VcpuSetPeriodicTimer, (argument) => {
      argument.period_ns = 3_000_000n;
    }),
  );
  yield vcpuOp(
    vcpu.VCPUOP_set_singleshot_timer,
    put(cpu, vcpu.VcpuSetSingleshotTimer, (argument) => {
      argument.timeout_abs_ns = far();
    }),
  );
  yield cpu.hypercall(
    abi.__HYPERVISOR_sched_op,
    sched.SCHEDOP_watchdog,
    put(cpu, sched.SchedWatchdog, (argument) => {
      argument.timeout = 100;
    }),
  );
  yield cpu.hypercall(
    abi.__HYPERVISOR_memory_op,
    XENMEM_decrease_reservation,
    put(cpu, XenMemoryReservation, (argument) => {
      argument.nr_extents = 1;
      argument.extent_start = BigInt(ARGUMENT + 0x100);
      argument.domid = abi.DOMID_SELF;
    }),
  );
  yield cpu.hypercall(abi.__HYPERVISOR_vcpu_op, vcpu.VCPUOP_up, 1, 0);
  // Continued again and again: each part is a slice of its own.
  yield cpu.hypercall(abi.__HYPERVISOR_console_io, abi.CONSOLEIO_write, 200_000, 0n);
  for (;;) {
    yield cpu.hypercall(
      abi.__HYPERVISOR_sched_op,
      sched.SCHEDOP_poll,
      put(cpu, sched.SchedPoll, (argument) => {
        argument.timeout = BigInt(cpu.instructions) + 5_000_000n;
      }),
    );
    yield cpu.hypercall(abi.__HYPERVISOR_sched_op, sched.SCHEDOP_yield);
    cpu.interruptsEnabled = true;
    yield EXIT_HLT;
  }
};

function greedyDomain(machine: TestMachine): Guest {
  const guest = machine.domain({ vcpus: 2 });
  for (let gfn = 5; gfn < 60; gfn++) guest.bytes(gfn * 4096, 4096).fill(0x41);
  for (const { vcpuId } of guest.domain.vcpus) guest.cpu(vcpuId).load(greedy);
  guest.domain.controllerPauseCount -= 1;
  guest.domain.unpause();
  return guest;
}

test('destroyed after any of its first turns, a domain gives everything back', () => {
  for (let turns = 0; turns < 60; turns++) {
    const machine = new TestMachine();
    const before = accountOf(machine.xen);
    machine.engine.onStep = () => machine.host.spend(400_000);
    const { domain } = greedyDomain(machine);
    for (let turn = 0; turn < turns; turn++) if (!machine.host.turn()) machine.host.advance(1_000_000);
    new HypercallCtrl(machine.dom0).domain_destroy(domain.id);
    machine.host.settle();
    deepEqual(accountOf(machine.xen), before, `after ${turns} turns`);
    equal(machine.engine.vcpus.length, 0);
    machine.host.advance(1_000_000_000);
    equal(machine.host.timers, 0, 'and nothing is waited for');
  }
});

test('so it does where it is destroyed in the middle of one of its own hypercalls, or while it executes', () => {
  for (let moment = 0; moment < 40; moment++) {
    const machine = new TestMachine();
    const before = accountOf(machine.xen);
    const { domain } = greedyDomain(machine);
    let left = moment;
    const strike = () => {
      left -= 1;
      if (left === 0) domain.kill();
    };
    if (moment % 2 === 0) {
      machine.engine.onStep = strike;
    } else {
      const trace: HypercallTrace = { enter: strike, leave: () => {} };
      machine.xen.trace = trace;
    }
    for (let turn = 0; turn < 60; turn++) if (!machine.host.turn()) machine.host.advance(1_000_000);
    domain.kill();
    machine.host.settle();
    const after = accountOf(machine.xen);
    deepEqual({ ...after, timers: 0 }, { ...before, timers: 0 }, `at moment ${moment}`);
    equal(machine.engine.vcpus.length, 0);
  }
});

test('a domain that dies while its frames are held has no timer any more', () => {
  const machine = new TestMachine();
  machine.engine.onStep = () => machine.host.spend(400_000);
  const { timers } = accountOf(machine.xen);
  const { domain } = greedyDomain(machine);
  for (let turn = 0; turn < 30; turn++) if (!machine.host.turn()) machine.host.advance(1_000_000);
  ok(machine.xen.timers.size >= 4, 'APIC, singleshot, watchdog, and a timer that waits or ticks');
  const held = domain.p2m?.mfn(20) ?? 0;
  ok(machine.xen.frames.get(held, domain));
  domain.kill();
  machine.host.settle();
  equal(domain.dying, true);
  deepEqual([machine.xen.domains.has(domain.id), machine.xen.timers.size], [true, timers]);
  machine.xen.frames.put(held);
  equal(machine.xen.domains.has(domain.id), false);
});

test('every reason to shut down is told, the first one counts, and resuming forgets it', () => {
  const machine = new TestMachine();
  for (const reason of [0, 1, 2, 3, 4, 5, 77]) {
    const { domain } = machine.domain();
    domain.shutdown(reason);
    domain.shutdown(sched.SHUTDOWN_crash);
    deepEqual([domain.shutDown, domain.shutdownCode, domain.vcpu(0)?.runnable], [true, reason, false]);
    domain.controllerPauseCount -= 1;
    domain.unpause();
    equal(domain.vcpu(0)?.runnable, false, 'a shutdown holds its vCPUs by itself');
    domain.resume();
    deepEqual([domain.shutDown, domain.shutdownCode, domain.vcpu(0)?.runnable], [false, undefined, true]);
    domain.kill();
  }
});

test('a reason told beforehand is the one that a later shutdown has (SCHEDOP_shutdown_code)', () => {
  const guest = new TestMachine().domain();
  const { result } = guest.withStructure(
    sched.SchedShutdown,
    (argument) => {
      argument.reason = sched.SHUTDOWN_suspend;
    },
    (at) => guest.hypercall(abi.__HYPERVISOR_sched_op, [sched.SCHEDOP_shutdown_code, at]),
  );
  equal(result, 0);
  equal(guest.domain.shutDown, false);
  guest.domain.shutdown(sched.SHUTDOWN_crash);
  equal(guest.domain.shutdownCode, sched.SHUTDOWN_suspend);
});

test('domids go round: the next one free after the last given, from 1 again after 0x7fef', () => {
  const machine = new TestMachine();
  const first = machine.domain({ pages: 1 }).domain;
  const second = machine.domain({ pages: 1 }).domain;
  deepEqual([first.id, second.id], [1, 2]);
  first.kill();
  equal(machine.xen.freeDomid(), 3, 'an id that was free just now is not given again so soon');
  let id = 3;
  while (id < 0x7fef) id = machine.xen.freeDomid() ?? 0;
  equal(machine.xen.freeDomid(), 1);
  equal(machine.xen.freeDomid(), 3, '2 is taken');
});
