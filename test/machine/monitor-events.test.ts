/** Listeners on the real engine: what a domain does is told, held up, denied or done for it; and debuggers (vm_event). */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as event from '../../src/abi/vm_event-request.ts';
import { DebugCalls } from '../../src/libs/ctrl/debug-calls.ts';
import { DeviceModelCalls } from '../../src/libs/devicemodel/devicemodel.ts';
import { watched } from './testing/watched.ts';

const { VM_EVENT_FLAG_SET_REGISTERS: SET_REGISTERS, VM_EVENT_FLAG_EMULATE: EMULATE } = event;

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

/** A handler for INT3, which counts and remembers where it came from. */
const WITH_HANDLER = `
  mov rax, handler
  mov [idt + 3 * 16], ax
  mov word [idt + 3 * 16 + 2], 8
  mov word [idt + 3 * 16 + 4], 0x8e00
  shr rax, 16
  mov [idt + 3 * 16 + 6], ax
  lidt [idtr]
around:
  int3
behind:
  inc dword [count]
  jmp around
handler:
  inc dword [handled]
  mov rax, [rsp]
  mov [from], rax
  iretq
align 16
idtr:
  dw 0xfff
  dq idt
align 4096
idt:
  dq 0, 0, 0, 0, 0, 0, 0, 0
align 4096
count:
  dd 0
handled:
  dd 0
from:
  dq 0
`;

test('a breakpoint that was not the listener’s is given back to the guest, whose handler returns behind it', () => {
  const { guest, machine, run, calls, domid } = watched(
    WITH_HANDLER,
    ({ vcpu_id: vcpu, software_breakpoint: told }) => {
      const models = new DeviceModelCalls(machine.xen.dom0);
      const length = told.insn_length;
      models.inject_event(domid, { vcpu, vector: 3, type: told.type, length });
    },
  );
  calls.monitor_software_breakpoint(domid, true);
  run();
  ok(guest.read('handled') > 3 && Math.abs(guest.read('handled') - guest.read('count')) <= 1);
  equal(guest.read('from'), guest.address('behind'));
});

test('INT3 stops a domain that a debugger has attached to, and then it goes one instruction at a time', () => {
  const { guest, machine, run, domid } = watched(WITH_HANDLER, () => {});
  const debug = new DebugCalls(machine.xen.dom0);
  debug.domain_setdebugging(domid, true);
  run();
  deepEqual([guest.read('count'), guest.read('handled')], [0, 0]);
  deepEqual(debug.gdbsx_domstatus(domid), { paused: true, vcpu: 0, event: 3 });
  deepEqual(debug.gdbsx_domstatus(domid), { paused: true, vcpu: undefined, event: 0 }, 'told once');
  debug.domain_debug_control(domid, 0, true);
  for (let step = 0; step < 2; step++) {
    machine.ctrl.domain_unpause(domid);
    machine.run(0.1);
    equal(machine.ctrl.domain_getinfo(domid)?.paused, true, `step ${step}`);
    equal(guest.read('count'), 1, 'INC, then JMP');
  }
  debug.domain_debug_control(domid, 0, false);
  machine.ctrl.domain_unpause(domid);
  machine.run(0.1);
  equal(debug.gdbsx_domstatus(domid).event, 3, 'the next time around');
  equal(guest.read('count'), 1);
});
