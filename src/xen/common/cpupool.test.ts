import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as abi from '../../abi/domctl.ts';
import * as schedAbi from '../../abi/domctl-sched.ts';
import {
  EADDRNOTAVAIL,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
} from '../../abi/errno.ts';
import { SCHEDOP_pin_override, SchedPinOverride } from '../../abi/sched.ts';
import * as sys from '../../abi/sysctl.ts';
import * as schedSys from '../../abi/sysctl-sched.ts';
import * as topology from '../../abi/sysctl-topology.ts';
import {
  __HYPERVISOR_domctl,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_sysctl,
  DOMID_SELF,
  type Domid,
} from '../../abi/xen.ts';
import { EXIT_BUDGET } from '../../cpu/engine.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';

const { XEN_SCHEDULER_CREDIT, XEN_SCHEDULER_CREDIT2, XEN_SCHEDULER_NULL, XEN_SCHEDULER_RTDS } = schedAbi;
/** Where a toolstack's buffers are in its own memory. */
const BUFFER = 0x2000;
const ANY = schedSys.XEN_SYSCTL_CPUPOOL_PAR_ANY;

/** A machine of four pCPUs, with a domain that may do what a toolstack does. */
function controlled(cpus = 4) {
  const machine = new TestMachine({ cpus });
  return { machine, control: machine.domain({ privileged: true }) };
}

type Structure<T> = new (memory: DataView, base: number) => T;

function sysctl<T>(control: Guest, cmd: number, structure: Structure<T>, fill: (argument: T) => void) {
  const { result, argument } = control.withStructure(
    sys.XenSysctl,
    (header) => {
      header.cmd = cmd;
      header.interface_version = sys.XEN_SYSCTL_INTERFACE_VERSION;
      fill(new structure(control.view(0x1000), sys.XenSysctl.AT_u));
    },
    (at) => control.hypercall(__HYPERVISOR_sysctl, [at]),
  );
  equal(argument.cmd, cmd);
  return { result, argument: new structure(control.view(0x1000), sys.XenSysctl.AT_u) };
}

function domctl<T>(control: Guest, cmd: number, domid: number, structure: Structure<T>, fill: (argument: T) => void) {
  const { result } = control.withStructure(
    abi.XenDomctl,
    (header) => {
      header.cmd = cmd;
      header.interface_version = abi.XEN_DOMCTL_INTERFACE_VERSION;
      header.domain = domid as Domid;
      fill(new structure(control.view(0x1000), abi.XenDomctl.AT_u));
    },
    (at) => control.hypercall(__HYPERVISOR_domctl, [at]),
  );
  return { result, argument: new structure(control.view(0x1000), abi.XenDomctl.AT_u) };
}

/** XEN_SYSCTL_cpupool_op with what is given; bitmaps are at BUFFER. */
function pool(control: Guest, op: number, given: Partial<Record<'cpupool_id' | 'sched_id' | 'domid' | 'cpu', number>>) {
  const called = sysctl(control, sys.XEN_SYSCTL_cpupool_op, schedSys.XenSysctlCpupoolOp, (argument) => {
    Object.assign(argument, { op, ...given });
    argument.cpumap.bitmap = BigInt(BUFFER);
    argument.cpumap.nr_bits = 8;
  });
  return { ...called, cpus: control.bytes(BUFFER, 1)[0] };
}

const {
  XEN_SYSCTL_CPUPOOL_OP_CREATE: CREATE,
  XEN_SYSCTL_CPUPOOL_OP_DESTROY: DESTROY,
  XEN_SYSCTL_CPUPOOL_OP_INFO: INFO,
  XEN_SYSCTL_CPUPOOL_OP_ADDCPU: ADDCPU,
  XEN_SYSCTL_CPUPOOL_OP_RMCPU: RMCPU,
  XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN: MOVEDOMAIN,
  XEN_SYSCTL_CPUPOOL_OP_FREEINFO: FREEINFO,
} = schedSys;

