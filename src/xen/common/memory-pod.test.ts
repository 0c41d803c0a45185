import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EINVAL, EPERM } from '../../abi/errno.ts';
import * as mem from '../../abi/memory.ts';
import { __HYPERVISOR_memory_op, DOMID_SELF, type Domid } from '../../abi/xen.ts';
import { NESTED_READ, NESTED_WRITE, PAGE_SIZE } from '../../cpu/engine.ts';
import { SHUTDOWN_crash } from '../../abi/sched.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { P2M_NONE, P2M_POPULATE_ON_DEMAND, P2M_RAM_RW } from '../x86/mm/p2m.ts';

/** A domain of `pages` populated frames, a cache up to `target`, and entries from gfn 0x100 on, as a builder leaves it. */
function onDemand({ pages = 8, target = 16, entries = 32 } = {}) {
  const made = new TestMachine();
  const control = made.domain({ privileged: true });
  const guest = made.domain({ pages: 0 });
  guest.domain.maxPages = 200;
  equal(podTarget(control, mem.XENMEM_set_pod_target, guest, target).result, 0);
  equal(populate(control, guest, 0, pages, 0), pages);
  equal(populate(control, guest, 0x100, entries, mem.XENMEMF_populate_on_demand), entries);
  const pod = guest.domain.p2m?.pod;
  ok(pod);
  return { made, control, guest, pod };
}

function populate(caller: Guest, guest: Guest, first: number, count: number, flags: number, order = 0): number {
  for (let index = 0; index < count; index++) {
    caller.view(0x2000).setBigUint64(index * 8, BigInt(first + index * 2 ** order), true);
  }
  return caller.withStructure(
    mem.XenMemoryReservation,
    (argument) => {
      argument.extent_start = 0x2000n;
      argument.nr_extents = count;
      argument.extent_order = order;
      argument.mem_flags = flags;
      argument.domid = guest === caller ? DOMID_SELF : guest.domain.id;
    },
    (at) => caller.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_populate_physmap, at]),
  ).result;
}

function giveBack(guest: Guest, gfn: number): number {
  guest.view(0x2000).setBigUint64(0, BigInt(gfn), true);
  return guest.withStructure(
    mem.XenMemoryReservation,
    (argument) => {
      argument.extent_start = 0x2000n;
      argument.nr_extents = 1;
      argument.domid = DOMID_SELF;
    },
    (at) => guest.hypercall(__HYPERVISOR_memory_op, [mem.XENMEM_decrease_reservation, at]),
  ).result;
}

function podTarget(caller: Guest, op: number, guest: Guest, pages = 0) {
  return caller.withStructure(
    mem.XenPodTarget,
    (argument) => {
      argument.target_pages = pages;
      argument.domid = guest.domain.id as Domid;
    },
    (at) => caller.hypercall(__HYPERVISOR_memory_op, [op, at]),
  );
}

test('what is populated on demand counts when it is cached, and moves into place when it is touched', () => {
  const { guest, pod } = onDemand();
  deepEqual([guest.domain.totPages, pod.count, pod.entries], [24, 16, 32]);
  const p2m = guest.domain.p2m;
  equal(p2m?.peekType(0x105), P2M_POPULATE_ON_DEMAND);
  equal(((p2m?.lookup(0x105) ?? 0) & NESTED_READ) !== 0, true, 'a read is enough');
  equal(p2m?.peekType(0x105), P2M_RAM_RW);
  deepEqual([guest.domain.totPages, pod.count, pod.entries], [24, 15, 31]);
  equal(guest.domain.xen.frames.m2p(p2m?.peekMfn(0x105) ?? 0), 0x105);
});

test('Xen’s own copies populate as the processor does', () => {
  const { guest, pod } = onDemand();
  ok(guest.hvm[0]?.guest.write(BigInt(0x110 * PAGE_SIZE), Uint8Array.of(1, 2, 3)));
  equal(guest.bytes(0x110 * PAGE_SIZE, 3)[2], 3);
  equal(pod.entries, 31);
});

test('a domain may not put off having its own memory', () => {
  const { guest } = onDemand();
  equal(populate(guest, guest, 0x300, 1, mem.XENMEMF_populate_on_demand), 0);
});

test('an extent with anything but holes and entries in it is refused', () => {
  const { control, guest, pod } = onDemand();
  equal(populate(control, guest, 0, 1, mem.XENMEMF_populate_on_demand, 9), 0, 'memory is there');
  equal(populate(control, guest, 0x100, 1, mem.XENMEMF_populate_on_demand, 6), 1, 'half of it is entries already');
  equal(pod.entries, 64);
});

