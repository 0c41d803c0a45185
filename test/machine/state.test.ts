/** A domain's state on the real engine: what of its memory it writes, where it is, and that it goes on elsewhere. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  XEN_DOMCTL_SHADOW_OP_CLEAN,
  XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY,
  XEN_DOMCTL_SHADOW_OP_OFF,
  XEN_DOMCTL_SHADOW_OP_PEEK,
} from '../../src/abi/domctl-state.ts';
import { XENMEMF_populate_on_demand } from '../../src/abi/memory.ts';
import { XENMEM_access_r } from '../../src/abi/memory-tools.ts';
import { SHUTDOWN_crash } from '../../src/abi/sched.ts';
import { gfn } from '../../src/abi/xen.ts';
import { StateCalls } from '../../src/libs/ctrl/state-calls.ts';
import { TICKING } from './testing/kernels.ts';
import { SmallMachine } from './testing/small-machine.ts';

const PAGES = 512;
/** Where a kernel below writes, page by page: above the kernel itself. */
const FIRST_PAGE = 0x180;

/** Counts, and writes the count to one page after another, 16 of them, again and again. */
const WRITING = `
main:
  inc dword [count]
  mov eax, [count]
  mov ecx, eax
  and ecx, 15
  shl ecx, 12
  mov [rcx + 0x180000], eax
  jmp main
align 4
count:
  dd 0
`;

/** Writes one page over and over, with string instructions as well. */
const ONE_PAGE = `
main:
  inc dword [count]
  mov edi, 0x185000
  mov ecx, 64
  mov eax, [count]
  rep stosd
  mov esi, 0x186000
  lodsd
  jmp main
align 4096
count:
  dd 0
`;

function dirtyPages(bitmap: Uint8Array): number[] {
  return [...bitmap].flatMap((byte, index) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (1 << bit)) !== 0).map((bit) => index * 8 + bit),
  );
}

test('log-dirty mode sees every page the processor writes, in every round anew', () => {
  const machine = new SmallMachine();
  const state = new StateCalls(machine.xen.dom0);
  const { domid } = machine.start(WRITING);
  machine.run(0.1);
  state.logdirty_control(domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY);
  for (let round = 0; round < 3; round++) {
    machine.run(0.1);
    const { bitmap, dirty_count } = state.logdirty_control(domid, XEN_DOMCTL_SHADOW_OP_CLEAN, PAGES);
    const pages = dirtyPages(bitmap);
    for (let page = 0; page < 16; page++) ok(pages.includes(FIRST_PAGE + page), `round ${round}: page ${page}`);
    equal(dirty_count, pages.length);
    ok(pages.length < 24, `only what it writes: ${pages}`);
  }
  state.logdirty_control(domid, XEN_DOMCTL_SHADOW_OP_OFF);
});

test('pages that are only read are not dirty, and string instructions write as others do', () => {
  const machine = new SmallMachine();
  const state = new StateCalls(machine.xen.dom0);
  const { domid } = machine.start(ONE_PAGE);
  machine.run(0.1);
  state.logdirty_control(domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY);
  machine.run(0.1);
  const pages = dirtyPages(state.logdirty_control(domid, XEN_DOMCTL_SHADOW_OP_PEEK, PAGES).bitmap);
  ok(pages.includes(0x185));
  ok(!pages.includes(0x186));
});

test('a domain’s memory and context, in another domain, go on from where they were', () => {
  const machine = new SmallMachine();
  const state = new StateCalls(machine.xen.dom0);
  for (const [kernel, ms] of [
    [WRITING, 0.1],
    [TICKING, 6],
  ] as const) {
    const guest = machine.start(kernel);
    machine.run(ms);
    machine.ctrl.domain_pause(guest.domid);
    const count = guest.read('count');
    ok(count > 3, `it counted to ${count}`);
    const saved = state.domain_hvm_getcontext(guest.domid);

    const copy = machine.domain(kernel);
    machine.copyMemory(guest.domid, copy.domid);
    state.domain_hvm_setcontext(copy.domid, saved);
    machine.ctrl.domain_destroy(guest.domid);
    equal(copy.read('count'), count);
    machine.ctrl.domain_unpause(copy.domid);
    machine.run(ms);
    ok(copy.read('count') > count, 'and goes on');
    machine.ctrl.domain_destroy(copy.domid);
  }
});

