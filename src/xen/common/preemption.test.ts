import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as mem from '../../abi/memory.ts';
import {
  XENMEM_access_op,
  XENMEM_access_op_set_access,
  XENMEM_access_rx,
  XenMemAccessOp,
} from '../../abi/memory-tools.ts';
import { XENVER_version } from '../../abi/version.ts';
import {
  __HYPERVISOR_memory_op,
  __HYPERVISOR_multicall,
  __HYPERVISOR_xen_version,
  DOMID_SELF,
  MulticallEntry,
} from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { dispatch } from '../hypercalls.ts';
import { listenTo } from '../testing/listener.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { P2M_RAM_RW } from '../x86/mm/p2m.ts';

// Long calls come back to the guest's VMCALL after a fair share, with their arguments saying where to go on, so that
// no guest holds the machine. What one share may be is bounded here by the memory accesses of the parts.

const LIST = 0x4000_0000;
const A_SHARE = 8192;

/** Guest frames from `LIST` on that are all the same page: room for arrays that no guest here has memory for. */
function aliased(guest: Guest, bytes: number): void {
  const mfn = guest.domain.p2m?.mfn(20) ?? 0;
  for (let page = 0; page * PAGE_SIZE < bytes; page++) guest.domain.p2m?.set(LIST / PAGE_SIZE + page, mfn, P2M_RAM_RW);
}

/** Lets the guest make a call as its kernel would, and counts how often it was made, and the longest part. */
function perform(guest: Guest, nr: number, args: readonly (number | bigint)[]) {
  const { machine } = guest;
  const parts = { count: 0, longest: 0, result: 0 };
  const memory = guest.hvm[0]?.guest;
  ok(memory);
  let accesses = 0;
  const [read, write] = [memory.read.bind(memory), memory.write.bind(memory)];
  memory.read = (address, into) => {
    accesses += 1;
    return read(address, into);
  };
  memory.write = (address, from) => {
    accesses += 1;
    return write(address, from);
  };
  machine.xen.dispatch = (call) => {
    accesses = 0;
    parts.count += 1;
    const result = dispatch(call);
    parts.longest = Math.max(parts.longest, accesses);
    return result;
  };
  guest.run(function* (cpu) {
    yield cpu.hypercall(nr, ...args);
    parts.result = cpu.result;
  });
  memory.read = read;
  memory.write = write;
  machine.xen.dispatch = dispatch;
  return parts;
}

function machine() {
  const made = new TestMachine();
  return { control: made.domain({ privileged: true }), guest: made.domain() };
}

test('populating 2^20 frames on demand is done in shares', () => {
  const { control, guest } = machine();
  guest.domain.p2m?.reserve(2 ** 21);
  for (let index = 0; index < 2 ** 11; index++) {
    const gfn = BigInt(2 ** 20 + index * 512);
    ok(control.hvm[0]?.guest.write(BigInt(0x10000 + index * 8), new Uint8Array(BigUint64Array.of(gfn).buffer)));
  }
  let parts = { count: 0, longest: 0, result: 0 };
  control.withStructure(
    mem.XenMemoryReservation,
    (argument) => {
      argument.extent_start = 0x10000n;
      argument.nr_extents = 2 ** 11;
      argument.extent_order = 9;
      argument.mem_flags = mem.XENMEMF_populate_on_demand;
      argument.domid = guest.domain.id;
    },
    (at) => {
      parts = perform(control, __HYPERVISOR_memory_op, [mem.XENMEM_populate_physmap, at]);
      return 0;
    },
  );
  equal(parts.result, 2 ** 11);
  equal(guest.domain.p2m?.pod?.entries, 2 ** 20);
  ok(parts.count >= 512, `${parts.count} parts`);
});

test('a multicall of 2^20 calls is made in shares', () => {
  const { guest } = machine();
  aliased(guest, 2 ** 20 * MulticallEntry.SIZE);
  for (let index = 0; index < PAGE_SIZE / MulticallEntry.SIZE; index++) {
    const entry = new MulticallEntry(guest.view(LIST), index * MulticallEntry.SIZE);
    entry.op = __HYPERVISOR_xen_version;
    entry.set_args(0, BigInt(XENVER_version));
  }
  const parts = perform(guest, __HYPERVISOR_multicall, [LIST, 2 ** 20]);
  equal(parts.result, 0);
  ok(parts.count > 2 ** 20, 'the calls themselves, and the shares');
  ok(parts.longest < A_SHARE, `${parts.longest} accesses`);
});

test('decreasing by 2^20 extents stops for others; what is not there ends it', () => {
  const { guest } = machine();
  aliased(guest, 2 ** 20 * 8);
  guest.view(LIST).setBigUint64(0, 0x30n, true);
  let parts = { count: 0, longest: 0, result: 0 };
  guest.withStructure(
    mem.XenMemoryReservation,
    (argument) => {
      argument.extent_start = BigInt(LIST);
      argument.nr_extents = 2 ** 20;
      argument.domid = DOMID_SELF;
    },
    (at) => {
      parts = perform(guest, __HYPERVISOR_memory_op, [mem.XENMEM_decrease_reservation, at]);
      return 0;
    },
  );
  equal(parts.result, 2, 'guest frame 0 is given back once');
});

test('a batch of 65,535 pages is added in shares', () => {
  const { guest } = machine();
  aliased(guest, 65_535 * 8);
  let parts = { count: 0, longest: 0, result: 0 };
  guest.withStructure(
    mem.XenAddToPhysmapBatch,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.space = mem.XENMAPSPACE_grant_table;
      argument.size = 65_535;
      argument.idxs = BigInt(LIST);
      argument.gpfns = BigInt(LIST);
      argument.errs = BigInt(LIST);
    },
    (at) => {
      parts = perform(guest, __HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap_batch, at]);
      return 0;
    },
  );
  equal(parts.result, 0);
  ok(parts.count >= 64, `${parts.count} parts`);
  ok(parts.longest < A_SHARE, `${parts.longest} accesses`);
});

test('restricting 2^20 frames is done in shares', () => {
  const { control, guest } = machine();
  guest.domain.p2m?.reserve(2 ** 21);
  guest.domain.p2m?.set(2 ** 21, guest.domain.p2m.mfn(3), P2M_RAM_RW);
  listenTo(guest.domain);
  let parts = { count: 0, longest: 0, result: 0 };
  control.withStructure(
    XenMemAccessOp,
    (argument) => {
      argument.op = XENMEM_access_op_set_access;
      argument.access = XENMEM_access_rx;
      argument.domid = guest.domain.id;
      argument.nr = 2 ** 20;
      argument.pfn = 1n;
    },
    (at) => {
      parts = perform(control, __HYPERVISOR_memory_op, [XENMEM_access_op, at]);
      return 0;
    },
  );
  equal(parts.result, 0);
  equal(parts.count, 512);
  equal(guest.domain.p2m?.access(5), XENMEM_access_rx);
});

test('a continuation that the guest makes up goes nowhere', () => {
  const { guest } = machine();
  const call = (op: number, extent: number) =>
    guest.withStructure(
      mem.XenMemoryReservation,
      (argument) => {
        argument.extent_start = 0x2000n;
        argument.nr_extents = 4;
        argument.domid = DOMID_SELF;
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [op + extent * 64, at]),
    ).result;
  equal(call(mem.XENMEM_decrease_reservation, 4), 4, 'past the end: what was asked for is done');
  equal(call(mem.XENMEM_decrease_reservation, 2 ** 25), 2 ** 25);
  ok(call(mem.XENMEM_current_reservation, 1) < 0);
});
