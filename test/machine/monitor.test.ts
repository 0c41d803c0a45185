/** Listeners on the real engine: what a domain does is told, held up, allowed, denied or done for it (vm_event). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { XENMEM_access_n, XENMEM_access_r, XENMEM_access_rw, XENMEM_access_rwx } from '../../src/abi/memory-tools.ts';
import * as event from '../../src/abi/vm_event-request.ts';
import { gfn } from '../../src/abi/xen.ts';
import type { MonitorHandler } from '../../src/libs/ctrl/monitor-listener.ts';
import { StateCalls } from '../../src/libs/ctrl/state-calls.ts';
import { SmallMachine } from './testing/small-machine.ts';

const { VM_EVENT_FLAG_SET_REGISTERS: SET_REGISTERS, VM_EVENT_FLAG_EMULATE: EMULATE } = event;

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

/** What a kernel below is preceded by: it has set itself up when it is told to go. */
const GATE = `
main:
  cmp dword [go], 0
  je main
  jmp begin
align 4096
go:
  dd 0
align 4096
begin:
`;

/** A domain whose kernel is about to begin, and whoever listens to it. */
function watched(source: string, handler: MonitorHandler) {
  const machine = new SmallMachine();
  const guest = machine.start(`${GATE}${source}`);
  machine.run(0.1);
  const listener = machine.listen(guest.domid, handler);
  const state = new StateCalls(machine.xen.dom0);
  const run = (ms = 0.2): void => {
    guest.write('go', 1);
    machine.run(ms);
  };
  return { machine, guest, listener, state, run, calls: listener.calls, domid: guest.domid };
}

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
    response.flags |= EMULATE;
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

/** Writes CR4, CR0, LSTAR and EFER again and again, with another value each time. */
const REGISTERS = `
.main:
  mov rax, cr4
  xor eax, 4                        ; TSD
  mov cr4, rax
  mov ecx, 0xc0000082               ; LSTAR
  rdmsr
  inc eax
  wrmsr
  inc dword [count]
  jmp .main
align 4096
count:
  dd 0
`;

test('writes to control registers and MSRs are told before they are made, with what was there', () => {
  const controls: bigint[] = [];
  const msrs: bigint[] = [];
  const { run, calls, domid } = watched(REGISTERS, ({ reason, write_ctrlreg: cr, mov_to_msr: msr, regs }) => {
    if (reason === event.VM_EVENT_REASON_WRITE_CTRLREG) {
      equal(cr.new_value ^ cr.old_value, 4n);
      equal(cr.old_value, regs.cr4);
      controls.push(cr.new_value);
    } else {
      equal(msr.new_value, msr.old_value + 1n);
      equal(regs.msr_lstar, msr.old_value);
      msrs.push(msr.new_value);
    }
  });
  calls.monitor_write_ctrlreg(domid, event.VM_EVENT_X86_CR4, true, { sync: true });
  calls.monitor_mov_to_msr(domid, 0xc0000082, true);
  run();
  ok(controls.length > 3 && controls[0] !== controls[1] && controls[0] === controls[2]);
  ok(msrs.length > 3 && msrs.every((value, index) => value === BigInt(index + 1)), 'each was made');
});

test('a listener may deny a write: the guest goes on with what was there', () => {
  const msrs: bigint[] = [];
  const { guest, run, calls, domid } = watched(REGISTERS, ({ reason, mov_to_msr, regs }, response) => {
    if (reason === event.VM_EVENT_REASON_MOV_TO_MSR) msrs.push(mov_to_msr.new_value);
    else equal(regs.cr4 & 4n, 0n);
    response.flags |= event.VM_EVENT_FLAG_DENY;
  });
  calls.monitor_control_registers(domid);
  calls.monitor_write_ctrlreg(domid, event.VM_EVENT_X86_CR4, true, { sync: true });
  calls.monitor_mov_to_msr(domid, 0xc0000082, true);
  run();
  ok(msrs.length > 3 && msrs.every((value) => value === 1n), `${msrs}`);
  ok(guest.read('count') >= msrs.length - 1);
});

test('a write that waited for its answer and is impossible is #GP then', () => {
  const { machine, run, calls, domid } = watched(
    `
.main:
  mov ecx, 0xc0000080               ; EFER
  mov eax, 0x80000000
  xor edx, edx
  wrmsr
`,
    () => {},
  );
  calls.monitor_control_registers(domid);
  calls.monitor_mov_to_msr(domid, 0xc0000080, true);
  run();
  equal(machine.ctrl.domain_getinfo(domid)?.shutdown, true, 'which this kernel has no handler for');
});

