import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { CompatXenAddToPhysmap, CompatXenMemoryMap, CompatXenMemoryReservation } from '../../abi/compat/memory.ts';
import { EFAULT, EINVAL, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH, EXDEV } from '../../abi/errno.ts';
import * as mem from '../../abi/memory.ts';
import { XENMEM_claim_pages } from '../../abi/memory-tools.ts';
import { __HYPERVISOR_memory_op, DOMID_SELF, type Domid, type Gfn } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { P2M_NONE } from '../x86/mm/p2m.ts';

function machine(pages = 64) {
  const made = new TestMachine();
  const guest = made.domain({ pages });
  guest.domain.maxPages = pages + 16;
  return { machine: made, guest };
}

interface Extents {
  gfns: readonly number[];
  order?: number;
  count?: number;
  domid?: number;
  pointer?: bigint;
}

function reservation(guest: Guest, op: number, { gfns, order = 0, count, domid = DOMID_SELF, pointer }: Extents) {
  const list = 0x2000;
  gfns.forEach((gfn, index) => guest.view(list).setBigUint64(index * 8, BigInt(gfn), true));
  return guest.withStructure(
    mem.XenMemoryReservation,
    (argument) => {
      argument.extent_start = pointer ?? BigInt(list);
      argument.nr_extents = count ?? gfns.length;
      argument.extent_order = order;
      argument.domid = domid as Domid;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [op, at]),
  ).result;
}

function addToPhysmap(guest: Guest, space: number, idx: number, gpfn: number, size = 0, domid: number = DOMID_SELF) {
  return guest.withStructure(
    mem.XenAddToPhysmap,
    (argument) => {
      argument.domid = domid as Domid;
      argument.size = size;
      argument.space = space;
      argument.idx = idx;
      argument.gpfn = gpfn as Gfn;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap, at]),
  ).result;
}

test('ballooning gives frames back and takes them again, zeroed', () => {
  const { guest } = machine();
  guest.bytes(0x20000, 4)[0] = 7;
  const free = guest.machine.xen.frames.free;
  equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [0x20, 0x21] }), 2);
  equal(guest.domain.totPages, 62);
  equal(guest.machine.xen.frames.free, free + 2);
  equal(guest.domain.p2m?.type(0x20), P2M_NONE);
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [0x21, 0x20] }), 2);
  equal(guest.domain.totPages, 64);
  equal(guest.bytes(0x20000, 4)[0], 0);
});

test('a frame given back is in no vCPU’s TLB when the answer is written', () => {
  const { guest } = machine();
  const before = guest.cpu().flushes;
  reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [0x20] });
  guest.hvm[0]?.guest.read(0n, new Uint8Array(1));
  ok(guest.cpu().flushes > before);
});

test('reservation calls tell how many extents were done, and nothing of why they stopped', () => {
  const { guest } = machine();
  equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [0x30, 0x999, 0x31] }), 1);
  equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [0x30] }), 0, 'freed once');
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [1, 2], domid: 555 }), 0);
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [100], order: 10 }), 0, 'order too large');
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [], count: 2 ** 40 }), 0);
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [], count: 5, pointer: 0xdead0000n }), 0);
  equal(guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_populate_physmap, 0xdead0000]), 0);
  const tooMany = Array.from({ length: 40 }, (_, index) => 0x1000 + index);
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: tooMany }), 17, 'up to the limit');
});

test('extents of order n are 2^n frames, whether or not the machine has such a block', () => {
  const { guest } = machine();
  equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [0x100, 0x108], order: 3 }), 2);
  equal(guest.domain.totPages, 80);
  equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [0x100], order: 3 }), 1);
  equal(guest.domain.totPages, 72);
});

test('guest frames at the end of the address space, and beyond, are refused without a trace', () => {
  const { guest } = machine();
  const total = guest.domain.totPages;
  for (const gfn of [2 ** 28, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
    equal(reservation(guest, mem.XENMEM_populate_physmap, { gfns: [gfn] }), 0);
    equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [gfn] }), 0);
    ok(addToPhysmap(guest, mem.XENMAPSPACE_shared_info, 0, gfn) < 0);
  }
  equal(guest.domain.totPages, total);
});

test('a privileged domain works on others, a guest on itself alone', () => {
  const { machine: made, guest } = machine();
  const other = made.domain();
  equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [1], domid: other.domain.id }), 0);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_shared_info, 0, 0x500, 0, other.domain.id), -EPERM);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_shared_info, 0, 0x500, 0, 999), -ESRCH);
});

