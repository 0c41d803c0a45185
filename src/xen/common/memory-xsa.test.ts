import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, EPERM } from '../../abi/errno.ts';
import * as mem from '../../abi/memory.ts';
import { SCHEDOP_shutdown, SHUTDOWN_poweroff } from '../../abi/sched.ts';
import * as version from '../../abi/version.ts';
import {
  __HYPERVISOR_memory_op,
  __HYPERVISOR_multicall,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_vm_assist,
  __HYPERVISOR_xen_version,
  DOMID_SELF,
  MulticallEntry,
  VMASST_CMD_enable,
  VMASST_TYPE_runstate_update_flag,
} from '../../abi/xen.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { auditP2m } from '../x86/mm/audit.ts';
import { P2M_NONE, P2M_POPULATE_ON_DEMAND, P2M_RAM_RW } from '../x86/mm/p2m.ts';

// What Xen's security advisories on memory and long hypercalls were about, where it applies: a test an advisory.

function reservation(
  caller: Guest,
  op: number,
  gfns: readonly number[],
  { order = 0, flags = 0, of = caller }: { order?: number; flags?: number; of?: Guest } = {},
): number {
  gfns.forEach((gfn, index) => caller.view(0x2000).setBigUint64(index * 8, BigInt(gfn), true));
  return caller.withStructure(
    mem.XenMemoryReservation,
    (argument) => {
      argument.extent_start = 0x2000n;
      argument.nr_extents = gfns.length;
      argument.extent_order = order;
      argument.mem_flags = flags;
      argument.domid = of === caller ? DOMID_SELF : of.domain.id;
    },
    (at) => caller.hypercall(__HYPERVISOR_memory_op, [op, at]),
  ).result;
}

/** A domain of 64 frames, 32 more of which are populated on demand from 0x40 on, with as many in the cache. */
function onDemand() {
  const made = new TestMachine();
  const control = made.domain({ privileged: true });
  const guest = made.domain();
  guest.domain.maxPages = 200;
  const gfns = Array.from({ length: 32 }, (_, index) => 0x40 + index);
  const flags = mem.XENMEMF_populate_on_demand;
  equal(reservation(control, mem.XENMEM_populate_physmap, gfns, { flags, of: guest }), 32);
  guest.domain.p2m?.pod?.setTarget(96);
  return { made, control, guest, pod: guest.domain.p2m?.pod };
}

function booksAreRight(guest: Guest): void {
  const { m2pBad, p2mBad, onDemand: entries } = auditP2m(guest.domain);
  deepEqual([m2pBad, p2mBad, entries], [0, 0, guest.domain.p2m?.pod?.entries ?? 0]);
}

test('XSA-122: what xen_version writes is text and zeros, and nothing that lay there before', () => {
  const guest = new TestMachine().domain();
  for (const [op, length] of [
    [version.XENVER_extraversion, version.XEN_EXTRAVERSION_LEN],
    [version.XENVER_changeset, version.XEN_CHANGESET_INFO_LEN],
    [version.XENVER_compile_info, version.XenCompileInfo.SIZE],
  ] as const) {
    // Something of another call's in Xen's memory, which must not come out.
    reservation(guest, mem.XENMEM_populate_physmap, [1, 2, 3]);
    guest.bytes(0x3000, 2048).fill(0xaa);
    equal(guest.hypercall(__HYPERVISOR_xen_version, [op, 0x3000]), 0);
    const written = guest.bytes(0x3000, length);
    ok(
      written.every((byte) => byte === 0 || (byte >= 0x20 && byte < 0x7f)),
      `operation ${op}`,
    );
    equal(guest.bytes(0x3000 + length, 1)[0], 0xaa, 'and nothing behind its end');
  }
});

test('XSA-125, XSA-158: an extent’s size is bounded by who asks for it', () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  equal(reservation(guest, mem.XENMEM_decrease_reservation, [0], { order: 10 }), 0);
  equal(reservation(control, mem.XENMEM_populate_physmap, [0x1000], { order: 13, of: guest }), 0);
  equal(reservation(control, mem.XENMEM_populate_physmap, [0x1000], { order: 31, of: guest }), 0);
  equal(reservation(control, mem.XENMEM_populate_physmap, [0x1000], { order: 2 ** 32 - 1, of: guest }), 0);
});

