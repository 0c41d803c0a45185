/** Kernels of a few lines for SmallMachine: one that does its work, and those that would keep it from that. */

/** Sleeps for a millisecond and counts, again and again. The TSC counts nanoseconds of system time. */
export const TICKING = `
main:
  rdtsc
  shl rdx, 32
  or rax, rdx
  add rax, 1000000
  mov [poll_timeout], rax
  mov edi, SCHEDOP_poll
  mov rsi, poll
  mov eax, HYPERVISOR_sched_op
  call hypercall
  inc dword [count]
  jmp main
align 8
poll:
  dq 0, 0
poll_timeout:
  dq 0
count:
  dd 0
`;

/** Computes, and does nothing else. */
export const SPINNING = `
main:
  inc dword [count]
  jmp main
align 4096                          ; a page of its own: writes beside code are slow
count:
  dd 0
`;

export const HOSTILE: Readonly<Record<string, string>> = {
  'spins with interrupts off': `
main:
  cli
.loop:
  jmp .loop
`,
  'faults without a handler': `
main:
  ud2
`,
  'makes hypercalls without end': `
main:
  xor edi, edi
  mov eax, 17                       ; xen_version
  call hypercall
  jmp main
`,
  'writes megabytes to the console': `
main:
  mov edi, CONSOLEIO_write
  mov esi, 0x80000
  mov edx, 0x100000
  mov eax, HYPERVISOR_console_io
  call hypercall
  jmp main
`,
  'sends events without end': `
main:
  mov edi, EVTCHNOP_send
  mov rsi, port
  mov eax, HYPERVISOR_event_channel_op
  call hypercall
  jmp main
align 4
port:
  dd 1
`,
  'yields without end': `
main:
  mov edi, SCHEDOP_yield
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp main
`,
  'makes hypercalls of garbage': `
main:
  imul rbx, rbx, 1664525
  add rbx, 1013904223
  mov rax, rbx
  shr rax, 13
  and eax, 63
  cmp eax, 29                       ; not sched_op and vcpu_op: it would end by itself
  je main
  cmp eax, 24
  je main
  cmp eax, 23                       ; iret: the hypercall page has UD2 there
  je main
  mov rdi, rbx
  shr rdi, 27
  and edi, 31
  mov rsi, rbx
  mov rdx, rbx
  shr rdx, 8
  and edx, 0xfffff                  ; below the kernel
  mov r10, rbx
  mov r8, rbx
  call hypercall
  jmp main
`,
  'sets timers that have passed': `
main:
  rdtsc
  shl rdx, 32
  or rax, rdx
  lea rdi, [rax+100]
  mov eax, 15                       ; set_timer_op
  call hypercall
  jmp main
`,
  'has its APIC timer tick as fast as it can': `
main:
  mov ecx, 0x1b
  rdmsr
  or eax, 0xc00                     ; x2APIC
  wrmsr
  xor edx, edx
  mov eax, 0x1ff
  mov ecx, 0x80f                    ; enabled by software
  wrmsr
  mov eax, 0x30020                  ; periodic, masked
  mov ecx, 0x832
  wrmsr
  mov eax, 0xb                      ; divided by 1
  mov ecx, 0x83e
  wrmsr
  mov eax, 1
  mov ecx, 0x838
  wrmsr
.loop:
  jmp .loop
`,
  'gives memory back and takes it again': `
main:
  mov edi, XENMEM_decrease_reservation
  call one_frame
  mov edi, XENMEM_populate_physmap
  call one_frame
  jmp main
one_frame:
  mov rsi, reservation
  mov eax, HYPERVISOR_memory_op
  jmp hypercall
align 8
reservation:
  dq frame, 1
  dd 0, 0
  dw DOMID_SELF, 0, 0, 0
frame:
  dq 0x80
`,
};