test('a pool is made, gets pCPUs and a domain, and is taken apart again', () => {
  const { machine, control } = controlled();
  const guest = machine.domain({ vcpus: 2 });
  const info = pool(control, INFO, { cpupool_id: 0 });
  deepEqual(
    [info.result, info.argument.cpupool_id, info.argument.sched_id, info.argument.n_dom, info.cpus],
    [0, 0, XEN_SCHEDULER_CREDIT2, 3, 0b1111],
  );
  const made = pool(control, CREATE, { cpupool_id: ANY, sched_id: XEN_SCHEDULER_RTDS });
  deepEqual([made.result, made.argument.cpupool_id], [0, 1]);
  equal(pool(control, CREATE, { cpupool_id: 1, sched_id: XEN_SCHEDULER_NULL }).result, -EEXIST);
  equal(pool(control, CREATE, { cpupool_id: 9, sched_id: 4 }).result, -ENOENT, 'SEDF is gone');
  equal(pool(control, MOVEDOMAIN, { cpupool_id: 1, domid: guest.domain.id }).result, -ENOENT, 'it has no pCPU');
  equal(pool(control, ADDCPU, { cpupool_id: 1, cpu: 2 }).result, -ENODEV, 'Pool-0 has it');
  equal(pool(control, RMCPU, { cpupool_id: 0, cpu: 0 }).result, -EINVAL, 'pCPU 0 stays in Pool-0');
  equal(pool(control, RMCPU, { cpupool_id: 0, cpu: 77 }).result, -EINVAL);
  equal(pool(control, RMCPU, { cpupool_id: 1, cpu: 2 }).result, -EADDRNOTAVAIL, 'it has another pool');
  equal(pool(control, RMCPU, { cpupool_id: 0, cpu: 2 }).result, 0);
  equal(pool(control, FREEINFO, {}).cpus, 0b0100);
  equal(pool(control, ADDCPU, { cpupool_id: 1, cpu: ANY }).result, 0);
  equal(pool(control, ADDCPU, { cpupool_id: 1, cpu: ANY }).result, -ENODEV, 'no other is free');

  guest.cpu().load(function* () {
    for (;;) yield EXIT_BUDGET;
  });
  machine.engine.onStep = () => machine.host.spend(100_000);
  guest.domain.controllerPauseCount -= 1;
  guest.domain.unpause();
  for (let turn = 0; turn < 10; turn++) machine.host.turn();
  equal(pool(control, MOVEDOMAIN, { cpupool_id: 1, domid: guest.domain.id }).result, 0, 'while it runs');
  for (let turn = 0; turn < 10; turn++) machine.host.turn();
  deepEqual(
    guest.domain.vcpus.map(({ placement }) => placement.cpu),
    [2, 2],
  );
  equal(pool(control, INFO, { cpupool_id: 1 }).argument.n_dom, 1);
  equal(pool(control, RMCPU, { cpupool_id: 1, cpu: ANY }).result, -EBUSY, 'the last one of a domain');
  equal(pool(control, DESTROY, { cpupool_id: 1 }).result, -EBUSY);
  equal(pool(control, MOVEDOMAIN, { cpupool_id: 0, domid: guest.domain.id }).result, 0);
  equal(pool(control, RMCPU, { cpupool_id: 1, cpu: ANY }).result, 0);
  equal(pool(control, DESTROY, { cpupool_id: 1 }).result, 0);
  equal(pool(control, INFO, { cpupool_id: 1 }).result, -ENOENT);
  guest.domain.kill();
  equal(pool(control, INFO, { cpupool_id: 0 }).argument.n_dom, 2);
});

test('pool operations are a privileged domain’s; nobody moves himself; what is unknown is -ENOSYS', () => {
  const { machine, control } = controlled();
  const guest = machine.domain();
  equal(pool(guest, INFO, { cpupool_id: 0 }).result, -EPERM);
  equal(pool(control, MOVEDOMAIN, { cpupool_id: 1, domid: control.domain.id }).result, -EPERM);
  equal(pool(control, MOVEDOMAIN, { cpupool_id: 1, domid: DOMID_SELF }).result, -EPERM);
  equal(pool(control, MOVEDOMAIN, { cpupool_id: 1, domid: 4711 }).result, -ESRCH);
  equal(pool(control, DESTROY, { cpupool_id: 4 }).result, -ENOENT);
  equal(pool(control, 99, {}).result, -ENOSYS);
});

