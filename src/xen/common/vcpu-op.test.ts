import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { CompatSchedPoll } from '../../abi/compat/sched.ts';
import { CompatVcpuRunstateInfo } from '../../abi/compat/vcpu.ts';
import { CompatMulticallEntry } from '../../abi/compat/xen.ts';
import { EFAULT, EINVAL, ENOENT, ENOSPC, ENOSYS, ENXIO } from '../../abi/errno.ts';
import { VCPU_HVM_MODE_32B, VcpuHvmContext } from '../../abi/hvm/hvm_vcpu.ts';
import * as sched from '../../abi/sched.ts';
import * as vcpu from '../../abi/vcpu.ts';
import {
  __HYPERVISOR_multicall,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_set_timer_op,
  __HYPERVISOR_vcpu_op,
  __HYPERVISOR_vm_assist,
  __HYPERVISOR_xen_version,
  type Gfn,
  MulticallEntry,
  VIRQ_TIMER,
} from '../../abi/xen.ts';
import { EXIT_BUDGET, EXIT_HLT } from '../../cpu/engine.ts';
import { CS } from '../../cpu/state.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import * as event2l from './event-2l.ts';
import { slackOf } from './timer.ts';

function guest(vcpus = 2) {
  const machine = new TestMachine();
  return { machine, guest: machine.domain({ vcpus }) };
}

function operate<T>(
  it: Guest,
  op: number,
  id: number,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  fill: (argument: T) => void,
) {
  return it.withStructure(structure, fill, (at) => it.hypercall(__HYPERVISOR_vcpu_op, [op, id, at]));
}

function registerInfo(it: Guest, gfn: number, offset: number, id = 0): number {
  return operate(it, vcpu.VCPUOP_register_vcpu_info, id, vcpu.VcpuRegisterVcpuInfo, (argument) => {
    argument.mfn = gfn as Gfn;
    argument.offset = offset;
  }).result;
}

/** Binds VIRQ_TIMER of vCPU 0 and tells whether it is pending, clearing it. */
function timerPort(it: Guest): () => boolean {
  const port = it.domain.events.bindVirq(VIRQ_TIMER, 0);
  return () => {
    const pending = event2l.isPending(it.domain, port);
    event2l.clearPending(it.domain, port);
    return pending;
  };
}

test('vcpu_info moves once to a place of the guest’s choice, with what was marked, and everything selected', () => {
  const { guest: it, machine } = guest();
  machine.xen.memory.bytes[it.domain.vcpu(0)?.infoAddress ?? 0] = 1;
  equal(registerInfo(it, 0x10, 4096 - 63), -ENXIO, 'crosses the page');
  equal(registerInfo(it, 0x10, 4), -ENXIO, 'not aligned');
  equal(registerInfo(it, 0x9999, 0), -EINVAL, 'not a page of the guest');
  equal(registerInfo(it, 0x10, 64), 0);
  equal(it.bytes(0x10000 + 64, 1)[0], 1);
  equal(it.view(0x10000 + 64).getBigUint64(8, true), 0xffffffffffffffffn);
  ok(it.view(0x10000 + 64).getUint32(0x38, true) === 0x80000000, 'the time is there too');
  equal(registerInfo(it, 0x11, 0), -EINVAL, 'once');
  equal(registerInfo(it, 0x11, 0, 1), 0, 'of another vCPU while it is down');
  equal(registerInfo(it, 0x11, 0, 7), -ENOENT);
});

test('a single-shot timer raises VIRQ_TIMER at its moment, a past one at once', () => {
  const { guest: it, machine } = guest();
  const fired = timerPort(it);
  const set = (at: number, id = 0) =>
    operate(it, vcpu.VCPUOP_set_singleshot_timer, id, vcpu.VcpuSetSingleshotTimer, (argument) => {
      argument.timeout_abs_ns = BigInt(at);
      argument.flags = vcpu.VCPU_SSHOTTMR_future;
    }).result;
  machine.host.spend(1000);
  equal(set(500), 0);
  equal(fired(), true);
  const now = machine.xen.now();
  equal(set(now + 5_000_000), 0);
  machine.loop.wake();
  machine.host.settle();
  machine.host.advance(4_999_999);
  equal(fired(), false);
  machine.host.advance(1 + slackOf(5_000_000));
  equal(fired(), true, 'at its moment, or a little later where the machine sleeps');
  set(now + 50_000_000);
  equal(it.hypercall(__HYPERVISOR_vcpu_op, [vcpu.VCPUOP_stop_singleshot_timer, 0, 0]), 0);
  machine.host.advance(100_000_000);
  equal(fired(), false);
  equal(set(1, 1), -EINVAL, 'only of the calling vCPU');
});