test('shared info can be put where the guest likes, and moved, and what was there is freed', () => {
  const { guest } = machine();
  equal(addToPhysmap(guest, mem.XENMAPSPACE_shared_info, 0, 0x30), 0);
  equal(guest.domain.totPages, 63);
  equal(guest.domain.p2m?.mfn(0x30), guest.domain.sharedInfo / PAGE_SIZE);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_shared_info, 0, 0xfeff0), 0);
  equal(guest.domain.p2m?.type(0x30), P2M_NONE);
  equal(guest.domain.totPages, 63, 'Xen’s page is unhooked, not freed');
  equal(addToPhysmap(guest, mem.XENMAPSPACE_shared_info, 1, 0xfeff1), -EINVAL);
  equal(reservation(guest, mem.XENMEM_decrease_reservation, { gfns: [0xfeff0] }), 0, 'nor can the guest free it');
});

test('the grant table grows as its frames are mapped, up to its limit', () => {
  const { guest } = machine();
  equal(addToPhysmap(guest, mem.XENMAPSPACE_grant_table, 2, 0x400), 0);
  equal(guest.domain.grants.frames.length, 3);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_grant_table, 4, 0x401), -EINVAL);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_grant_table, 0x80000000, 0x401), -EINVAL, 'status frames are version 2');
  equal(addToPhysmap(guest, mem.XENMAPSPACE_grant_table, 2 ** 40, 0x401), -EINVAL);
});

test('a guest moves its own frames; one that is not where it says is -EXDEV', () => {
  const { guest } = machine();
  const mfn = guest.domain.p2m?.mfn(0x10);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_gmfn, 0x10, 0x200), 0);
  equal(guest.domain.p2m?.mfn(0x200), mfn);
  equal(guest.domain.p2m?.type(0x10), P2M_NONE);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_gmfn, 0x10, 0x201), -EINVAL, 'it is gone from there');
  equal(addToPhysmap(guest, mem.XENMAPSPACE_gmfn, 0x200, 0x11), 0);
  equal(guest.domain.totPages, 63, 'the frame that was at 0x11 is freed');
  guest.machine.xen.frames.setM2p(guest.domain.p2m?.mfn(0x12) ?? 0, 0x999);
  equal(addToPhysmap(guest, mem.XENMAPSPACE_gmfn, 0x12, 0x300), -EXDEV);
});

test('a range moves frame by frame', () => {
  const { guest } = machine();
  equal(addToPhysmap(guest, mem.XENMAPSPACE_gmfn_range, 0x10, 0x200, 4), 0);
  deepEqual(
    [0x10, 0x13, 0x200, 0x203].map((gfn) => guest.domain.p2m?.type(gfn) !== P2M_NONE),
    [false, false, true, true],
  );
});

test('a privileged domain maps frames of others into its own map, and holds them', () => {
  const made = new TestMachine();
  const [control, guest] = [made.domain({ privileged: true }), made.domain()];
  const put = (at: number, value: number) => control.view(at).setBigUint64(0, BigInt(value), true);
  const batch = (gfn: number, at: number, owner: number) => {
    put(0x3000, gfn);
    put(0x4000, at);
    const { result } = control.withStructure(
      mem.XenAddToPhysmapBatch,
      (argument) => {
        argument.domid = DOMID_SELF;
        argument.space = mem.XENMAPSPACE_gmfn_foreign;
        argument.foreign_domid = owner as Domid;
        argument.size = 1;
        argument.idxs = 0x3000n;
        argument.gpfns = 0x4000n;
        argument.errs = 0x5000n;
      },
      (address) => control.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap_batch, address]),
    );
    equal(result, 0);
    return control.view(0x5000).getInt32(0, true);
  };
  equal(batch(5, 0x500, guest.domain.id), 0);
  guest.bytes(5 * PAGE_SIZE, 1)[0] = 77;
  equal(control.bytes(0x500 * PAGE_SIZE, 1)[0], 77);
  equal(batch(0x999, 0x501, guest.domain.id), -EINVAL);
  equal(batch(5, 0x501, 444), -ESRCH);
  guest.domain.kill();
  equal(made.xen.domains.has(guest.domain.id), true, 'a frame of it is held');
  control.domain.kill();
  equal(made.xen.domains.has(guest.domain.id), false);
});

test('spaces there are not are refused', () => {
  const { guest } = machine();
  equal(addToPhysmap(guest, mem.XENMAPSPACE_gmfn_foreign, 0, 0x200), -ENOSYS);
  equal(addToPhysmap(guest, 77, 0, 0x200), -EINVAL);
  const batch = guest.withStructure(
    mem.XenAddToPhysmapBatch,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.space = mem.XENMAPSPACE_gmfn_range;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap_batch, at]),
  );
  equal(batch.result, -EOPNOTSUPP);
});