/** XEN_DOMCTL_setvcpuaffinity or get: hard's bitmap is at BUFFER, soft's after it. */
function affinity(control: Guest, cmd: number, vcpu: number, flags: number, hard = 0, soft = 0, domid = 1) {
  control.bytes(BUFFER, 2).set([hard, soft]);
  const { result } = domctl(control, cmd, domid, schedAbi.XenDomctlVcpuaffinity, (argument) => {
    Object.assign(argument, { vcpu, flags });
    argument.cpumap_hard.bitmap = BigInt(BUFFER);
    argument.cpumap_hard.nr_bits = 8;
    argument.cpumap_soft.bitmap = BigInt(BUFFER + 1);
    argument.cpumap_soft.nr_bits = 8;
  });
  return [result, ...control.bytes(BUFFER, 2)];
}

test('affinities are kept, answered with what is in force, and taken back where one of two cannot be', () => {
  const { control } = controlled();
  const [SET, GET] = [abi.XEN_DOMCTL_setvcpuaffinity, abi.XEN_DOMCTL_getvcpuaffinity];
  const [HARD, SOFT] = [schedAbi.XEN_VCPUAFFINITY_HARD, schedAbi.XEN_VCPUAFFINITY_SOFT];
  deepEqual(affinity(control, GET, 0, HARD | SOFT), [0, 0b1111, 0b1111], 'all there are');
  deepEqual(affinity(control, SET, 0, HARD, 0b1100_0110), [0, 0b0110, 0], 'those that are there');
  deepEqual(affinity(control, SET, 0, SOFT, 0, 0b1100), [0, 0, 0b0100], 'soft within hard');
  deepEqual(affinity(control, GET, 0, HARD | SOFT), [0, 0b0110, 0b1100]);
  equal(affinity(control, SET, 0, HARD, 0b1111_0000)[0], -EINVAL, 'none that the pool has');
  equal(affinity(control, SET, 0, 0)[0], -EINVAL);
  equal(affinity(control, SET, 3, HARD, 1)[0], -EINVAL, 'no such vCPU');
  equal(affinity(control, SET, 0, HARD, 1, 0, 99)[0], -ESRCH);
  deepEqual(affinity(control, GET, 0, HARD), [0, 0b0110, 0], 'as before');
});

test('a pCPU that leaves a pool takes the affinity for it away, where that was all a vCPU had', () => {
  const { machine, control } = controlled();
  const { domain } = machine.domain();
  const [vcpu] = domain.vcpus;
  if (vcpu === undefined) throw new Error('it has a vCPU');
  vcpu.placement.hard = 0b0010;
  equal(pool(control, RMCPU, { cpupool_id: 0, cpu: 1 }).result, 0);
  equal(vcpu.placement.hard & 0b1111, 0b1111);
  equal(
    machine.host.lines.some((line) => line.includes(`Breaking affinity for ${vcpu.name}`)),
    true,
  );
});

/** XEN_DOMCTL_scheduler_op on domain 1. */
function schedule(control: Guest, sched: number, cmd: number, weight = 0, cap = 0) {
  const { result, argument } = domctl(
    control,
    abi.XEN_DOMCTL_scheduler_op,
    1,
    schedAbi.XenDomctlSchedulerOp,
    (operation) => {
      operation.sched_id = sched;
      operation.cmd = cmd;
      operation.credit2.weight = weight;
      operation.credit2.cap = cap;
    },
  );
  return [result, argument.credit2.weight, argument.credit2.cap];
}

