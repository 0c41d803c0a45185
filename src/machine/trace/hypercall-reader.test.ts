import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { CompatXenMemoryMap } from '../../abi/compat/memory.ts';
import {
  XENMEM_decrease_reservation,
  XENMEM_memory_map,
  XenMemoryMap,
  XenMemoryReservation,
} from '../../abi/memory.ts';
import { VCPUOP_is_up } from '../../abi/vcpu.ts';
import {
  __HYPERVISOR_memory_op,
  __HYPERVISOR_multicall,
  __HYPERVISOR_vcpu_op,
  DOMID_SELF,
  MulticallEntry,
} from '../../abi/xen.ts';
import { HypercallCtrl } from '../../libs/ctrl/ctrl-hypercalls.ts';
import { type Guest, TestMachine } from '../../xen/testing/test-machine.ts';
import { HypercallReader, type ReadCall, type ReadReturn } from './hypercall-reader.ts';

function recorded(act: (guest: Guest, machine: TestMachine) => void): (ReadCall | ReadReturn)[] {
  const machine = new TestMachine();
  const guest = machine.domain();
  const { traceControl } = machine.xen;
  traceControl.allocate(1 << 20);
  traceControl.enable();
  act(guest, machine);
  traceControl.disable();
  const read: (ReadCall | ReadReturn)[] = [];
  const reader = new HypercallReader((each) => read.push(each));
  traceControl.take({ lost: () => reader.forget(), record: (record) => void reader.take(record) });
  reader.flush();
  return read;
}

const brief = (read: ReadCall | ReadReturn) =>
  read.kind === 'call' ? [read.name, read.args] : [read.name, read.result, read.changed];

function memoryMap(guest: Guest, structure: typeof XenMemoryMap | typeof CompatXenMemoryMap): void {
  guest.domain.memoryMap = new Uint8Array(20);
  const argument = new structure(guest.view(0x1000), 0);
  argument.nr_entries = 9;
  argument.buffer = 0x3000n as never;
  guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_memory_map, 0x1000]);
}

test('a call’s arguments are those of its operation and of its structure; its return tells what that became', () => {
  const read = recorded((guest) => memoryMap(guest, XenMemoryMap));
  deepEqual(read.map(brief), [
    ['XENMEM_memory_map', { nr_entries: 9, buffer: 0x3000 }],
    ['XENMEM_memory_map', 0, { nr_entries: 1 }],
  ]);
});

test('of 32-bit code structures are laid out as that has them', () => {
  const read = recorded((guest) => {
    guest.cpu().longMode(false);
    memoryMap(guest, CompatXenMemoryMap);
  });
  deepEqual(read.map(brief), [
    ['XENMEM_memory_map', { nr_entries: 9, buffer: 0x3000 }],
    ['XENMEM_memory_map', 0, { nr_entries: 1 }],
  ]);
});

test('the calls of a multicall lie between its own beginning and its end', () => {
  const read = recorded((guest) => {
    const entry = new MulticallEntry(guest.view(0x1000), 0);
    guest.bytes(0x1000, MulticallEntry.SIZE).fill(0);
    entry.op = __HYPERVISOR_vcpu_op as never;
    entry.set_args(0, BigInt(VCPUOP_is_up));
    guest.hypercall(__HYPERVISOR_multicall, [0x1000, 1]);
  });
  deepEqual(
    read.map(({ kind, name }) => `${kind} ${name}`),
    ['call multicall', 'call VCPUOP_is_up', 'return VCPUOP_is_up', 'return multicall'],
  );
  equal((read[2] as ReadReturn).result, 1);
});

test('a call that gives way is told to be continued, and is a call again', () => {
  const read = recorded((guest) => {
    for (let page = 0; page < 8; page++) guest.bytes(0x10000 + page * 4096, 4096).fill(0);
    guest.withStructure(
      XenMemoryReservation,
      (argument) => {
        argument.domid = DOMID_SELF;
        argument.nr_extents = 4000;
        argument.extent_start = 0x10000n;
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_decrease_reservation, at]),
    );
  });
  const returns = read.filter((each): each is ReadReturn => each.kind === 'return');
  deepEqual(
    returns.map(({ result }) => result === 'continued'),
    returns.map((_, index) => index < returns.length - 1),
  );
});

test('dom0’s calls have their operation in what they point at', () => {
  const read = recorded((guest, machine) => {
    new HypercallCtrl(machine.dom0).domain_setmaxmem(guest.domain.id, 4096);
    machine.dom0.hypercall(63);
  });
  deepEqual(
    read.map(({ kind, name, who }) => `${kind} ${name} ${who}`),
    ['call XEN_DOMCTL_max_mem 0', 'return XEN_DOMCTL_max_mem 0', 'call hypercall 63 0', 'return hypercall 63 0'],
  );
  deepEqual(read[0]?.kind === 'call' && read[0].args, { max_memkb: 4096 });
  equal((read[3] as ReadReturn).result, -38);
});
