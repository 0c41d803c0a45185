import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { EBUSY, EFAULT, EINVAL, EPERM } from '../../abi/errno.ts';
import { EVTCHNOP_alloc_unbound, EVTCHNOP_send, EvtchnAllocUnbound, EvtchnSend } from '../../abi/event_channel.ts';
import {
  GNTMAP_host_map,
  GNTTABOP_map_grant_ref,
  GnttabMapGrantRef,
  GTF_permit_access,
} from '../../abi/grant_table.ts';
import { HVMOP_xentrace, XenHvmXentrace } from '../../abi/hvm/hvm_op.ts';
import { XENMEM_decrease_reservation, XenMemoryReservation } from '../../abi/memory.ts';
import { SCHEDOP_yield } from '../../abi/sched.ts';
import { XEN_SYSCTL_INTERFACE_VERSION, XEN_SYSCTL_tbuf_op, XenSysctl } from '../../abi/sysctl.ts';
import * as trc from '../../abi/trace.ts';
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_hvm_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_sysctl,
  DOMID_SELF,
  type Domid,
  type GrantRef,
} from '../../abi/xen.ts';
import { EXIT_HLT } from '../../cpu/engine.ts';
import { HypercallError } from '../../libs/call/call.ts';
import { TraceCalls } from '../../libs/ctrl/trace-calls.ts';
import { entry, pair } from '../testing/grants.ts';
import { TestMachine } from '../testing/test-machine.ts';
import * as event from './events.ts';
import * as exits from './exit-records.ts';
import { EVERYTHING } from './trace-buffer.ts';

const PAGE_SIZE = 4096;
/** Of Xen's p2m_type_t. */
const P2M_INVALID = 1;
const P2M_GRANT_MAP_RW = 7;

/** What was recorded: the event, who ran, and the words. */
function taken({ xen }: TestMachine): [event: number, who: string, ...words: number[]][] {
  const records: [number, string, ...number[]][] = [];
  xen.traceControl.take({
    lost: () => {},
    record: (record) => {
      const words = Array.from({ length: record.extras }, (_, index) => record.extra(index));
      records.push([record.event, `d${record.domid}v${record.vcpuId}`, ...words]);
    },
  });
  return records;
}

function recording(machine: TestMachine, events = EVERYTHING.events): void {
  machine.xen.traceControl.allocate(1 << 20);
  machine.xen.traceControl.filter = { ...EVERYTHING, events };
  machine.xen.traceControl.enable();
}

const only = (machine: TestMachine, ...events: number[]) => taken(machine).filter(([each]) => events.includes(each));

function refusal(call: () => void, errno: number): void {
  throws(call, (error: unknown) => error instanceof HypercallError && error.errno === errno);
}

test('XEN_SYSCTL_tbuf_op: nothing is recorded before there is a size; a size is given once, and switches it on', () => {
  const machine = new TestMachine();
  const calls = new TraceCalls(machine.dom0);
  refusal(() => calls.tbuf_enable(), EINVAL);
  refusal(() => calls.tbuf_set_size(0), EINVAL);
  deepEqual(calls.tbuf_get_info(), { evt_mask: trc.TRC_ALL, buffer_mfn: 0, size: 0 });
  equal(machine.xen.traceControl.enabled, false);

  calls.tbuf_set_size(2);
  ok(machine.xen.traceControl.enabled);
  equal(machine.xen.traceControl.capacity, Math.floor((2 * PAGE_SIZE * machine.xen.scheduler.cpus.length) / 48));
  refusal(() => calls.tbuf_set_size(3), EINVAL);
  refusal(() => calls.tbuf_set_size(2), EBUSY);

  calls.tbuf_disable();
  equal(machine.xen.traceControl.enabled, false);
  taken(machine);
  calls.tbuf_get_info();
  deepEqual(taken(machine), []);
  calls.tbuf_enable();
  calls.tbuf_get_info();
  ok(taken(machine).length > 0);
});

test('XEN_SYSCTL_tbuf_op: masks of events and of pCPUs', () => {
  const machine = new TestMachine();
  const calls = new TraceCalls(machine.dom0);
  calls.tbuf_set_evt_mask(trc.TRC_PV);
  calls.tbuf_set_size(1);
  equal(calls.tbuf_get_info().evt_mask, trc.TRC_PV);
  deepEqual(new Set(taken(machine).map(([each]) => each)), new Set([trc.TRC_PV_HYPERCALL_V2]));
  calls.tbuf_set_cpu_mask(0b10n);
  taken(machine);
  calls.tbuf_get_info();
  deepEqual(taken(machine), [], 'dom0 is on pCPU 0');
  calls.tbuf_set_cpu_mask(0b1n);
  calls.tbuf_get_info();
  equal(taken(machine).length, 1);
});