test('a periodic timer ticks, at least a millisecond apart', () => {
  const { guest: it, machine } = guest();
  const fired = timerPort(it);
  const set = (period: bigint) =>
    operate(it, vcpu.VCPUOP_set_periodic_timer, 0, vcpu.VcpuSetPeriodicTimer, (argument) => {
      argument.period_ns = period;
    }).result;
  equal(set(999_999n), -EINVAL);
  equal(set(1n << 62n), -EINVAL);
  equal(set(10_000_000n), 0);
  machine.loop.wake();
  let ticks = 0;
  for (let ms = 0; ms < 100; ms++) {
    machine.host.advance(1_000_000);
    if (fired()) ticks += 1;
  }
  equal(ticks, 10);
  it.hypercall(__HYPERVISOR_vcpu_op, [vcpu.VCPUOP_stop_periodic_timer, 0, 0]);
  machine.host.advance(100_000_000);
  equal(fired(), false);
});

test('set_timer_op: 0 cancels, an absurd time is 100 ms (Linux jiffies that wrapped)', () => {
  const { guest: it, machine } = guest();
  const fired = timerPort(it);
  equal(it.hypercall(__HYPERVISOR_set_timer_op, [machine.xen.now() + 1_000_000]), 0);
  equal(it.hypercall(__HYPERVISOR_set_timer_op, [0]), 0);
  machine.loop.wake();
  machine.host.advance(50_000_000);
  equal(fired(), false);
  equal(it.hypercall(__HYPERVISOR_set_timer_op, [2n ** 60n]), 0);
  machine.loop.wake();
  machine.host.advance(99_000_000);
  equal(fired(), false);
  machine.host.advance(1_000_000 + slackOf(100_000_000));
  equal(fired(), true);
});

test('the runstate counts every nanosecond once, in the state it was spent in', () => {
  const { guest: it, machine } = guest();
  const { domain } = it;
  machine.engine.onStep = () => machine.host.spend(1_000_000);
  machine.host.spend(3_000_000); // paused
  it.run(function* (cpu) {
    yield EXIT_BUDGET;
    yield EXIT_BUDGET;
    cpu.interruptsEnabled = true;
    yield EXIT_HLT;
  });
  machine.host.spend(7_000_000); // blocked
  const first = domain.vcpu(0)?.runstate;
  const now = machine.xen.now();
  const spent = [0, 1, 2, 3].map((state) => first?.timeNs(state, now) ?? 0);
  equal(spent[vcpu.RUNSTATE_running], 3_000_000, 'a millisecond a step');
  equal(spent[vcpu.RUNSTATE_blocked], 7_000_000);
  equal(
    spent.reduce((sum, ns) => sum + ns, 0),
    now,
    'since the vCPU was made, at time 0',
  );
});

test('the runstate area is written when it is registered, when the vCPU runs, and when it stops', () => {
  const { guest: it, machine } = guest();
  const area = new vcpu.VcpuRunstateInfo(it.view(0x3000), 0);
  const register = (address: bigint) =>
    operate(it, vcpu.VCPUOP_register_runstate_memory_area, 0, vcpu.VcpuRegisterRunstateMemoryArea, (argument) => {
      argument.p = address;
    }).result;
  equal(register(0xdead000n), 0, 'it may be mapped later');
  equal(register(0x3000n), 0);
  equal(area.state, vcpu.RUNSTATE_offline);
  machine.host.spend(1_000_000);
  it.run(function* () {
    equal(area.state, vcpu.RUNSTATE_running);
    yield EXIT_BUDGET;
    yield EXIT_HLT;
  });
  equal(area.state, vcpu.RUNSTATE_offline, 'and when it stops');
  equal(area.time(vcpu.RUNSTATE_offline), 1_000_000n);
});