test('XSA-150, XSA-153: without memory for what is touched a domain crashes; it takes no one else’s', () => {
  const { made, guest, pod } = onDemand();
  const free = made.xen.frames.free;
  guest.bytes(0, 4096).fill(1);
  for (let gfn = 0; gfn < 0x40; gfn++) guest.bytes(gfn * 4096, 1)[0] = 1;
  ok(pod);
  const flags = mem.XENMEMF_populate_on_demand;
  const more = Array.from({ length: 64 }, (_, index) => 0x100 + index);
  const control = made.domain({ privileged: true });
  const before = made.xen.frames.free;
  equal(reservation(control, mem.XENMEM_populate_physmap, more, { flags, of: guest }), 64);
  for (let gfn = 0x40; gfn < 0x140 && !guest.domain.shuttingDown; gfn++) {
    guest.hvm[0]?.guest.write(BigInt(gfn * 4096), Uint8Array.of(1));
  }
  equal(guest.domain.shuttingDown, true);
  equal(made.xen.frames.free, before);
  ok(free > before, 'the new domain has its own');
});

test('XSA-159, XSA-212: an exchange that says it was half done, and sizes that overflow, are refused', () => {
  const guest = new TestMachine().domain();
  const exchange = (fill: (argument: mem.XenMemoryExchange) => void) =>
    guest.withStructure(
      mem.XenMemoryExchange,
      (argument) => {
        for (const list of [argument.in, argument.out]) {
          list.extent_start = 0x2000n;
          list.nr_extents = 4;
          list.domid = DOMID_SELF;
        }
        fill(argument);
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_exchange, at]),
    ).result;
  const total = guest.domain.totPages;
  equal(
    exchange(() => {}),
    -EINVAL,
    'behind a p2m, never',
  );
  equal(
    exchange((argument) => (argument.nr_exchanged = 5)),
    -EINVAL,
  );
  equal(
    exchange((argument) => (argument.nr_exchanged = 2 ** 52)),
    -EINVAL,
  );
  equal(
    exchange((argument) => (argument.nr_exchanged = 4)),
    0,
    'nothing is left to do',
  );
  equal(
    exchange((argument) => (argument.in.extent_order = 63)),
    -EPERM,
  );
  equal(
    exchange((argument) => (argument.in.nr_extents = Number.MAX_SAFE_INTEGER)),
    -EINVAL,
  );
  equal(
    exchange((argument) => (argument.in.extent_start = 0xdead0000n)),
    -EFAULT,
  );
  equal(guest.domain.totPages, total);
});

test('XSA-213: of a multicall whose domain ends in the middle the rest is not made', () => {
  const guest = new TestMachine().domain();
  const put = (index: number, op: number, args: readonly number[]) => {
    const entry = new MulticallEntry(guest.view(0x3000), index * MulticallEntry.SIZE);
    entry.op = op;
    args.forEach((value, argument) => entry.set_args(argument, BigInt(value)));
  };
  guest.view(0x2800).setUint32(0, SHUTDOWN_poweroff, true);
  put(0, __HYPERVISOR_sched_op, [SCHEDOP_shutdown, 0x2800]);
  put(1, __HYPERVISOR_vm_assist, [VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag]);
  guest.run(function* (cpu) {
    yield cpu.hypercall(__HYPERVISOR_multicall, 0x3000, 2);
  });
  deepEqual([guest.domain.shuttingDown, guest.domain.vmAssist], [true, 0]);
});

test('XSA-231: a NUMA node that is none is refused to toolstacks, and a guest’s wish is no more than that', () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  guest.domain.maxPages += 8;
  const node = (number: number) => (number + 1) << 8;
  equal(reservation(control, mem.XENMEM_populate_physmap, [0x100], { flags: node(0xfe), of: guest }), 0);
  equal(reservation(guest, mem.XENMEM_populate_physmap, [0x100], { flags: node(0xfe) }), 1);
  const exact = node(0xfe) | mem.XENMEMF_exact_node_request;
  equal(reservation(guest, mem.XENMEM_populate_physmap, [0x101], { flags: exact }), 0);
  equal(reservation(guest, mem.XENMEM_increase_reservation, [0], { flags: exact }), 0);
});