test('recording that begins again knows who runs by then, not who ran when it ended', () => {
  const machine = new TestMachine();
  const calls = new TraceCalls(machine.dom0);
  calls.tbuf_set_size(1);
  calls.tbuf_disable();
  taken(machine);
  // Nobody: this is no call of dom0's.
  machine.xen.traceControl.enable();
  machine.xen.traceBuffer?.record(event.SCHED_WAKE, 1, 1, 0);
  machine.xen.traceControl.disable();
  // And again: a call of dom0's.
  calls.tbuf_enable();
  deepEqual(
    taken(machine).map(([each, who]) => [each, who]),
    [
      [trc.TRC_SCHED_WAKE, 'd32767v0'],
      [trc.TRC_SCHED_CONTINUE_RUNNING, 'd0v0'],
      [trc.TRC_SCHED_RUNSTATE_CHANGE | (2 << 4), 'd0v0'],
    ],
  );
});

test('dom0’s hypercalls are as Xen records a PV guest’s: arguments and their sizes in the first word', () => {
  const machine = new TestMachine();
  recording(machine, trc.TRC_PV | event.TRC_X_CALL);
  machine.dom0.hypercall(__HYPERVISOR_sched_op, 99, 0x1000);
  deepEqual(taken(machine), [
    // Five arguments, since nobody knows how many an operation that is not there has.
    [trc.TRC_PV_HYPERCALL_V2, 'd0v0', __HYPERVISOR_sched_op | (0x155 << 20), 99, 0x1000, 0, 0, 0],
    [event.TRC_X_HYPERCALL_RETURN, 'd0v0', __HYPERVISOR_sched_op, -38 >>> 0, 0xffffffff],
  ]);
});

test('a guest’s hypercall: what it was given, what that pointed at, what it changed there, the result', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  recording(machine, event.TRC_X_CALL);
  guest.withStructure(
    EvtchnAllocUnbound,
    (argument) => {
      argument.dom = DOMID_SELF;
      argument.remote_dom = 0 as Domid;
    },
    (at) => guest.hypercall(__HYPERVISOR_event_channel_op, [EVTCHNOP_alloc_unbound, at]),
  );
  const nr = __HYPERVISOR_event_channel_op;
  deepEqual(
    taken(machine).map(([each, , ...words]) => [each, ...words]),
    [
      [event.TRC_X_HYPERCALL, nr | (0x5 << 20), EVTCHNOP_alloc_unbound, 0x1000],
      [event.TRC_X_HYPERCALL_DATA, DOMID_SELF, 0],
      [event.TRC_X_HYPERCALL_CHANGED, DOMID_SELF, 1],
      [event.TRC_X_HYPERCALL_RETURN, nr, 0, 0],
    ],
  );
});

test('a pointer that is bad has no bytes to show', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  recording(machine, event.TRC_X_CALL);
  equal(guest.hypercall(__HYPERVISOR_event_channel_op, [EVTCHNOP_send, 0xdead_0000_0000n]), -EFAULT);
  deepEqual(
    taken(machine).map(([each]) => each),
    [event.TRC_X_HYPERCALL, event.TRC_X_HYPERCALL_RETURN],
  );
});

test('exits and entries: what an exit was about comes between the two; interrupts are injected on the way in', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const out = new Uint32Array(4);
  recording(machine, trc.TRC_HVM);
  guest.run(function* (cpu) {
    yield cpu.hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
    cpu.intercepts.cpuid(0, 0, out);
    cpu.intercepts.writePort(0x80, 1, 7);
    cpu.interruptsEnabled = true;
    yield EXIT_HLT;
  });
  const rip = guest.cpu().state.rip;
  const at = Number(rip - 3n);
  const handled = (code: number, address: number, ...words: number[]) => [
    [trc.TRC_HVM_VMEXIT64, code, address >>> 0, address < 0 ? 0xffffffff : 0],
    words,
  ];
  deepEqual(
    taken(machine).map(([each, , ...words]) => [each, ...words]),
    [
      [trc.TRC_HVM_VMENTRY],
      ...handled(exits.VMEXIT_VMMCALL, at, trc.TRC_HVM_VMMCALL, __HYPERVISOR_sched_op),
      [trc.TRC_HVM_VMENTRY],
      ...handled(exits.VMEXIT_CPUID, Number(rip), trc.TRC_HVM_CPUID, 0, 0, ...out),
      [trc.TRC_HVM_VMENTRY],
      ...handled(exits.VMEXIT_IOIO, Number(rip), trc.TRC_HVM_IOPORT_WRITE, 0x80, 7),
      [trc.TRC_HVM_VMENTRY],
      ...handled(exits.VMEXIT_HLT, Number(rip) - 1, trc.TRC_HVM_HLT, 0),
    ],
  );
});

test('a vCPU runs from one change of its runstate to the next, and what it does meanwhile is its own', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  recording(machine, trc.TRC_SCHED_MIN | trc.TRC_HVM_ENTRYEXIT);
  guest.run(function* (cpu) {
    cpu.interruptsEnabled = true;
    yield EXIT_HLT;
  });
  const who = `d${guest.domain.id}v0`;
  const number = guest.domain.id << 16;
  deepEqual(
    taken(machine)
      .filter(([each, , first]) => (each & 0xf0000) === 0x80000 || first === number)
      .map(([each, by]) => [each.toString(16), by === who]),
    [
      ['21311', false], // offline to runnable: somebody else's doing
      ['21101', false],
      ['81001', true],
      ['81102', true],
      ['21021', true], // running to blocked
    ],
  );
});