test('with the cache empty, zero pages that the guest alone has are taken back', () => {
  const { guest, pod } = onDemand({ target: 24 + 8 - 8, entries: 60 });
  const before = guest.cpu().flushes;
  for (let gfn = 0x100; gfn < 0x100 + 24; gfn++) {
    const address = BigInt(gfn * PAGE_SIZE);
    if (gfn < 0x108) ok(guest.hvm[0]?.guest.write(address, Uint8Array.of(7)));
    else ok(guest.hvm[0]?.guest.read(address, new Uint8Array(1)));
  }
  equal(pod.count, 0);
  ok(guest.hvm[0]?.guest.write(BigInt(0x130 * PAGE_SIZE), Uint8Array.of(9)));
  equal(guest.domain.shuttingDown, false);
  ok(guest.cpu().flushes > before, 'and no vCPU keeps a translation of them');
  for (let gfn = 0x100; gfn < 0x108; gfn++) equal(guest.bytes(gfn * PAGE_SIZE, 1)[0], 7, 'what was written stays');
  equal(guest.bytes(0x130 * PAGE_SIZE, 1)[0], 9);
});

test('a zero page that somebody else has mapped is not taken back', () => {
  const { guest } = onDemand({ pages: 0, target: 16, entries: 60 });
  const { frames } = guest.domain.xen;
  for (let gfn = 0x100; gfn < 0x110; gfn++) {
    guest.domain.p2m?.lookup(gfn);
    frames.get(guest.domain.p2m?.peekMfn(gfn) ?? 0, guest.domain);
  }
  equal(guest.domain.p2m?.lookup(0x120, NESTED_WRITE), 0);
  equal(guest.domain.shutdownCode, SHUTDOWN_crash);
});

test('without a page to take back the domain crashes, and nobody else', () => {
  const { made, control, guest } = onDemand({ pages: 0, target: 8, entries: 60 });
  for (let gfn = 0x100; gfn < 0x108; gfn++) {
    ok(guest.hvm[0]?.guest.write(BigInt(gfn * PAGE_SIZE), Uint8Array.of(7)));
  }
  equal(guest.hvm[0]?.guest.write(BigInt(0x120 * PAGE_SIZE), Uint8Array.of(7)), false);
  equal(guest.domain.shutdownCode, SHUTDOWN_crash);
  ok(made.host.lines.some((line) => line.includes('out of PoD memory')));
  equal(control.domain.shuttingDown, false);
});

test('what the balloon driver gives back fills the cache while there are more entries than frames', () => {
  const { guest, pod } = onDemand({ target: 16, entries: 18 });
  guest.bytes(0x5000, 1)[0] = 5;
  equal(giveBack(guest, 5), 1);
  deepEqual([pod.count, guest.domain.totPages], [17, 24], 'kept');
  equal(giveBack(guest, 0x100), 1);
  deepEqual([pod.entries, pod.count, guest.domain.totPages], [17, 17, 24], 'an entry just goes');
  equal(giveBack(guest, 6), 1);
  deepEqual([pod.count, guest.domain.totPages], [17, 23], 'enough: freed');
  equal(giveBack(guest, 0x101), 1);
  deepEqual([pod.entries, pod.count, guest.domain.totPages], [16, 16, 22], 'and no more than entries need is kept');
  for (let gfn = 0x102; gfn < 0x112; gfn++) guest.domain.p2m?.lookup(gfn);
  equal(guest.bytes(0x102000, 1)[0], 0, 'frames of the cache are zero, whatever they were');
});

test('memory put over an entry ends the entry', () => {
  const { control, guest, pod } = onDemand();
  equal(populate(control, guest, 0x100, 1, 0), 1);
  deepEqual([pod.entries, guest.domain.totPages], [31, 25]);
});

test('a target above what there is fills the cache; one below changes nothing', () => {
  const { control, guest } = onDemand();
  const told = podTarget(control, mem.XENMEM_set_pod_target, guest, 30);
  deepEqual(
    [told.result, told.argument.tot_pages, told.argument.pod_cache_pages, told.argument.pod_entries],
    [0, 30, 22, 32],
  );
  equal(podTarget(control, mem.XENMEM_set_pod_target, guest, 10).argument.tot_pages, 30);
  equal(
    podTarget(control, mem.XENMEM_set_pod_target, guest, 150).argument.pod_cache_pages,
    32,
    'never past the entries',
  );
  equal(podTarget(control, mem.XENMEM_set_pod_target, guest, 201).result, -EINVAL, 'past max_mem');
  equal(podTarget(control, mem.XENMEM_get_pod_target, guest).argument.pod_entries, 32);
  equal(podTarget(guest, mem.XENMEM_get_pod_target, guest).result, -EPERM);
});

test('a domain that dies gives back its cache', () => {
  const { made, guest } = onDemand();
  const free = made.xen.frames.free;
  guest.domain.kill();
  ok(made.xen.frames.free >= free + 24);
  equal(made.xen.domains.has(guest.domain.id), false);
});

test('a hole stays a hole', () => {
  const { guest } = onDemand();
  equal(guest.domain.p2m?.lookup(0x200, NESTED_WRITE), 0);
  equal(guest.domain.p2m?.type(0x200), P2M_NONE);
});
