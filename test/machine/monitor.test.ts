/** Listeners on the real engine: memory accesses, and what becomes of listener and ring (vm_event). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { XENMEM_access_n, XENMEM_access_r, XENMEM_access_rw, XENMEM_access_rwx } from '../../src/abi/memory-tools.ts';
import * as event from '../../src/abi/vm_event-request.ts';
import { gfn } from '../../src/abi/xen.ts';
import { StateCalls } from '../../src/libs/ctrl/state-calls.ts';
import { SmallMachine } from './testing/small-machine.ts';
import { watched } from './testing/watched.ts';

/** Adds one to a word of page 0x180, then counts. */
const WRITING = `
.main:
  inc dword [0x180010]
  inc dword [count]
  jmp .main
align 4096
count:
  dd 0
`;

test('a write that mem access does not allow is told with all that is known of it, and is made once it is allowed', () => {
  const told: unknown[] = [];
  const { guest, state, run, domid } = watched(WRITING, ({ mem_access, regs, reason, flags }) => {
    told.push([reason, flags, mem_access.gfn, mem_access.offset, mem_access.gla, mem_access.flags]);
    equal(guest.read('count'), 0, 'the instruction has not happened');
    equal(regs.rip, BigInt(guest.address('begin')), 'RIP is at it');
    state.set_mem_access(domid, XENMEM_access_rwx, gfn(0x180), 1);
  });
  state.set_mem_access(domid, XENMEM_access_r, gfn(0x180), 1);
  run();
  const flags = event.MEM_ACCESS_W | event.MEM_ACCESS_GLA_VALID | event.MEM_ACCESS_FAULT_WITH_GLA;
  deepEqual(told, [[event.VM_EVENT_REASON_MEM_ACCESS, 1, 0x180n, 0x10n, 0x180010n, flags]]);
  ok(guest.read('count') > 100, `it counted to ${guest.read('count')}`);
});

test('an answer that emulates has the instruction made with the restriction left in place', () => {
  let told = 0;
  const { guest, state, run, domid } = watched(WRITING, (_request, response) => {
    told++;
    response.flags |= event.VM_EVENT_FLAG_EMULATE;
  });
  state.set_mem_access(domid, XENMEM_access_r, gfn(0x180), 1);
  run();
  ok(told > 3, `${told} events`);
  ok(Math.abs(guest.read('count') - told) <= 1, `${guest.read('count')} of ${told}`);
});

test('a fetch that mem access does not allow is told as one, and so is a read of a page table', () => {
  const told: [bigint, number][] = [];
  const { guest, state, run, domid } = watched(WRITING, ({ mem_access }) => {
    told.push([mem_access.gfn, mem_access.flags & ~event.MEM_ACCESS_GLA_VALID]);
    state.set_mem_access(domid, XENMEM_access_rwx, gfn(Number(mem_access.gfn)), 1);
  });
  run();
  const counted = guest.read('count');
  ok(counted > 100 && told.length === 0);
  const tables = guest.address('pml4') / 4096;
  state.set_mem_access(domid, XENMEM_access_rw, gfn(guest.address('begin') >>> 12), 1);
  state.set_mem_access(domid, XENMEM_access_n, gfn(tables), 1);
  run();
  ok(guest.read('count') > counted);
  deepEqual(told, [
    [BigInt(tables), event.MEM_ACCESS_R | event.MEM_ACCESS_FAULT_IN_GPT],
    [BigInt(guest.address('begin') >>> 12), event.MEM_ACCESS_X | event.MEM_ACCESS_FAULT_WITH_GLA],
  ]);
});

