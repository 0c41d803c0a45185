/** Offsets in shared info are those of 64-bit guests; those of structures are public/grant_table.h's. */
export const SOURCE = `
VECTOR equ 0xf3
UPCALL_PENDING equ 0
PENDING_SEL equ 8
EVTCHN_PENDING equ 2048
ROUNDS equ ORDERS + 4
COUNT equ ORDERS + 8
PORT equ ORDERS + 12
BIND equ ORDERS + 16
LOCAL_PORT equ ORDERS + 24
MAP_SIZE equ 32
MAP_HANDLE equ 20
UNMAP_SIZE equ 24
UNMAP_HANDLE equ 16

main:
  lidt [idt_pointer]
  mov rax, on_event
  mov rdi, idt + VECTOR * 16
  mov [rdi], ax
  shr rax, 16
  mov [rdi+6], ax
  mov word [rdi+2], 8               ; our code segment
  mov word [rdi+4], 0x8e00          ; present interrupt gate
  mov r12d, RESULTS
  mov ebx, [ROUNDS]
  mov eax, [ORDERS]
  cmp eax, ROLE_PING
  je ping
  cmp eax, ROLE_PONG
  je pong
  cmp eax, ROLE_MAP
  je mapper
  cmp eax, ROLE_COPY
  je copier
  jmp die

ping:
  call set_callback
  call wait_for_event               ; the other one is there
.next:
  rdtsc
  mov r13d, eax
  call send
  call wait_for_event
  call note
  jne .next
  jmp off

pong:
  call set_callback
  mov edi, EVTCHNOP_bind_interdomain
  mov esi, BIND
  mov eax, HYPERVISOR_event_channel_op
  call hypercall
  test eax, eax
  jne die
  mov eax, [LOCAL_PORT]
  mov [PORT], eax
.next:
  call wait_for_event               ; the first one comes of the binding
  call send
  jmp .next

mapper:
  rdtsc
  mov r13d, eax
  mov edi, GNTTABOP_map_grant_ref
  mov esi, OPERATIONS
  mov edx, [COUNT]
  mov eax, HYPERVISOR_grant_table_op
  call hypercall
  mov esi, OPERATIONS
  mov edi, UNMAPPINGS
  mov ecx, [COUNT]
.handle:
  mov eax, [rsi+MAP_HANDLE]
  mov [rdi+UNMAP_HANDLE], eax
  add esi, MAP_SIZE
  add edi, UNMAP_SIZE
  dec ecx
  jne .handle
  mov edi, GNTTABOP_unmap_grant_ref
  mov esi, UNMAPPINGS
  mov edx, [COUNT]
  mov eax, HYPERVISOR_grant_table_op
  call hypercall
  call note
  jne mapper
  jmp off

copier:
  rdtsc
  mov r13d, eax
  mov edi, GNTTABOP_copy
  mov esi, OPERATIONS
  mov edx, [COUNT]
  mov eax, HYPERVISOR_grant_table_op
  call hypercall
  call note
  jne copier
  jmp off

; Stores how long it was since R13D; ZF: that was the last round. The TSC counts nanoseconds.
note:
  rdtsc
  sub eax, r13d
  mov [r12], eax
  add r12, 4
  dec ebx
  ret

send:
  mov edi, EVTCHNOP_send
  mov esi, PORT
  mov eax, HYPERVISOR_event_channel_op
  jmp hypercall

; Sleeps until there was an event.
wait_for_event:
  cmp byte [events], 0
  jne .there
  sti
  hlt                               ; no interrupt gets between STI and HLT
  cli
  jmp wait_for_event
.there:
  mov byte [events], 0
  ret

on_event:
  push rax
  mov byte [shared_info+UPCALL_PENDING], 0
  xor eax, eax
  xchg [shared_info+PENDING_SEL], rax
  xor eax, eax
  xchg [shared_info+EVTCHN_PENDING], rax
  mov byte [events], 1
  pop rax
  iretq

; Events come by a vector from now on.
set_callback:
  mov edi, HVMOP_set_param
  mov esi, param
  mov eax, HYPERVISOR_hvm_op
  call hypercall
  test eax, eax
  jne die
  ret

off:
  mov edi, SCHEDOP_shutdown
  mov esi, shutdown_reason
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp die

align 4096                          ; what is written is in no page with code
param:
  dw DOMID_SELF, 0
  dd HVM_PARAM_CALLBACK_IRQ
  dq 0x0200000000000000 + VECTOR    ; type 2: a vector
shutdown_reason:
  dd SHUTDOWN_poweroff
events:
  db 0
align 16
idt_pointer:
  dw 16 * 256 - 1
  dq idt
align 16
idt:
  resb 16 * 256
`;