test('memory that waits to be touched comes when the processor touches it, and counts once', () => {
  const machine = new SmallMachine();
  const { ctrl } = machine;
  const guest = machine.start(WRITING);
  machine.run(0.1);
  ctrl.domain_pause(guest.domid);
  const had = ctrl.domain_getinfo(guest.domid)?.tot_pages ?? 0;
  const before = ctrl.physinfo().free_pages;
  for (let page = 0; page < 16; page++) ctrl.domain_remove_from_physmap(guest.domid, gfn(FIRST_PAGE + page));
  ctrl.domain_setmaxmem(guest.domid, (PAGES + 64) * 4);
  const entries = Array.from({ length: 16 }, (_, page) => gfn(FIRST_PAGE + page));
  ctrl.domain_populate_physmap_exact(guest.domid, entries, 0, XENMEMF_populate_on_demand);
  const cache = ctrl.domain_set_pod_target(guest.domid, had + 16);
  deepEqual([cache.pod_entries, cache.pod_cache_pages, cache.tot_pages], [16, 16, had + 16]);
  ctrl.domain_unpause(guest.domid);
  machine.run(0.1);
  const touched = ctrl.domain_get_pod_target(guest.domid);
  deepEqual([touched.pod_entries, touched.pod_cache_pages, touched.tot_pages], [0, 0, had + 16]);
  equal(before - ctrl.physinfo().free_pages, 16);
  ok(guest.read('count') > 100, 'it was never the wiser');
});

test('a restriction of mem access that must have a listener crashes the domain that meets it', () => {
  const machine = new SmallMachine();
  const state = new StateCalls(machine.xen.dom0);
  const { domid } = machine.start(WRITING);
  machine.run(0.1);
  const restrict = (): void => {
    const listener = machine.listen(domid, () => {});
    state.set_mem_access(domid, XENMEM_access_r, gfn(FIRST_PAGE), 4);
    listener.close();
    machine.run(0.1);
  };
  restrict();
  equal(machine.ctrl.domain_getinfo(domid)?.shutdown, false, 'without that it is lifted');
  state.domain_set_access_required(domid, true);
  restrict();
  const info = machine.ctrl.domain_getinfo(domid);
  deepEqual([info?.shutdown, info?.shutdown_reason], [true, SHUTDOWN_crash]);
});

test('policies and feature words are told as toolstacks read them, and a policy can be set', () => {
  const machine = new SmallMachine();
  const state = new StateCalls(machine.xen.dom0);
  const { domid } = machine.domain(WRITING);
  const { leaves, msrs } = state.cpu_policy_get_domain(domid);
  ok(leaves.length > 20 && msrs.length === 2);
  const basic = leaves.find(({ leaf }) => leaf === 1);
  ok(basic);
  const words = state.get_cpu_featureset(3);
  equal(words[0], basic.d, 'the first word is EDX of leaf 1');
  const without = { ...basic, c: basic.c & ~1 };
  state.cpu_policy_set_domain(domid, { leaves: [without], msrs: [] });
  equal((state.cpu_policy_get_domain(domid).leaves.find(({ leaf }) => leaf === 1)?.c ?? 1) & 1, 0);
  equal(state.cpu_policy_get_system(3).leaves.find(({ leaf }) => leaf === 1)?.c, basic.c, 'of that domain alone');
  deepEqual(state.domain_audit_p2m(domid), { orphans: 0n, m2p_bad: 0n, p2m_bad: 0n });
  deepEqual(state.get_pfn_type_batch(domid, [gfn(1), gfn(0x80000)]), [0, 0xf0000000]);
});