test('get_runstate_info has the layout of its caller: 48 bytes, 44 in 32-bit code', () => {
  const { guest: it, machine } = guest();
  machine.host.spend(5);
  equal(it.hypercall(__HYPERVISOR_vcpu_op, [vcpu.VCPUOP_get_runstate_info, 0, 0x3000]), 0);
  equal(new vcpu.VcpuRunstateInfo(it.view(0x3000), 0).time(vcpu.RUNSTATE_offline), 5n);
  it.cpu().longMode(false);
  it.bytes(0x3000, 64).fill(0xee);
  equal(it.hypercall(__HYPERVISOR_vcpu_op, [vcpu.VCPUOP_get_runstate_info, 0, 0x3000]), 0);
  equal(new CompatVcpuRunstateInfo(it.view(0x3000), 0).time(vcpu.RUNSTATE_offline), 5n);
  equal(it.bytes(0x3000, 45)[44], 0xee);
});

test('the time area has a copy of the pvclock data', () => {
  const { guest: it } = guest();
  const { result } = operate(
    it,
    vcpu.VCPUOP_register_vcpu_time_memory_area,
    0,
    vcpu.VcpuRegisterTimeMemoryArea,
    (argument) => {
      argument.p = 0x3000n;
    },
  );
  equal(result, 0);
  equal(it.view(0x3000).getUint32(24, true), 0x80000000);
});

test('a vCPU comes up when it is initialised; the last one that goes down powers off', () => {
  const { guest: it } = guest();
  const second = it.domain.vcpu(1);
  const call = (op: number, id: number) => it.hypercall(__HYPERVISOR_vcpu_op, [op, id, 0]);
  deepEqual([call(vcpu.VCPUOP_is_up, 0), call(vcpu.VCPUOP_is_up, 1), call(vcpu.VCPUOP_is_up, 2)], [1, 0, -ENOENT]);
  if (second !== undefined) second.initialised = false;
  equal(call(vcpu.VCPUOP_up, 1), -EINVAL);
  const initialise = () =>
    operate(it, vcpu.VCPUOP_initialise, 1, VcpuHvmContext, (context) => {
      context.mode = VCPU_HVM_MODE_32B;
      const registers = context.x86_32;
      registers.eip = 0x7000;
      registers.cr0 = 0x11;
      registers.cs_limit = registers.ds_limit = registers.ss_limit = registers.es_limit = 0xffffffff;
      registers.tr_limit = 0x67;
      registers.cs_ar = 0xc9b;
      registers.ds_ar = registers.ss_ar = registers.es_ar = 0xc93;
      registers.tr_ar = 0x8b;
    });
  equal(initialise().result, 0);
  equal(initialise().result, -EINVAL, 'once');
  equal(it.cpu(1).state.rip, 0x7000n);
  equal(it.cpu(1).state.segmentAttributes(CS), 0xc09b);
  equal(call(vcpu.VCPUOP_up, 1), 0);
  equal(call(vcpu.VCPUOP_is_up, 1), 1);
  equal(call(vcpu.VCPUOP_down, 1), 0);
  equal(it.domain.shuttingDown, false);
  equal(call(vcpu.VCPUOP_down, 0), 0);
  deepEqual([it.domain.shuttingDown, it.domain.shutdownCode], [true, sched.SHUTDOWN_poweroff]);
});

test('SCHEDOP_poll blocks until the port is pending or the time has come, and takes no nonsense (XSA-221)', () => {
  const { guest: it, machine } = guest();
  const port = it.domain.events.bindVirq(VIRQ_TIMER, 0);
  const poll = (ports: readonly number[], timeout = 0, count = ports.length) => {
    ports.forEach((value, index) => it.view(0x3000).setUint32(index * 4, value, true));
    return it.withStructure(
      sched.SchedPoll,
      (argument) => {
        argument.ports = 0x3000n;
        argument.nr_ports = count;
        argument.timeout = BigInt(timeout);
      },
      (at) => it.hypercall(__HYPERVISOR_sched_op, [sched.SCHEDOP_poll, at]),
    ).result;
  };
  const first = it.domain.vcpu(0);
  equal(poll([], 0, 129), -EINVAL);
  equal(poll([5000]), -EINVAL);
  equal(first?.polling, false);
  equal(poll([port]), 0);
  equal(first?.polling, true);
  it.domain.events.notify(port);
  equal(first?.polling, false);
  equal(poll([port]), 0);
  equal(first?.polling, false, 'pending already');
  event2l.clearPending(it.domain, port);
  equal(poll([port], machine.xen.now() + 1000), 0);
  equal(first?.polling, true);
  machine.loop.wake();
  machine.host.advance(1000);
  equal(first?.polling, false);

  it.cpu().longMode(false);
  const compat = it.withStructure(
    CompatSchedPoll,
    (argument) => {
      argument.ports = 0x3000n;
      argument.nr_ports = 1;
    },
    (at) => it.hypercall(__HYPERVISOR_sched_op, [sched.SCHEDOP_poll, at]),
  );
  equal(compat.result, 0);
  equal(first?.pollPort, port);
});