test('XSA-246, XSA-247: giving back a range of memory, entries without memory and holes leaves the books right', () => {
  const { guest, pod } = onDemand();
  reservation(guest, mem.XENMEM_decrease_reservation, [0x3e]);
  equal(reservation(guest, mem.XENMEM_decrease_reservation, [0x3c], { order: 2 }), 0, 'a hole ends it');
  equal(reservation(guest, mem.XENMEM_decrease_reservation, [0x40], { order: 4 }), 1);
  equal(pod?.entries, 16);
  booksAreRight(guest);
  equal(guest.domain.p2m?.peekType(0x4f), P2M_NONE);
  equal(guest.domain.p2m?.peekType(0x50), P2M_POPULATE_ON_DEMAND);
});

test('XSA-277: frames that are not there are given back without harm', () => {
  const guest = new TestMachine().domain();
  for (const gfn of [0x50, 0xfee00, 0xfffff, 2 ** 28, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    equal(reservation(guest, mem.XENMEM_decrease_reservation, [gfn]), 0);
  }
  equal(guest.domain.totPages, 64);
  booksAreRight(guest);
});

test('XSA-388, XSA-389: populate on demand at frames that are not aligned, and over what is there, in full or not at all', () => {
  const { control, guest, pod } = onDemand();
  const flags = mem.XENMEMF_populate_on_demand;
  equal(reservation(control, mem.XENMEM_populate_physmap, [0x5d], { order: 3, flags, of: guest }), 1);
  equal(pod?.entries, 32 + 5, 'three of the eight were there');
  equal(reservation(control, mem.XENMEM_populate_physmap, [0x3d], { order: 3, flags, of: guest }), 0);
  equal(pod?.entries, 32 + 5, 'memory is in the way');
  booksAreRight(guest);
});

test('XSA-379 and its like: a page of Xen’s goes from one place to another, and is never in two', () => {
  const guest = new TestMachine().domain();
  const place = (gpfn: number) =>
    guest.withStructure(
      mem.XenAddToPhysmap,
      (argument) => {
        argument.domid = DOMID_SELF;
        argument.space = mem.XENMAPSPACE_shared_info;
        argument.gpfn = gpfn as typeof argument.gpfn;
      },
      (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_add_to_physmap, at]),
    ).result;
  for (const gfn of [0x30, 0xfeff0, 0x30, 0x31]) equal(place(gfn), 0);
  const { p2m, sharedInfo } = guest.domain;
  const places: number[] = [];
  p2m?.forEach((gfn, mfn, type) => {
    if (mfn === sharedInfo / 4096 && type === P2M_RAM_RW) places.push(gfn);
  });
  deepEqual(places, [0x31]);
  booksAreRight(guest);
});

test('XSA-385: a domain that may have nearly all there could be gets no more by a sum that wraps', () => {
  const { guest, made } = onDemand();
  const { frames } = made.xen;
  const { domain } = guest;
  const [totPages, maxPages, free] = [domain.totPages, domain.maxPages, frames.free];
  domain.maxPages = 0xffff_ffff;
  domain.totPages = 0xffff_ff00;
  equal(frames.allocate(domain, 9), 0);
  equal(reservation(guest, mem.XENMEM_increase_reservation, [0x90], { order: 9 }), 0);
  domain.totPages = totPages;
  domain.maxPages = maxPages;
  equal(frames.free, free);
});

test('XSA-410: what a large domain has is freed in one short turn, frames that others hold apart', () => {
  const made = new TestMachine();
  const guest = made.domain({ pages: 512 });
  const { frames } = made.xen;
  const held = guest.domain.p2m?.mfn(100) ?? 0;
  frames.get(held, guest.domain);
  const before = frames.free;
  guest.domain.kill();
  equal(frames.free, before + 511, 'all but the one');
  equal(guest.domain.totPages, 1);
  frames.put(held);
  ok(frames.free > before + 511);
  equal(made.xen.domains.has(guest.domain.id), false);
});