test('only changes, and only of bits that matter, are told where that is asked for', () => {
  const told: bigint[] = [];
  const { run, calls, domid } = watched(
    `
.main:
  mov rax, cr3
  mov cr3, rax
  mov rax, cr0
  xor eax, 8                        ; TS
  mov cr0, rax
  xor eax, 0x10000                  ; WP
  mov cr0, rax
  jmp .main
`,
    ({ write_ctrlreg }) => {
      told.push(write_ctrlreg.new_value ^ write_ctrlreg.old_value);
    },
  );
  calls.monitor_write_ctrlreg(domid, event.VM_EVENT_X86_CR3, true, { onchangeonly: true });
  calls.monitor_write_ctrlreg(domid, event.VM_EVENT_X86_CR0, true, { bitmask: 8n });
  run(0.05);
  ok(told.length > 0 && told.every((changed) => changed === 0x10000n));
});

test('INT3 is the listener’s before it is the guest’s, who is moved past it', () => {
  let told = 0;
  const { guest, run, calls, domid } = watched(
    `
.main:
  int3
  inc dword [count]
  jmp .main
align 4096
count:
  dd 0
`,
    ({ reason, regs, software_breakpoint: { gfn: at, insn_length: length } }, response) => {
      equal(reason, event.VM_EVENT_REASON_SOFTWARE_BREAKPOINT);
      equal(at, regs.rip >> 12n);
      response.regs.rip += BigInt(length);
      response.flags |= SET_REGISTERS;
      told++;
    },
  );
  calls.monitor_software_breakpoint(domid, true);
  run();
  ok(told > 3 && Math.abs(guest.read('count') - told) <= 1, `${told} of ${guest.read('count')}`);
});

test('single steps: one event an instruction, at the RIP behind it, until an answer ends that', () => {
  const rips: bigint[] = [];
  const { guest, run, calls, domid } = watched(
    `
.main:
  int3
  nop
  mov eax, 1
  cpuid
.loop:
  inc dword [count]
  jmp .loop
align 4096
count:
  dd 0
`,
    ({ reason, regs }, response) => {
      if (reason === event.VM_EVENT_REASON_SINGLESTEP) rips.push(regs.rip);
      else {
        response.regs.rip += 1n;
        response.flags |= SET_REGISTERS;
      }
      if (reason !== event.VM_EVENT_REASON_SINGLESTEP || rips.length === 5) {
        response.flags |= event.VM_EVENT_FLAG_TOGGLE_SINGLESTEP;
      }
    },
  );
  calls.monitor_software_breakpoint(domid, true);
  calls.monitor_singlestep(domid, true);
  run();
  const main = BigInt(guest.address('begin'));
  const [, , , loop] = rips;
  deepEqual(
    rips.slice(0, 3).map((rip) => rip - main),
    [2n, 7n, 9n],
  );
  equal(rips[4], main + 9n, 'around the loop once');
  ok(loop !== undefined && loop > main + 9n);
  ok(guest.read('count') > 100, 'and then at full speed');
});

test('CPUID, descriptor tables and guest requests', () => {
  const told: string[] = [];
  const { guest, run, calls, domid } = watched(
    `
.main:
  mov eax, 0x40000000
  xor ecx, ecx
  cpuid
  mov [seen], ebx
  sgdt [table]
  lgdt [table]
  mov edi, 24                       ; HVMOP_guest_request_vm_event
  xor esi, esi
  mov eax, HYPERVISOR_hvm_op
  call hypercall
  mov [result], eax
.end:
  hlt
  jmp .end
align 4096
table:
  dq 0, 0
seen:
  dd 0
result:
  dd 1
`,
    ({ reason, cpuid, desc_access, regs }, response) => {
      if (reason === event.VM_EVENT_REASON_CPUID) {
        told.push(`cpuid ${cpuid.leaf.toString(16)} ${regs.rbx.toString(16)}`);
        response.regs.rbx = 0x1234n;
        response.regs.rip += BigInt(cpuid.insn_length);
        response.flags |= SET_REGISTERS;
      } else if (reason === event.VM_EVENT_REASON_DESCRIPTOR_ACCESS) {
        told.push(`table ${desc_access.descriptor} ${desc_access.is_write}`);
        response.flags |= EMULATE;
      } else told.push(`reason ${reason}`);
    },
  );
  calls.monitor_descriptor_access(domid, true);
  calls.monitor_guest_request(domid, true, true, false);
  calls.monitor_cpuid(domid, true);
  run();
  const gdtr = `table ${event.VM_EVENT_DESC_GDTR}`;
  deepEqual(told, ['cpuid 40000000 566e6558', `${gdtr} 0`, `${gdtr} 1`, 'reason 8']);
  equal(guest.read('seen'), 0x1234);
  equal(guest.read('result'), 0);
  ok(guest.read('table') !== 0, 'SGDT was done');
});

test('the ring holds eight requests: a vCPU that nobody answers waits, and loses none', () => {
  let told = 0;
  const { guest, listener, run, calls, domid } = watched(REGISTERS, () => {
    told++;
  });
  calls.monitor_write_ctrlreg(domid, event.VM_EVENT_X86_CR4, true, {});
  listener.pause();
  run();
  equal(guest.read('count'), 8);
  listener.resume();
  run();
  ok(told > 16 && Math.abs(guest.read('count') - told) <= 8, `${guest.read('count')} of ${told}`);
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