test('SCHEDOP_poll of 128 ports ends with the last of them, or with any other event: it has only to be looked at again', () => {
  const { guest: it } = guest();
  const { events } = it.domain;
  const ports = Array.from({ length: 129 }, () => events.bindIpi(0));
  const poll = (): number =>
    it.withStructure(
      sched.SchedPoll,
      (argument) => {
        argument.ports = 0x3000n;
        argument.nr_ports = 128;
      },
      (at) => it.hypercall(__HYPERVISOR_sched_op, [sched.SCHEDOP_poll, at]),
    ).result;
  ports.slice(0, 128).forEach((port, index) => it.view(0x3000).setUint32(index * 4, port, true));
  const first = it.domain.vcpu(0);
  for (const port of [ports[127], ports[128]] as number[]) {
    equal(poll(), 0);
    equal(first?.polling, true);
    events.notify(port);
    equal(first?.polling, false);
    event2l.clearPending(it.domain, port);
  }
  events.notify(ports[127] as number);
  equal(poll(), 0);
  equal(first?.polling, false, 'the last one was pending already');
});

test('a watchdog that is not fed shuts the domain down for that reason', () => {
  const { guest: it, machine } = guest();
  const watchdog = (id: number, timeout: number) =>
    it.withStructure(
      sched.SchedWatchdog,
      (argument) => {
        argument.id = id;
        argument.timeout = timeout;
      },
      (at) => it.hypercall(__HYPERVISOR_sched_op, [sched.SCHEDOP_watchdog, at]),
    ).result;
  deepEqual([watchdog(0, 10), watchdog(0, 20), watchdog(0, 30)], [1, 2, -ENOSPC]);
  equal(watchdog(3, 1), -EINVAL);
  equal(watchdog(2, 0), 0);
  equal(watchdog(2, 5), -EINVAL, 'it was ended');
  machine.loop.wake();
  machine.host.advance(9e9);
  equal(watchdog(1, 10), 0);
  machine.host.advance(9e9);
  equal(it.domain.shuttingDown, false);
  machine.host.advance(1e9);
  deepEqual([it.domain.shuttingDown, it.domain.shutdownCode], [true, sched.SHUTDOWN_watchdog]);
});

test('a multicall makes its calls in order, each with its result; one in another is refused (XSA-213)', () => {
  const { guest: it } = guest();
  const list = 0x3000;
  const calls = [__HYPERVISOR_xen_version, __HYPERVISOR_multicall, 63];
  calls.forEach((nr, index) => {
    const entry = new MulticallEntry(it.view(list), index * MulticallEntry.SIZE);
    entry.op = nr;
  });
  equal(it.hypercall(__HYPERVISOR_multicall, [list, calls.length]), 0);
  const results = calls.map((_, index) =>
    BigInt.asIntN(64, new MulticallEntry(it.view(list), index * MulticallEntry.SIZE).result),
  );
  deepEqual(results, [0x40011n, BigInt(-EINVAL), BigInt(-ENOSYS)]);
  equal(it.hypercall(__HYPERVISOR_multicall, [0xdead000, 1]), -EFAULT);

  it.cpu().longMode(false);
  const entry = new CompatMulticallEntry(it.view(list), 0);
  entry.op = __HYPERVISOR_xen_version;
  entry.set_args(0, 0n);
  equal(it.hypercall(__HYPERVISOR_multicall, [list, 1]), 0);
  equal(entry.result, 0x40011n);
});

test('vm_assist takes what concerns an HVM guest', () => {
  const { guest: it } = guest();
  equal(it.hypercall(__HYPERVISOR_vm_assist, [0, 5]), 0);
  equal(it.domain.vmAssist, 1 << 5);
  equal(it.hypercall(__HYPERVISOR_vm_assist, [1, 5]), 0);
  equal(it.domain.vmAssist, 0);
  equal(it.hypercall(__HYPERVISOR_vm_assist, [0, 2]), -EINVAL);
  equal(it.hypercall(__HYPERVISOR_vm_assist, [0, 0xffffffff]), -EINVAL);
  equal(it.hypercall(__HYPERVISOR_vm_assist, [7, 5]), -ENOSYS);
});