test('a batch has a result for each page', () => {
  const { guest } = machine();
  const put = (at: number, values: readonly number[]) =>
    values.forEach((value, index) => guest.view(at).setBigUint64(index * 8, BigInt(value), true));
  put(0x3000, [0, 9, 1]);
  put(0x4000, [0x500, 0x501, 0x502]);
  const { result } = guest.withStructure(
    mem.XenAddToPhysmapBatch,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.space = mem.XENMAPSPACE_grant_table;
      argument.size = 3;
      argument.idxs = 0x3000n;
      argument.gpfns = 0x4000n;
      argument.errs = 0x5000n;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap_batch, at]),
  );
  equal(result, 0);
  deepEqual(
    [0, 4, 8].map((at) => guest.view(0x5000).getInt32(at, true)),
    [0, -EINVAL, 0],
  );
});

test('remove_from_physmap leaves a hole; the frame stays the domain’s', () => {
  const { guest } = machine();
  const remove = (gpfn: number) =>
    guest.withStructure(
      mem.XenRemoveFromPhysmap,
      (argument) => {
        argument.domid = DOMID_SELF;
        argument.gpfn = gpfn as Gfn;
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_remove_from_physmap, at]),
    ).result;
  equal(remove(0x10), 0);
  equal(guest.domain.totPages, 64);
  equal(remove(0x10), -ENOENT);
});

test('the memory map is the builder’s; without one there is none', () => {
  const { guest } = machine();
  const ask = (room: number, buffer: number) =>
    guest.withStructure(
      mem.XenMemoryMap,
      (argument) => {
        argument.nr_entries = room;
        argument.buffer = BigInt(buffer);
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_memory_map, at]),
    );
  equal(ask(10, 0x3000).result, -ENOSYS);
  guest.domain.memoryMap = Uint8Array.from({ length: 60 }, (_, index) => index);
  const { result, argument } = ask(2, 0x3000);
  deepEqual([result, argument.nr_entries, guest.bytes(0x3000, 41)[39], guest.bytes(0x3000, 41)[40]], [0, 2, 39, 0]);
  equal(ask(10, 0xdead000).result, -EFAULT);
});

test('sizes are told to the domain itself', () => {
  const { guest } = machine();
  const ask = (op: number, domid: number) =>
    guest.withStructure(
      mem.XenMemoryDomain,
      (argument) => {
        argument.domid = domid as Domid;
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [op, at]),
    ).result;
  equal(ask(mem.XENMEM_current_reservation, DOMID_SELF), 64);
  equal(ask(mem.XENMEM_maximum_reservation, DOMID_SELF), 80);
  equal(ask(mem.XENMEM_maximum_gpfn, DOMID_SELF), 63);
  equal(ask(mem.XENMEM_current_reservation, 0), -EPERM);
  equal(ask(mem.XENMEM_current_reservation, 444), -ESRCH);
});

test('claims are dom0’s to make', () => {
  const { guest } = machine();
  equal(reservation(guest, XENMEM_claim_pages, { gfns: [], count: 4, domid: guest.domain.id, pointer: 0n }), -EPERM);
});

test('32-bit code passes the same structures with 4-byte longs and pointers', () => {
  const { guest } = machine();
  guest.cpu().longMode(false);
  guest.view(0x2000).setUint32(0, 0x20, true);
  guest.view(0x2000).setUint32(4, 0x21, true);
  const decreased = guest.withStructure(
    CompatXenMemoryReservation,
    (argument) => {
      argument.extent_start = 0x2000n;
      argument.nr_extents = 2;
      argument.domid = DOMID_SELF;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_decrease_reservation, at]),
  );
  equal(decreased.result, 2);
  const added = guest.withStructure(
    CompatXenAddToPhysmap,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.space = mem.XENMAPSPACE_shared_info;
      argument.gpfn = 0x20 as Gfn;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap, at]),
  );
  equal(added.result, 0);
  equal(guest.domain.p2m?.mfn(0x20), guest.domain.sharedInfo / PAGE_SIZE);
  guest.domain.memoryMap = new Uint8Array(20).fill(9);
  const map = guest.withStructure(
    CompatXenMemoryMap,
    (argument) => {
      argument.nr_entries = 5;
      argument.buffer = 0x3000n;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_memory_map, at]),
  );
  deepEqual([map.result, map.argument.nr_entries, guest.bytes(0x3000, 20)[19]], [0, 1, 9]);
});