test('an event is recorded where it is raised: whose, which port, which vCPU is told', () => {
  const machine = new TestMachine();
  const [one, other] = [machine.domain(), machine.domain()];
  const port = other.domain.events.allocUnbound(one.domain.id, other.domain);
  const local = one.domain.events.bindInterdomain(other.domain, port);
  recording(machine, event.TRC_X_EVENT);
  one.withStructure(
    EvtchnSend,
    (argument) => {
      argument.port = local as typeof argument.port;
    },
    (at) => one.hypercall(__HYPERVISOR_event_channel_op, [EVTCHNOP_send, at]),
  );
  deepEqual(
    taken(machine).map(([each, , ...words]) => [each, ...words]),
    [[event.TRC_X_EVENT_RAISED, other.domain.id, port, 0, 3, 0]],
  );
});

test('a grant that is mapped: whose, which; and the p2m entry that it got', () => {
  const { machine, granter, user } = pair();
  const row = entry(granter, 9);
  row.domid = user.domain.id;
  row.frame = 5 as typeof row.frame;
  row.flags = GTF_permit_access;
  recording(machine, trc.TRC_MEM);
  const { result } = user.withStructure(
    GnttabMapGrantRef,
    (argument) => {
      argument.host_addr = 0x300000n;
      argument.flags = GNTMAP_host_map;
      argument.ref = 9 as GrantRef;
      argument.dom = granter.domain.id;
    },
    (at) => user.hypercall(__HYPERVISOR_grant_table_op, [GNTTABOP_map_grant_ref, at, 1]),
  );
  equal(result, 0);
  const mfn = granter.domain.p2m?.peekMfn(5) ?? 0;
  deepEqual(
    taken(machine).map(([each, , ...words]) => [each, ...words]),
    [
      [trc.TRC_MEM_SET_P2M_ENTRY, 0x300, 0, mfn, 0, P2M_GRANT_MAP_RW, user.domain.id],
      [trc.TRC_MEM_PAGE_GRANT_MAP, granter.domain.id, 9, GNTMAP_host_map],
    ],
  );
});

test('memory that is given back: the call, and the entry that goes', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  recording(machine, trc.TRC_MEM);
  guest.view(0x2000).setBigUint64(0, 7n, true);
  guest.withStructure(
    XenMemoryReservation,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.nr_extents = 1;
      argument.extent_start = 0x2000n;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_decrease_reservation, at]),
  );
  const { id } = guest.domain;
  deepEqual(
    taken(machine).map(([each, , ...words]) => [each, ...words]),
    [
      [trc.TRC_MEM_DECREASE_RESERVATION, 7, 0, id],
      [trc.TRC_MEM_SET_P2M_ENTRY, 7, 0, 0xffffffff, 0xffffffff, P2M_INVALID, id],
    ],
  );
});

test('HVMOP_xentrace: a record of the guest’s own; too long, or of another class, is refused', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  recording(machine, trc.TRC_GUEST);
  const trace = (number: number, length: number) =>
    guest.withStructure(
      XenHvmXentrace,
      (argument) => {
        argument.event = number;
        argument.extra_bytes = length;
        argument.extra.set([1, 0, 0, 0, 2, 0, 0, 0]);
      },
      (at) => guest.hypercall(__HYPERVISOR_hvm_op, [HVMOP_xentrace, at]),
    ).result;
  equal(trace(0xfff, 8), 0);
  equal(trace(0x1000, 8), -EINVAL);
  equal(trace(1, 32), -EINVAL);
  equal(trace(1, 6), 0, 'dropped without a word, as Xen does');
  equal(guest.hypercall(__HYPERVISOR_hvm_op, [HVMOP_xentrace, 0xdead_0000n]), -EFAULT);
  deepEqual(
    taken(machine).map(([each, , ...words]) => [each, ...words]),
    [[0x0800ffff, 1, 2]],
  );
});

test('only whoever is privileged may record', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const { result } = guest.withStructure(
    XenSysctl,
    (argument) => {
      argument.cmd = XEN_SYSCTL_tbuf_op;
      argument.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    },
    (at) => guest.hypercall(__HYPERVISOR_sysctl, [at]),
  );
  equal(result, -EPERM);
});

test('what a domain’s scheduling is: added, woken, switched to, removed', () => {
  const machine = new TestMachine();
  recording(machine);
  const guest = machine.domain();
  const { id } = guest.domain;
  deepEqual(only(machine, trc.TRC_SCHED_DOM_ADD, trc.TRC_DOM0_DOM_ADD).length, 2);
  guest.domain.kill();
  machine.host.settle();
  deepEqual(
    only(machine, trc.TRC_DOM0_DOM_REM).map(([, , domid]) => domid),
    [id],
  );
});