test('weights and caps are set and told, by the scheduler that the domain has', () => {
  const { control } = controlled();
  const [PUT, GET] = [schedAbi.XEN_DOMCTL_SCHEDOP_putinfo, schedAbi.XEN_DOMCTL_SCHEDOP_getinfo];
  deepEqual(schedule(control, XEN_SCHEDULER_CREDIT2, GET), [0, 256, 0]);
  equal(schedule(control, XEN_SCHEDULER_CREDIT2, PUT, 512, 50)[0], 0);
  deepEqual(schedule(control, XEN_SCHEDULER_CREDIT2, GET), [0, 512, 50]);
  equal(schedule(control, XEN_SCHEDULER_CREDIT2, PUT, 0, 101)[0], -EINVAL, 'more than its one vCPU could');
  equal(schedule(control, XEN_SCHEDULER_CREDIT, GET)[0], -EINVAL);
  equal(schedule(control, XEN_SCHEDULER_CREDIT2, 17)[0], -EINVAL);
  equal(schedule(control, XEN_SCHEDULER_CREDIT2, schedAbi.XEN_DOMCTL_SCHEDOP_getvcpuinfo)[0], -EINVAL);
});

test('parameters of a pool’s scheduler have bounds', () => {
  const { control } = controlled();
  const adjust = (cmd: number, ratelimit: number, id = 0, sched = XEN_SCHEDULER_CREDIT2) =>
    sysctl(control, sys.XEN_SYSCTL_scheduler_op, schedSys.XenSysctlSchedulerOp, (argument) => {
      Object.assign(argument, { cmd, cpupool_id: id, sched_id: sched });
      argument.sched_credit2.ratelimit_us = ratelimit;
    });
  const [PUT, GET] = [schedSys.XEN_SYSCTL_SCHEDOP_putinfo, schedSys.XEN_SYSCTL_SCHEDOP_getinfo];
  equal(adjust(GET, 0).argument.sched_credit2.ratelimit_us, 1000);
  equal(adjust(PUT, 99).result, -EINVAL);
  equal(adjust(PUT, 500_001).result, -EINVAL);
  equal(adjust(PUT, 0).result, 0, 'none at all');
  equal(adjust(GET, 7).argument.sched_credit2.ratelimit_us, 0);
  equal(adjust(GET, 0, 3).result, -ESRCH);
  equal(adjust(GET, 0, 0, XEN_SCHEDULER_CREDIT).result, -EINVAL);
  equal(adjust(2, 0).result, -EINVAL);
});

test('pCPUs, their places and their idle time are told as far as there is room', () => {
  const { machine, control } = controlled();
  machine.host.spend(5_000);
  const ask = sysctl(control, sys.XEN_SYSCTL_cputopoinfo, topology.XenSysctlCputopoinfo, () => {});
  deepEqual([ask.result, ask.argument.num_cpus], [0, 4]);
  const places = sysctl(control, sys.XEN_SYSCTL_cputopoinfo, topology.XenSysctlCputopoinfo, (argument) => {
    argument.num_cpus = 3;
    argument.cputopo = BigInt(BUFFER);
  });
  equal(places.argument.num_cpus, 3);
  const cores = [0, 1, 2].map((id) => new topology.XenSysctlCputopo(control.view(BUFFER), id * 12).core);
  deepEqual(cores, [0, 1, 2]);
  const idle = sysctl(control, sys.XEN_SYSCTL_getcpuinfo, topology.XenSysctlGetcpuinfo, (argument) => {
    argument.max_cpus = 8;
    argument.info = BigInt(BUFFER);
  });
  equal(idle.argument.nr_cpus, 4);
  equal(new topology.XenSysctlCpuinfo(control.view(BUFFER), 8).idletime, BigInt(machine.xen.now()));
  const nodes = sysctl(control, sys.XEN_SYSCTL_numainfo, topology.XenSysctlNumainfo, (argument) => {
    argument.num_nodes = 4;
    argument.meminfo = BigInt(BUFFER);
  });
  equal(nodes.argument.num_nodes, 1);
  equal(new topology.XenSysctlMeminfo(control.view(BUFFER), 0).memsize, machine.xen.frames.total * 4096);
});