test('code that was compiled is undone as exactly: registers are those of the instruction, and it is made once', () => {
  // RBX counts what the memory counts: an instruction that is made twice, or not at all, parts them.
  const { guest, state, run, domid } = watched(
    `
  xor ebx, ebx
.main:
  inc ebx
  lock inc dword [0x180010]
  add dword [0x181010], 1
  cmp [0x180010], ebx
  jne .wrong
  cmp [0x181010], ebx
  jne .wrong
  inc dword [count]
  jmp .main
.wrong:
  inc dword [wrong]
  hlt
align 4096
count:
  dd 0
wrong:
  dd 0
`,
    ({ mem_access, regs }) => {
      ok(BigInt(guest.read('count')) === regs.rbx - 1n, 'as the loop has it');
      state.set_mem_access(domid, XENMEM_access_rwx, gfn(Number(mem_access.gfn)), 1);
    },
  );
  run(20);
  for (const access of [XENMEM_access_r, XENMEM_access_n, XENMEM_access_r]) {
    const before = guest.read('count');
    ok(before > 100_000, `${before} times around`);
    state.set_mem_access(domid, access, gfn(0x180), 2);
    run(2);
    equal(guest.read('wrong'), 0);
    ok(guest.read('count') > before);
  }
});

test('what a domain wrote before a restriction is not written again when the instruction is undone', () => {
  // PUSH of a word in a page that may not be read, onto a stack that may be written; then both ends at once.
  const { guest, state, run, domid } = watched(
    `
.main:
  mov rsi, 0x180000
  mov rdi, 0x190ff8
  mov ecx, 4
  cld
  rep movsq                         ; the second goes into the next page
  mov rsp, 0x1a1000
  push qword [0x180000]
  inc dword [count]
.end:
  hlt
  jmp .end
align 4096
count:
  dd 0
`,
    ({ mem_access }) => state.set_mem_access(domid, XENMEM_access_rwx, gfn(Number(mem_access.gfn)), 1),
  );
  for (const page of [0x180, 0x190, 0x191, 0x1a0]) state.set_mem_access(domid, XENMEM_access_n, gfn(page), 1);
  run();
  equal(guest.read('count'), 1);
});

test('what Xen copies for a domain is restricted by nothing, and told to nobody', () => {
  let told = 0;
  const { guest, state, run, domid } = watched(
    `
  mov edi, 1                        ; XENVER_extraversion
  mov esi, 0x180000
  mov eax, 17                       ; xen_version
  call hypercall
  mov [result], eax
.end:
  hlt
  jmp .end
align 4096
result:
  dd 99
`,
    () => {
      told++;
    },
  );
  state.set_mem_access(domid, XENMEM_access_n, gfn(0x180), 1);
  run();
  deepEqual([guest.read('result'), told], [0, 0]);
});

test('a listener that goes leaves nobody waiting, and the next finds the ring free', () => {
  const machine = new SmallMachine();
  const frames = machine.ctrl.physinfo().free_pages;
  const guest = machine.domain(`main:${WRITING}`);
  const state = new StateCalls(machine.xen.dom0);
  const first = machine.listen(guest.domid, () => {});
  first.pause();
  state.set_mem_access(guest.domid, XENMEM_access_r, gfn(0x180), 1);
  machine.ctrl.domain_unpause(guest.domid);
  machine.run(0.1);
  equal(guest.read('count'), 0);
  first.close();
  machine.run(0.1);
  ok(guest.read('count') > 0, 'a restriction that nobody listens for is lifted');
  const second = machine.listen(guest.domid, () => {});
  second.calls.monitor_singlestep(guest.domid, true);
  second.close();
  machine.ctrl.domain_destroy(guest.domid);
  machine.run(1);
  equal(machine.ctrl.physinfo().free_pages, frames);
});

test('a domain that is destroyed while it is listened to takes the ring with it', () => {
  const machine = new SmallMachine();
  const frames = machine.ctrl.physinfo().free_pages;
  const guest = machine.start(`main:${WRITING}`);
  const listener = machine.listen(guest.domid, () => {});
  machine.run(0.1);
  machine.ctrl.domain_destroy(guest.domid);
  listener.close();
  machine.run(1);
  equal(machine.ctrl.physinfo().free_pages, frames);
});
