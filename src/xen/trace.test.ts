import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { XENMEM_decrease_reservation, XENMEM_memory_map, XenMemoryMap, XenMemoryReservation } from '../abi/memory.ts';
import { __HYPERVISOR_console_io, __HYPERVISOR_memory_op, __HYPERVISOR_xen_version, DOMID_SELF } from '../abi/xen.ts';
import { HYPERCALLS } from './hypercalls.ts';
import { TestMachine } from './testing/test-machine.ts';
import { HypercallTracer } from './trace.ts';

function traced() {
  const machine = new TestMachine();
  const guest = machine.domain();
  const lines: string[] = [];
  machine.xen.trace = new HypercallTracer((line) => lines.push(line));
  return { guest, lines };
}

test('a line has the vCPU, the operation, the structure given, the result, and what changed', () => {
  const { guest, lines } = traced();
  guest.domain.memoryMap = new Uint8Array(20);
  guest.withStructure(
    XenMemoryMap,
    (argument) => {
      argument.nr_entries = 9;
      argument.buffer = 0x3000n;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_memory_map, at]),
  );
  deepEqual(lines, [
    `d${guest.domain.id}v0 memory_op XENMEM_memory_map{nr_entries=9 buffer=0x3000} = 0 {nr_entries=1}`,
  ]);
});

test('an error is shown as such, a bad pointer as well, unknown calls with their bare arguments', () => {
  const { guest, lines } = traced();
  guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_memory_map, 0xdead0000]);
  guest.hypercall(__HYPERVISOR_console_io, [0, 0, 0x3000]);
  guest.hypercall(__HYPERVISOR_xen_version, [77, 1, 2]);
  deepEqual(
    lines.map((line) => line.slice(line.indexOf(' ') + 1)),
    [
      'memory_op XENMEM_memory_map{<bad pointer>} = -14',
      'console_io CONSOLEIO_write{count=0 buffer=0x3000} = 0',
      'xen_version{77 1 2 0 0} = -38',
    ],
  );
});

test('a call that is continued is traced each time, with where it goes on', () => {
  const { guest, lines } = traced();
  for (let page = 0; page < 8; page++) guest.bytes(0x10000 + page * 4096, 4096).fill(0);
  guest.withStructure(
    XenMemoryReservation,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.nr_extents = 3;
      argument.extent_start = 0x10000n;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [XENMEM_decrease_reservation, at]),
  );
  equal(lines.length, 1);
  ok(lines[0]?.includes('nr_extents=3'));
});

test('the table names each hypercall and each operation once', () => {
  const names = HYPERCALLS.map((row) => row.name);
  equal(new Set(names).size, names.length);
  equal(new Set(HYPERCALLS.map((row) => row.nr)).size, HYPERCALLS.length);
  for (const row of HYPERCALLS) {
    for (const operation of row.operations.values()) {
      equal(operation.handler === undefined, operation.support === 'absent', operation.name);
      if (operation.support === 'partly') ok(operation.note !== '', `${operation.name} says what is missing`);
    }
  }
});