test('SCHEDOP_pin_override pins its caller, dom0 alone, until it is undone', () => {
  const { machine, control } = controlled();
  const override = (guest: Guest, pcpu: number) =>
    guest.withStructure(
      SchedPinOverride,
      (argument) => {
        argument.pcpu = pcpu;
      },
      (at) => guest.hypercall(__HYPERVISOR_sched_op, [SCHEDOP_pin_override, at]),
    ).result;
  equal(override(machine.domain(), 1), -EPERM);
  equal(override(control, -1), -EINVAL, 'nothing to undo');
  equal(override(control, 9), -EINVAL);
  equal(override(control, 2), 0);
  equal(control.domain.vcpus[0]?.placement.hard, 0b0100);
  equal(override(control, 1), -EBUSY);
  equal(affinity(control, abi.XEN_DOMCTL_setvcpuaffinity, 0, schedAbi.XEN_VCPUAFFINITY_HARD, 0b1)[0], -EBUSY);
  equal(override(control, -1), 0);
  equal((control.domain.vcpus[0]?.placement.hard ?? 0) & 0b1111, 0b1111);
});

test('a pCPU is taken away from Pool-0 or from nobody, and comes back to Pool-0 (cpu_down, cpu_up)', () => {
  const { machine, control } = controlled();
  const hotplug = (op: number, cpu: number): number =>
    sysctl(control, sys.XEN_SYSCTL_cpu_hotplug, topology.XenSysctlCpuHotplug, (argument) => {
      argument.op = op;
      argument.cpu = cpu;
    }).result;
  const online = (): number =>
    sysctl(control, sys.XEN_SYSCTL_physinfo, sys.XenSysctlPhysinfo, () => {}).argument.nr_cpus;
  const { XEN_SYSCTL_CPU_HOTPLUG_ONLINE: ONLINE, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE: OFFLINE } = topology;
  equal(hotplug(OFFLINE, 0), -EINVAL, 'pCPU 0 stays');
  equal(hotplug(OFFLINE, 4), -EINVAL);
  equal(hotplug(ONLINE, 4), -EINVAL);
  equal(hotplug(ONLINE, 1), -EEXIST);
  equal(hotplug(topology.XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE, 0), -EOPNOTSUPP, 'no core has two threads');

  let steps = 0;
  const guest = machine.domain({ vcpus: 2 });
  guest.cpu().load(function* () {
    for (;;) {
      steps++;
      yield EXIT_BUDGET;
    }
  });
  machine.engine.onStep = () => machine.host.spend(100_000);
  guest.domain.controllerPauseCount -= 1;
  guest.domain.unpause();
  machine.host.turn();
  for (const cpu of [1, 2, 3]) equal(hotplug(OFFLINE, cpu), 0, 'while it runs');
  equal(hotplug(OFFLINE, 1), -EEXIST);
  equal(online(), 1);
  equal(pool(control, INFO, { cpupool_id: 0 }).cpus, 0b0001);
  equal(pool(control, FREEINFO, {}).cpus, 0);
  equal(pool(control, ADDCPU, { cpupool_id: 0, cpu: 1 }).result, -ENODEV, 'nobody has it to give');
  const before = steps;
  for (let turn = 0; turn < 10; turn++) machine.host.turn();
  ok(steps > before, 'it goes on where it can');

  equal(pool(control, CREATE, { cpupool_id: 1, sched_id: XEN_SCHEDULER_NULL }).result, 0);
  equal(hotplug(ONLINE, 3), 0);
  equal(pool(control, INFO, { cpupool_id: 0 }).cpus, 0b1001);
  equal(pool(control, RMCPU, { cpupool_id: 0, cpu: 3 }).result, 0);
  equal(pool(control, ADDCPU, { cpupool_id: 1, cpu: 3 }).result, 0);
  equal(hotplug(OFFLINE, 3), -ENODEV, 'another pool has it');
  equal(online(), 2);
});
