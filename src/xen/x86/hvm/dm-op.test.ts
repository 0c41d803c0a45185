import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EBUSY, EINVAL, EOPNOTSUPP, EPERM, ESRCH } from '../../../abi/errno.ts';
import { HVMMEM_ram_ro, HVMMEM_ram_rw } from '../../../abi/hvm/hvm_op.ts';
import { XEN_DMOP_EVENT_hw_exc, XEN_DMOP_EVENT_sw_exc } from '../../../abi/hvm/dm_op.ts';
import { SHUTDOWN_crash } from '../../../abi/sched.ts';
import { __HYPERVISOR_dm_op, type Domid, gfn } from '../../../abi/xen.ts';
import { HypercallError } from '../../../libs/call/call.ts';
import { DeviceModelCalls } from '../../../libs/devicemodel/devicemodel.ts';
import { TestMachine } from '../../testing/test-machine.ts';
import { LogDirty } from '../mm/log-dirty.ts';
import { P2M_RAM_RO, P2M_RAM_RW } from '../mm/p2m.ts';

function setUp() {
  const machine = new TestMachine();
  const guest = machine.domain({ vcpus: 2 });
  return { machine, guest, calls: new DeviceModelCalls(machine.dom0), id: guest.domain.id };
}

/** The errno of what is refused. */
function refused(call: () => void): number {
  try {
    call();
  } catch (error) {
    if (error instanceof HypercallError) return error.errno;
    throw error;
  }
  return 0;
}

test('a device model asks how many vCPUs a domain has, and shuts it down', () => {
  const { calls, id, guest } = setUp();
  equal(calls.nr_vcpus(id), 2);
  calls.shutdown(id, SHUTDOWN_crash);
  deepEqual([guest.domain.shuttingDown, guest.domain.shutdownCode], [true, SHUTDOWN_crash]);
});

test('one event at a time waits for a vCPU', () => {
  const { calls, id } = setUp();
  const event = { vcpu: 1, vector: 14, type: XEN_DMOP_EVENT_hw_exc, errorCode: 2, cr2: 0x1234n };
  calls.inject_event(id, event);
  equal(
    refused(() => calls.inject_event(id, event)),
    EBUSY,
  );
  calls.inject_event(id, { ...event, vcpu: 0, type: XEN_DMOP_EVENT_sw_exc });
  equal(
    refused(() => calls.inject_event(id, { ...event, vcpu: 2 })),
    EINVAL,
  );
});

test('memory can be made read-only, and writable again; holes cannot', () => {
  const { calls, id, guest } = setUp();
  const { p2m } = guest.domain;
  ok(p2m !== undefined);
  const mfn = p2m.mfn(5);
  calls.set_mem_type(id, HVMMEM_ram_ro, gfn(5), 40);
  deepEqual([p2m.type(4), p2m.type(5), p2m.type(44), p2m.type(45)], [P2M_RAM_RW, P2M_RAM_RO, P2M_RAM_RO, P2M_RAM_RW]);
  calls.set_mem_type(id, HVMMEM_ram_rw, gfn(5), 40);
  equal(p2m.type(5), P2M_RAM_RW);
  equal(p2m.mfn(5), mfn, 'with what was in it');
  equal(
    refused(() => calls.set_mem_type(id, HVMMEM_ram_ro, gfn(p2m.maximumGfn), 2)),
    EINVAL,
  );
});

test('log-dirty mode is told of frames that somebody else wrote', () => {
  const { calls, id, guest } = setUp();
  const { p2m } = guest.domain;
  ok(p2m !== undefined);
  calls.modified_memory(id, gfn(5), 3); // nobody wants to know
  p2m.logDirty = new LogDirty();
  p2m.logDirtyChanged();
  calls.modified_memory(id, gfn(5), 3);
  deepEqual(
    [4, 5, 7, 8].map((page) => p2m.logDirty?.isDirty(page)),
    [false, true, true, false],
  );
  equal(
    refused(() => calls.modified_memory(id, gfn(5), 2 ** 20)),
    EINVAL,
  );
});

test('who may: privileged domains, about others that there are; and I/O emulation is not there', () => {
  const { machine, calls, guest, id } = setUp();
  equal(
    refused(() => calls.nr_vcpus(99 as Domid)),
    ESRCH,
  );
  const other = machine.domain();
  // Buffer 0 of a guest's own: create_ioreq_server.
  const view = other.view(0x1000);
  view.setBigUint64(0, 0x2000n, true);
  view.setBigUint64(8, 64n, true);
  other.view(0x2000).setUint32(0, 1, true);
  equal(other.hypercall(__HYPERVISOR_dm_op, [id, 1, 0x1000]), -EPERM);
  other.domain.target = guest.domain;
  equal(other.hypercall(__HYPERVISOR_dm_op, [id, 1, 0x1000]), -EOPNOTSUPP);
});
